#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The hook for vdsm, run as vdsm runs it: a program, an environment, a file. No vdsm is needed."""

import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
HOOK = os.path.join(HERE, "../../libvirt-plugin/integrations/vdsm/before_vm_start.py")
QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"
POLICY = "{urn:virthint:policy:1}policy"
ALIAS = "ua-2d4e8e30-a152-4139-93e6-7c613fae4023"

with open(os.path.join(HERE, "vdsm-domain.xml"), "rb") as sample:
    DOMAIN = sample.read()

BALLOON_START = DOMAIN.index(b"<memballoon")
BALLOON_END = DOMAIN.index(b"</memballoon>") + len(b"</memballoon>")


def with_balloon(text):
    """The sample with another balloon, or none."""
    return DOMAIN[:BALLOON_START] + text + DOMAIN[BALLOON_END:]


def run_hook(domain, value):
    """Exit status, stderr, and the XML behind it. `value` None: the VM has no such property."""
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
    if value is not None:
        environment["virthint"] = value
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "domain.xml")
        with open(path, "wb") as file:
            file.write(domain)
        environment["_hook_domxml"] = path
        done = subprocess.run([sys.executable, HOOK], env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False)
        with open(path, "rb") as file:
            return done.returncode, done.stderr.decode(), file.read()


def shape(element):
    """An element with all below it, whatever white space is between."""
    return (element.tag, sorted(element.attrib.items()), (element.text or "").strip(),
            [shape(child) for child in element])


