#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets a VM's annotations say how virthint is to treat it.

A hook for KubeVirt's sidecar: called as `onDefineDomain --vmi JSON --domain XML`, it prints the
domain XML that is to be defined. Annotations of the VirtualMachineInstance that begin with
virthint.org/ become the policy in the domain's metadata, and autodeflate on its balloon. A guest
without any, or with CPUs of its own, a real-time scheduler or huge pages, is printed as it came.
An annotation that makes no sense stops the start of the VM (exit status 1, the reason on stderr):
a slip must not turn into another policy.

Python 3.6 or later, standard library only.
"""

import argparse
import json
import re
import sys
import xml.parsers.expat
from xml.dom import Node, minidom

PREFIX = "virthint.org/"
POLICY_URI = "urn:virthint:policy:1"
XMLNS_URI = "http://www.w3.org/2000/xmlns/"
VALUES_SHOWN = 60
DEPTH_MAX = 256  # of the domain XML: what looks at it below goes as deep

# What an annotation may say, and what would be right; what is no attribute is the device's.
KEYS = {
    "class": (r"[a-z0-9-]{1,63}", "1 to 63 of a-z, 0-9 and -"),
    "ask": (r"auto|never", "auto or never"),
    "reporting": (r"auto|always|off|leave", "auto, always, off or leave"),
    "autodeflate": (r"on|off", "on or off"),
}
DEVICE_KEYS = ("autodeflate",)


class BadInput(Exception):
    """What is wrong, and what would be right."""


def quote(text):
    """Foreign text inside of a message: short, and without control characters."""
    return ascii(text if len(text) <= VALUES_SHOWN else text[:VALUES_SHOWN] + "...")


# ---- The VirtualMachineInstance ----


def at(value, *path):
    """What stands at a path of an object; None where nothing does."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def parse_vmi(text):
    try:
        vmi = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput("--vmi is not JSON: %s" % error) from error
    if not isinstance(vmi, dict):
        raise BadInput("--vmi is not an object; it is to be a VirtualMachineInstance")
    return vmi


def read_settings(vmi):
    """The annotations that are ours, checked."""
    annotations = at(vmi, "metadata", "annotations")
    settings = {}
    if not isinstance(annotations, dict):
        return settings
    for name in sorted(annotations):
        value = annotations[name]
        if not name.startswith(PREFIX):
            continue
        key = name[len(PREFIX):]
        if key not in KEYS:
            raise BadInput("annotation %s is unknown; there is %s"
                           % (quote(name), ", ".join(PREFIX + known for known in KEYS)))
        pattern, right = KEYS[key]
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            raise BadInput("annotation %s: %s is wrong; write %s"
                           % (name, quote(str(value)), right))
        settings[key] = value
    return settings


def is_set_aside(vmi):
    """Whether KubeVirt itself keeps such a guest from free page reporting."""
    cpu = at(vmi, "spec", "domain", "cpu")
    return bool(at(cpu, "dedicatedCpuPlacement") or at(cpu, "realtime") is not None
                or at(vmi, "spec", "domain", "memory", "hugepages") is not None)


# ---- The domain ----


def children(parent, name, uri=None):
    return [node for node in parent.childNodes
            if node.nodeType == Node.ELEMENT_NODE and node.localName == name
            and node.namespaceURI == uri]


def check_depth(text):
    """Before a tree is built: what walks it later would run out of stack."""
    depth = 0

    def enter(_name, _attributes):
        nonlocal depth
        depth += 1
        if depth > DEPTH_MAX:
            raise BadInput("--domain is nested deeper than any domain XML is")

    def leave(_name):
        nonlocal depth
        depth -= 1

    def refuse(*_arguments):
        raise BadInput("--domain has a document type, which libvirt's XML never has")

    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = enter
    parser.EndElementHandler = leave
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(text, True)


def parse_domain(text):
    try:
        check_depth(text)
        document = minidom.parseString(text)  # as text: what encoding it names is nothing to it
    except (xml.parsers.expat.ExpatError, UnicodeError) as error:
        raise BadInput("--domain is not well-formed: %s" % error) from error
    if document.documentElement.localName != "domain":
        raise BadInput("--domain starts with <%s> instead of <domain>"
                       % quote(document.documentElement.tagName)[1:-1])
    return document


def set_autodeflate(domain, value):
    """A guest without a balloon stays without."""
    for devices in children(domain, "devices"):
        for balloon in children(devices, "memballoon"):
            if balloon.getAttribute("model").startswith("virtio"):
                balloon.setAttribute("autodeflate", value)


def set_policy(domain, attributes):
    """The element that virthint reads the VM's policy from, in place of one that is there."""
    if not attributes:
        return
    found = children(domain, "metadata")
    metadata = found[0] if found else domain.appendChild(
        domain.ownerDocument.createElement("metadata"))
    for old in children(metadata, "policy", POLICY_URI):
        metadata.removeChild(old)
    policy = domain.ownerDocument.createElementNS(POLICY_URI, "virthint:policy")
    policy.setAttributeNS(XMLNS_URI, "xmlns:virthint", POLICY_URI)
    for key, value in attributes.items():
        policy.setAttribute(key, value)
    metadata.appendChild(policy)


def to_text(domain):
    """minidom leaves a line break in an attribute as it is, which would be read as a blank."""
    plain = domain.toxml()
    spare = (chr(code) for code in range(0xe000, 0xf900) if chr(code) not in plain)
    marks = dict(zip("\t\n\r", spare))
    for element in [domain] + domain.getElementsByTagName("*"):
        for index in range(element.attributes.length):
            attribute = element.attributes.item(index)
            attribute.value = attribute.value.translate(str.maketrans(marks))
    return domain.toxml().translate(
        str.maketrans({mark: "&#%d;" % ord(blank) for blank, mark in marks.items()}))


def change(vmi_text, domain_text):
    """The domain XML as the annotations want it."""
    vmi = parse_vmi(vmi_text)
    settings = read_settings(vmi)
    if not settings or is_set_aside(vmi):
        return domain_text
    document = parse_domain(domain_text)
    domain = document.documentElement
    # without it a guest is asked only where the host's policy names a reserve
    wants_asks = settings.get("ask") != "never"
    autodeflate = settings.get("autodeflate", "on" if wants_asks else None)
    if autodeflate:
        set_autodeflate(domain, autodeflate)
    set_policy(domain, {key: value for key, value in settings.items() if key not in DEVICE_KEYS})
    return to_text(domain)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--vmi", default="{}", metavar="JSON", help="the VirtualMachineInstance")
    parser.add_argument("--domain", required=True, metavar="XML", help="the domain XML")
    options = parser.parse_args()
    try:
        sys.stdout.buffer.write(change(options.vmi or "{}", options.domain).encode(
            "utf-8", "surrogateescape") + b"\n")
    except BadInput as error:
        sys.stderr.write("virthint: %s\n" % error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
