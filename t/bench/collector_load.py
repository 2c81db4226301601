#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the collector costs beside much that it should hardly look at, and how soon an honest
target's bits are there meanwhile:

    builddir=build t/bench/collector_load.py [NAME...]

NAME: jobs (1,000 that stand still), hostile (24 jobs whose files are none), doorbell (rung
65,536 times; then gone), flood (200 files of 8 MB whose last PC is wrong, and 20 of half a
gigabyte), copies (3,000 sound files of one target, all of which change). Use a build without sanitizers."""
import os
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from collector import *


def line(name, value):
    print(f"{name:<62} {value}", flush=True)


def share(collector, seconds):
    cpu, begun = collector.cpu(), time.monotonic()
    collector.until(lambda: time.monotonic() - begun > seconds, "some seconds")
    return f"{100 * (collector.cpu() - cpu) / (time.monotonic() - begun):.2f} % of a core"


def job_folder(folder, name, log):
    path = os.path.join(folder, name)
    os.makedirs(os.path.join(path, "artifacts"))
    with open(os.path.join(path, "0.log"), "w") as file:
        file.write(log)
    return path


def jobs(folder):
    start = f"fuzzsupd: instance 0 starts: pid 77, time {int(time.time() * 1000)}: ./target corpus\n"
    status = "#{}\tpulse  cov: 8 ft: 9 corp: 3/4b lim: 163 exec/s: 0 rss: 27Mb\n"
    with Collector() as collector:
        for i in range(1000):
            ended = "fuzzsupd: instance 0 ended: exit status 0\n" if i % 2 else ""
            collector.collect_job(i + 1, job_folder(folder, f"job-{i}", start + status.format(i + 1) + ended), "libfuzzer")
        collector.until(lambda: len(collector.jobs) == 1000, "all of them")
        begun = time.monotonic()
        collector.until(lambda: time.monotonic() - begun > 12, "that they stand still")
        line("CPU of the collector, 1,000 jobs without news, half ended", share(collector, 10))


def hostile(folder):
    kinds = (lambda path: os.symlink("/etc/passwd", path), os.mkfifo, os.mkdir, lambda path: os.symlink("/nowhere", path), lambda path: os.symlink("/dev/zero", path),
             lambda path: (open(path, "w").close(), os.truncate(path, 2 ** 40)))
    with Collector() as collector:
        for i, make in enumerate(kinds):
            path = os.path.join(folder, f"hostile-{i}")
            for name in ("0.log", "1.log.1", "out/main/fuzzer_stats", "honggfuzz/stats"):
                os.makedirs(os.path.dirname(os.path.join(path, name)), exist_ok=True)
                make(os.path.join(path, name))
            for n, engine in enumerate(("libfuzzer", "afl++", "honggfuzz")):
                collector.collect_job(100 + 10 * i + n, path, engine, 2)
        line(f"CPU of the collector, {3 * len(kinds)} jobs whose files are none", share(collector, 10))


def place(folder, collector, target, pcs, doorbell=False):
    path = os.path.join(folder, f"place-{target}")
    os.mkdir(path)
    fd = table(pcs)
    collector.collect(target, f"target{target}", fd)
    os.close(fd)
    collector.look(target, path, doorbell=doorbell)
    return path, collector.live(target)


def wait_bit(collector, file, live, i):
    begun = time.monotonic()
    file.hit(i)
    while not live.bits >> i & 1:
        collector.wait_news(1)
        collector.receive(0)
    return time.monotonic() - begun


def doorbell(folder):
    pcs = [0x1000 + 16 * i for i in range(1000)]
    with Collector() as collector:
        path, live = place(folder, collector, 1, pcs, True)
        name = os.path.join(path, "0123456789abcdef")
        with open(name + ".module", "w") as file:
            file.write("fuzzsup-module 1\npath /x\n")
        file = CoverageFile(name, pcs)
        wait_bit(collector, file, live, 0)
        bell = os.open(os.path.join(path, ".wake"), os.O_RDWR | os.O_NONBLOCK)
        cpu = collector.cpu()
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(bell, bytes(4096))
        collector.until(lambda: fcntl.ioctl(bell, termios.FIONREAD, bytes(4)) == bytes(4), "all are heard")
        line("CPU of the collector for 65,536 rings of a doorbell", f"{collector.cpu() - cpu:.2f} s")
        os.unlink(os.path.join(path, ".wake"))
        os.close(bell)
        line("CPU of the collector, a doorbell that is gone", share(collector, 3))


def flood(folder):
    count = 1000000
    pcs, small = array.array("Q", range(0x1000, 0x1000 + 4 * count, 4)), [0x10 + 4 * i for i in range(5000)]
    with Collector() as collector:
        flooded, _ = place(folder, collector, 1, pcs)
        quiet, live = place(folder, collector, 2, small)
        file = CoverageFile(os.path.join(quiet, "0123456789abcdef"), small)
        bits = iter(range(5000))
        path = os.path.join(folder, "large")
        with open(path, "wb") as large:
            large.write(struct.pack("<QQQ", 1, 1, count) + bytes(8 * ((count + 63) // 64)) + pcs[:-1].tobytes() + struct.pack("<Q", 7))

        def measure(name, seconds):
            cpu, begun, waits = collector.cpu(), time.monotonic(), []
            while time.monotonic() - begun < seconds:
                waits.append(wait_bit(collector, file, live, next(bits)) * 1e3)
            waits.sort()
            line(name, f"p50 {waits[len(waits) // 2]:.1f} ms, p99 {waits[len(waits) * 99 // 100]:.1f} ms, of {len(waits)}; {100 * (collector.cpu() - cpu) / (time.monotonic() - begun):.1f} % of a core")

        measure("bit set → noticed, nothing beside", 5)
        for i in range(200):
            os.link(path, os.path.join(flooded, f"{i:016x}"))
        measure("the same, 200 files of 8 MB beside whose last PC is wrong", 5)
        for i in range(20):
            with open(os.path.join(flooded, f"f{i:015x}"), "wb") as large:
                large.write(struct.pack("<QQQ", 1, 1, 67000000))
                large.truncate(24 + 8 * ((67000000 + 63) // 64) + 8 * 67000000)
        measure("the same, and 20 sparse ones of half a gigabyte", 5)
        measure("the same, ten seconds later", 10)


def copies(folder):
    pcs, small = [0x100000 + 16 * i for i in range(100000)], [0x10 + 4 * i for i in range(5000)]
    with Collector() as collector:
        flooded, other = place(folder, collector, 1, pcs)
        quiet, live = place(folder, collector, 2, small)
        large = CoverageFile(os.path.join(folder, "large"), pcs)
        for i in range(3000):
            os.link(large.path, os.path.join(flooded, f"{i:016x}"))
        file = CoverageFile(os.path.join(quiet, "0123456789abcdef"), small)
        collector.until(lambda: collector.log().count("reading ") >= 3001, "all are read")
        cpu, begun, waits = collector.cpu(), time.monotonic(), []
        for i in range(300):
            large.hit(i)
            waits.append(wait_bit(collector, file, live, i) * 1e3)
        waits.sort()
        line("bit set → noticed, 3,000 files that change beside", f"p50 {waits[150]:.1f} ms, p99 {waits[297]:.1f} ms; {100 * (collector.cpu() - cpu) / (time.monotonic() - begun):.1f} % of a core")


with scratch() as base:
    for run in (jobs, hostile, doorbell, flood, copies):
        if len(sys.argv) < 2 or run.__name__ in sys.argv[1:]:
            with tempfile.TemporaryDirectory(dir=base) as where:
                run(where)
