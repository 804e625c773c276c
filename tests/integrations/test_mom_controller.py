#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The controller for MOM, without MOM: the entities and the evaluator of policies here are mocks of
MOM's own, with the calls that the controller and the policy use. The daemon, where one is spoken
to, is a real virthintd on a message bus of the test's own."""

import importlib.util
import json
import logging
import operator
import os
import re
import subprocess
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
MOM = os.path.join(HERE, "../../libvirt-plugin/integrations/mom")
LIMIT_S = 60
GIB_KIB = 1 << 20


def load():
    """As MOM does: by the name of the module, and its instance()."""
    path = os.path.join(MOM, "FreePageHint.py")
    spec = importlib.util.spec_from_file_location("FreePageHint", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.instance({"hypervisor_iface": None, "host_monitor": None, "guest_manager": None})


class MockEntity:
    """What a policy and a controller see of the host, or of a guest."""

    def __init__(self, properties=None, statistics=None, controls=None):
        self.properties = properties or {}
        self.statistics = statistics
        self.controls = controls or {}
        for name, value in (statistics or {}).items():
            setattr(self, name, value)

    def Prop(self, name):
        return self.properties[name]

    def Stat(self, name):
        return self.statistics[name] if self.statistics is not None else None

    def StatAvg(self, name):
        return float(self.statistics[name])

    def Control(self, name, value):
        self.controls[name] = value

    def GetControl(self, name):
        return self.controls.get(name)


def guest(uuid, current_kib, target_kib):
    return MockEntity({"uuid": uuid, "name": "vm-" + uuid},
                      {"balloon_cur": current_kib} if current_kib is not None else None,
                      {"balloon_target": target_kib})


def evaluate_policy(text, host):
    """A mock of MOM's evaluator, as far as virthint.policy needs it."""
    tokens = re.findall(r'"[^"]*"|[()]|[^\s()]+', re.sub(r"#.*", "", text))
    variables = {"Host": host}
    operators = {"/": operator.truediv, "*": operator.mul, "-": operator.sub,
                 "<": operator.lt, "<=": operator.le}

    def read():
        token = tokens.pop(0)
        if token != "(":
            return token
        expression = []
        while tokens[0] != ")":
            expression.append(read())
        tokens.pop(0)
        return expression

    def value(term):
        if isinstance(term, list):
            head = term[0]
            if head == "defvar":
                variables[term[1]] = value(term[2])
                return variables[term[1]]
            if head == "if":
                return value(term[2] if value(term[1]) else term[3])
            call = operators[head] if head in operators else value(head)
            return call(*[value(part) for part in term[1:]])
        if term.startswith('"'):
            return term[1:-1]
        if re.fullmatch(r"-?[0-9.]+", term):
            return float(term) if "." in term else int(term)
        name, dot, member = term.partition(".")
        return getattr(variables[name], member) if dot else variables[name]

    while tokens:
        value(read())


class PolicyTest(unittest.TestCase):
    def controls(self, free_share):
        total = 64 * GIB_KIB
        host = MockEntity(statistics={"mem_free": int(total * free_share), "mem_available": total})
        with open(os.path.join(MOM, "virthint.policy"), encoding="utf-8") as file:
            evaluate_policy(file.read(), host)
        return host.controls

    def test_levels(self):
        total = 64 * GIB_KIB
        cases = ((0.60, 0, "low", 0), (0.26, 0, "low", 0), (0.24, 0.04, "low", 0),
                 (0.15, 0.13, "low", 0), (0.08, 0.20, "high", 0), (0.04, 0.24, "high", 1))
        for free, wanted, urgency, balloon in cases:
            with self.subTest(free=free):
                controls = self.controls(free)
                self.assertAlmostEqual(controls["hint_request"] / total, wanted, places=4)
                self.assertEqual(controls["hint_urgency"], urgency)
                self.assertEqual(controls["hint_balloon"], balloon)


class ControllerTest(unittest.TestCase):
    """Against a virthint that says what a test wants it to say."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        program = os.path.join(self.folder, "virthint")
        with open(program, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n"
                       'echo "$*" >>"%s/calls"\n'
                       'case "$3$4" in\n'
                       'list) cat "%s/list" ;;\n'
                       'request) cat "%s/requests" ;;\n'
                       '*) cat "%s/request" ;;\n'
                       "esac\n" % ((self.folder,) * 4))
        os.chmod(program, 0o755)
        os.environ["VIRTHINT"] = program
        self.say("list", {"domains": []})
        self.say("requests", {"requests": []})
        self.say("request", {"id": 1})
        self.controller = load()

    def say(self, name, document):
        text = document if isinstance(document, str) else json.dumps(document)
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def calls(self):
        path = os.path.join(self.folder, "calls")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [line[len("--json --quiet "):] for line in file.read().splitlines()]

    def requests(self):
        return [call for call in self.calls() if call.startswith("request ")]

    def process(self, guests=(), **controls):
        host = MockEntity(controls={"hint_" + name: value for name, value in controls.items()})
        self.controller.process(host, list(guests))
        return [guest.GetControl("balloon_target") for guest in guests]

    def test_nothing_wanted(self):
        for wanted in (None, 0, -5, "nonsense", float("nan"), 1024):
            self.process(request=wanted)
        self.assertEqual(self.requests(), [])

    def test_request(self):
        self.process(request=2.5 * GIB_KIB, urgency="high", deadline=30)
        self.assertEqual(self.requests(),
                         ["request 2684354560B --urgency high --deadline 30s"])

    def test_defaults(self):
        self.process(request=GIB_KIB)
        self.assertEqual(self.requests(), ["request 1073741824B --urgency low --deadline 60s"])

    def test_bad_urgency(self):
        with self.assertLogs("mom.Controllers.FreePageHint", logging.WARNING) as logs:
            self.process(request=GIB_KIB, urgency="panic")
            self.process(request=GIB_KIB, urgency="panic")
        self.assertEqual(len(logs.output), 1)
        self.assertEqual(self.requests(), ["request 1073741824B --urgency low --deadline 60s"] * 2)

    def test_what_is_pending_is_not_wanted_again(self):
        self.say("requests", {"requests": [
            {"id": 1, "status": "open", "bytes": 900 << 20, "returned_bytes": 100 << 20},
            {"id": 2, "status": "done", "bytes": 900 << 20, "returned_bytes": 900 << 20}]})
        self.process(request=820 << 10)
        self.assertEqual(self.requests(), [])
        self.process(request=GIB_KIB)
        self.assertEqual(self.requests(),
                         ["request %dB --urgency low --deadline 60s" % (224 << 20)])

    def test_shrinking_is_held_back(self):
        guests = [guest("a", 4000, 3800), guest("b", 4000, 4200), guest("c", None, 3800),
                  guest("d", 4000, None)]
        self.assertEqual(self.process(guests), [None, 4200, None, None])

    def test_shrinking_is_allowed(self):
        self.assertEqual(self.process([guest("a", 4000, 3800)], balloon=1), [3800])

    def test_asked_guests_are_left_alone(self):
        now_us = int(time.time() * 1000000)
        self.say("list", {"domains": [
            {"uuid": "a", "in_flight": {"id": 1}},
            {"uuid": "b", "last_ask": {"ended_time_us": now_us - 5000000}},
            {"uuid": "c", "last_ask": {"ended_time_us": now_us - 3600 * 1000000}},
            {"uuid": "d"}]})
        guests = [guest(uuid, 4000, target) for uuid in "abcd" for target in (3800, 4200)]
        self.assertEqual(self.process(guests, balloon=1),
                         [None, None, None, None, 3800, 4200, 3800, 4200])

    def test_without_an_answer_mom_goes_on(self):
        for answer in ("", "[]", "not JSON", "{}", '{"requests": 7}', '{"requests": [7]}'):
            with self.subTest(answer=answer):
                controller = self.controller = load()
                self.say("requests", answer)
                self.assertEqual(self.process([guest("a", 4000, 3800)], request=GIB_KIB), [3800])
                self.assertIsNotNone(controller.trouble)
        self.assertEqual(self.requests(), [])

    def test_trouble_is_told_of_once(self):
        os.environ["VIRTHINT"] = os.path.join(self.folder, "no-such-program")
        self.controller = load()
        with self.assertLogs("mom.Controllers.FreePageHint", logging.INFO) as logs:
            self.process()
            self.process()
            self.controller.program = os.path.join(self.folder, "virthint")
            self.process()
            self.process()
        self.assertEqual([record.levelname for record in logs.records], ["WARNING", "INFO"])


@unittest.skipUnless("VIRTHINTD" in os.environ, "VIRTHINTD is not set: run this by 'meson test'")
class DaemonTest(unittest.TestCase):
    """Against virthintd, over libvirt's test driver: nobody is asked, but requests are taken."""

    @classmethod
    def setUpClass(cls):
        cls.program = os.environ["VIRTHINT_PROGRAM"]
        os.environ["VIRTHINT"] = cls.program
        cls.bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--print-address"],
                                   stdout=subprocess.PIPE)
        cls.address = cls.bus.stdout.readline().decode().strip()
        os.environ["VIRTHINT_BUS_ADDRESS"] = cls.address

    @classmethod
    def tearDownClass(cls):
        cls.bus.terminate()
        cls.bus.wait()
        cls.bus.stdout.close()

    def setUp(self):
        os.environ["VIRTHINT"] = self.program

    def start(self, *options):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        policy = os.path.join(folder.name, "policy.json")
        with open(policy, "w", encoding="utf-8") as file:
            file.write('{"version": 1, "interval": "1s"}\n')
        command = [os.environ["VIRTHINTD"], "--bus", self.address, "--connect", "test:///default",
                   "--policy", policy] + list(options)
        daemon = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.terminate)
        end = time.monotonic() + LIMIT_S
        while self.virthint("list").get("domains", []) == []:
            self.assertLess(time.monotonic(), end, "virthintd does not come onto the bus")
            time.sleep(0.1)

    def virthint(self, *arguments):
        """What the daemon says; an empty document where there is none."""
        if subprocess.run([self.program, "--quiet", "request"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode != 0:
            return {}
        done = subprocess.run([self.program, "--json", "--quiet"] + list(arguments),
                              stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout.decode())

    def open(self):
        return self.virthint("request")["requests"]

    def test_requests_arrive(self):
        self.start()
        controller = load()
        host = MockEntity(controls={"hint_request": GIB_KIB, "hint_urgency": "high",
                                    "hint_deadline": 600})
        shrunk = guest("6695eb01-f6a4-8304-79aa-97f2502e193f", 4000, 3800)
        controller.process(host, [shrunk])
        self.assertIsNone(controller.trouble)
        self.assertIsNone(shrunk.GetControl("balloon_target"))
        requests = self.open()
        self.assertEqual([(request["bytes"], request["urgency"]) for request in requests],
                         [(1 << 30, "high")])
        controller.process(host, [])
        self.assertEqual(len(self.open()), 1)
        host.Control("hint_request", 2 * GIB_KIB)
        controller.process(host, [])
        self.assertEqual([request["bytes"] for request in self.open()], [1 << 30, 1 << 30])

    def test_dry_run(self):
        self.start("--dry-run")
        controller = load()
        shrunk = guest("a", 4000, 3800)
        controller.process(MockEntity(controls={"hint_request": GIB_KIB}), [shrunk])
        self.assertIsNotNone(controller.trouble)
        self.assertEqual(shrunk.GetControl("balloon_target"), 3800)

    def test_no_daemon(self):
        controller = load()
        shrunk = guest("a", 4000, 3800)
        controller.process(MockEntity(controls={"hint_request": GIB_KIB}), [shrunk])
        self.assertIn("virthintd", controller.trouble)
        self.assertEqual(shrunk.GetControl("balloon_target"), 3800)


if __name__ == "__main__":
    unittest.main()
