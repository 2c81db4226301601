#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Workers are killed 200 times in all; the directory is never torn, and the service is
whole again within 2 s."""
import mmap
import os
import random
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), ".."), "t", "lib"))
from fuzzsup import *

KILLS = 200
WORKERS = ("symbolizer", "collector", "frontend", "runner", "archive")
TARGET = 480


def open_directory(pid):
    for name in os.listdir(f"/proc/{pid}/fd"):
        link = f"/proc/{pid}/fd/{name}"
        if "fuzzsupd-directory" in os.readlink(link):
            with open(link, "rb") as file:
                return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    raise FileNotFoundError("directory")


def layout(page):
    """Offsets of committed and of the halves: the struct's tail is the two halves."""
    half = 16 + 4096 * TARGET
    half += -half % 8
    first = len(page) - 2 * half
    first -= first % 64
    return first - 64, first, half


def check(page):
    committed_at, first, half = layout(page)
    generation = struct.unpack_from("<Q", page, committed_at)[0]
    base = first + (generation & 1) * half
    copy = page[base:base + 16 + 8 * TARGET]
    if struct.unpack_from("<Q", page, committed_at)[0] != generation:
        return None  # flipped meanwhile: a reader tries again
    found, count = struct.unpack_from("<QI", copy)
    names = [copy[16 + i * TARGET + 8:16 + i * TARGET + 72].split(b"\0")[0] for i in range(count)]
    return found == generation and generation > 0 and count == 3 and names == sorted(names) and all(names)


with scratch() as folder:
    names = {f"t{i}": Target(f"/nonexistent/{i}") for i in range(3)}
    with Service(folder, targets=names) as service:
        page = open_directory(service.process.pid)
        wait_until(lambda: check(page), "the first directory")
        chance, torn, kills, slowest = random.Random(20250101), 0, 0, 0.0
        down = {}
        while kills < KILLS or down:
            for worker in WORKERS:
                pid = service.worker(worker)
                if worker in down and pid and pid != down[worker][0]:
                    slowest = max(slowest, time.monotonic() - down.pop(worker)[1])
                elif worker not in down and pid and kills < KILLS and chance.random() < 0.2:
                    os.kill(pid, signal.SIGKILL)
                    kills += 1
                    down[worker] = (pid, time.monotonic())
            torn += check(page) is False
            if any(time.monotonic() - since > patience_now() for _, since in down.values()):
                raise TimeoutError(f"these were not started again: {', '.join(down)}")
            time.sleep(0.005)
        equal(torn, 0, "the directory was never torn")
        equal(kills, KILLS, f"{KILLS} kills")
        figure(f"slowest restart of {KILLS} killed workers", slowest, "s", "< 2")
        wait_until(lambda: service.get("/healthz").status == 200, "all workers live long enough again")
        ok(True, "all is well again")
done()
