#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The collector alone: what it publishes of coverage files that are written well, badly, or
by somebody who means harm; and what it takes over from one that was killed."""
import itertools
import os
import resource
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from collector import *

numbers = itertools.count(1)


def pcs_of(count, base=0x1000):
    return [base + 16 * ((i * 7) % count) for i in range(count)]


def fresh(folder):
    path = os.path.join(folder, f"place-{next(numbers)}")
    os.mkdir(path)
    return path


def hexname(number=None):
    return f"{next(numbers) if number is None else number:016x}"


def content(pcs, runs=0, unique=0, bits=(), count=None, words=None):
    words = (len(pcs) + 63) // 64 if words is None else words
    seen = bytearray(8 * words)
    for bit in bits:
        seen[bit // 8] |= 1 << bit % 8
    return struct.pack("<QQQ", runs, unique, len(pcs) if count is None else count) + bytes(seen) + struct.pack(f"<{len(pcs)}Q", *pcs)


def put(path, data):
    with open(path, "wb") as file:
        file.write(data)


def begin(collector, folder, pcs, target=1, **options):
    """A target that looks in a new directory: (directory, live segment)."""
    directory = fresh(folder)
    collector.collect(target, f"target{target}", table(pcs, **options))
    live = collector.live(target)
    collector.look(target, directory)
    collector.until(lambda: target in collector.activities, "a first activity")
    return directory, live


def left_out(collector, name):
    return [line for line in collector.log().splitlines() if name in line and "left out" in line]


def test_life(folder):
    pcs = pcs_of(200)
    with Collector() as collector:
        directory, live = begin(collector, folder, pcs)
        collector.until(lambda: collector.activities[1][0] == READY and directory in collector.activities[1][1], "it says where it waits for a file")
        ok(True, "without a file: ready, and it says where one is missed")
        file = CoverageFile(os.path.join(directory, hexname()), pcs)
        file.hit(3, 64, 199, runs=10)
        collector.until(lambda: live.bits == 1 << 3 | 1 << 64 | 1 << 199, "the bits")
        ok(live.covered == 3 and live.bits_version > 0 and live.sequence > 0, "bits of a new file are counted", live.numbers())
        ok(all(live.time(i) >= 1 for i in (3, 64, 199)) and live.time(4) == 0 and live.last_find_ms > 0, "with the time of their first hit")
        collector.until(lambda: collector.activities[1] == (LIVE, ""), "it is live")
        collector.until(lambda: (live.n_runs, live.unique_runs) == (10, 1), "runs")
        while collector.wait_news(0):
            pass
        file.hit(5, runs=1)
        # It may ring for numbers before.
        rang = True
        while rang and not live.bits >> 5 & 1:
            rang = collector.wait_news(PATIENCE)
        ok(rang, "a new bit rings the front-end")
        file.hit(6, runs=0, unique=0)
        collector.until(lambda: live.bits >> 6 & 1, "a bit alone")
        ok(True, "a bit without any counter is seen (the reference misses it)")
        collector.until(lambda: file.hit(runs=50, unique=0) or live.milli_runs_per_second > 0, "a rate")
        collector.until(lambda: file.hit(runs=0, unique=0) or live.milli_runs_per_second == 0, "a rate of 0")
        ok(True, "runs per second come, and go when nothing runs")
        put(os.path.join(directory, hexname()), content(pcs, 1000, 7, [100, 3]))
        before = live.n_runs
        collector.until(lambda: live.bits >> 100 & 1 and live.n_runs == before + 1000, "the second file")
        ok(live.covered == 6, "a second file is OR-ed, its runs are added", live.numbers())
        collector.until(lambda: collector.activities[1][0] == STALE, "stale")
        ok("10 seconds" in collector.activities[1][1], f"after 10 quiet seconds: {collector.activities[1][1]}")
        file.hit(7, runs=1)
        collector.until(lambda: collector.activities[1][0] == LIVE and live.bits >> 7 & 1, "live again")
        ok(True, "and live again when it goes on")
        fds = len(os.listdir(f"/proc/{collector.process.pid}/fd"))
        collector.send("FORGET", 1)
        collector.until(lambda: len(os.listdir(f"/proc/{collector.process.pid}/fd")) < fds, "descriptors")
        collector.collect(2, "again", table(pcs))
        again = collector.live(2)
        collector.look(2, directory)
        collector.until(lambda: again.covered == 7, "the bits of before")
        ok(again.time(3) == 0 and again.last_find_ms == 0 and again.milli_runs_per_second == 0, "what stood there before is no find, and no run", again.numbers())
        equal(len(os.listdir(f"/proc/{collector.process.pid}/fd")), fds, "a target that is forgotten leaves no descriptor")


def test_replaced(folder):
    """Another directory at a path: what still runs in the old one counts until it stands still."""
    pcs = pcs_of(200)
    with Collector() as collector:
        directory, live = begin(collector, folder, pcs)
        old = CoverageFile(os.path.join(directory, hexname()), pcs)
        old.hit(1, runs=10)
        collector.until(lambda: live.n_runs == 10, "runs")
        fds = len(os.listdir(f"/proc/{collector.process.pid}/fd"))
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))
        os.rmdir(directory)
        os.mkdir(directory)
        collector.look(1, directory)
        new = CoverageFile(os.path.join(directory, hexname()), pcs)
        new.hit(2, runs=5)
        collector.until(lambda: live.bits == 1 << 1 | 1 << 2 and live.n_runs == 15, "the new directory")
        ok(True, "what is written into the directory that is there now is read, and counts are added")
        old.hit(3, runs=7)
        collector.until(lambda: live.bits >> 3 & 1 and live.n_runs == 22, "the old file")
        ok(True, "and what still runs is read where it writes, though that was deleted")
        collector.until(lambda: new.hit(4) or len(os.listdir(f"/proc/{collector.process.pid}/fd")) == fds, "the old directory is let go")
        ok(live.bits == 0b11110 and live.n_runs >= 23, "which is let go when it stands still; what was seen there stays", live.numbers())
        collector.until(lambda: new.hit(4) or collector.activities[1] == (LIVE, ""), "it is live")
        os.rename(directory, directory + ".away")
        os.mkdir(directory)
        collector.look(1, directory)
        late = CoverageFile(os.path.join(directory + ".away", hexname()), pcs)
        late.hit(5)
        late.file.close()
        CoverageFile(os.path.join(directory, hexname()), pcs).hit(6)
        collector.until(lambda: live.bits >> 6 & 1, "a file in the third directory")
        os.rename(directory, directory + ".third")
        os.rename(directory + ".away", directory)
        collector.look(1, directory)
        collector.until(lambda: live.bits >> 5 & 1, "the one that came back")
        ok(True, "one that was moved away and comes back is read again, with what came there meanwhile")


def test_selection(folder):
    pcs, other = pcs_of(100), pcs_of(100, 0x9000)
    with Collector() as collector:
        directory, live = begin(collector, folder, pcs, build_id=b"\xab" * 20, entries=[pcs[10] + 3])
        equal(live.entries, [10], "an entry point of the table is the nearest PC at or below")
        collector.look(1, directory, owner=4711)
        names = [hexname() for _ in range(4)]
        put(os.path.join(directory, names[0]), content(other, 5, 1, [1]))
        put(os.path.join(directory, names[1] + ".module"), b"fuzzsup-module 1\npath /x y\nbuild-id " + b"cd" * 20 + b"\npcs 100\n")
        put(os.path.join(directory, names[1]), content(pcs, 5, 1, [2]))
        put(os.path.join(directory, names[2] + ".module"), b"fuzzsup-module 1\npath /x y\nbuild-id " + b"ab" * 20 + b"\npcs 100\nnew-key 1\nentry 0x%x LLVMFuzzerTestOneInput\nentry 0x1 before\n" % pcs[40])
        put(os.path.join(directory, names[2]), content(pcs, 5, 1, [3]))
        put(os.path.join(directory, "readme.txt"), content(pcs, 5, 1, [4]))
        put(os.path.join(directory, names[3].upper().replace("0", "A")), content(pcs, 5, 1, [5]))
        collector.until(lambda: live.bits, "a bit")
        # Until then they may be seen half written.
        collector.until(lambda: all(re.search(name + " (has|is) .{0,20}another build", collector.activities[1][1]) for name in names[:2]), "both are said to be of another build")
        equal(live.bits, 1 << 3, "files of another PC table or another build ID are left out, others' names too")
        ok(True, f"and said to be: {collector.activities[1][1]}")
        equal([collector.activities[1][1].count(name) for name in names[:2]], [1, 1], "once each, though the place was told for two users")
        equal(sorted(live.entries), [10, 40], "the sidecar's entry point is added")
        collector.send("ENTRY_POINT", 1, value=pcs[77] + 1)
        collector.until(lambda: 77 in live.entries, "an announced entry point")
        file = os.open(os.path.join(directory, names[2]), os.O_RDWR)
        for n in range(60):
            os.pwrite(file, struct.pack("<QQ", 100 + n, 2), 0)
            collector.until(lambda: live.n_runs == 100 + n, "runs")
        os.close(file)
        lines = [line for line in collector.log().splitlines() if "lies before every PC" in line]
        ok(len(lines) <= 1, "an entry point that is none is complained of once", f"{len(lines)} lines")

        named = fresh(folder)
        put(os.path.join(named, "some name"), content(pcs, 7, 1, [50]))
        put(os.path.join(named, hexname()), content(pcs, 7, 1, [51]))
        collector.collect(2, "named", table(pcs))
        second = collector.live(2)
        collector.look(2, named, "some name")
        collector.until(lambda: second.bits, "a bit")
        equal((second.bits, second.n_runs), (1 << 50, 7), "where a file is named, it alone is read")

        collector.collect(3, "without")
        collector.look(3, named, "some name")
        collector.until(lambda: 3 in collector.pcs, "PCs")
        equal(collector.pcs[3], pcs, "without a table the PCs of the file that is named are sent")


def test_strangers(folder):
    """What is left out in a folder that many share is told at whose program it is."""
    pcs = {1: pcs_of(100), 2: pcs_of(90, 0x9000), 3: pcs_of(80, 0x20000)}
    path = {1: "/srv/one/fuzz", 2: "/srv/two/fuzz", 3: "/srv/three"}
    directory = fresh(folder)

    def left(name, path, runs=1):
        put(os.path.join(directory, name + ".module"), f"fuzzsup-module 1\npath {path}\nbuild-id {'cd' * 20}\n".encode())
        put(os.path.join(directory, name), content(pcs_of(70, 0x50000), runs))

    def told():
        return {target: sorted(name for name in names if names[name] in collector.activities[target][1]) for target in pcs}

    with Collector() as collector:
        for target in pcs:
            collector.collect(target, f"target{target}", table(pcs[target]), executable=f"1000 2000  {path[target]}")
            collector.live(target)
            collector.look(target, directory)
        for target in (1, 2):
            put(os.path.join(directory, hexname()), content(pcs[target], 5, 1, [1]))
        names = {name: hexname() for name in ("one", "moved", "strange")}
        left(names["one"], path[1])
        left(names["moved"], "/elsewhere/three")
        left(names["strange"], "/opt/unknown program")
        wanted = {1: ["one"], 2: [], 3: ["moved", "strange"]}
        collector.until(lambda: len(collector.activities) == 3 and told() == wanted, "each is told at whom it may be meant for")
        ok(True, "an old build's file is told at the target of its path alone; one of a program elsewhere at the target of its name; a stranger's where nothing else comes")
        # Until then they may be seen half written.
        collector.until(lambda: names["strange"] + " is of another program, unknown program" in collector.activities[3][1] and names["one"] + " has the PC table of another build" in collector.activities[1][1], "what they are")
        ok(True, "which says the program's name, and of an old build's file that it is one")
        collector.send("FORGET", 1)
        collector.until(lambda: "one" in told()[2], "the target of the same name is told when the nearer one is gone")
        ok(True, "the target of the same name is told when the nearer one is gone")


def test_hostile(folder):
    pcs = pcs_of(130)
    with Collector() as collector:
        directory, live = begin(collector, folder, pcs)
        good = CoverageFile(os.path.join(directory, hexname()), pcs)
        good.hit(0)
        collector.until(lambda: live.bits & 1, "the good file")
        narrow = struct.pack("<III", 1, 1, 100) + bytes(16) + bytes(400)
        bad = {"a truncated file": content(pcs)[:-1], "one byte too long": content(pcs) + b"x", "a newer layout": bytes(16) + content(pcs, 5), "32-bit words": narrow,
               "a count that overflows": content(pcs, count=2 ** 61 + 130), "a count of 2^64 - 1": content(pcs, count=2 ** 64 - 1), "rubbish": bytes(range(256)) * 5}
        names = {}
        for kind, data in bad.items():
            names[kind] = hexname()
            put(os.path.join(directory, names[kind]), data)
        for kind, make in (("a FIFO", os.mkfifo), ("a directory", os.mkdir), ("a symbolic link", lambda path: os.symlink(good.path, path)), ("a dangling link", lambda path: os.symlink("/nowhere", path)),
                           ("a socket", lambda path: socket.socket(socket.AF_UNIX).bind(path))):
            names[kind] = hexname()
            make(os.path.join(directory, names[kind]))
        if os.geteuid() == 0:
            names["a stranger's file"] = hexname()
            path = os.path.join(folder, "stranger")
            put(path, content(pcs, 1, 1, [120]))
            os.chown(path, 4242, 4242)
            os.rename(path, os.path.join(directory, names["a stranger's file"]))
        for kind, name in names.items():
            collector.until(lambda: left_out(collector, name), kind)
            line = left_out(collector, name)[0]
            ok(True, f"{kind}: {line[line.index('left out'):]}")
        unfinished = [hexname() for _ in range(3)]
        put(os.path.join(directory, unfinished[0]), b"")
        put(os.path.join(directory, unfinished[1]), content(pcs, 9, 1, [9], count=0)[:24])
        put(os.path.join(directory, unfinished[2]), content([0] * 130, 0, 0))
        good.hit(1)
        collector.until(lambda: live.bits >> 1 & 1, "the good file goes on")
        collector.until(lambda: collector.activities[1][0] == LIVE, "the good file is live")  # told after the bits
        equal(live.bits, 3, "none of them counts, and the good file goes on")
        ok(not any(left_out(collector, name) for name in unfinished), "what is being written is not complained of")
        for i, name in enumerate(unfinished):
            fd = os.open(os.path.join(directory, name), os.O_RDWR)
            os.truncate(fd, len(content(pcs)))
            os.pwrite(fd, content(pcs, 1, 1, [20 + i]), 0)
            os.close(fd)
            collector.until(lambda: live.bits >> 20 + i & 1, "an unfinished file that is finished")
        ok(True, "unfinished files are read once they are finished, one without a sound")

        # The writer keeps its descriptor, so that nothing but looking again tells.
        late = os.path.join(directory, hexname())
        fd = os.open(late, os.O_RDWR | os.O_CREAT)
        os.truncate(fd, len(content(pcs)))
        os.pwrite(fd, content(pcs)[:24], 0)
        with mmap.mmap(fd, 0) as view:
            collector.until(lambda: os.path.basename(late) in collector.activities[1][1] or "others" in collector.activities[1][1], "it is seen")
            view[24:] = content(pcs, 0, 0, [40])[24:]
            collector.until(lambda: live.bits >> 40 & 1, "PCs that come by map")
        os.close(fd)
        ok(True, "PCs that are written by map, which nothing announces, are found")

        runs = live.n_runs
        os.truncate(good.path, 40)
        collector.until(lambda: "was cut" in collector.log(), "the cut")
        ok(live.bits & 3 == 3 and live.n_runs >= runs, "a file that is cut takes nothing back")
        put(good.path, content(pcs, 5, 2, [2]))
        collector.until(lambda: live.bits >> 2 & 1, "a file that was cut and written anew")
        # Whether it was seen empty, and so counts from 0 again, is a matter of luck.
        collector.until(lambda: live.n_runs > runs, "its runs")
        collector.until(lambda: collector.activities[1][0] == LIVE, "it is live")
        runs = live.n_runs - 5
        ok(live.bits & 7 == 7, "written anew it goes on from where the total stood", live.numbers())
        replaced = os.path.join(folder, "replaced")
        put(replaced, content(pcs, 100, 2, [11]))
        os.rename(replaced, good.path)
        collector.until(lambda: live.bits >> 11 & 1 and live.n_runs == runs + 105, "another file under the name")
        ok(True, "another file under the same name is attached anew")
        old = os.open(good.path, os.O_RDWR)
        os.unlink(good.path)
        put(good.path, content(pcs, 1, 1, [12]))
        collector.until(lambda: live.bits >> 12 & 1 and live.n_runs == runs + 106, "removed and made anew")
        os.close(old)
        again = os.open(good.path, os.O_RDWR)
        os.truncate(again, 0)
        os.truncate(again, len(content(pcs)))
        os.pwrite(again, content(pcs, 0, 0), 0)
        os.pwrite(again, content(pcs, 3, 3, [13]), 0)
        collector.until(lambda: live.bits >> 13 & 1, "counters that went back")
        os.close(again)
        ok(live.n_runs >= runs + 106, "counters that go back take nothing from the total")
        sprayed = os.open(good.path, os.O_RDWR)
        os.pwrite(sprayed, b"\xff" * 24, 24)
        collector.until(lambda: live.covered == 130, "all bits")
        equal(live.bits, 2 ** 130 - 1, "bits behind the last PC are nobody's")
        os.close(sprayed)
        counts = {kind: len(left_out(collector, name)) for kind, name in names.items()}
        ok(all(count == 1 for count in counts.values()), "each is complained of once", counts)

        # A writer that never rests, with a file that is none.
        noisy = os.path.join(directory, hexname())
        fd = os.open(noisy, os.O_RDWR | os.O_CREAT)
        size = len(collector.log())
        end = time.monotonic() + 1
        while time.monotonic() < end:
            os.pwrite(fd, os.urandom(300), 0)
        os.close(fd)
        last = CoverageFile(os.path.join(directory, hexname()), pcs_of(131))
        collector.until(lambda: os.path.basename(last.path) in collector.log() or collector.activities[1][0] == LIVE, "it goes on")
        ok(len(collector.log()) - size < 4000, "a file that changes all the time does not flood the log", len(collector.log()) - size)


def test_many_names(folder):
    """One directory for all, named and unnamed looks, few descriptors to begin with."""
    shared, count = fresh(folder), 300
    lists = [pcs_of(80, 0x1000 * (i + 1)) for i in range(count)]
    for i, pcs in enumerate(lists[:count // 2]):
        put(os.path.join(shared, hexname(0xf000000 + i)), content(pcs, i, 1, [i % 80]))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    collector = Collector()
    collector.start()
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.ExitStack() as stack:
        stack.push(lambda *exc: collector.__exit__(*exc))
        for i, pcs in enumerate(lists):
            collector.collect(i + 1, f"t{i}", table(pcs))
            collector.look(i + 1, shared)
        for i, pcs in enumerate(lists[count // 2:], count // 2):
            put(os.path.join(shared, hexname(0xf000000 + i)), content(pcs, i, 1, [i % 80]))
        collector.until(lambda: len(collector.segments) == count and all(s.covered == 1 for s in collector.segments.values()), "all targets have their bit")
        ok(all(collector.segments[i + 1].bits == 1 << i % 80 for i in range(count)), f"{count} targets in one directory, each with its own file")


def test_killed_while_live(folder):
    pcs = pcs_of(100)
    collector = Collector()
    collector.start()
    directory, live = begin(collector, folder, pcs)
    # A file that lies there when the directory is first listed is no sign of life.
    collector.until(lambda: directory in collector.activities[1][1], "it has listed the directory")
    file = CoverageFile(os.path.join(directory, hexname()), pcs)
    file.hit(1, runs=1000)
    collector.until(lambda: live.n_runs == 1000, "the run")
    collector.kill()
    collector.activities.clear()
    collector.start()
    collector.collect(1, "target1", table(pcs), live.fd)
    collector.until(lambda: 1 in collector.activities, "the new collector's first word")
    equal(collector.activities[1][0], LIVE, "a target that ran when its collector died is live")
    collector.stop()


def test_killed(folder):
    pcs = pcs_of(100)
    collector = Collector()
    collector.start()
    directory, live = begin(collector, folder, pcs)
    file = CoverageFile(os.path.join(directory, hexname()), pcs)
    file.hit(1, 2, runs=1000)
    collector.until(lambda: live.n_runs == 1000 and live.covered == 2, "the start")
    collector.send("ENTRY_POINT", 1, value=pcs[5])
    collector.until(lambda: live.entries == [5], "an entry point")
    times = live.time(1), live.time(2)
    os.truncate(file.path, 0)
    collector.until(lambda: "was cut" in collector.log(), "the cut")
    collector.kill()
    put(file.path, content(pcs, 10, 1, [3]))
    collector.start()
    collector.collect(1, "target1", table(pcs), live.fd)
    second = collector.live(1)
    equal((second.bits & 6, second.n_runs, second.entries, (second.time(1), second.time(2))), (6, 1000, [5], times), "after kill -9 nothing goes back: bits, runs, entries, times")
    ok(second.base_ms == live.base_ms and second.bits_version > live.bits_version, "versions go on")
    collector.look(1, directory)
    collector.until(lambda: second.bits >> 3 & 1, "what came meanwhile")
    ok(second.time(3) >= 1, "what came while nobody looked is a find of now")
    file.hit(4, runs=5)
    collector.until(lambda: second.bits >> 4 & 1 and second.n_runs >= 1005, "runs go on")
    ok(True, "and runs go on at once, though the file was cut meanwhile")
    collector.collect(2, "wrong seed", table(pcs_of(70)), live.fd)
    collector.until(lambda: 2 in collector.segments, "a live segment in spite of a seed of another table")
    ok(collector.segments[2].covered == 0, "a seed of another table is not used")
    for round in range(20):
        collector.kill()
        before = second
        file.hit(10 + round, runs=7)
        collector.start()
        collector.collect(1, "target1", table(pcs), before.fd)
        second = collector.live(1)
        collector.look(1, directory)
        if second.bits & before.bits != before.bits or second.n_runs < before.n_runs:
            break
        collector.until(lambda: second.bits >> 10 + round & 1, "the next bit")
    ok(round == 19, "20 times more")
    collector.__exit__(None, None, None)


def test_doorbell(folder):
    pcs = pcs_of(1000)
    with Collector() as collector:
        directory = fresh(folder)
        collector.collect(1, "rung", table(pcs))
        live = collector.live(1)
        collector.look(1, directory, doorbell=True)
        path = os.path.join(directory, hexname())
        put(path + ".module", b"fuzzsup-module 1\npath /x\npcs 1000\n")
        file = CoverageFile(path, pcs)
        file.hit(0)
        collector.until(lambda: live.bits & 1, "attached")
        bell = os.open(os.path.join(directory, ".wake"), os.O_RDWR | os.O_NONBLOCK)
        for i in range(1, 200):
            while collector.wait_news(0):
                pass
            file.hit(i)
            os.write(bell, b"!")
            while not live.bits >> i & 1 and collector.wait_news(PATIENCE):
                pass
            if not live.bits >> i & 1:
                break
        ok(i == 199 and live.bits >> i & 1, "by doorbell bits are there, and ring the front-end, each")
        before, start = collector.reads()[1], time.monotonic()
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(bell, bytes(4096))
        collector.until(lambda: fcntl.ioctl(bell, termios.FIONREAD, bytes(4)) == bytes(4), "all of them are heard")
        # Of 65,536 rings each read takes thousands; of the file one every 10 ms.
        calls, allowed = collector.reads()[1] - before, 500 + 500 * (time.monotonic() - start)
        ok(calls < allowed, f"a doorbell that was rung 65,536 times is read in {calls} calls", allowed)
        os.unlink(os.path.join(directory, ".wake"))
        os.close(bell)
        before, start = collector.reads()[1], time.monotonic()
        for i in range(200, 240):
            file.hit(i)
            collector.until(lambda: live.bits >> i & 1, f"bit {i}, polled")
        calls, allowed = collector.reads()[1] - before, 500 + 1000 * (time.monotonic() - start)
        ok(calls < allowed, f"one that is gone is not read for ever: {calls} calls during 40 bits", allowed)
        file.hit(500)
        collector.until(lambda: live.bits >> 500 & 1, "polled")
        ok(True, "and the file is polled")


def test_told_again(folder):
    """The supervisor tells all places of a target again whenever one has appeared."""
    pcs = pcs_of(100)
    with Collector() as collector:
        directory, live = begin(collector, folder, pcs)
        file = CoverageFile(os.path.join(directory, hexname()), pcs)
        file.hit(1, runs=1)
        collector.until(lambda: live.bits >> 1 & 1, "a bit")
        before = collector.memory()
        for _ in range(20000):
            collector.look(1, directory)
        file.hit(2, runs=1)
        collector.until(lambda: live.bits >> 2 & 1, "a bit after all of that")
        ok(collector.memory() - before < 1 << 20, f"a place that is told 20,000 times is looked at once: {(collector.memory() - before) >> 10} KiB more")


with scratch() as folder:
    for test in (test_life, test_replaced, test_told_again, test_selection, test_strangers, test_hostile, test_many_names, test_killed_while_live, test_killed, test_doorbell):
        if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
            note(test.__name__)
            test(folder)
done()
