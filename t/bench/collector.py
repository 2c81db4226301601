#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What it costs to be seen, and how soon one is: the runtime's share of a fuzzer's time, the
collector's CPU with 100 idle targets, and the time from a bit to its notice.

    builddir=build t/bench/collector.py [PAIRS [TARGET...]]

All figures are of one run on one machine; the ratios are what to compare. Use a build
without sanitizers. TARGET: an executable that is linked with the runtime, of which the share
of run time alone is told: over RUNS runs of at most 256 random bytes, the least that a run can
cost, or with CORPUS=FOLDER over SECONDS (60) of fuzzing from its seed inputs, as users fuzz. The
share needs Linux' perf."""
import os
import resource
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from collector import *

PAIRS = int(sys.argv[1]) if len(sys.argv) > 1 else 7
SMALL = 10000


def line(name, value):
    print(f"{name:<62} {value}", flush=True)


def seconds(executable, directory, runs):
    environment = dict(os.environ, FUZZSUP_DIR=directory or "")
    # The same inputs in the same order: what differs is the runtime.
    command = [executable, f"-runs={runs}", "-seed=7", "-max_len=256", "-len_control=0", "-reload=0"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, cwd=os.path.dirname(executable))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def runtime_symbols():
    listing = subprocess.run(["nm", "--defined-only", os.path.join(BUILD, "libfuzzsup_rt.a")], text=True, capture_output=True, check=True).stdout
    return {words[2].split(".")[0] for words in map(str.split, listing.splitlines()) if len(words) == 3 and words[1] in "tTW"}


def share(folder, name, executable, runs):
    """Samples in our functions ÷ all: what two processes' exec/s cannot tell on a noisy machine."""
    if not shutil.which("perf"):
        line(f"share of run time, {name}", "not measured: perf is missing")
        return
    directory, samples, corpus = (os.path.join(folder, part) for part in ("share", "perf.data", "corpus"))
    os.makedirs(directory, exist_ok=True)
    arguments = [f"-runs={runs}", "-seed=7", "-max_len=256", "-len_control=0", "-reload=0"]
    if "CORPUS" in os.environ:
        shutil.copytree(os.environ["CORPUS"], corpus)
        arguments = [f"-max_total_time={os.environ.get('SECONDS', 60)}", "-seed=7", "-reload=0", corpus]
    subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "5000", "-o", samples, executable, *arguments],
                   env=dict(os.environ, FUZZSUP_DIR=directory), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, cwd=folder)
    # What stands before the first run is no part of a run: the constructor is left out.
    ours = runtime_symbols() - {"begin", "set_up", "fuzzsup_rt_mirror_begin", "fuzzsup_rt_modules_find", "fuzzsup_rt_file_map", "hash_bytes", "join", "publish", "look_at"}
    listing = subprocess.run(["perf", "script", "-i", samples, "-F", "ip,sym"], text=True, capture_output=True, check=True).stdout.split("\n")
    hits = [row.split()[1].split(".")[0] in ours for row in listing if len(row.split()) > 1]
    line(f"share of run time, {name}", f"{sum(hits) / len(hits) * 100:.2f} %  (of {len(hits)} samples)")


def overhead(folder, name, flags, runs):
    plain = build(os.path.join(folder, "plain"), demo_sources(), *flags, "-lm", runtime=False)
    seen = build(os.path.join(folder, "seen"), demo_sources(), *flags, "-lm")
    directory = os.path.join(folder, "coverage")
    os.makedirs(directory, exist_ok=True)
    ratios = []
    for pair in range(PAIRS):
        order = [(plain, None), (seen, directory)]
        took = {executable: seconds(executable, where, runs) for executable, where in (order if pair % 2 else order[::-1])}
        ratios.append(took[plain] / took[seen])
    line(f"exec/s with ÷ without the runtime, {name}", f"{statistics.median(ratios):.3f}  (of {PAIRS} pairs: {min(ratios):.3f} to {max(ratios):.3f}; {runs / took[plain] / 1000:.0f}k runs/s)")
    share(folder, name, seen, runs)


