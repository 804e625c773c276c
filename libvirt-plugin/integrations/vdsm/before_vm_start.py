#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets a VM's custom property say how virthint is to treat it.

A vdsm hook: vdsm hands it the domain XML in the file that $_hook_domxml names, and the VM's custom
property `virthint` in the environment variable of that name. A VM without the property is left
exactly as it is. A property that makes no sense stops the start of the VM (exit status 2, the
reason on stderr), and the XML is left as it is, too: a slip must not turn into another policy.

Python 3.6 or later, standard library only.
"""

import collections
import datetime
import os
import re
import sys
import xml.parsers.expat
from xml.dom import Node, minidom

PROPERTY = "virthint"
XML_FILE = "_hook_domxml"

POLICY_URI = "urn:virthint:policy:1"
QEMU_URI = "http://libvirt.org/schemas/domain/qemu/1.0"
XMLNS_URI = "http://www.w3.org/2000/xmlns/"

PASSES = "reporting-ctrl"  # the property of a patched QEMU's balloon
DEFAULT_ALIAS = "balloon0"  # libvirt's name for a balloon that nobody has named
DEFAULT_PERIOD = "5"  # seconds, as oVirt itself sets it

WEIGHT_MAX = 1000
COOLDOWN_MAX_S = 7 * 24 * 3600
MAX_PER_ASK_MIN = 1 << 20
MAX_BYTES = (1 << 63) - 1

DEPTH_MAX = 256  # of the domain XML: what looks at it below goes as deep

STOP = 2  # the exit status that makes vdsm run no further hook, and not start the VM


class BadProperty(Exception):
    """What is wrong with the property, and what would be right."""


# ---- The property ----


def one_of(*words):
    """A value that is one of some words."""

    def check(text):
        if text not in words:
            raise BadProperty("write " + ", ".join(words[:-1]) + " or " + words[-1])

    return check


def matching(pattern, right):
    """A value of a certain form."""

    def check(text):
        if not re.fullmatch(pattern, text, re.ASCII):
            raise BadProperty("write " + right)

    return check


def check_weight(text):
    if not re.fullmatch(r"[0-9]{1,4}", text, re.ASCII) or not 1 <= int(text) <= WEIGHT_MAX:
        raise BadProperty("write a whole number from 1 to %d" % WEIGHT_MAX)


def quantity(text, units, right):
    """A number with its unit."""
    found = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)([A-Za-z]+)", text, re.ASCII)
    if not found or found.group(2) not in units:
        raise BadProperty("write " + right)
    return float(found.group(1)) * units[found.group(2)]


def check_cooldown(text):
    units = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 24 * 3600}
    right = "a number with its unit (ms, s, min, h, d), at most 7d"
    if quantity(text, units, right) > COOLDOWN_MAX_S:
        raise BadProperty("write " + right)


def check_max_per_ask(text):
    units = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
             "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
    right = "a size with its unit (KiB, MiB, GiB), at least 1MiB"
    if not MAX_PER_ASK_MIN <= quantity(text, units, right) <= MAX_BYTES:
        raise BadProperty("write " + right)


def check_until(text):
    right = "a time in UTC after 1970 such as 2026-12-31T06:00:00Z"
    pattern = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
    if not re.fullmatch(pattern, text, re.ASCII):
        raise BadProperty("write " + right)
    try:
        time = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        time = None
    if not time or time <= datetime.datetime(1970, 1, 1):
        raise BadProperty("write " + right)


# What the device gets.
DEVICE_KEYS = {
    "autodeflate": one_of("on", "off"),
    "reporting": one_of("on", "off"),
    "tier": one_of("pulse", "soft", "native"),
}

# What the policy element gets: the attribute, and what its value has to be.
POLICY_KEYS = collections.OrderedDict((
    ("class", ("class", matching(r"[a-z0-9-]{1,63}", "1 to 63 of a-z, 0-9 and -"))),
    ("weight", ("weight", check_weight)),
    ("ask", ("ask", one_of("auto", "never"))),
    ("cooldown", ("cooldown", check_cooldown)),
    ("max_per_ask", ("max_per_ask", check_max_per_ask)),
    ("switch", ("reporting", one_of("auto", "always", "off", "leave"))),
    ("until", ("until", check_until)),
))


def quote(text):
    """Foreign text inside of a message: short, and without control characters."""
    return ascii(text if len(text) <= 60 else text[:60] + "...")


def read_setting(text, settings):
    key, equals, value = text.partition("=")
    if not equals:
        raise BadProperty("%s has no value; write KEY=VALUE,KEY=VALUE" % quote(text))
    check = DEVICE_KEYS.get(key)
    if not check and key in POLICY_KEYS:
        check = POLICY_KEYS[key][1]
    if not check:
        raise BadProperty("%s is unknown; there is %s"
                          % (quote(key), ", ".join(list(DEVICE_KEYS) + list(POLICY_KEYS))))
    if key in settings:
        raise BadProperty("'%s' is there twice; write it once" % key)
    try:
        check(value)
    except BadProperty as error:
        raise BadProperty("%s: %s is wrong; %s" % (key, quote(value), error))
    settings[key] = value


def read_property(text):
    """The settings of "KEY=VALUE,KEY=VALUE"; the engine itself keeps ';' for between properties."""
    settings = {}
    for part in re.split("[,;]", text):
        if part.strip(" "):
            read_setting(part.strip(" "), settings)
    tier = settings.get("tier")
    if tier and settings.get("autodeflate") == "off":
        raise BadProperty("tier=%s takes autodeflate=on; leave autodeflate out" % tier)
    if tier in ("soft", "native") and settings.get("reporting") == "off":
        raise BadProperty("tier=%s takes reporting=on; leave reporting out" % tier)
    return settings


# ---- The domain ----


def children(parent, name, uri=None):
    return [node for node in parent.childNodes
            if node.nodeType == Node.ELEMENT_NODE and node.localName == name
            and node.namespaceURI == uri]


def need_child(parent, name):
    """The first child of that name, made where there is none."""
    found = children(parent, name)
    if found:
        return found[0]
    return parent.appendChild(parent.ownerDocument.createElement(name))


def set_device(domain, settings):
    """autodeflate, free page reporting and the stats period of the balloon."""
    tier = settings.get("tier")
    autodeflate = settings.get("autodeflate", "on" if tier else None)
    reporting = settings.get("reporting", "on" if tier in ("soft", "native") else None)
    if not autodeflate and not reporting:
        return
    balloon = need_child(need_child(domain, "devices"), "memballoon")
    model = balloon.getAttribute("model") or "virtio"
    if not model.startswith("virtio"):
        raise BadProperty("the VM has no virtio memory balloon (its model is %s); switch the "
                          "balloon on in the VM's resource allocation, or set no tier, "
                          "autodeflate and reporting" % quote(model))
    balloon.setAttribute("model", model)
    if autodeflate:
        balloon.setAttribute("autodeflate", autodeflate)
    if reporting:
        balloon.setAttribute("freePageReporting", reporting)
    if tier:
        stats = need_child(balloon, "stats")
        if stats.getAttribute("period") in ("", "0"):
            stats.setAttribute("period", DEFAULT_PERIOD)
    if tier in ("soft", "native"):
        set_passes(domain, balloon)


def need_qemu_child(parent, prefix, name, attribute=None, value=None):
    for node in children(parent, name, QEMU_URI):
        if not attribute or node.getAttribute(attribute) == value:
            return node
    node = parent.ownerDocument.createElementNS(QEMU_URI, prefix + ":" + name)
    if attribute:
        node.setAttribute(attribute, value)
    return parent.appendChild(node)


def prefix_of(domain, uri, wanted):
    """The prefix that the domain element has for a namespace; declared there where it has none."""
    taken = set()
    for index in range(domain.attributes.length):
        attribute = domain.attributes.item(index)
        if attribute.name.startswith("xmlns:"):
            if attribute.value == uri:
                return attribute.name[len("xmlns:"):]
            taken.add(attribute.name[len("xmlns:"):])
    if wanted in taken:
        raise BadProperty("the domain XML uses the prefix '%s' for something else" % wanted)
    domain.setAttributeNS(XMLNS_URI, "xmlns:" + wanted, uri)
    return wanted


def set_passes(domain, balloon):
    """Passes on request: libvirt does not know them, so that they go through its override."""
    prefix = prefix_of(domain, QEMU_URI, "qemu")
    aliases = children(balloon, "alias")
    alias = aliases[0].getAttribute("name") if aliases else DEFAULT_ALIAS
    override = need_qemu_child(domain, prefix, "override")
    device = need_qemu_child(override, prefix, "device", "alias", alias)
    frontend = need_qemu_child(device, prefix, "frontend")
    node = need_qemu_child(frontend, prefix, "property", "name", PASSES)
    node.setAttribute("type", "bool")
    node.setAttribute("value", "true")


def set_policy(domain, settings):
    """The element that virthint reads the VM's policy from, in place of one that is there."""
    if not any(key in settings for key in POLICY_KEYS):
        return
    metadata = need_child(domain, "metadata")
    for old in children(metadata, "policy", POLICY_URI):
        metadata.removeChild(old)
    policy = domain.ownerDocument.createElementNS(POLICY_URI, "virthint:policy")
    policy.setAttributeNS(XMLNS_URI, "xmlns:virthint", POLICY_URI)
    for key, (attribute, _) in POLICY_KEYS.items():
        if key in settings:
            policy.setAttribute(attribute, settings[key])
    metadata.appendChild(policy)


