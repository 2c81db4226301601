#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Executions per second of a libFuzzer job under fuzzsupd against the same fuzzer started by
hand, in turns, both on one CPU and both seen by the collector.

    builddir=BUILD t/bench/jobs.py [PAIRS]"""
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from fuzzsup import *

PAIRS = int(sys.argv[1]) if len(sys.argv) > 1 else 9
RUNS = 6000000


def by_hand(command, coverage, corpus):
    os.makedirs(corpus)
    start = time.monotonic()
    subprocess.run(["taskset", "-c", "0", *command, corpus], env=dict(os.environ, FUZZSUP_DIR=coverage), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def as_job(service, job):
    before = job()["ran_ms"]
    subprocess.run([program("fuzzsupctl"), "-s", service.control, "start", "json/main"], check=True, capture_output=True)
    wait_until(lambda: job()["state"] == "running", "it runs", step=0.05)
    wait_until(lambda: job()["state"] == "done", "it is done", step=1)
    return (job()["ran_ms"] - before) / 1000


with scratch() as folder:
    coverage = os.path.join(folder, "coverage")
    os.mkdir(coverage)
    os.chmod(coverage, 0o1777)
    corpus = os.path.join(folder, "corpus")
    demo = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    command = [demo, f"-runs={RUNS}", "-seed=7", "-max_len=256", "-len_control=0", "-reload=0"]
    work = {"main": {"engine": "libfuzzer", "command": command, "restart": "never", "cpus": "0", "autostart": "no", "corpus": corpus}}
    with Service(folder, {"json": Target(demo, coverage, [os.path.join(SRC, "share", "demo")], jobs=work)}) as service:
        job = lambda: service.get("/api/v1/jobs").json()["jobs"][0]
        ratios = []
        for pair in range(PAIRS):
            # What the one before found would make this one slower.
            shutil.rmtree(corpus, ignore_errors=True)
            own = os.path.join(folder, f"corpus-{pair}")
            if pair % 2:
                hand, ours = by_hand(command, coverage, own), as_job(service, job)
            else:
                ours, hand = as_job(service, job), by_hand(command, coverage, own)
            ratios.append(hand / ours)
        quartiles = statistics.quantiles(ratios, n=4)
        print(f"exec/s as a job ÷ by hand: {quartiles[1]:.3f} (quartiles {quartiles[0]:.3f} – {quartiles[2]:.3f}, of {PAIRS} pairs; {RUNS / hand / 1000:.0f}k runs/s)")