def pcs_of(count, base):
    return [base + 16 * i for i in range(count)]


def put(path, pcs):
    with open(path, "wb") as file:
        file.write(struct.pack("<QQQ", 0, 0, len(pcs)) + bytes((len(pcs) + 63) // 64 * 8) + array.array("Q", pcs).tobytes())


def idle(folder, collector, count, size):
    for i in range(count):
        directory = os.path.join(folder, f"idle{size}-{i}")
        os.mkdir(directory)
        pcs = pcs_of(size, 0x100000 * (i + 1))
        put(os.path.join(directory, "0123456789abcdef"), pcs)
        fd = table(pcs)
        collector.collect(1000 + i, f"idle{i}", fd)
        os.close(fd)
        collector.look(1000 + i, directory)
    collector.until(lambda: sum(target >= 1000 for target in collector.segments) == count, "live segments")
    end = time.monotonic() + 7  # until none counts as busy
    collector.until(lambda: time.monotonic() > end, "rest")
    cpu, start = collector.cpu(), time.monotonic()
    collector.until(lambda: time.monotonic() > start + 10, "ten seconds")
    line(f"CPU of the collector, {count} idle targets of {size} PCs", f"{(collector.cpu() - cpu) / (time.monotonic() - start) * 100:.2f} % of a core")


def notice(folder, collector, target, doorbell, name):
    """A bit is set through a map, as fuzzers do; until the live segment has it."""
    directory = os.path.join(folder, f"notice{target}")
    os.mkdir(directory)
    pcs = pcs_of(SMALL, 0x7000000 * target)
    path = os.path.join(directory, "0123456789abcdef")
    if doorbell:
        with open(path + ".module", "w") as file:
            file.write("fuzzsup-module 1\npath /x\n")
    put(path, pcs)
    collector.collect(target, name, table(pcs))
    live = collector.live(target)
    collector.look(target, directory, doorbell=doorbell)
    collector.until(lambda: f"notice{target}/0123456789abcdef (" in collector.log(), "attached")
    bell = os.open(os.path.join(directory, ".wake"), os.O_RDWR | os.O_NONBLOCK) if doorbell else None
    waits = []
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        for i in range(600):
            time.sleep(0.003 + (i * 7919 % 97) / 10000)
            collector.wait_news(0)
            start = time.monotonic()
            view[24 + i // 8] |= 1 << i % 8
            view[0:8] = struct.pack("<Q", i + 1)
            if bell is not None:
                os.write(bell, b"!")
            while not live.bits >> i & 1:
                collector.wait_news(1)
            waits.append((time.monotonic() - start) * 1e3)
    waits.sort()
    line(f"bit set → noticed and front-end rung, {name}", f"p50 {waits[300]:.2f} ms, p99 {waits[594]:.2f} ms, max {waits[-1]:.2f} ms")


with scratch() as folder:
    for target in sys.argv[2:]:
        share(folder, os.path.basename(target), os.path.abspath(target), int(os.environ.get("RUNS", 1000000)))
    if sys.argv[2:]:
        sys.exit()
    overhead(folder, "demo -O1", ["-O1"], 1000000)
    overhead(folder, "demo -O2", ["-O2"], 1000000)
    overhead(folder, "demo -O1 ASan", ["-O1", "-fsanitize=address"], 300000)
    with Collector() as collector:
        idle(folder, collector, 100, SMALL)
        notice(folder, collector, 1, True, "our runtime, 100 idle targets beside")
        notice(folder, collector, 2, False, "a foreign writer, 100 idle targets beside")
    with Collector() as collector:
        idle(folder, collector, 100, 1000000)
        line("memory of the collector then", f"{collector.memory() / 2 ** 20:.1f} MiB of its own")
