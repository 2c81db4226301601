#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Finished tables on disk: used when they are whole and of the same executable, made anew
when not; and a restarted service takes its tables from there."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from symbolizer import *
from wire import *

TARGETS = os.path.join(SRC, "t", "targets")


def build_target(path, *options):
    sources = [os.path.join(TARGETS, name) for name in ("calculator.c", "calculator_apply.c")]
    subprocess.run([CLANG, "-fsanitize=fuzzer", "-g", "-O1", "-w", *options, *sources, "-o", path], check=True)
    return path


def bytes_of(fd):
    data = os.pread(fd, os.fstat(fd).st_size, 0)
    os.close(fd)
    return data


def spoil_lines(path):
    """Breaks .debug_line so that nobody can tell by size and time; PCs stay."""
    before = os.stat(path)
    text = subprocess.run(["readelf", "-SW", path], text=True, capture_output=True, check=True).stdout
    words = next(line.split("]", 1)[1].split() for line in text.splitlines() if " .debug_line " in line)
    with open(path, "r+b") as file:
        file.seek(int(words[3], 16))
        file.write(bytes(int(words[4], 16)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_worker(folder):
    program = build_target(os.path.join(folder, "calculator"), "-Wl,--build-id=sha1")
    cache = os.path.join(folder, "cache")
    worker = Worker(os.path.join(folder, "log"))

    def ask(**options):
        code, text, fd = worker.ask(program, cache=cache, **options)
        assert code == TABLE_OK, text
        return bytes_of(fd)

    first = ask()
    kept = open(cache, "rb").read()
    ok(first in kept, "a finished table is kept")
    equal(ask(), first, "and comes back")
    ok(ask(entries="main") != first, "other entry points are another table")
    ask()
    for at, kind in ((9, "its checksum"), (80, "its header"), (len(kept) // 2, "its middle"), (len(kept) - 1, "its end")):
        with open(cache, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 0x10]))
        same = ask() == first and open(cache, "rb").read() == kept
        ok(same, f"damaged in {kind} it is made anew")
    for size, kind in ((0, "empty"), (50, "cut in its header"), (len(kept) - 8, "cut")):
        os.truncate(cache, size)
        ok(ask() == first and open(cache, "rb").read() == kept, f"{kind} it is made anew")
    with open(cache, "ab") as file:
        file.write(b"x")
    ok(ask() == first and open(cache, "rb").read() == kept, "too long it is made anew")

    spoil_lines(program)
    equal(ask(), first, "it is the kept one that is given while build ID, size and time are the same")
    os.utime(program)
    code, text, _ = worker.ask(program, cache=cache)
    ok(code == TABLE_FAILED, f"of an executable that was written to it is not: {text[:60]}")
    equal(open(cache, "rb").read(), kept, "and a failure is not kept")

    program = build_target(os.path.join(folder, "anonymous"), "-Wl,--build-id=none")
    os.truncate(cache, 0)
    ask()
    equal(os.path.getsize(cache), 0, "without a build ID nothing is kept")
    program = build_target(os.path.join(folder, "calculator"), "-Wl,--build-id=sha1")
    ask(entries="no_such_function")
    equal(os.path.getsize(cache), 0, "a table that came with a remark is not kept")
    equal(worker.stop(), 0, "the symbolizer ends with 0")


def test_service(folder):
    program = build_target(os.path.join(folder, "served"), "-Wl,--build-id=sha1")
    tables = os.path.join(folder, "state", "tables")
    old = os.path.join(tables, "0123456789abcdef.table")
    service = Service(folder, targets={"calculator": Target(program, folder)})
    with service:
        pcs = service.wait_state("calculator", "ready")["pcs"]
        kept = os.listdir(tables)
        equal(len(kept), 1, "the service keeps its target's table")
        equal(os.stat(tables).st_mode & 0o777, 0o700, "where nobody else looks")
        index = SourceIndex(service.get("/t/calculator/index.bin").body)
    with open(old, "w"):
        pass
    os.utime(old, (0, 0))
    spoil_lines(program)
    with service:
        equal(service.wait_state("calculator", "ready", "failed")["state"], "ready", "a restarted service takes it from there")
        equal(service.target("calculator")["pcs"], pcs, "with all PCs")
        again = SourceIndex(service.get("/t/calculator/index.bin").body)
        equal((again.paths(), again.locations), (index.paths(), index.locations), "and all sources")
        equal(os.listdir(tables), kept, "and removes what nobody has asked for in a long time")
    service.stop()


with scratch() as folder:
    test_worker(folder)
    test_service(folder)
done()
