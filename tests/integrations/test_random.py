#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile input for the integrations: whatever they are given, they do what they promise, or refuse
it in one short line and change nothing. Domains, properties, annotations and answers are random."""

import contextlib
import json
import logging
import os
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

import random_input

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "../../libvirt-plugin/integrations")

with open(os.path.join(HERE, "vdsm-domain.xml"), "rb") as sample:
    DOMAIN = sample.read().replace(b"</domain>", b"<a b='c&#10;d&#9;e&#13;'/></domain>")

PIECES = (b"<domain>", b"</domain>", b"<devices>", b"</devices>", b"<memballoon model='virtio'/>",
          b"<memballoon model='none'/>", b"<stats period='0'/>", b"<metadata>", b"</metadata>",
          b"<policy xmlns='urn:virthint:policy:1' class='x'/>", b" xmlns='urn:x'", b"&x;", b"&#0;",
          b" xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'", b"<qemu:override>",
          b"<!DOCTYPE domain [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>", b"<!ENTITY", b"<![CDATA[",
          b"<?xml version='1.0' encoding='shift_jis'?>",
          b"<?xml version='1.0' encoding='nonsense'?>",
          b"<a>" * 300, b"</a>" * 300, b"\xff\xfe", b"\xc0\xaf", b"\0", b"<!--", b"-->")
WHOLE = (b"", b"<", b"<domain/>", b"<a>" * 10000 + b"</a>" * 10000,
         b"<domain>" + b"<a>" * 10000 + b"</a>" * 10000 + b"</domain>",
         b"<" + b"d" * 5000 + b"/>", b"<domain x='" + b"y" * (1 << 20) + b"'/>",
         b"<?xml version='1.0' encoding='shift_jis'?><domain/>",
         b"<?xml version='1.0' encoding='nonsense'?><domain/>",
         b"<?xml version='1.0' encoding='utf-7'?><domain/>",
         "<?xml version='1.0' encoding='iso-8859-1'?><domain><name>\xe4</name></domain>".encode(),
         '<!DOCTYPE domain [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><domain>&b;</domain>'
         .encode("utf-16"))


def elements(text):
    """Each element's name and attributes, in their order; where values may change, names only."""
    changing = ("memballoon", "stats", "property")
    return [(node.tag, set(node.attrib if node.tag.endswith(changing) else node.attrib.items()))
            for node in ElementTree.fromstring(text).iter()]


