#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the shipped scenarios and checks what must hold whatever the figures are: that all of them
run with all engines, that the document has its form, that nobody protected is asked by virthint's
own engine, and that the same seed gives the same document. Prints TAP.

Usage: check.py VIRTHINT SEEDS HORIZON [SCENARIO...]     (HORIZON "-": each scenario's own)
"""
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

SPREADS = ("cost", "deficit_gib_s", "bother_ms", "refault_mib", "protected_asks", "wasted_share",
           "regret", "lcb_coverage")
ENGINES = ("virthint", "uniform", "proportional", "largest", "proxmox", "mom", "esx", "none",
           "reference")

n_tests = 0


def report(is_good, name, problems=()):
    global n_tests
    n_tests += 1
    for problem in problems:
        print("# " + problem)
    print("%s %d %s" % ("ok" if is_good else "not ok", n_tests, name), flush=True)
    return is_good


def simulate(program, arguments):
    done = subprocess.run([program, "simulate", "--json", "--quiet", *arguments], check=True,
                          stdout=subprocess.PIPE, text=True)
    return done.stdout


def spread_problems(engine, key):
    spread = engine.get(key)
    if not isinstance(spread, dict) or set(spread) != {"mean", "lo", "hi"}:
        return ["%s: %s is %r" % (engine.get("engine"), key, spread)]
    numbers = [spread[k] for k in ("lo", "mean", "hi")]
    if any(n is not None and not math.isfinite(n) for n in numbers):
        return ["%s: %s is not finite" % (engine["engine"], key)]
    if None not in numbers and not numbers[0] <= numbers[1] <= numbers[2]:
        return ["%s: %s is out of order: %r" % (engine["engine"], key, numbers)]
    return []


def scenario_problems(scenario):
    problems = []
    names = [engine["engine"] for engine in scenario["engines"]]
    if set(names) != set(ENGINES):
        problems.append("engines are %r" % names)
    for engine in scenario["engines"]:
        for key in SPREADS:
            problems += spread_problems(engine, key)
        if engine["cost"]["mean"] is None or engine["cost"]["mean"] < 0:
            problems.append("%s: there is no cost" % engine["engine"])
        if engine["engine"] in ("virthint", "reference") and engine["protected_asks"]["mean"] != 0:
            problems.append("%s asks protected guests" % engine["engine"])
        if engine["engine"] == "none" and engine["bother_ms"]["mean"] != 0:
            problems.append("somebody is bothered although nobody is asked")
    if "cheaper_than" not in scenario.get("verdict", {}):
        problems.append("there is no verdict")
    return problems


def report_problems(program, folder):
    """A page in each language; both show the verdict, and the pictures are inside or beside."""
    options = ["--scenario", "example-small", "--seeds", "2", "--horizon", "5min",
               "--engines", "virthint,none"]
    problems = []
    for name, wanted in (("page.html", 'src="data:image/svg+xml;base64,'),
                         ("page.md", "![example-small-cost](page-example-small-cost.svg)")):
        path = os.path.join(folder, name)
        simulate(program, [*options, "--report", path])
        with open(path, encoding="utf-8") as page:
            text = page.read()
        if wanted not in text or "asks of protected guests" not in text:
            problems.append("%s lacks its picture or verdict" % name)
    if not os.path.exists(os.path.join(folder, "page-example-small-cost.svg")):
        problems.append("the picture beside the Markdown is not there")
    return problems


def refusal_problems(program, folder):
    """What cannot be run says why, and what would be right."""
    bad = os.path.join(folder, "bad.json")
    with open(bad, "w", encoding="utf-8") as scenario:
        scenario.write('{"version": 1,\n "nam": "x"}')
    problems = []
    for arguments, status, wanted in ((["--seeds", "0"], 2, "write 1 to 10000"),
                                      (["--engines", "best"], 1, "write virthint, "),
                                      (["--scenario", "no-such"], 1, "simulate --list"),
                                      (["--scenario", bad], 1, ':2: /nam: unknown key "nam"')):
        done = subprocess.run([program, "simulate", *arguments], stderr=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, text=True, check=False)
        if done.returncode != status or wanted not in done.stderr:
            problems.append("%s: status %d: %s" % (" ".join(arguments), done.returncode,
                                                   done.stderr.strip()))
    return problems


def main():
    program, seeds, horizon = sys.argv[1:4]
    chosen = [argument for name in sys.argv[4:] for argument in ("--scenario", name)]
    options = ["--seeds", seeds] + ([] if horizon == "-" else ["--horizon", horizon])
    shipped = json.loads(simulate(program, ["--list", *chosen]))["scenarios"]
    document = json.loads(simulate(program, [*chosen, *options]))
    names = [scenario["name"] for scenario in document["scenarios"]]
    is_good = report(names == [scenario["name"] for scenario in shipped] and len(names) > 0,
                     "all scenarios were run", ["%d scenarios" % len(names)])
    for scenario in document["scenarios"]:
        problems = scenario_problems(scenario)
        is_good &= report(not problems, scenario["name"], problems)
    again = ["--scenario", names[0], "--seeds", "2", "--horizon", "20min"]
    is_good &= report(simulate(program, again) == simulate(program, again),
                      "the same seed gives the same document")
    with tempfile.TemporaryDirectory() as folder:
        problems = refusal_problems(program, folder)
        is_good &= report(not problems, "refusals", problems)
        if shutil.which("gnuplot"):
            problems = report_problems(program, folder)
            is_good &= report(not problems, "reports", problems)
        else:
            report(True, "reports # SKIP gnuplot is not installed")
    print("1..%d" % n_tests)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
