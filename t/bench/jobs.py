#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Executions per second of a libFuzzer job under fuzzsupd against the same fuzzer started by
hand, in turns, both on one CPU and both seen by the collector.

    builddir=BUILD t/bench/jobs.py [PAIRS]"""
import os
import select
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from fuzzsup import *

PAIRS = int(sys.argv[1]) if len(sys.argv) > 1 else 11
SECONDS = 8


def executed(text):
    """What the fuzzer says itself, of exactly as many seconds."""
    return int(re.search(r"stat::number_of_executed_units: (\d+)", text).group(1)) / SECONDS


def by_hand(command, coverage, corpus):
    os.makedirs(corpus)
    with open(corpus + ".log", "w+", errors="replace") as log:
        subprocess.run(["taskset", "-c", "0", *command, "-print_final_stats=1", corpus], env=dict(os.environ, FUZZSUP_DIR=coverage), stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, start_new_session=True)
        log.seek(0)
        return executed(log.read())


def as_job(service, job):
    log = os.path.join(service.state, "jobs", "json", "main", "0.log")
    if os.path.exists(log):
        os.unlink(log)
    service.ctl("start", "json/main", check=True)
    # Nobody is asked while it runs: that would be work that the other does not have beside it.
    process = os.pidfd_open(wait_until(lambda: job()["state"] == "running" and job()["pid"], "it runs"))
    select.select([process], [], [])
    os.close(process)
    wait_until(lambda: job()["state"] == "done", "it is done")
    with open(log, errors="replace") as file:
        return executed(file.read())


with scratch() as folder:
    coverage = os.path.join(folder, "coverage")
    os.mkdir(coverage)
    os.chmod(coverage, 0o1777)
    corpus = os.path.join(folder, "corpus")
    demo = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    command = [demo, f"-max_total_time={SECONDS}", "-seed=7", "-max_len=256", "-len_control=0", "-reload=0"]
    work = {"main": {"engine": "libfuzzer", "command": command, "restart": "never", "cpus": "0", "autostart": "no", "corpus": corpus}}
    with Service(folder, {"json": Target(demo, coverage, [os.path.join(SRC, "share", "demo")], jobs=work)}) as service:
        job = lambda: service.get("/api/v1/jobs").json()["jobs"][0]
        ratios, rates = [], []
        for pair in range(PAIRS):
            # What the one before found would make this one slower, and to remove it as well.
            if pair > 0:
                os.rename(corpus, f"{corpus}-job-{pair}")
            own = os.path.join(folder, f"corpus-{pair}")
            if pair % 2:
                hand, ours = by_hand(command, coverage, own), as_job(service, job)
            else:
                ours, hand = as_job(service, job), by_hand(command, coverage, own)
            note(f"{ours:.0f} {hand:.0f}")
            ratios.append(ours / hand)
            rates.append(hand)
        quartiles = statistics.quantiles(ratios, n=4)
        print(f"exec/s as a job ÷ by hand: {quartiles[1]:.3f} (quartiles {quartiles[0]:.3f} – {quartiles[2]:.3f}, of {PAIRS} pairs; {statistics.median(rates) / 1000:.0f}k runs/s)")
