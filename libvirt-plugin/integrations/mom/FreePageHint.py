# SPDX-License-Identifier: LGPL-2.1-or-later
"""A controller for MOM that leaves the asking for memory to virthint.

MOM loads it by its name from `controllers:` and calls process() behind each evaluation of its
policy. It does two things, and leaves KSM, CPU and I/O tuning to MOM's own controllers:

- where the policy wants memory (the host's control `hint_request`, in KiB), it hands that to
  virthintd as one request; virthintd chooses whom to ask, and asks for what is free only;
- it holds back balloon targets of MOM's own that would fight with that: those for a guest that is
  being asked, or was just now, and those that would shrink a guest, unless the policy allows them
  (the host's control `hint_balloon`). It has to stand before Balloon in `controllers:`.

Where virthintd does not answer, nothing is held back: MOM then does what it always did. Where it
answers, but takes no request (on a dry run, say), only guests that are being asked are left alone.

Controls of the host (the policy sets them; see virthint.policy):
    hint_request   KiB that are wanted; none or 0: nothing
    hint_urgency   a level of virthint's: proactive, low, high, critical; default: low
    hint_deadline  seconds that a request lives; default: 60
    hint_balloon   1: MOM may shrink guests itself

Python 3.6 or later, standard library only; nothing of MOM is imported.
"""

import json
import logging
import os
import subprocess
import time

URGENCIES = ("proactive", "low", "high", "critical")
DEFAULT_URGENCY = "low"
DEFAULT_DEADLINE_S = 60

# A request for less is not worth the trouble.
LEAST_KIB = 64 << 10

# For so long what MOM's collectors saw of a guest may be from while it was asked. On oVirt they
# look every 15 s.
STALE_S = 45

# virthint only talks to virthintd, which answers without waiting for any guest.
ANSWER_S = 10


class Failure(Exception):
    """virthint did not answer, or something that makes no sense."""


def number(value):
    """What a policy's control says, as a whole number; 0 where it says nothing of use."""
    try:
        return max(0, int(value))
    except (TypeError, ValueError, OverflowError):
        return 0


class FreePageHint(object):
    """See the head of this file."""

    def __init__(self, properties):
        self.properties = properties
        self.logger = logging.getLogger("mom.Controllers.FreePageHint")
        self.program = os.environ.get("VIRTHINT", "virthint")
        self.trouble = None  # what was last said of a virthintd that does not answer
        self.urgency_said = None

    # ---- virthint ----

    def run(self, *arguments):
        """The document that a command prints."""
        command = [self.program, "--json", "--quiet"] + list(arguments)
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=ANSWER_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failure(str(error))
        if done.returncode != 0:
            raise Failure(done.stderr.decode("utf-8", "replace").strip()[:400])
        try:
            document = json.loads(done.stdout.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise Failure("%s: %s" % (" ".join(command), error))
        if not isinstance(document, dict):
            raise Failure("%s: not an object" % " ".join(command))
        return document

    def rows(self, command, key):
        """The list of objects that a command prints under a key."""
        rows = self.run(command).get(key)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Failure("%s: '%s' is no list of objects" % (command, key))
        return rows

    def open_requests(self):
        """Those that virthintd works at. Only the daemon can say: without one it fails."""
        return self.rows("request", "requests")

    def asked(self):
        """UUIDs of the guests whose balloon figures are not MOM's to read now."""
        now_us = time.time() * 1000000
        uuids = set()
        for domain in self.rows("list", "domains"):
            last = domain.get("last_ask")
            ended_us = number(last.get("ended_time_us")) if isinstance(last, dict) else 0
            if "in_flight" in domain or now_us - ended_us < STALE_S * 1000000:
                uuids.add(str(domain.get("uuid")))
        return uuids

    # ---- The guests' balloons ----

    def hold_back(self, guest, asked, may_shrink):
        """Takes MOM's balloon target away from a guest where it would do harm."""
        target = guest.GetControl("balloon_target")
        if target is None:
            return
        name = guest.Prop("name")
        if guest.Prop("uuid") in asked:
            self.logger.info("%s: virthint asks it, or just did: no target of %s KiB", name, target)
        elif may_shrink or not self.shrinks(guest, number(target)):
            return
        else:
            self.logger.info("%s: left to virthint: no target of %s KiB", name, target)
        guest.Control("balloon_target", None)

    @staticmethod
    def shrinks(guest, target):
        """Whether a target takes memory away; also where nobody knows."""
        try:
            current = guest.Stat("balloon_cur")
        except KeyError:
            current = None
        return current is None or target < current

    # ---- The host ----

    def urgency(self, host):
        """The level that the policy says; a slip of it is told of once."""
        urgency = host.GetControl("hint_urgency")
        if urgency is None or urgency in URGENCIES:
            return urgency or DEFAULT_URGENCY
        if urgency != self.urgency_said:
            self.logger.warning("hint_urgency: %r is none of %s; %s is taken", urgency,
                                ", ".join(URGENCIES), DEFAULT_URGENCY)
        self.urgency_said = urgency
        return DEFAULT_URGENCY

    def request(self, host, requests):
        """Asks for what is wanted and not asked for yet."""
        wanted = number(host.GetControl("hint_request")) << 10
        pending = sum(max(0, number(request.get("bytes")) - number(request.get("returned_bytes")))
                      for request in requests if request.get("status") == "open")
        missing = wanted - pending
        if missing < LEAST_KIB << 10:
            return
        deadline = number(host.GetControl("hint_deadline")) or DEFAULT_DEADLINE_S
        urgency = self.urgency(host)
        document = self.run("request", "%dB" % missing, "--urgency", urgency, "--deadline",
                            "%ds" % deadline)
        self.logger.info("request %s: %d MiB, urgency %s", document.get("id"), missing >> 20,
                         urgency)

    # ---- What MOM calls ----

    def process(self, host, guests):
        """After each evaluation of the policy."""
        may_shrink = number(host.GetControl("hint_balloon")) > 0
        asked = set()
        try:
            requests = self.open_requests()
            asked = self.asked()
            self.request(host, requests)
        except Failure as failure:
            may_shrink = True
            if str(failure) != self.trouble:
                self.logger.warning("virthint: %s; MOM's own balloon goes on", failure)
            self.trouble = str(failure)
        else:
            if self.trouble is not None:
                self.logger.info("virthint answers again")
            self.trouble = None
        for guest in guests:
            self.hold_back(guest, asked, may_shrink)


def instance(properties):
    """MOM's way to make a controller."""
    return FreePageHint(properties)