def check_xml(text):
    """Before a tree is built: what walks it later would run out of stack."""
    depth = 0

    def enter(_name, _attributes):
        nonlocal depth
        depth += 1
        if depth > DEPTH_MAX:
            raise BadProperty("the domain XML is nested deeper than any of libvirt's is")

    def leave(_name):
        nonlocal depth
        depth -= 1

    def refuse(*_arguments):
        raise BadProperty("the domain XML has a document type, which libvirt's never has")

    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = enter
    parser.EndElementHandler = leave
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(text, True)


def to_text(document):
    """minidom leaves a line break in an attribute as it is, which would be read as a blank."""
    plain = document.toxml()
    spare = (chr(code) for code in range(0xe000, 0xf900) if chr(code) not in plain)
    marks = dict(zip("\t\n\r", spare))
    for element in document.getElementsByTagName("*"):
        for index in range(element.attributes.length):
            attribute = element.attributes.item(index)
            attribute.value = attribute.value.translate(str.maketrans(marks))
    return document.toxml().translate(
        str.maketrans({mark: "&#%d;" % ord(blank) for blank, mark in marks.items()}))


def change(text, settings):
    """The domain XML as the settings want it; both are bytes."""
    try:
        check_xml(text)
        document = minidom.parseString(text)
    except (xml.parsers.expat.ExpatError, LookupError, ValueError) as error:  # encodings, too
        raise BadProperty("the domain XML is not well-formed: %s" % quote(str(error))[1:-1])
    domain = document.documentElement
    if domain.localName != "domain":
        raise BadProperty("the domain XML starts with <%s> instead of <domain>"
                          % quote(domain.tagName)[1:-1])
    set_device(domain, settings)
    set_policy(domain, settings)
    return to_text(document).encode("utf-8")


def run(environment):
    text = environment.get(PROPERTY, "")
    if not text.strip():
        return
    settings = read_property(text)
    if not settings:
        return
    path = environment.get(XML_FILE)
    if not path:
        raise BadProperty("$%s is not set; vdsm runs this as a hook of before_vm_start" % XML_FILE)
    with open(path, "rb") as file:
        before = file.read()
    after = change(before, settings)
    with open(path, "wb") as file:
        file.write(after)


def main():
    try:
        run(os.environ)
    except (BadProperty, OSError) as error:
        sys.stderr.write("virthint: custom property '%s': %s\n" % (PROPERTY, error))
        return STOP
    return 0


if __name__ == "__main__":
    sys.exit(main())
