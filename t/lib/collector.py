# SPDX-License-Identifier: MIT
"""A collector without a service: this side of its channel is the supervisor's.

    with Collector() as collector:
        collector.collect(1, "json", Table(pcs))
        collector.look(1, directory)
        live = collector.live(1)            # the live segment, mapped
        collector.until(lambda: live.bits == 5, "bits")
"""

import array
import ctypes
import fcntl
import mmap
import select
import socket
import struct
import subprocess
import tempfile

from fuzzsup import *

HEAD = struct.Struct("<IIII")  # type, text_len, id, 0
BODY_SIZE = 24
# Bodies, as common/message/message.h has them: their form, and which of our words they are of.
BODIES = {"COLLECT": ("<QQI", "generation", "value", "code"), "COVERAGE_DIR": ("<QI", "value", "code"), "ENTRY_POINT": ("<Q", "value"),
          "COLLECT_JOB": ("<III", "code", "value", "generation"), "PING": ("<Q", "value"),
          "LIVE": ("<Q", "generation"), "PCS": ("<Q", "generation"), "ACTIVITY": ("<QI", "generation", "code"), "JOB_END": ("<Ii", "code", "value")}
NO_OWNER = 2 ** 64 - 1
SEAL_ALL = 15
READY, LIVE, STALE = 2, 3, 4


def engines():
    """Numbers of the engines, likewise."""
    with open(os.path.join(SRC, "common", "job", "job_types.h")) as file:
        rows = file.read().split("#define JOB_ENGINES(X)")[1].split("\n\n")[0]
    return {name: number for number, name in enumerate(re.findall(r"\bX\(\w+, \"(.+?)\"\)", rows))}


