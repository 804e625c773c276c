#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests move between a stock QEMU and one with the series, in both directions.

With the series' properties off nothing of it may be seen in a migration stream: the
description that QEMU writes at its end has the same sections and fields from either, and each
loads what the other has saved. Prints TAP.

Usage: stream.py PATCHED STOCK [KERNEL INITRD]
"""
import json
import os
import select
import struct
import subprocess
import sys
import tempfile
import time

HANG_S = 120  # bounds a hang; nothing is measured by it

# Machine types from today's to some whose balloon had a smaller configuration space.
MACHINES = {
    "7.2": ["pc-i440fx-7.2", "pc-q35-7.2", "pc-i440fx-5.1", "pc-i440fx-4.0", "pc-q35-3.1",
            "pc-i440fx-2.12"],
    "10.0": ["pc-i440fx-10.0", "pc-q35-10.0", "pc-i440fx-7.2", "pc-i440fx-5.1", "pc-q35-4.0",
             "pc-i440fx-3.1"],
}
BALLOONS = {
    "plain": "",
    "deflate-on-oom": ",deflate-on-oom=on",
    "free-page-reporting": ",free-page-reporting=on",
    "free-page-hint": ",free-page-hint=on,iothread=io0",
}


class Failure(Exception):
    """What a test has found, in one line."""


class Skip(Exception):
    """Why a test cannot run here."""


class Qemu:
    """One emulator and its monitor. Ends with the `with` it is made for."""

    def __init__(self, path, *arguments):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [path, "-nodefaults", "-display", "none", "-qmp", "stdio", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        self.unread = b""

    def __enter__(self):
        self.read("QMP")
        self.command("qmp_capabilities")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip().replace("\n", "; ")

    def last_words(self):
        return "QEMU has ended: " + (self.said() or "without a word")

    def read_line(self, deadline):
        while b"\n" not in self.unread:
            if not select.select([self.process.stdout], [], [], deadline - time.monotonic())[0]:
                raise Failure("the monitor does not answer")
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise Failure(self.last_words())
            self.unread += more
        line, self.unread = self.unread.split(b"\n", 1)
        return json.loads(line)

    def read(self, *keys):
        """The next message with one of the keys; events are passed over."""
        deadline = time.monotonic() + HANG_S
        while True:
            message = self.read_line(deadline)
            if any(key in message for key in keys):
                return message

    def command(self, name, **arguments):
        request = {"execute": name, "arguments": arguments}
        try:
            os.write(self.process.stdin.fileno(), json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            raise Failure(self.last_words()) from None
        reply = self.read("return", "error")
        if "error" in reply:
            raise Failure(name + ": " + reply["error"]["desc"])
        return reply["return"]

    def wait_for(self, what, condition):
        deadline = time.monotonic() + HANG_S
        while not condition():
            if time.monotonic() > deadline:
                raise Failure("never came: " + what)
            time.sleep(0.02)

    def wait_migrated(self):
        def ended():
            status = self.command("query-migrate")
            if status.get("status") == "failed":
                raise Failure("migration failed: " + status.get("error-desc", self.said()))
            return status.get("status") == "completed"
        self.wait_for("the end of the migration", ended)

    def save(self, path):
        self.command("migrate", uri="exec:cat >" + path)
        self.wait_migrated()

    def load(self, path):
        self.command("migrate-incoming", uri="exec:cat " + path)
        self.wait_migrated()


def machine(name, balloon):
    return ["-accel", "tcg", "-machine", name, "-m", "64", "-object", "iothread,id=io0",
            "-device", "virtio-balloon-pci,id=balloon0" + BALLOONS[balloon]]


def description(path):
    """The description at the stream's end: 6, its length in four bytes, and JSON."""
    with open(path, "rb") as file:
        data = file.read()
    start = len(data)
    while (start := data.rfind(b"\x06", 0, start)) >= 0:
        (length,) = struct.unpack_from(">I", data.ljust(start + 5, b"\0"), start + 1)
        if length > 0 and start + 5 + length == len(data):
            return json.loads(data[start + 5:])
    raise Failure("the stream has no description at its end")


def difference(one, other, where=""):
    """The first place where two descriptions differ, or None."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if key not in one or key not in other:
                return "%s has %s only in the %s one" % (where, key,
                                                         "first" if key in one else "second")
            found = difference(one[key], other[key], where + "/" + key)
            if found:
                return found
        return None
    if isinstance(one, list) and isinstance(other, list):
        for number, (left, right) in enumerate(zip(one, other)):
            name = left.get("name", number) if isinstance(left, dict) else number
            found = difference(left, right, "%s/%s" % (where, name))
            if found:
                return found
        if len(one) != len(other):
            return "%s has %d entries and %d" % (where, len(one), len(other))
        return None
    return None if one == other else "%s is %s and %s" % (where, one, other)


def move(source, target, name, balloon, path):
    """Saves a guest with one emulator, loads it with the other; the stream's description."""
    with Qemu(source, *machine(name, balloon), "-S") as qemu:
        qemu.save(path)
    with Qemu(target, *machine(name, balloon), "-S", "-incoming", "defer") as qemu:
        qemu.load(path)
        if not qemu.command("query-balloon")["actual"]:
            raise Failure("the balloon is gone")
    return description(path)


def test_streams(patched, stock, name, balloon, path):
    ours = move(patched, stock, name, balloon, path)
    theirs = move(stock, patched, name, balloon, path)
    found = difference(theirs, ours)
    if found:
        raise Failure("stock (first) and patched (second) differ: " + found)


