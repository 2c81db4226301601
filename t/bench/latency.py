#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long from a bit that is set to a WebSocket client that has it, and what 100 idle
targets cost meanwhile: latency.py [SAMPLES]. Run with a release build (builddir=…)."""
import mmap
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))
from fuzzsup import *
from wire import *

SAMPLES = int(sys.argv[1]) if len(sys.argv) > 1 else 300
IDLE = 100


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def quantiles(values):
    values = sorted(values)
    return values[len(values) // 2] * 1e3, values[len(values) * 99 // 100] * 1e3


class Writer:
    """Sets bits in a mapped coverage file, as a fuzzer does."""

    def __init__(self, path, doorbell):
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 0)
        self.doorbell = os.open(doorbell, os.O_RDWR | os.O_NONBLOCK) if doorbell else None

    def hit(self, index):
        self.map[24 + index // 8] |= 1 << index % 8
        runs, unique = struct.unpack_from("<QQ", self.map)
        struct.pack_into("<QQ", self.map, 0, runs + 1, unique + 1)
        if self.doorbell is not None:
            os.write(self.doorbell, b"!")


def measure(follower, writer, indexes):
    found, generator = [], random.Random(1)
    for index in indexes:
        end = time.monotonic() + generator.uniform(0.005, 0.03)
        while time.monotonic() < end:
            if follower.socket.readable(max(0, end - time.monotonic())):
                follower.step()
        start = time.perf_counter()
        writer.hit(index)
        follower.until(lambda: follower.bits >> index & 1)
        found.append(time.perf_counter() - start)
    return found


with scratch() as folder:
    executable = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    made = os.path.join(folder, "made")
    subprocess.run([executable, "-runs=1", "-seed=1"], env=dict(os.environ, FUZZSUP_DIR=made), stderr=subprocess.DEVNULL, check=True)
    name = [f for f in os.listdir(made) if len(f) == 16][0]
    pcs = CoverageFile.read(os.path.join(made, name))[3]
    targets = {}
    for i in range(IDLE):
        place = os.path.join(folder, f"idle{i}")
        os.mkdir(place)
        CoverageFile(os.path.join(place, "00000000000000aa"), pcs).hit(1)
        targets[f"idle{i}"] = Target(executable, place)
    for which in ("ours", "foreign"):
        os.mkdir(os.path.join(folder, which))
        targets[which] = Target(executable, os.path.join(folder, which))
    with Service(folder, targets) as service:
        for target in ("ours", "foreign"):
            service.wait_state(target, "ready")
        ours = os.path.join(folder, "ours")
        for file in (name + ".module", name):
            with open(os.path.join(made, file), "rb") as source, open(os.path.join(ours, ".new"), "wb") as copy:
                data = source.read()
                copy.write(data if file.endswith("module") else struct.pack("<QQQ", 0, 0, len(pcs)) + bytes(8 * ((len(pcs) + 63) // 64)) + data[24 + 8 * ((len(pcs) + 63) // 64):])
            os.rename(os.path.join(ours, ".new"), os.path.join(ours, file))
        foreign = CoverageFile(os.path.join(folder, "foreign", "00000000000000bb"), pcs)
        indexes = list(range(2, min(len(pcs), 2 + SAMPLES)))
        workers = {w: service.worker(w) for w in ("collector", "frontend")}
        for which, writer in (("our runtime", Writer(os.path.join(ours, name), os.path.join(ours, ".wake"))),
                              ("foreign writer", Writer(foreign.path, None))):
            follower = Follower(service.websocket("/", "fuzzsup.v1"), "ours" if writer.doorbell else "foreign")
            follower.until(lambda: follower.bits is not None)
            writer.hit(0)
            follower.until(lambda: follower.bits & 1)
            median, last = quantiles(measure(follower, writer, indexes))
            print(f"{which}: bit set to client has it: p50 {median:.2f} ms, p99 {last:.2f} ms ({len(indexes)} samples)", flush=True)
            follower.socket.close()
        time.sleep(12)
        before = {w: cpu_seconds(p) for w, p in workers.items()}
        time.sleep(20)
        spent = {w: (cpu_seconds(p) - before[w]) / 20 * 100 for w, p in workers.items()}
        print(f"{IDLE + 2} idle targets: collector {spent['collector']:.2f} %, front-end {spent['frontend']:.2f} % of a core", flush=True)
