#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The hook for KubeVirt, run as its sidecar runs it: arguments, and what is printed.

The samples are our own, in the documented shape; no KubeVirt is needed."""

import json
import os
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "../../libvirt-plugin/integrations/kubevirt")
HOOK = os.path.join(FOLDER, "on_define_domain.py")
POLICY = "{urn:virthint:policy:1}policy"

BALLOON = ('<memballoon model="virtio-non-transitional" freePageReporting="on">'
           '<stats period="10"></stats></memballoon>')
DOMAIN = ('<domain type="kvm" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">\n'
          '\t<name>ci_runner</name>\n\t<memory unit="b">4294967296</memory>\n'
          '\t<metadata>\n\t\t<kubevirt xmlns="http://kubevirt.io">\n'
          '\t\t\t<uid>4d1c8a1e-1f6b-4a8e-8f55-1234567890ab</uid>\n'
          '\t\t\t<graceperiod><deletionGracePeriodSeconds>30</deletionGracePeriodSeconds>'
          '</graceperiod>\n\t\t</kubevirt>\n\t</metadata>\n'
          '\t<devices>' + BALLOON + '</devices>\n\t<cpu mode="host-model"></cpu>\n'
          '\t<qemu:commandline><qemu:arg value="-name"></qemu:arg></qemu:commandline>\n</domain>')


def make_vmi(annotations, **domain):
    return {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance",
            "metadata": {"name": "runner", "namespace": "ci", "annotations": annotations},
            "spec": {"domain": dict({"devices": {}, "memory": {"guest": "4Gi"}}, **domain)}}


def annotate(**keys):
    return {"virthint.org/" + key: value for key, value in keys.items()}


def run_hook(*arguments):
    done = subprocess.run([sys.executable, HOOK, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False,
                          env={"LC_ALL": "C.UTF-8"})
    return done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode()


def run(vmi, domain=DOMAIN):
    text = vmi if isinstance(vmi, str) else json.dumps(vmi)
    return run_hook("--vmi", text, "--domain", domain)


class HookTest(unittest.TestCase):
    def assert_untouched(self, vmi, domain=DOMAIN):
        self.assertEqual(run(vmi, domain), (0, domain + "\n", ""))

    def assert_refused(self, vmi, what, domain=DOMAIN):
        status, output, error = run(vmi, domain)
        self.assertEqual((status, output), (1, ""))
        self.assertIn(what, error)
        self.assertTrue(error.startswith("virthint: "))
        self.assertLess(len(error), 400)
        self.assertNotIn("Traceback", error)

    def change(self, annotations, domain=DOMAIN):
        status, output, error = run(make_vmi(annotations), domain)
        self.assertEqual((status, error), (0, ""))
        again = run(make_vmi(annotations), output)[1]
        self.assertEqual(ElementTree.canonicalize(again), ElementTree.canonicalize(output))
        return ElementTree.fromstring(output)

    def test_policy(self):
        domain = self.change(annotate(**{"class": "batch"}, reporting="auto"))
        policies = domain.findall("metadata/" + POLICY)
        self.assertEqual([policy.attrib for policy in policies],
                         [{"class": "batch", "reporting": "auto"}])
        balloon = domain.find("devices/memballoon")
        self.assertEqual(balloon.get("autodeflate"), "on")
        self.assertEqual(balloon.get("freePageReporting"), "on")
        self.assertEqual(balloon.find("stats").get("period"), "10")

    def test_others_stay(self):
        before = ElementTree.fromstring(DOMAIN)
        after = self.change(annotate(ask="auto"))
        metadata = after.find("metadata")
        metadata.remove(metadata.find(POLICY))
        del after.find("devices/memballoon").attrib["autodeflate"]
        texts = [ElementTree.canonicalize(ElementTree.tostring(one), strip_text=True)
                 for one in (before, after)]
        self.assertEqual(*texts)

    def test_autodeflate(self):
        off = self.change(annotate(**{"class": "batch"}, autodeflate="off"))
        self.assertEqual(off.find("devices/memballoon").get("autodeflate"), "off")
        alone = self.change(annotate(autodeflate="on"))
        self.assertEqual(alone.find("devices/memballoon").get("autodeflate"), "on")
        self.assertIsNone(alone.find("metadata/" + POLICY))
        never = self.change(annotate(ask="never"))
        self.assertIsNone(never.find("devices/memballoon").get("autodeflate"))
        self.assertEqual(never.find("metadata/" + POLICY).attrib, {"ask": "never"})

    def test_no_balloon(self):
        none = DOMAIN.replace("virtio-non-transitional", "none")
        self.assertIsNone(self.change(annotate(ask="auto"), none).find(
            "devices/memballoon").get("autodeflate"))
        bare = '<domain type="kvm"><name>x</name></domain>'
        domain = self.change(annotate(ask="auto"), bare)
        self.assertIsNone(domain.find("devices"))
        self.assertEqual(domain.find("metadata/" + POLICY).attrib, {"ask": "auto"})

    def test_replaces_its_own(self):
        old = DOMAIN.replace("</metadata>", '<v:policy xmlns:v="urn:virthint:policy:1" '
                             'class="perf" weight="9"/></metadata>')
        domain = self.change(annotate(**{"class": "batch"}), old)
        self.assertEqual([policy.attrib for policy in domain.iter(POLICY)], [{"class": "batch"}])

    def test_untouched(self):
        self.assert_untouched(make_vmi({}))
        self.assert_untouched(make_vmi(None))
        self.assert_untouched({"spec": {}})
        self.assert_untouched(make_vmi({"virthint.organic/class": "x", "other": "y"}))
        self.assert_untouched(make_vmi({}), "what KubeVirt makes of it is not looked at")
        self.assertEqual(run_hook("--domain", DOMAIN), (0, DOMAIN + "\n", ""))
        self.assertEqual(run_hook("--vmi", "", "--domain", DOMAIN), (0, DOMAIN + "\n", ""))

    def test_set_aside(self):
        wanted = annotate(**{"class": "batch"}, autodeflate="on")
        for domain in ({"cpu": {"dedicatedCpuPlacement": True}}, {"cpu": {"realtime": {}}},
                       {"memory": {"hugepages": {"pageSize": "2Mi"}}}):
            self.assert_untouched(make_vmi(wanted, **domain))
        shared = make_vmi(wanted, cpu={"dedicatedCpuPlacement": False, "cores": 2})
        self.assertNotEqual(run(shared)[1], DOMAIN + "\n")

    def test_wrong_annotations(self):
        for annotations, what in (
                (annotate(klass="batch"), "is unknown; there is virthint.org/class"),
                (annotate(**{"class": "Batch"}), "write 1 to 63 of a-z"),
                (annotate(**{"class": "a" * 64}), "write 1 to 63"),
                (annotate(**{"class": "batch\n"}), "'batch\\n' is wrong"),
                (annotate(ask="maybe"), "write auto or never"),
                (annotate(ask=True), "write auto or never"),
                (annotate(ask={"a": ["b"] * 9999}), "write auto or never"),
                (annotate(reporting="on"), "write auto, always, off or leave"),
                (annotate(autodeflate=""), "write on or off"),
                (annotate(ask='never"/><x y="'), "write auto or never"),
                ({"virthint.org/" + "x" * 9999: "y"}, "is unknown"),
                ({"virthint.org/\x1b[2J": "y"}, "is unknown")):
            with self.subTest(annotations=str(annotations)[:60]):
                self.assert_refused(make_vmi(annotations), what)

    def test_hostile_vmi(self):
        for text, what in (("{", "not JSON"), ("[]", "not an object"), ("7", "not an object"),
                           ("[" * 50000, "not JSON"), ("\"x\"", "not an object")):
            self.assert_refused(text, what)
        for vmi in ({"metadata": []}, {"metadata": {"annotations": ["virthint.org/class"]}},
                    {"metadata": {"annotations": "virthint.org/class"}}):
            self.assert_untouched(vmi)
        self.assertNotEqual(run(make_vmi(annotate(ask="auto"), cpu=[], memory=7))[1], "")

    def test_hostile_domain(self):
        vmi = make_vmi(annotate(ask="auto"))
        entities = ('<!DOCTYPE domain [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
                    "<domain><name>&b;</name></domain>")
        outside = ('<!DOCTYPE domain [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
                   "<domain>&x;</domain>")
        for text, what in ((entities, "document type"), (outside, "document type"),
                           ("<domain>", "not well-formed"), ("", "not well-formed"),
                           ("<pool/>", "starts with <pool>"),
                           ("<domain>&x;</domain>", "not well-formed"),
                           ("<domain><a xmlns='u' b='1' b='2'/></domain>", "not well-formed"),
                           ("<a>" * 10000 + "</a>" * 10000, "nested deeper")):
            with self.subTest(text=text[:60]):
                self.assert_refused(vmi, what, text)

    def test_usage(self):
        self.assertNotEqual(run_hook("--vmi", "{}")[0], 0)
        self.assertNotEqual(run_hook("--vmi", "{}", "--domain", DOMAIN, "--more")[0], 0)

    def test_examples(self):
        """What the examples name is there: the key, the path, and annotations that are right."""
        with open(os.path.join(FOLDER, "vm-example.yaml"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn('"key": "on_define_domain.py"', text)
        self.assertIn('"hookPath": "/usr/bin/onDefineDomain"', text)
        lines = [line.strip().split(": ", 1) for line in text.splitlines()
                 if line.strip().startswith("virthint.org/")]
        annotations = {name: value.strip('"') for name, value in lines}
        self.assertGreater(len(annotations), 1)
        self.assertEqual(run(make_vmi(annotations))[0], 0)


if __name__ == "__main__":
    unittest.main()