def sealed(data):
    fd = os.memfd_create("t", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(os.dup(fd), "wb") as file:
        file.write(data)
    fcntl.fcntl(fd, 1033, SEAL_ALL)  # F_ADD_SEALS
    return fd


def table(pcs, build_id=b"", entries=()):
    """A source-location table (source_table.h) without sources, in a sealed memfd."""
    count = len(pcs)
    pad = lambda data: data + bytes(-len(data) % 8)
    order = sorted(range(count), key=lambda i: (pcs[i], i))
    parts = [pad(array.array("Q", pcs).tobytes()), pad(array.array("I", order).tobytes()), b"", b"",
             pad(struct.pack("<III", 0xffffffff, 0, 0) * count), b"", pad(array.array("Q", entries).tobytes())]
    offsets, at = [], 168
    for part in parts:
        offsets.append(at)
        at += len(part)
    head = struct.pack("<IIQ7I64sI7Q", 0x54535a46, 2, at, count, count, 0, 0, 0, len(entries), len(build_id), build_id.ljust(64, b"\0"), 0, *offsets)
    return sealed(head + b"".join(parts))


class JobStats:
    """A struct job_stats (job_types.h); what the engine does not say is None."""
    KNOWN = {"executions": 1, "rate_milli": 2, "corpus": 4, "corpus_bytes": 8, "last_find_ms": 16, "crashes": 32, "hangs": 64, "stability": 128, "edges": 256, "memory": 512, "ooms": 1024, "pending": 2048}
    LAYOUT = struct.Struct("<II4Qq6Q3q")
    NAMES = ("known", "stability", "executions", "rate_milli", "corpus", "corpus_bytes", "last_find_ms", "crashes", "hangs", "ooms", "edges", "memory", "pending", "updated_ms", "moved_ms", "silence_ms")

    def __init__(self, data):
        self.data = data
        for name, value in zip(self.NAMES, self.LAYOUT.unpack(data)):
            bit = self.KNOWN.get(name, 0)
            setattr(self, name, None if bit and not self.LAYOUT.unpack(data)[0] & bit else value)

    @classmethod
    def of(cls, **values):
        values["known"] = sum(bit for name, bit in cls.KNOWN.items() if name in values)
        return cls(cls.LAYOUT.pack(*(values.get(name, 0) for name in cls.NAMES)))

    def __bytes__(self):
        return self.data

    def __repr__(self):
        return str({name: getattr(self, name) for name in self.NAMES[1:]})


class Segment:
    """A live segment (live_segment.h), as the front-end sees it."""

    def __init__(self, fd, generation):
        self.fd, self.generation = fd, generation
        self.map = mmap.mmap(fd, os.fstat(fd).st_size, mmap.MAP_SHARED, mmap.PROT_READ)
        magic, version, size, self.pcs_len, _, self.base_ms, self.at_bits, self.at_times, self.at_entries = struct.unpack_from("<IIQIIqQQQ", self.map)
        assert (magic, version, size) == (0x564c5a46, 1, len(self.map))

    def numbers(self):
        names = ("sequence", "bits_version", "n_runs", "unique_runs", "milli_runs_per_second", "last_find_ms", "last_run_ms", "covered", "entries_len")
        return dict(zip(names, struct.unpack_from("<5Q2q2I", self.map, 64)))

    def __getattr__(self, name):
        return self.numbers()[name]

    @property
    def bits(self):
        """The seen bits as one number."""
        return int.from_bytes(self.map[self.at_bits:self.at_bits + (self.pcs_len + 63) // 64 * 8], "little")

    def time(self, index):
        return struct.unpack_from("<I", self.map, self.at_times + 4 * index)[0]

    @property
    def entries(self):
        return list(struct.unpack_from(f"<{self.entries_len}I", self.map, self.at_entries))


class Collector:
    def __init__(self, sandbox=True, level=3):
        self.types = message_types()
        self.names = {number: name for name, number in self.types.items()}
        self.sandbox, self.level = sandbox, level
        self.news = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) if hasattr(os, "eventfd") else ctypes.CDLL(None).eventfd(0, 0o4000 | 0o2000000)
        self.log_file = tempfile.TemporaryFile("w+")
        self.generation = 0
        self.segments, self.activities, self.pcs, self.tables = {}, {}, {}, {}
        self.jobs = {}  # the newest JobStats of each job
        self.ends = {}  # (pid, line) of the newest run that ended, by job and instance
        self.told = []  # (when, job, its JobStats), of all
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def start(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel = ours
        self.channel.setblocking(False)
        null = os.open("/dev/null", os.O_RDWR)
        self.archive, archive = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # the edge to it
        self.archive.setblocking(False)
        wanted = [(os.dup(theirs.fileno()), 3), (os.dup(self.news), 4), (null, 5), (os.dup(null), 6), (os.dup(null), 7), (os.dup(archive.fileno()), 8)]
        archive.close()
        high = [(fcntl.fcntl(fd, fcntl.F_DUPFD, 64), number) for fd, number in wanted]

        def arrange():
            for fd, number in high:
                os.dup2(fd, number)
                os.close(fd)

        words = {"parent": os.getpid(), "log": self.level, "sandbox": 2 * self.sandbox, "uid": os.geteuid(), "gid": os.getegid(), "slot": 1}
        self.process = subprocess.Popen([os.path.join(libexec(), "fuzzsupd-collector"), *(f"{k}={v}" for k, v in words.items())], stdin=subprocess.DEVNULL,
                                        stdout=self.log_file, stderr=self.log_file, close_fds=False, preexec_fn=arrange)
        theirs.close()
        for fd, _ in wanted + high:
            os.close(fd)

    def log(self):
        """What the collector wrote so far. Read in place: it shares our offset, and writes where a seek of ours would leave it."""
        fd = self.log_file.fileno()
        return os.pread(fd, os.fstat(fd).st_size, 0).decode("utf-8", "replace")

    def send(self, name, target=0, generation=0, value=0, code=0, text=b"", fds=()):
        form, *words = BODIES.get(name, ("<",))
        body = struct.pack(form, *({"generation": generation, "value": value, "code": code}[word] for word in words))
        head = HEAD.pack(self.types[name], len(text), target, 0) + body.ljust(BODY_SIZE, b"\0")
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        while True:
            try:
                self.channel.sendmsg([head + text], control)
                return
            except BlockingIOError:
                self.receive(0.05)

    def receive(self, seconds):
        """Takes what the collector says within @seconds; true if that was anything."""
        if not select.select([self.channel], [], [], seconds)[0]:
            return False
        data, control, _, _ = self.channel.recvmsg(65536, socket.CMSG_SPACE(16))
        if not data:
            raise RuntimeError(f"the collector ended with {self.process.wait()}:\n{self.log()[-4000:]}")
        fds = array.array("i")
        for _, _, part in control:
            fds.frombytes(part[:len(part) // 4 * 4])
        kind, length, target, _ = HEAD.unpack_from(data)
        content = data[HEAD.size + BODY_SIZE:][:length]
        text, name = content.decode("utf-8", "replace"), self.names[kind]
        form, *words = BODIES.get(name, ("<",))
        said = dict(zip(words, struct.unpack_from(form, data, HEAD.size)))
        if name == "LIVE":
            self.segments[target] = Segment(fds[0], said["generation"])
        elif name == "ACTIVITY":
            self.activities[target] = (said["code"], text)
        elif name == "JOB_STATS":
            self.jobs[target] = JobStats(content)
            self.told.append((time.monotonic(), target, self.jobs[target]))
        elif name == "JOB_END":
            self.ends[target, said["code"]] = (said["value"], text)
        elif name == "PCS":
            with open(fds[0], "rb") as file:
                file.seek(0)
                self.pcs[target] = array.array("Q", file.read()).tolist()
        else:
            raise RuntimeError(f"the collector says {name}")
        return True

    def until(self, condition, what, patience=None):
        def look():
            if condition():
                return True
            self.receive(0.005)
            return condition()
        return wait_until(look, lambda: f"{what}; {self.activities}\n{self.log()[-4000:]}", patience, step=0)

    def collect(self, target, name, table_fd=None, seed=None, executable=""):
        """@executable: what is told of it, as in common/message/message.h."""
        self.generation += 1
        self.segments.pop(target, None)
        fds = [fd for fd in (table_fd, seed) if fd is not None]
        self.send("COLLECT", target, self.generation, 0, (table_fd is not None) | (seed is not None) << 1, name.encode() + (b"\0" + executable.encode() if executable else b""), fds)
        return self.generation

    def look(self, target, directory, name="", owner=NO_OWNER, doorbell=False, own=False):
        fds = [os.open(directory, os.O_RDONLY | os.O_DIRECTORY)]
        if doorbell:
            bell = os.path.join(directory, ".wake")
            if not os.path.exists(bell):
                os.mkfifo(bell)
            fds.append(os.open(bell, os.O_RDWR | os.O_NONBLOCK))
        self.send("COVERAGE_DIR", target, 0, owner, doorbell | own << 1, directory.encode() + b"\0" + name.encode(), fds)
        for fd in fds:
            os.close(fd)

    def collect_job(self, job, folder, engine, instances=1, name="target/job", seed=b""):
        """Lets it watch the engine of a job in @folder; @seed: bytes of a JobStats."""
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self.send("COLLECT_JOB", job, 0, instances, engines()[engine], name.encode() + b"\0" + bytes(seed), [fd])
        os.close(fd)

    def live(self, target):
        self.until(lambda: target in self.segments, f"the live segment of {target}")
        return self.segments[target]

    def wait_news(self, seconds):
        """Waits for the doorbell of the front-end; true if it rang."""
        if not select.select([self.news], [], [], seconds)[0]:
            return False
        os.read(self.news, 8)
        return True

    def cpu(self):
        """Seconds of processor time so far."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def reads(self):
        """(bytes, calls) that it has read so far: what it did, however slow the machine."""
        with open(f"/proc/{self.process.pid}/io") as file:
            counts = dict(line.split(": ") for line in file.read().splitlines())
        return int(counts["rchar"]), int(counts["syscr"])

    def memory(self):
        """Resident bytes of its own (without shared ones)."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"RssAnon:\s+(\d+)", file.read()).group(1)) * 1024

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.channel.close()

    def stop(self):
        """Closes the channel, which is how a supervisor's death looks; returns the exit code."""
        self.channel.close()
        return self.process.wait(PATIENCE)

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            if kind is None:
                code = self.stop()
                note(f"the collector ends with {code}")
            else:
                self.kill()
        found = re.search(r"(ERROR: (Address|Leak)Sanitizer|runtime error:).*", self.log())
        ok(not found, "no sanitizer complains", found and self.log()[found.start():][:4000])
