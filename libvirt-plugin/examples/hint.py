#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hint.py URI DOMAIN: how a guest stands by `virthint info --json`, and sets its class by its
metadata, through libvirt's own Python: what the daemon follows by itself."""

import json
import os
import subprocess
import sys

import libvirt

NAMESPACE = "urn:virthint:policy:1"


def set_class(uri, name, class_name):
    """The element as any libvirt client writes it; libvirt adds the namespace."""
    connection = libvirt.open(uri)
    domain = connection.lookupByName(name)
    where = libvirt.VIR_DOMAIN_AFFECT_CURRENT
    kind = libvirt.VIR_DOMAIN_METADATA_ELEMENT
    domain.setMetadata(kind, f'<policy class="{class_name}"/>', "virthint", NAMESPACE, where)
    return domain.metadata(kind, NAMESPACE, where)


def look(uri, name):
    """What is known of it, every figure as docs/json.md has it."""
    command = [os.environ.get("VIRTHINT", "virthint"), "--connect", uri, "info", name, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main(uri, name):
    print(set_class(uri, name, "batch"))
    guest = look(uri, name)
    print(f"{guest['name']}: class {guest['class']}, tier {guest['tier']}, "
          f"{guest.get('resident_bytes', 'an unknown number of')} bytes resident")


if __name__ == "__main__":
    main(*sys.argv[1:])