class RandomTest(unittest.TestCase):
    def domain(self, rng):
        return (rng.choice(WHOLE) if rng.randrange(8) == 0 else
                random_input.mutated(rng, DOMAIN, PIECES) if rng.randrange(3) else DOMAIN)

    def check_kept(self, before, after):
        """Nothing is lost but a policy of ours."""
        rest = elements(after)
        for tag, attributes in elements(before):
            if tag == "{urn:virthint:policy:1}policy":
                continue
            while rest and (rest[0][0] != tag or not attributes <= rest[0][1]):
                rest.pop(0)
            self.assertTrue(rest, tag)
            rest.pop(0)

    def check_error(self, text):
        self.assertTrue(text.startswith("virthint: "), text)
        self.assertEqual(text.count("\n"), 1, text)
        self.assertTrue(text[:-1].isprintable(), ascii(text))
        self.assertLess(len(text), 700)

    def test_vdsm(self):
        rng = random_input.generator("vdsm")
        hook = random_input.load(os.path.join(FOLDER, "vdsm/before_vm_start.py"), "hook")
        words = ["tier=pulse", "tier=native", "autodeflate=on", "reporting=on", "class=batch",
                 "weight=7", "cooldown=15min", "max_per_ask=1GiB", "ask=never", "switch=auto",
                 "until=2026-12-31T06:00:00Z", "until=9999-99-99T99:99:99Z", "weight=\u0663", "=",
                 "x", "class=\ud800", "max_per_ask=" + "9" * 18 + "TiB", "\x1b[2J=\n"]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "domain.xml")
            for _ in range(random_input.rounds(300)):
                domain = self.domain(rng)
                known = words[:11] if rng.randrange(2) else words
                text = rng.choice(",;").join(rng.sample(known, rng.randrange(4)))
                with self.subTest(domain=domain[:4000], text=text):
                    self.run_vdsm(hook, path, domain, text)

    def run_vdsm(self, hook, path, domain, text):
        def run(before):
            with open(path, "wb") as file:
                file.write(before)
            try:
                hook.run({"virthint": text, "_hook_domxml": path})
            except hook.BadProperty as error:
                return str(error)
            return None

        refusal = run(domain)
        with open(path, "rb") as file:
            after = file.read()
        if refusal is not None:
            self.check_error("virthint: %s\n" % refusal)
        if refusal is not None or not text:
            self.assertEqual(after, domain)
            return
        self.check_kept(domain, after)
        self.assertIsNone(run(after))
        with open(path, "rb") as file:
            self.assertEqual(ElementTree.canonicalize(file.read()),
                             ElementTree.canonicalize(after))

    def test_kubevirt(self):
        rng = random_input.generator("kubevirt")
        path = os.path.join(FOLDER, "kubevirt/on_define_domain.py")
        hook = random_input.load(path, "hook")
        keys = ["metadata", "annotations", "spec", "domain", "cpu", "memory", "hugepages",
                "realtime", "virthint.org/class", "virthint.org/ask", "virthint.org/nonsense"]
        good = {"virthint.org/class": "batch", "virthint.org/reporting": "auto"}
        for _ in range(random_input.rounds(300)):
            vmi = random_input.value(rng, keys) if rng.randrange(4) == 0 else {"metadata": {
                "annotations": good if rng.randrange(3) else random_input.value(rng, keys)}}
            text = json.dumps(vmi) if rng.randrange(8) else json.dumps(vmi)[:rng.randrange(40)]
            domain = self.domain(rng).decode("utf-8", "surrogateescape")
            with self.subTest(vmi=text, domain=domain[:4000]):
                try:
                    after = hook.change(text, domain)
                except hook.BadInput as error:
                    self.check_error("virthint: %s\n" % error)
                    continue
                if after != domain:
                    self.check_kept(domain, after)
                    self.assertEqual(ElementTree.canonicalize(hook.change(text, after)),
                                     ElementTree.canonicalize(after))

    def test_mom(self):
        rng = random_input.generator("mom")
        module = random_input.load(os.path.join(FOLDER, "mom/FreePageHint.py"), "FreePageHint")
        keys = ["domains", "requests", "uuid", "in_flight", "last_ask", "ended_time_us", "status",
                "bytes", "returned_bytes", "id"]
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "virthint")
            with open(program, "w", encoding="utf-8") as file:
                file.write('#!/bin/sh\nshift 2\necho "$*" >>"%s/calls"\nexec cat "%s/$1"\n'
                           % (folder, folder))
            os.chmod(program, 0o755)
            for _ in range(random_input.rounds(60)):
                self.run_mom(rng, module, keys, folder, program)

    def run_mom(self, rng, module, keys, folder, program):
        def answer(key):
            """Often such a list as is read."""
            if rng.randrange(10) == 0:
                return rng.choice(("", "{", "[" * 100000, "\udcff", "9" * 5000))
            rows = [{one: random_input.value(rng, keys) for one in rng.sample(keys, 4)}
                    for _ in range(rng.randrange(4))]
            return json.dumps({key: rows} if rng.randrange(4) else random_input.value(rng, keys))

        answers = {"list": answer("domains"), "request": answer("requests")}
        for name, text in answers.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, "calls"))
        controls = {"hint_" + name: random_input.value(rng, keys)
                    for name in ("request", "urgency", "deadline", "balloon")}
        guest = Guest(rng.choice((None, 3800, 4200)))
        controller = module.instance({})
        controller.program = program
        with self.subTest(answers=answers, controls=controls):
            controller.process(Guest(None, controls), [guest])
            self.assertIn(guest.controls["balloon_target"], (None, guest.target))
            if not os.path.exists(os.path.join(folder, "calls")):
                return
            with open(os.path.join(folder, "calls"), encoding="utf-8") as file:
                made = [line for line in file.read().splitlines() if line.startswith("request ")]
            self.assertLessEqual(len(made), 1)
            for line in made:
                self.assertRegex(
                    line, "^request [0-9]+B --urgency (proactive|low|high|critical) "
                    "--deadline [0-9]+s$")


class Guest:
    """A mock of an entity of MOM's: a guest, or the host."""

    def __init__(self, target, controls=None):
        self.target = target
        self.controls = controls if controls is not None else {"balloon_target": target}

    def Prop(self, name):
        return "a"

    def Stat(self, name):
        return 4000

    def Control(self, name, value):
        self.controls[name] = value

    def GetControl(self, name):
        return self.controls.get(name)


if __name__ == "__main__":
    unittest.main()
