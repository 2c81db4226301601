#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The collector under a flood of files: what one target's owner lays into its folder costs
others nothing, is read once and no more than it must be, and hides no sound file. What was
read is counted by the kernel, in bytes."""
import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from collector import *

numbers = itertools.count(1)
MEGABYTE = 1 << 20


def fresh(folder):
    path = os.path.join(folder, f"place-{next(numbers)}")
    os.mkdir(path)
    return path


def hexname():
    return f"{next(numbers):016x}"


def bytes_read(collector):
    return collector.reads()[0]


def begin(collector, folder, target, pcs, **options):
    directory = fresh(folder)
    collector.collect(target, f"target{target}", table(pcs, **options))
    live = collector.live(target)
    collector.look(target, directory)
    collector.until(lambda: target in collector.activities, "a first activity")
    return directory, live


def head(count):
    return struct.pack("<QQQ", 1, 1, count) + bytes(8 * ((count + 63) // 64))


def says(collector, target, words):
    collector.until(lambda: words in collector.activities.get(target, (0, ""))[1], f"target {target} says {words!r}", 20)


def test_wrong_length(folder):
    """20 files of half a gigabyte, without a block on the disk."""
    pcs, count = [0x1000 + 4 * i for i in range(500)], 67108864 - 64
    with Collector() as collector:
        flooded, _ = begin(collector, folder, 1, pcs)
        quiet, live = begin(collector, folder, 2, [pc + 2 for pc in pcs])
        good = CoverageFile(os.path.join(quiet, hexname()), [pc + 2 for pc in pcs])
        good.hit(0)
        collector.until(lambda: live.bits == 1, "the quiet target's first bit")
        before = bytes_read(collector)
        for _ in range(20):
            with open(os.path.join(flooded, hexname()), "wb") as file:
                file.write(struct.pack("<QQQ", 1, 1, count))
                file.truncate(24 + count // 8 + 8 * count)
        says(collector, 1, "PC table of another build")
        for i in range(1, 30):
            good.hit(i)
            collector.until(lambda: live.bits >> i & 1, f"bit {i} of the quiet target")
        read = bytes_read(collector) - before
        ok(read < MEGABYTE, f"files whose length is no table's are not read: {read >> 10} KiB of {20 * 8 * count >> 20} MiB")


def test_wrong_end(folder):
    """Files with the right PCs but for the last one, which must be read to their end; all of them are one inode."""
    count, links = 1000000, 200
    pcs = array.array("Q", range(0x1000, 0x1000 + 4 * count, 4))
    small = [0x10 + 4 * i for i in range(100)]
    with Collector() as collector:
        flooded, live = begin(collector, folder, 1, pcs)
        quiet, other = begin(collector, folder, 2, small)
        collector.collect(3, "late", table([pc + 2 for pc in small]))
        late = collector.live(3)
        path = os.path.join(folder, "large")
        with open(path, "wb") as file:
            file.write(head(count) + pcs[:-1].tobytes() + struct.pack("<Q", 7))
        size, before = os.path.getsize(path), bytes_read(collector)
        for _ in range(links):
            os.link(path, os.path.join(flooded, hexname()))
        good = CoverageFile(os.path.join(quiet, hexname()), small)
        for i in range(10):
            good.hit(i)
            collector.until(lambda: other.bits >> i & 1, f"bit {i} of the quiet target")
        collector.look(3, fresh(folder))
        read = bytes_read(collector) - before
        ok(read < links * size // 2, f"a file that came after {links} large ones, and ten bits in it, are seen before those are read: {read >> 20} of {links * size >> 20} MiB")
        # The newest of a file's parts is what it is judged by; then nothing is left to read.
        collector.until(lambda: bytes_read(collector) - before >= links * (size - MEGABYTE), "all of them are read")
        says(collector, 1, "PC table of another build")
        mark = bytes_read(collector)
        for i in range(10, 60):
            good.hit(i)
            collector.until(lambda: other.bits >> i & 1, f"bit {i} of the quiet target")
        again = bytes_read(collector) - mark
        ok(again < links * size // 4, f"what was refused is not read again, but for where it differs: {again >> 20} of {links * size >> 20} MiB")
        with open(path, "r+b") as file:
            file.seek(size - 8)
            file.write(pcs[-1:].tobytes())
            file.seek(24)
            file.write(b"\x20")
        collector.until(lambda: live.bits == 1 << 5, "its bit")
        ok(True, "until it is changed: then it is read, and its bit counts")


def test_nothing_written(folder):
    """Files of the right length without a PC in them: a part of each is read at a look, and looks become rare."""
    count = 1000000
    pcs = array.array("Q", range(0x1000, 0x1000 + 4 * count, 4))
    small = [0x10 + 4 * i for i in range(100)]
    with Collector() as collector:
        flooded, live = begin(collector, folder, 1, pcs)
        quiet, other = begin(collector, folder, 2, small)
        good = CoverageFile(os.path.join(quiet, hexname()), small)
        before = bytes_read(collector)
        names = [hexname() for _ in range(20)]
        for name in names:
            with open(os.path.join(flooded, name), "wb") as file:
                file.write(head(count))
                file.truncate(24 + (count + 63) // 64 * 8 + 8 * count)
        says(collector, 1, "not written yet")
        for i in range(100):
            good.hit(i)
            collector.until(lambda: other.bits >> i & 1, f"bit {i} of the quiet target")
        read = bytes_read(collector) - before
        ok(read < 20 * 8 * count, f"of 20 files without PCs their beginnings are read: {read >> 20} of {20 * 8 * count >> 20} MiB")
        with open(os.path.join(flooded, names[7]), "r+b") as file:
            file.write(struct.pack("<QQQ", 1, 1, count) + b"\2")
            file.seek(24 + (count + 63) // 64 * 8)
            file.write(pcs.tobytes())
        collector.until(lambda: live.bits == 2, "its bit")
        ok(True, "one that gets its PCs at last is read")


def test_without_table(folder):
    """An executable that has no PC table lends no room for more PCs than it has bytes."""
    count = 67108864 - 64
    with Collector() as collector:
        directory, name = fresh(folder), hexname()
        with open(os.path.join(directory, name), "wb") as file:
            file.write(head(count) + struct.pack("<Q", 0x1000))
            file.truncate(24 + count // 8 + 8 * count)
        before = bytes_read(collector)
        collector.collect(1, "bare", executable="1 40000 ab")
        collector.look(1, directory, name)
        says(collector, 1, "more PCs than the executable has bytes")
        ok(bytes_read(collector) - before < 10 * MEGABYTE, "a list that is longer than the executable is not taken")
        with open(os.path.join(directory, name), "wb") as file:
            file.write(head(30000) + struct.pack("<30000Q", *range(1000, 31000)))
        collector.until(lambda: 1 in collector.pcs, "its PCs")
        equal(collector.pcs[1], list(range(1000, 31000)), "another one, of more than one part, is")


def test_copies(folder):
    """Sound files, hundreds of one target: each of them counts, and the others go on."""
    count = 300
    pcs, small = [0x100000 + 16 * i for i in range(10000)], [0x10 + 4 * i for i in range(100)]
    with Collector() as collector:
        flooded, live = begin(collector, folder, 1, pcs)
        quiet, other = begin(collector, folder, 2, small)
        files = [CoverageFile(os.path.join(flooded, hexname()), pcs) for _ in range(count)]
        good = CoverageFile(os.path.join(quiet, hexname()), small)
        collector.until(lambda: collector.log().count("reading ") > count, "all are read")
        for i, file in enumerate(files):
            file.hit(i)
            if i % 10 == 0:
                good.hit(i // 10)
                collector.until(lambda: other.bits >> i // 10 & 1, f"bit {i // 10} of the quiet target")
        collector.until(lambda: (live.covered, live.n_runs) == (count, count), "all bits and runs")
        ok(True, f"{count} files of one target count, each")
        for file in files[100:]:
            os.unlink(file.path)
        files[0].hit(5000)
        collector.until(lambda: live.bits >> 5000 & 1, "a file that is left")
        ok(live.covered == count + 1, "those that go take nothing away")


def test_many(folder):
    """More names than a folder may have; sound files among them come last."""
    pcs, count = [0x1000 + 4 * i for i in range(100)], 20000
    with Collector() as collector:
        flooded, live = begin(collector, folder, 1, pcs)
        quiet, other = begin(collector, folder, 2, [pc + 2 for pc in pcs])
        good = CoverageFile(os.path.join(quiet, hexname()), [pc + 2 for pc in pcs])
        for i in range(count):
            with open(os.path.join(flooded, hexname()), "wb") as file:
                file.write(b"rubbish that is no coverage file" * (i % 3))
            if i % 500 == 0:
                good.hit(i // 500)
                collector.until(lambda: other.bits >> i // 500 & 1, f"bit {i // 500} beside {i} files", 20)
        ok(True, f"{count // 500} bits of another target arrive while {count} files are made")
        last = CoverageFile(os.path.join(flooded, hexname()), pcs)
        last.hit(9)
        collector.until(lambda: live.bits >> 9 & 1, "the sound file among them", 20)
        ok(True, "a sound file that comes after all of them is read")
        ok("more than 16384" in collector.log(), "that there are too many is said")
        # Another target looks there: it must find what was let go.
        collector.collect(3, "late", table([pc + 1 for pc in pcs]))
        third = collector.live(3)
        CoverageFile(os.path.join(flooded, hexname()), [pc + 1 for pc in pcs]).hit(4)
        collector.look(3, flooded)
        collector.until(lambda: third.bits >> 4 & 1, "the file of a target that came late", 20)
        ok(True, "and so is one of a target that looks there later")


with scratch() as folder:
    with Collector() as collector:
        try:
            bytes_read(collector)
        except PermissionError as error:
            skip_all(f"what a process reads cannot be counted here: {error}")
    for test in (test_wrong_length, test_wrong_end, test_nothing_written, test_without_table, test_copies, test_many):
        if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
            note(test.__name__)
            try:
                test(folder)
            except TimeoutError as error:
                ok(False, test.__name__, error)
done()
