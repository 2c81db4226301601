#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CPU time of a whole process that symbolizes a PC table: ours against its peers', in turns
in one run. Needs a release build (builddir=BUILD) with t/bench/decode and decode_libdw:
t/bench/symbolize.py EXECUTABLE…

Ours is t/lib/dump_table -q: the symbolizer's library from executable to sealed table, in
a process of its own. llvm-symbolizer gets the same PCs on its standard input, and is asked
for no more than we give: --no-inlines --functions=none. First all answers are compared.
Zig's resolver (peers/resolve.zig, where t/lib/fetch has fetched Zig) and, with ADDR2LINE=PATH,
gimli's addr2line (README.md) get the PCs sorted, which suits them best. `decode` only runs
the line programs, `decode_libdw` has elfutils do it. Then the worker itself, once cold and
then from its cache, and what memory it takes: peak of the resident set, less that of a run that finds no PC table.

t/bench/targets.mk builds SQLite and RocksDB to be measured."""
import os
import posixpath
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import zig
from symbolizer import TABLE_OK, Worker

SRC = os.environ.get("srcdir") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("builddir") or os.path.join(SRC, "build")
SYMBOLIZER = os.environ.get("LLVM_SYMBOLIZER") or "llvm-symbolizer-19"
DUMP = os.path.join(BUILD, "t", "lib", "dump_table")
DECODE = os.path.join(BUILD, "t", "bench", "decode")
ADDR2LINE = os.environ.get("ADDR2LINE")
ROUNDS = int(os.environ.get("ROUNDS") or 15)


def measure(command, text=""):
    """CPU seconds of one run; its output is thrown away."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    process.stdin.write(text.encode())
    process.stdin.close()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed")
    return usage.ru_utime + usage.ru_stime


def rows_of(path):
    """What we answer: (PC, path:line:column) each."""
    text = subprocess.run([DUMP, path], text=True, capture_output=True, check=True).stdout
    return [line.split(" ", 2)[1:] for line in text.splitlines() if not line.startswith("entry")]


def compare(path, rows, command):
    """How many answers differ; each is printed."""
    text = subprocess.run(command, input="\n".join(pc for pc, _ in rows), text=True, capture_output=True, check=True).stdout
    different = 0
    for (pc, ours), theirs in zip(rows, text.strip().split("\n\n"), strict=True):
        name, line, column = theirs.splitlines()[0].rsplit(":", 2)
        theirs = "?" if name == "??" else f"{posixpath.normpath(name)}:{line}:{column}"
        if ours != theirs:
            different += 1
            print(f"{os.path.basename(path)}: {pc}: ours {ours}, llvm-symbolizer {theirs}")
    return different


def bench(path, rows, different, name, command, pcs):
    """One line of the table: ours and @command in turns."""
    text = "\n".join(pcs)
    pairs = [(measure([DUMP, "-q", path]), measure(command, text)) for _ in range(ROUNDS)]
    ratios = statistics.quantiles([theirs / ours for ours, theirs in pairs], n=4)
    ours, theirs = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
    print(f"| {os.path.basename(path)} | {len(rows)} | {different} | {name} | {1000 * theirs:.1f} ms | {1000 * ours:.1f} ms | "
          f"{1e9 * ours / len(rows):.0f} | {ratios[1]:.1f} ({ratios[0]:.1f} – {ratios[2]:.1f}) |", flush=True)


def zig_resolver(folder):
    """Zig's resolver as a program, or None."""
    if not os.path.exists(zig.PYTHON):
        return None
    zig.zig("build-exe", "-O", "ReleaseFast", "-lc", "-femit-bin=" + os.path.join(folder, "resolve"), os.path.join(SRC, "t", "bench", "peers", "resolve.zig"), cwd=folder)
    return os.path.join(folder, "resolve")


def bench_zig(path, rows, resolver):
    ordered = sorted(rows, key=lambda row: int(row[0], 16))
    pcs = [pc for pc, _ in ordered]
    found = subprocess.run([resolver, path], input="\n".join(pcs), text=True, capture_output=True)
    if found.returncode:
        print(f"| {os.path.basename(path)} | {len(rows)} | | Zig's resolver | ends with {found.returncode} | | | |")
        return
    # It sets the build directory before absolute paths, too.
    different = [(pc, ours, other) for (pc, ours), other in zip(ordered, found.stdout.splitlines(), strict=True) if not posixpath.normpath(other).endswith(ours)]
    for pc, ours, other in different[:5]:
        print(f"{os.path.basename(path)}: {pc}: ours {ours}, Zig's {other}")
    bench(path, rows, len(different), "Zig's resolver", [resolver, path, "-q"], pcs)


def bench_worker(path, folder):
    """Milliseconds from question to answer: cold, and the median of warm ones."""
    cache, took = os.path.join(folder, "cache"), []
    worker = Worker(os.path.join(folder, "log"))
    for _ in range(ROUNDS + 1):
        start = time.monotonic()
        status, text, table = worker.ask(path, cache=cache)
        took.append(1000 * (time.monotonic() - start))
        if status != TABLE_OK:
            sys.exit(f"{path}: {text}")
        os.close(table)
    worker.stop()
    os.unlink(cache)
    print(f"{os.path.basename(path)}: the worker's answer, cold {took[0]:.1f} ms, from its cache {statistics.median(took[1:]):.1f} ms")


def peak(path):
    """Of the resident set, in bytes."""
    return int(subprocess.run([DUMP, "-m", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.split()[1]) * 1024


def bench_memory(path, rows):
    taken = peak(path) - peak(DUMP)
    print(f"{os.path.basename(path)}: {taken / len(rows):.0f} bytes of memory a PC")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        bench_all(folder)


def bench_all(folder):
    resolver = zig_resolver(folder)
    print("| executable | PCs | different | peer | its CPU | ours | ns a PC, ours | ratio of CPU (quartiles) |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for path in sys.argv[1:]:
        rows = rows_of(path)
        llvm = [SYMBOLIZER, "--no-inlines", "--functions=none", "--obj=" + path]
        different = compare(path, rows, llvm)
        bench(path, rows, different, "llvm-symbolizer", llvm, [pc for pc, _ in rows])
        if ADDR2LINE:
            bench(path, rows, "", "gimli's addr2line", [ADDR2LINE, "-e", path], sorted((pc for pc, _ in rows), key=lambda pc: int(pc, 16)))
        if resolver:
            bench_zig(path, rows, resolver)
        bench(path, rows, "", "pure decode", [DECODE, path], [])
        bench(path, rows, "", "libdw's decode", [DECODE + "_libdw", path], [])
        bench_worker(path, folder)
        bench_memory(path, rows)


main()
