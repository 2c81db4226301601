#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Includes run only where the map allows: t → daemon, worker → common → libc.

A program is a house: common, daemon and each folder of worker/. A folder is a room. Rooms of one house may include
each other, in one direction; houses include nothing of each other but common."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

ROOM_FILES = 24  # .c and .h

# Includes that close a circle of rooms. A new one means that something lies in the wrong room; the list only shrinks.
CIRCLES = {
    "daemon/conf/conf.c health.h",
    "daemon/control/control.h supervisor.h",
    "daemon/control/control_jobs.h supervisor.h",
    "daemon/control/control_request.c health.h",
    "daemon/job/job_past.c archive_feed.h",
    "daemon/job/jobs.c archive_feed.h",
    "daemon/job/jobs.h supervisor.h",
    "daemon/target/table.h supervisor.h",
    "daemon/target/target.c jobs.h",
    "daemon/target/target_places.c jobs.h",
    "daemon/target/target_send.c jobs.h",
}

headers, sources, rooms_of = {}, [], {}  # rooms_of: (house, header) → its rooms
for top in ("common", "daemon", "worker"):
    for folder, _, files in os.walk(os.path.join(SRC, top)):
        room = os.path.relpath(folder, SRC)
        house = "/".join(room.split(os.sep)[:2]) if top == "worker" else top
        for name in files:
            if name.endswith(".h"):
                headers.setdefault(name, set()).add(house)
                rooms_of.setdefault((house, name), []).append(room)
            if name.endswith((".c", ".h")):
                sources.append((house, room, os.path.join(folder, name)))

wrong, guards, spdx, long_files, sizes, arrows, circles = [], [], [], [], {}, {}, set()
for house, room, path in sources:
    with open(path) as file:
        text = file.read()
    name = os.path.relpath(path, SRC)
    sizes[room] = sizes.get(room, 0) + 1
    if not text.startswith("/* SPDX-License-Identifier: MIT\n"):
        spdx.append(name)
    if text.count("\n") > 1000:
        long_files.append(name)
    if path.endswith(".h") and not re.search(r"^#ifndef FUZZSUP_\w+_H$", text, re.M):
        guards.append(name)
    for included in re.findall(r'^#include "(?:.*/)?([\w.-]+)"', text, re.M):
        homes = headers.get(included, set())
        for other in rooms_of.get((house, included), []):
            if f"{name} {included}" in CIRCLES:
                circles.add(f"{name} {included}")
            elif other != room:
                arrows.setdefault((room, other), []).append(f"{name} {included}")
        if included == "config.h" or house in homes or "common" in homes:
            continue
        if homes:
            wrong.append(f"{name} includes {included} of {sorted(homes)}")
equal(wrong, [], f"arrows of {len(sources)} files")
equal(spdx, [], "every file names its licence first")
equal(guards, [], "every header has a guard")
equal(long_files, [], "no file has more than 1,000 lines")
doubles = {name: sorted(rooms) for name, rooms in headers.items() if "common" in rooms and len(rooms) > 1}
equal(doubles, {}, "no header hides one of common/")
equal({name: rooms for (_, name), rooms in rooms_of.items() if len(rooms) > 1}, {}, "no header hides one of another room")
equal({room: size for room, size in sizes.items() if size > ROOM_FILES}, {}, f"no room has more than {ROOM_FILES} files")
# A room that includes no other is in no circle, and may go; what stays is in one, or includes one that is.
left = set(sizes)
while True:
    free = {room for room in left if not any(a == room and b in left for a, b in arrows)}
    if not free:
        break
    left -= free
equal({arrow: names for arrow, names in arrows.items() if set(arrow) <= left}, {}, "rooms include each other in one direction")
equal(CIRCLES - circles, set(), "every known circle is still there")
done()
