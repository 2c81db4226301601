#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the tests that tell figures, on a machine that does nothing else, and prints what they tell: `builddir=BUILD figures.py`
runs all of them, `figures.py 0600-kill 0620-supervisor` some. Tests never judge times themselves."""
import os
import re
import subprocess
import sys

T = os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."), "t")
wanted = sys.argv[1:]
failed = 0
for name in sorted(os.listdir(T)):
    path = os.path.join(T, name)
    if not name.endswith(".t") or (wanted and name[:-2] not in wanted):
        continue
    with open(path) as file:
        if not re.search(r"^\s+figure\(", file.read(), re.M):
            continue
    ran = subprocess.run([path], capture_output=True, text=True, env=dict(os.environ, SHARES="1"))
    failed += ran.returncode != 0
    print(f"{name}{'' if ran.returncode == 0 else ': FAILED'}")
    for line in ran.stdout.splitlines():
        if line.startswith("# figure: "):
            print(f"  {line[10:]}")
sys.exit(failed > 0)
