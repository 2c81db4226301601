#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the archive costs with 1,000 targets of 100,000 PCs and a job each, sampled every second; how large a year of 100
targets is, and how long a plot of it takes. archive_load.py [TARGETS [SECONDS]]"""
import array
import fcntl
import mmap
import os
import signal
import socket
import sqlite3
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."), "t", "lib"))
from fuzzsup import *

TARGETS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 60
PCS = 100000
TYPES = message_types()


class Live:
    """A live segment, as common/tables/live_segment.h has it."""

    def __init__(self, pcs):
        words = (pcs + 63) // 64
        bits, times = 128, 128 + 8 * words
        entries = times + (4 * pcs + 7) // 8 * 8
        self.size = entries + 4 * 4096
        self.fd = os.memfd_create("live", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        os.ftruncate(self.fd, self.size)
        self.map = mmap.mmap(self.fd, self.size)
        struct.pack_into("<IIQIIqQQQ", self.map, 0, 0x564c5a46, 1, self.size, pcs, 0, int(time.time() * 1000), bits, times, entries)
        fcntl.fcntl(self.fd, 1033, 0x10 | 0x2 | 0x4 | 0x1)  # FUTURE_WRITE, SHRINK, GROW, SEAL
        self.bits, self.times, self.covered, self.version, self.runs = bits, times, 0, 0, 0

    def step(self, new):
        for _ in range(new):
            pc = self.covered
            self.map[self.bits + pc // 8] |= 1 << pc % 8
            struct.pack_into("<I", self.map, self.times + 4 * pc, 1 + self.covered)
            self.covered += 1
        self.runs += 12345
        self.version += new > 0
        struct.pack_into("<QQQQQqqI", self.map, 64, self.version, self.version, self.runs, 0, 12345000, 0, 0, self.covered)


class Archive:
    def __init__(self, folder):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        front, edge = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        other, finds = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel, self.front, self.other = ours, front, other
        null, own = os.open("/dev/null", os.O_RDWR), os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        wanted = {3: theirs.fileno(), 4: null, 5: own, 6: null, 7: edge.fileno(), 8: finds.fileno()}
        high = [(fcntl.fcntl(fd, fcntl.F_DUPFD, 64), number) for number, fd in wanted.items()]

        def arrange():
            for fd, number in high:
                os.dup2(fd, number)
                os.close(fd)
        words = {"parent": os.getpid(), "log": 2, "sandbox": 2, "uid": 65534, "gid": 65534, "slot": 5}
        os.chown(folder, 65534, 65534) if os.geteuid() == 0 else None
        self.process = subprocess.Popen([os.path.join(libexec(), "fuzzsupd-archive"), *(f"{k}={v}" for k, v in words.items())], stdin=subprocess.DEVNULL, close_fds=False, preexec_fn=arrange)
        for s in (theirs, edge, finds):
            s.close()
        for fd, _ in high:
            os.close(fd)

    def send(self, name, ident=0, body=b"", text=b"", fds=(), channel=None):
        message = struct.pack("<IIII24s", TYPES[name], len(text), ident, 0, body) + text
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        (channel or self.channel).sendmsg([message], control)

    def drain(self):
        """What it says is not needed; unread it would stop."""
        self.channel.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self.channel.recv(8192):
                pass
        self.channel.setblocking(True)

    def ask(self, question):
        """The answer, and how long it took, in ms."""
        begin = time.monotonic()
        self.send("ASK", body=struct.pack("<Q", 1), text=question.encode(), channel=self.front)
        while True:
            data, control, _, _ = self.front.recvmsg(8192, 256)
            if struct.unpack_from("<I", data)[0] == TYPES["ANSWER"]:
                break
        took = (time.monotonic() - begin) * 1000
        fds = array.array("i")
        for _, _, part in control:
            fds.frombytes(part)
        with open(fds[0], "rb") as file:
            file.seek(0)
            return json.load(file), took

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Resident MiB: all, and without what is shared with the collector."""
        with open(f"/proc/{self.process.pid}/status") as file:
            found = dict(re.findall(r"^(\w+):\s+(\d+) kB", file.read(), re.M))
        return int(found["VmRSS"]) / 1024, (int(found["RssAnon"]) + int(found["RssFile"])) / 1024

    def end(self):
        self.channel.close()
        self.process.wait()


def job_sample(ident, executions):
    stats = struct.pack("<II14Q", 1 | 2 | 4 | 32, 0, executions, 1000, 500, 100, 0, 3, 0, 0, 0, 0, 0, 1, 1, 0)
    return struct.pack("<IIIBB2xQQ", ident, ident, 1, 1, 0, 1000 * executions, 50 << 20) + stats