class HookTest(unittest.TestCase):
    def change(self, value, domain=DOMAIN):
        """The changed domain; changed again it stays as it is."""
        status, error, text = run_hook(domain, value)
        self.assertEqual((status, error), (0, ""))
        status, error, again = run_hook(text, value)
        self.assertEqual((status, error), (0, ""))
        self.assertEqual(ElementTree.canonicalize(again), ElementTree.canonicalize(text))
        return ElementTree.fromstring(text)

    def refuse(self, value, says, domain=DOMAIN):
        """vdsm must not start the VM, and the XML is as it was."""
        status, error, text = run_hook(domain, value)
        self.assertEqual(status, 2, error)
        self.assertIn(says, error)
        self.assertTrue(error.startswith("virthint: "), error)
        self.assertEqual(error.count("\n"), 1)
        self.assertLess(len(error), 400)
        self.assertEqual(text, domain)

    def test_without_the_property(self):
        for value in (None, "", "  ", ",", ";"):
            with self.subTest(value=value):
                for domain in (DOMAIN, b"not even XML"):
                    self.assertEqual(run_hook(domain, value), (0, "", domain))

    def test_pulse(self):
        domain = self.change("tier=pulse")
        balloon = domain.find("devices/memballoon")
        self.assertEqual(balloon.attrib, {"model": "virtio", "autodeflate": "on"})
        self.assertEqual(balloon.find("stats").get("period"), "5")
        self.assertIsNone(domain.find(QEMU + "override"))
        self.assertIsNone(domain.find("metadata/" + POLICY))

    def test_native(self):
        for tier in ("soft", "native"):
            domain = self.change("tier=" + tier)
            balloon = domain.find("devices/memballoon")
            self.assertEqual(balloon.attrib, {"model": "virtio", "autodeflate": "on",
                                              "freePageReporting": "on"})
            device = domain.find("%soverride/%sdevice" % (QEMU, QEMU))
            self.assertEqual(device.get("alias"), ALIAS)
            prop = device.find("%sfrontend/%sproperty" % (QEMU, QEMU))
            self.assertEqual(prop.attrib, {"name": "reporting-ctrl", "type": "bool",
                                           "value": "true"})

    def test_single_switches(self):
        cases = {
            "autodeflate=on": {"autodeflate": "on"},
            "autodeflate=off": {"autodeflate": "off"},
            "reporting=on": {"freePageReporting": "on"},
            "reporting=off,autodeflate=on": {"freePageReporting": "off", "autodeflate": "on"},
        }
        for value, attributes in cases.items():
            balloon = self.change(value).find("devices/memballoon")
            self.assertEqual(balloon.attrib, dict(attributes, model="virtio"))

    def test_policy(self):
        domain = self.change("class=perf; weight=200;ask=never,cooldown=15min,max_per_ask=1.5GiB,"
                             "switch=off,until=2026-12-31T06:00:00Z")
        policies = domain.findall("metadata/" + POLICY)
        self.assertEqual(len(policies), 1)
        self.assertEqual(policies[0].attrib, {
            "class": "perf", "weight": "200", "ask": "never", "cooldown": "15min",
            "max_per_ask": "1.5GiB", "reporting": "off", "until": "2026-12-31T06:00:00Z"})
        self.assertEqual(domain.find("devices/memballoon").attrib, {"model": "virtio"})

    def test_the_rest_stays(self):
        """What the hook adds taken away again, everything is as it was, prefixes included."""
        status, _, text = run_hook(DOMAIN, "tier=native,class=batch,weight=1")
        self.assertEqual(status, 0)
        for kept in (b"<ns0:qos", b"<ovirt-vm:clusterVersion>4.7<", b"xmlns:ovirt-vm=",
                     "büro &amp; lager".encode()):
            self.assertIn(kept, text)
        domain = ElementTree.fromstring(text)
        domain.remove(domain.find(QEMU + "override"))
        metadata = domain.find("metadata")
        metadata.remove(metadata.find(POLICY))
        balloon = domain.find("devices/memballoon")
        for name in ("autodeflate", "freePageReporting"):
            del balloon.attrib[name]
        self.assertEqual(shape(domain), shape(ElementTree.fromstring(DOMAIN)))

    def test_another_policy_replaces_the_first(self):
        _, _, text = run_hook(DOMAIN, "class=perf,weight=3")
        _, _, text = run_hook(text, "class=batch")
        policies = ElementTree.fromstring(text).findall("metadata/" + POLICY)
        self.assertEqual([policy.attrib for policy in policies], [{"class": "batch"}])

    def test_no_balloon_yet(self):
        domain = self.change("tier=native", with_balloon(b""))
        balloon = domain.find("devices/memballoon")
        self.assertEqual(balloon.get("model"), "virtio")
        self.assertEqual(balloon.find("stats").get("period"), "5")
        self.assertEqual(domain.find("%soverride/%sdevice" % (QEMU, QEMU)).get("alias"), "balloon0")

    def test_bare_domain(self):
        domain = self.change("tier=pulse,class=batch", b"<domain/>")
        self.assertEqual(domain.find("devices/memballoon").get("autodeflate"), "on")
        self.assertEqual(domain.find("metadata/" + POLICY).get("class"), "batch")

    def test_balloon_switched_off(self):
        none = with_balloon(b'<memballoon model="none"/>')
        for value in ("tier=pulse", "autodeflate=on", "reporting=on"):
            self.refuse(value, "no virtio memory balloon", none)
        domain = self.change("class=exempt,ask=never", none)
        self.assertEqual(domain.find("devices/memballoon").attrib, {"model": "none"})

    def test_another_period_stays(self):
        for period, then in (("2", "2"), ("60", "60"), ("0", "5")):
            text = '<memballoon model="virtio"><stats period="%s"/></memballoon>' % period
            domain = self.change("tier=pulse", with_balloon(text.encode()))
            self.assertEqual(domain.find("devices/memballoon/stats").get("period"), then)

    def test_other_overrides_stay(self):
        own = (b'<qemu:override xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">'
               b'<qemu:device alias="net0"><qemu:frontend><qemu:property name="x" type="bool" '
               b'value="true"/></qemu:frontend></qemu:device></qemu:override></domain>')
        domain = self.change("tier=native", DOMAIN.replace(b"</domain>", own))
        overrides = domain.findall(QEMU + "override")
        self.assertEqual(len(overrides), 1)
        self.assertEqual([device.get("alias") for device in overrides[0]], ["net0", ALIAS])

    def test_bad_values(self):
        cases = {
            "on": "KEY=VALUE",
            "teir=native": "'teir' is unknown; there is autodeflate",
            "emulator=/tmp/x": "unknown",
            "tier=gold": "pulse, soft or native",
            "tier=": "tier: ''",
            "tier=native,tier=pulse": "twice",
            "tier=native,reporting=off": "reporting=on",
            "tier=pulse;autodeflate=off": "autodeflate=on",
            "reporting=auto": "on or off",
            "class=Perf": "a-z",
            "class=" + "a" * 64: "a-z",
            "weight=0": "1 to 1000",
            "weight=1001": "1 to 1000",
            "weight=1e3": "1 to 1000",
            "weight=\u0663": "1 to 1000",
            "ask=maybe": "auto or never",
            "cooldown=5": "unit",
            "cooldown=8d": "7d",
            "max_per_ask=1KiB": "1MiB",
            "max_per_ask=999999999TiB": "1MiB",
            "max_per_ask=1e99GiB": "1MiB",
            "until=tomorrow": "2026-12-31T06:00:00Z",
            "until=2026-02-30T06:00:00Z": "2026-12-31T06:00:00Z",
            'class=a" ask="never': "a-z",
            "class=a\nb": "a-z",
            "\x1b[2Jx=1": "unknown",
            "x" * 100000: "KEY=VALUE",
        }
        for value, says in cases.items():
            with self.subTest(value=value[:40]):
                self.refuse(value, says)
        for value in cases:
            _, error, _ = run_hook(DOMAIN, value)
            self.assertNotIn("\x1b", error)

    @unittest.skipUnless("VIRTHINT_PROGRAM" in os.environ, "VIRTHINT_PROGRAM is not set")
    def test_virthint_agrees(self):
        """What the hook lets through as a policy, virthint has to take; and the reverse."""
        values = {
            "class": ("perf", "a", "a-0", "", "A", "a b", "\u00e4"),
            "weight": ("1", "1000", "007", "0", "1001", "-1", "1.5", "+5"),
            "ask": ("auto", "never", "always", "Never"),
            "cooldown": ("0s", "250ms", "1.5h", "7d", "7.1d", "5", "5 years", "-1s", "1e3s"),
            "max_per_ask": ("1MiB", "1M", "1048576B", "0.5GiB", "1.5T", "1023KiB", "1mib", "-1MiB"),
            "reporting": ("auto", "always", "off", "leave", "on"),
            "until": ("2026-12-31T06:00:00Z", "1970-01-01T00:00:01Z", "1970-01-01T00:00:00Z",
                      "2026-02-29T06:00:00Z", "2026-12-31T24:00:00Z",
                      "2026-12-31", "2026-12-31T06:00:00+01:00"),
        }
        for attribute, texts in values.items():
            for text in texts:
                with self.subTest(attribute=attribute, text=text):
                    key = "switch" if attribute == "reporting" else attribute
                    hook, _, _ = run_hook(DOMAIN, "%s=%s" % (key, text))
                    virthint = subprocess.run(
                        [os.environ["VIRTHINT_PROGRAM"], "policy", "--connect=test:///default",
                         "test", "--set", "%s=%s" % (attribute, text)],
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
                    self.assertEqual(hook == 0, virthint.returncode == 0)

    def test_bad_xml(self):
        entity = (b'<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
                  b"<domain>&b;</domain>")
        self.refuse("tier=pulse", "document type", entity)
        self.refuse("tier=pulse", "well-formed", b"<domain>")
        self.refuse("tier=pulse", "well-formed", b"")
        self.refuse("tier=pulse", "<domain>", b"<network/>")
        self.refuse("tier=native", "prefix 'qemu'", b'<domain xmlns:qemu="urn:x"/>')

    def test_no_file(self):
        done = subprocess.run([sys.executable, HOOK], env={"virthint": "tier=pulse"},
                              stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"_hook_domxml", done.stderr)
        done = subprocess.run([sys.executable, HOOK], stderr=subprocess.PIPE, timeout=60,
                              env={"virthint": "tier=pulse", "_hook_domxml": "/no/such/file"},
                              check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"/no/such/file", done.stderr)


if __name__ == "__main__":
    unittest.main()
