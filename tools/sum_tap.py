#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up test results: sum_tap.py [--hashes] FILE...

A FILE is TAP (*.tap) or Meson's testlog.json.  Prints every failure with its diagnostics and, last, one
line "passed failed skipped".  A program that died, or ran fewer tests than it planned, is one failure more.
With --hashes it prints only the lines "# hash ..." of all programs, sorted: what must not depend on the
compiler.
"""
import json
import re
import sys

LINE = re.compile(r"^(not )?ok\b(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)")


def count_tap(text):
    """(passed, failed, skipped, names of failures, number planned or None)"""
    passed = failed = skipped = 0
    bad, planned = [], None
    for line in text.splitlines():
        plan = PLAN.match(line)
        if plan:
            planned = int(plan.group(1)) + (planned or 0)
        match = LINE.match(line)
        if line.startswith("# skipped: "):  # T_SKIP of tests/t.h: the test itself then says "ok"
            skipped += 1
            passed -= 1
        if not match:
            continue
        if re.search(r"#\s*skip", match.group(2), re.I):
            skipped += 1
        elif match.group(1):
            failed += 1
            bad.append(match.group(2).strip())
        else:
            passed += 1
    return passed, failed, skipped, bad, planned


def programs(path):
    """Yields (name, text, ended well, prints TAP) of each program in a result file."""
    if path.endswith(".tap"):
        with open(path, encoding="utf-8", errors="replace") as file:
            yield path, file.read(), True, True
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            test = json.loads(line)
            text = test.get("stdout", "")
            good = test["result"] in ("OK", "SKIP", "EXPECTEDFAIL")
            name = test["name"]
            if test.get("stderr"):
                text += "\n" + "\n".join("# " + l for l in test["stderr"].splitlines())
            tap = PLAN.search(text) is not None or re.search(r"^1\.\.\d", text, re.M) is not None
            yield name, text, good, tap


def main(arguments):
    hashes = "--hashes" in arguments
    passed = failed = skipped = 0
    for path in (a for a in arguments if a != "--hashes"):
        for name, text, good, tap in programs(path):
            if hashes:
                for line in text.splitlines():
                    if line.startswith("# hash "):
                        print(name.split(" / ")[-1].split(":")[-1], line)
                continue
            p, f, s, bad, planned = count_tap(text)
            if not tap:
                p, f, s = (1, 0, 0) if good else (0, 1, 0)
            elif f == 0 and (not good or (planned is not None and p + s < planned)):
                f = 1
                bad = ["died, or ended before its last test"]
            if f:
                print("FAILED %s: %s" % (name, "; ".join(bad) or "exit status"))
                lines = [l for l in text.splitlines() if l and not l.startswith(("ok", "# seed"))]
                if len(lines) > 40:
                    lines = lines[:25] + ["..."] + lines[-15:]
                for line in lines:
                    print("    " + line)
            passed, failed, skipped = passed + p, failed + f, skipped + s
    if not hashes:
        print(passed, failed, skipped)


main(sys.argv[1:])