def load(folder):
    archive = Archive(folder)
    lives = [Live(PCS) for _ in range(TARGETS)]
    archive.send("KEEP", body=struct.pack("<IIIIQ", 3600, 30 * 86400, 0, 100000, 1 << 30))
    for i, live in enumerate(lives, 1):
        archive.send("KEEP_TARGET", i, text=b"t%d\n/x" % i)
        archive.send("KEEP_LIVE", i, body=struct.pack("<q", 1), text=b"%040d" % i, fds=[live.fd])
        archive.send("KEEP_JOB", i, text=b"t%d/fuzz\nlibfuzzer" % i)
    for live in lives:
        live.step(200)
    time.sleep(15)  # the first hits
    archive.drain()
    cpu, begin, most = archive.cpu(), time.monotonic(), (0, 0)
    for second in range(SECONDS):
        for i, live in enumerate(lives):
            live.step(int((second + i) % 50 == 0))
        samples = [job_sample(i, 1000 * second) for i in range(1, TARGETS + 1)]
        for at in range(0, len(samples), 50):
            archive.send("JOB_SAMPLES", text=b"".join(samples[at:at + 50]))
        archive.drain()
        most = tuple(max(a, b) for a, b in zip(most, archive.memory()))
        time.sleep(max(0, begin + second + 1 - time.monotonic()))
    used = archive.cpu() - cpu
    figure(f"{TARGETS} targets and jobs: share of a core", round(100 * used / (time.monotonic() - begin), 2), "%", "below 3")
    figure("resident", round(most[0], 1), "MiB")
    figure("of that its own", round(most[1], 1), "MiB", "below 64")
    figure("file after that", round(sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder)) / 1e6, 1), "MB")
    archive.end()


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def pack(t0, samples):
    """As worker/archive/sample.h has it; @samples: (t, values)."""
    out, before, last = bytearray(), (0,) * 8, t0
    for t, values in samples:
        out += varint(t - last)
        at, mask = len(out), 0
        out.append(0)
        for i, (a, b) in enumerate(zip(before, values)):
            if a != b:
                mask |= 1 << i
                d = (b - a) & (1 << 64) - 1
                out += varint(d << 1 & (1 << 64) - 1 ^ ((1 << 64) - 1 if d >> 63 else 0))
        out[at] = mask
        before, last = values, t
    return bytes(out)


def year(folder):
    """Of 100 targets and a job each: as a service that ran all the time would have it."""
    now = int(time.time()) // 86400 * 86400
    archive = Archive(folder)
    time.sleep(1.5)
    archive.end()
    with sqlite3.connect(os.path.join(folder, "archive.db")) as db:
        for series in range(1, 201):
            db.execute("INSERT INTO series VALUES (?, '', ?, ?)", (series, f"t{(series + 1) // 2}", "" if series % 2 else "fuzz"))
            import random
            chance = random.Random(series)
            for level, span, step, age in ((0, 60, 1, 3600), (1, 3600, 60, 30 * 86400), (2, 86400, 3600, 365 * 86400)):
                for t0 in range(now - age, now, span):
                    samples = [(t, (20000 + (t - now) // 5000, (t - now + 366 * 86400) * 300000 + chance.randrange(300000), (t - now + 366 * 86400) * 300000 + chance.randrange(300000), 1,
                                    chance.randrange(250000000, 350000000), 900 + chance.randrange(20), 3, (90 << 20) + 4096 * chance.randrange(100))) for t in range(t0 + step - 1, t0 + span, step)]
                    db.execute("INSERT INTO pack VALUES (?, ?, ?, ?)", (series, level, t0, pack(t0, samples)))
    db.close()
    for path in os.listdir(folder):
        os.chown(os.path.join(folder, path), 65534, 65534) if os.geteuid() == 0 else None
    figure("a year of 100 targets and jobs", round(os.path.getsize(os.path.join(folder, "archive.db")) / 1e9, 3), "GB", "below 2")
    archive = Archive(folder)
    time.sleep(1.5)
    for words, name in (("0\n0\n0", "all of it"), (f"{now - 86400}\n{now}\n0", "a day"), (f"{now - 3600}\n{now}\n1", "an hour, each second"), (f"{now - 30 * 86400}\n{now}\n60", "a month, each minute")):
        took = sorted(archive.ask(f"history\nt{i}\n\n{words}")[1] for i in range(1, 22))
        points = len(archive.ask(f"history\nt1\n\n{words}")[0]["t"])
        figure(f"{name}: {points} points", round(took[len(took) // 2], 1), "ms", "below 50" if points < 5000 else "")
    archive.end()


with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
    year(two)
    load(one)
