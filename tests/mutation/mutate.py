#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Breaks each bound of the engine, one at a time, and demands that its test notices.

A mutation is a piece of policy/core that stands there exactly once, what takes its place, and the
test of tests/unit/test-bounds.c that must fail then. Without a mutation all of them must pass. The
output is TAP. Usage: mutate.py SOURCE_ROOT [BOUND...]
"""

import os
import subprocess
import sys
import tempfile

from mutations import MUTATIONS

BASE = "libvirt-plugin/base"
CORE = "policy/core"
UNIT = "tests/unit"


def flags(*arguments):
    return subprocess.run(["pkg-config", *arguments, "json-glib-1.0"], check=True, text=True,
                          capture_output=True).stdout.split()


class Tree:
    """The sources that the test is made of, compiled once each, and again where one is mutated."""

    def __init__(self, root, work):
        self.root, self.work = root, work
        folders = {CORE: os.listdir(f"{root}/{CORE}"), BASE: os.listdir(f"{root}/{BASE}"),
                   UNIT: ["fleet.c", "test-bounds.c"]}
        # the version's header is made by the build, and nothing here asks for the version
        self.sources = sorted(f"{folder}/{name}" for folder, names in folders.items()
                              for name in names if name.endswith(".c") and name != "vh-version.c")
        self.cflags = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", *flags("--cflags")]
        self.cflags += [f"-I{root}/{folder}" for folder in folders]
        self.objects = {source: self.compile(f"{root}/{source}", source) for source in self.sources}

    def compile(self, path, source):
        target = f"{self.work}/{source.replace('/', '_')}.{len(os.listdir(self.work))}.o"
        subprocess.run(["cc", *self.cflags, "-c", path, "-o", target], check=True)
        return target

    def link(self, objects):
        program = f"{self.work}/test-bounds"
        subprocess.run(["cc", *objects.values(), "-o", program, *flags("--libs"), "-lm"],
                       check=True)
        return program

    def mutate(self, source, old, new):
        """The program with one piece of a source replaced."""
        path = f"{self.root}/{source}"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if text.count(old) != 1:
            raise ValueError(f"{source} has {text.count(old)} times (must be once): {old!r}")
        broken = f"{self.work}/{os.path.basename(source)}"
        with open(broken, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        return self.link({**self.objects, source: self.compile(broken, source)})


def passes(program, bound):
    """Whether the test of a bound passes; a program that crashes does not."""
    seed = "--seed=R02S" + "0123456789abcdef" * 2
    result = subprocess.run([program, seed, "-p", f"/bounds/{bound}"],
                            capture_output=True, text=True, timeout=600, check=False)
    if f"ok 1 /bounds/{bound}" not in result.stdout and result.returncode == 0:
        raise ValueError(f"there is no test /bounds/{bound}")
    return result.returncode == 0


def check(tree, bound, source, old, new):
    """What is wrong, or None."""
    try:
        if passes(tree.mutate(source, old, new), bound):
            return "the test passes although the bound is broken"
    except (ValueError, subprocess.SubprocessError) as error:
        return str(error)
    return None


def main(root, bounds):
    chosen = [m for m in MUTATIONS if not bounds or m[0] in bounds]
    n_failed = 0
    print(f"1..{len(chosen)}", flush=True)
    with tempfile.TemporaryDirectory() as work:
        tree = Tree(os.path.abspath(root), work)
        intact = tree.link(tree.objects)
        sound = {bound: passes(intact, bound) for bound in {m[0] for m in chosen}}
        for number, (bound, what, source, old, new) in enumerate(chosen, 1):
            wrong = check(tree, bound, source, old, new) if sound[bound] else \
                "the test fails without a mutation"
            n_failed += wrong is not None
            print(f"{'not ok' if wrong else 'ok'} {number} {bound}: {what}", flush=True)
            if wrong:
                print(f"# {wrong}", flush=True)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
