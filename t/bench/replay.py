#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The replay driver: how long after an input's file is closed its run is counted, and how
many inputs it runs in a second, against libFuzzer's own -runs=0 over the same folder.

    builddir=BUILD t/bench/replay.py [INPUTS]"""
import mmap
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from fuzzsup import *

INPUTS = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
FLAGS = ["-O1", "-fsanitize=fuzzer-no-link", "-fsanitize-coverage=inline-bool-flag,pc-table"]


def lag(executable, folder):
    coverage, corpus = os.path.join(folder, "coverage"), os.path.join(folder, "corpus")
    os.mkdir(coverage)
    os.mkdir(corpus)
    process = subprocess.Popen([executable, corpus], env=dict(os.environ, FUZZSUP_DIR=coverage), stderr=subprocess.PIPE)
    process.stderr.readline()
    name = next(name for name in os.listdir(coverage) if re.fullmatch("[0-9a-f]{16}", name))
    waits = []
    with open(os.path.join(coverage, name), "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
        for i in range(INPUTS):
            with open(os.path.join(corpus, str(i)), "w") as file:
                file.write('{"a": %d}' % i)
            start = time.monotonic()
            while int.from_bytes(view[0:8], "little") <= i:
                pass
            waits.append(1e3 * (time.monotonic() - start))
            time.sleep(0.0005)
    process.terminate()
    process.wait()
    waits.sort()
    print(f"file closed → its run is counted: p50 {waits[INPUTS // 2]:.3f} ms, p99 {waits[INPUTS * 99 // 100]:.3f} ms, max {waits[-1]:.3f} ms")
    return corpus


def speed(executable, demo, corpus, folder):
    def seconds(*command):
        start = time.monotonic()
        subprocess.run(command, env=dict(os.environ, FUZZSUP_DIR=os.path.join(folder, "coverage")), stderr=subprocess.DEVNULL, check=True)
        return time.monotonic() - start
    for i in range(INPUTS, 50000):
        with open(os.path.join(corpus, str(i)), "w") as file:
            file.write('{"a": %d}' % i)
    ours, theirs = zip(*((seconds(executable, "-once", corpus), seconds(demo, "-runs=0", corpus)) for _ in range(5)))
    print(f"50,000 inputs: {50000 / min(ours):.0f} a second; libFuzzer -runs=0 loads and runs {50000 / min(theirs):.0f} a second")


with scratch() as folder:
    replay = os.path.join(folder, "replay_json")
    subprocess.run([CLANG, "-g", *FLAGS, *demo_sources(), "-lm", "@" + runtime_response_file("fuzzsup-replay"), "-o", replay], check=True)
    demo = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    speed(replay, demo, lag(replay, folder), folder)
