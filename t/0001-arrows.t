#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Includes run only where the map allows: t → daemon, worker → common → libc."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

headers, sources = {}, []
for top in ("common", "daemon", "worker"):
    for folder, _, files in os.walk(os.path.join(SRC, top)):
        # a house: the rooms of one program, which may include each other
        path = os.path.relpath(folder, SRC).split(os.sep)
        room = "/".join(path[:2]) if top == "worker" else top
        for name in files:
            if name.endswith(".h"):
                headers.setdefault(name, set()).add(room)
            if name.endswith((".c", ".h")):
                sources.append((room, os.path.join(folder, name)))

wrong, guards, spdx, long_files = [], [], [], []
for room, path in sources:
    with open(path) as file:
        text = file.read()
    name = os.path.relpath(path, SRC)
    if not text.startswith("/* SPDX-License-Identifier: MIT\n"):
        spdx.append(name)
    if text.count("\n") > 1000:
        long_files.append(name)
    if path.endswith(".h") and not re.search(r"^#ifndef FUZZSUP_\w+_H$", text, re.M):
        guards.append(name)
    for included in re.findall(r'^#include "(?:.*/)?([\w.-]+)"', text, re.M):
        homes = headers.get(included, set())
        if included == "config.h" or room in homes or "common" in homes:
            continue
        if homes:
            wrong.append(f"{name} includes {included} of {sorted(homes)}")
equal(wrong, [], f"arrows of {len(sources)} files")
equal(spdx, [], "every file names its licence first")
equal(guards, [], "every header has a guard")
equal(long_files, [], "no file has more than 1,000 lines")
doubles = {name: sorted(rooms) for name, rooms in headers.items() if "common" in rooms and len(rooms) > 1}
equal(doubles, {}, "no header hides one of common/")
done()
