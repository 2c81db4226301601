#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The replay driver: how long after an input's file is closed its run is counted; how long
until its bit is there while it is busy with what lay there before; and how many inputs it
runs in a second, against libFuzzer's own -runs=0 over the same folder.

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
            new = os.open(os.path.join(corpus, str(i)), os.O_WRONLY | os.O_CREAT)
            os.write(new, b'{"a": %d}' % i)
            start = time.monotonic()
            os.close(new)
            while int.from_bytes(view[0:8], "little") <= i:
                pass
            waits.append(1e3 * (time.monotonic() - start))
            time.sleep(0.0005)
    process.terminate()
    process.wait()
    waits.sort()
    print(f"file closed → its run is counted: p50 {waits[INPUTS // 2]:.3f} ms, p99 {waits[INPUTS * 99 // 100]:.3f} ms, max {waits[-1]:.3f} ms")
    return corpus


SLOW = """
#include <stdint.h>
#include <time.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct timespec begin, now;
	if (size == 2 && data[0] == 'N') switch (data[1]) { %s }
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec < 1500000);
	return 0;
}
""" % " ".join(f'case {i}: __asm__ volatile("" : : "i"({i})); return 0;' for i in range(100))


def busy_lag(folder):
    """8 folders of 3,000 inputs that take 1.5 ms each, as of SQLite with ASan."""
    source, executable, coverage = (os.path.join(folder, name) for name in ("slow.c", "slow", "busy"))
    with open(source, "w") as file:
        file.write(SLOW)
    subprocess.run([CLANG, "-g", *FLAGS, source, "@" + runtime_response_file("fuzzsup-replay"), "-o", executable], check=True)
    os.mkdir(coverage)
    folders = [os.path.join(folder, f"busy{i}") for i in range(8)]
    for path in folders:
        os.mkdir(path)
        for i in range(3000):
            with open(os.path.join(path, str(i)), "w") as file:
                file.write(str(i))
    process = subprocess.Popen([executable, *folders], env=dict(os.environ, FUZZSUP_DIR=coverage), stderr=subprocess.PIPE)
    process.stderr.readline()
    path = os.path.join(coverage, next(name for name in os.listdir(coverage) if re.fullmatch("[0-9a-f]{16}", name)))
    count = lambda: sum(bin(word).count("1") for word in CoverageFile.read(path)[2])
    waits = []
    while count() == 0:
        pass
    for i in range(100):
        before = count()
        new = os.open(os.path.join(folders[i % 8], f"new{i}"), os.O_WRONLY | os.O_CREAT)
        os.write(new, bytes([ord("N"), i]))
        start = time.monotonic()
        os.close(new)
        while count() == before:
            pass
        waits.append(1e3 * (time.monotonic() - start))
    process.terminate()
    process.wait()
    waits.sort()
    print(f"the same until its bit is there, while 24,000 inputs of 1.5 ms each wait: p50 {waits[50]:.2f} ms, p99 {waits[99]:.2f} ms")


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
    busy_lag(folder)
    speed(replay, demo, lag(replay, folder), folder)