def test_control(patched, _, name, path):
    """What is switched off does travel, in a section that the comparison above would have seen."""
    arguments = machine(name, "free-page-reporting")
    with Qemu(patched, *arguments, "-S") as qemu:
        qemu.save(path)
    plain = description(path)
    with Qemu(patched, *arguments, "-S") as qemu:
        qemu.command("balloon-reporting-set", enabled=False)
        qemu.save(path)
    if not difference(plain, description(path)):
        raise Failure("a stream with reporting switched off looks like one without")
    with Qemu(patched, *arguments, "-S", "-incoming", "defer") as qemu:
        qemu.load(path)
        if qemu.command("query-balloon-reporting")["enabled"]:
            raise Failure("reporting is on again after the move")


def device_descriptions(path, name, directory):
    """What QEMU says of the state of each device that it has (-dump-vmstate)."""
    out = os.path.join(directory, "vmstate.json")
    subprocess.run([path, "-nodefaults", "-display", "none", "-machine", name + ",accel=tcg",
                    "-dump-vmstate", out], check=True, timeout=HANG_S, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(out, encoding="utf-8") as file:
        return json.load(file)


def without_subsections(node):
    return {key: value for key, value in node.items() if key != "Subsections"}


def test_descriptions(patched, stock, name, path):
    """Every device of both has the same state; the balloon's may only have more subsections."""
    ours = device_descriptions(patched, name, os.path.dirname(path))
    theirs = device_descriptions(stock, name, os.path.dirname(path))
    common = sorted(ours.keys() & theirs.keys())
    if "virtio-balloon-device" not in common or len(common) < 50:
        raise Failure("only %d devices to compare" % len(common))
    for device in common:
        one, other = theirs[device], ours[device]
        if device == "virtio-balloon-device":
            more = other["Description"].get("Subsections", [])
            for subsection in one["Description"].get("Subsections", []):
                if subsection not in more:
                    raise Failure("the balloon lost subsection " + subsection["name"])
            one, other = dict(one), dict(other)
            one["Description"] = without_subsections(one["Description"])
            other["Description"] = without_subsections(other["Description"])
        found = difference(one, other, device)
        if found:
            raise Failure("stock (first) and patched (second) differ: " + found)


def driver_is_up(qemu):
    """DRIVER_OK: the guest's driver has negotiated and set up its queues."""
    status = qemu.command("x-query-virtio-status",
                          path="/machine/peripheral/balloon0/virtio-backend")
    return any("VIRTIO_CONFIG_S_DRIVER_OK" in text for text in status["status"]["statuses"])


def test_live(source, target, name, path, images):
    """A guest whose driver runs moves on, and its balloon still does what it is told."""
    if not images:
        raise Skip("no images of the guest lab")
    arguments = ["-accel", "tcg", "-machine", name, "-m", "256", "-cpu", "max,-erms,-fsrm",
                 "-kernel", images[0], "-initrd", images[1], "-append",
                 "console=ttyS0 quiet acpi=off cryptomgr.notests=1 init_on_alloc=0 nokaslr "
                 "mitigations=off no_timer_check tsc=reliable audit=0",
                 "-device", "virtio-balloon-pci,id=balloon0,free-page-reporting=on"]
    mib = 1 << 20
    with Qemu(source, *arguments) as qemu:
        qemu.wait_for("the guest's balloon driver", lambda: driver_is_up(qemu))
        qemu.command("balloon", value=192 * mib)
        qemu.wait_for("the balloon at 192 MiB",
                      lambda: qemu.command("query-balloon")["actual"] == 192 * mib)
        qemu.save(path)
    with Qemu(target, *arguments, "-incoming", "defer") as qemu:
        qemu.load(path)
        if qemu.command("query-balloon")["actual"] != 192 * mib:
            raise Failure("the balloon has another size after the move")
        for size in (160, 256):
            qemu.command("balloon", value=size * mib)
            qemu.wait_for("the balloon at %d MiB" % size,
                          lambda: qemu.command("query-balloon")["actual"] == size * mib)


def cases(patched, stock, images, path):
    """(name, function, arguments)"""
    version = subprocess.run([patched, "-version"], capture_output=True, text=True,
                             check=True).stdout.split()[3]
    names = MACHINES[".".join(version.split(".")[:2])]
    for name in names:
        for balloon in BALLOONS:
            yield "%s, %s: both directions" % (name, balloon), test_streams, (
                patched, stock, name, balloon, path)
    for name in names[:2]:
        yield name + ": descriptions of all devices", test_descriptions, (patched, stock, name,
                                                                          path)
    yield names[0] + ": switched off is a section", test_control, (patched, stock, names[0], path)
    for label, pair in (("stock to patched", (stock, patched)),
                        ("patched to stock", (patched, stock))):
        yield "%s, a running guest: %s" % (names[0], label), test_live, (
            *pair, names[0], path, images)


def main():
    patched, stock, *images = sys.argv[1:]
    failed = False
    with tempfile.TemporaryDirectory(prefix="virthint-stream-") as directory:
        path = os.path.join(directory, "stream")
        planned = list(cases(patched, stock, images, path))
        print("1..%d" % len(planned))
        for number, (name, function, arguments) in enumerate(planned, 1):
            try:
                function(*arguments)
                print("ok %d %s" % (number, name), flush=True)
            except Skip as reason:
                print("ok %d %s # SKIP %s" % (number, name, reason), flush=True)
            except (Failure, OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
                failed = True
                print("# %s\nnot ok %d %s" % (error, number, name), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
