#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the supervisor does when a worker does not: deaths and time-outs of the symbolizer,
executables without a PC table, the control socket, drop-ins, another user, reloads of
running targets, a thousand targets."""
import glob
import os
import signal
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), ".."), "t", "lib"))
from fuzzsup import *
from wire import *

WORKERS = ("symbolizer", "collector", "frontend", "runner", "archive")
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
ROOT = os.geteuid() == 0
DEMO = os.path.join(SRC, "share", "demo")
MANY = 1000
NO_HEARTBEAT = {"FUZZSUPD_NO_HEARTBEAT": "1"}  # workers are stopped for as long as it takes


def public(name):
    """A copy where another user can reach it: a build below a home that is closed cannot be."""
    copy = os.path.join(base, "public", name)
    if not os.path.exists(copy):
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        if name == "web":
            shutil.copytree(web_folder(), copy)
        else:
            shutil.copy2(os.path.join(libexec(), name) if name.startswith("fuzzsupd-") else program(name), copy)
    return copy


def ctl(service, *words, prefix=()):
    """(exit code, what it said)"""
    result = subprocess.run([*prefix, public("fuzzsupctl") if prefix else program("fuzzsupctl"), "-s", service.control, *words], capture_output=True, text=True, timeout=PATIENCE)
    return result.returncode, result.stdout + result.stderr


def pids(service):
    return wait_until(lambda: (lambda p: p if all(p) else None)([service.worker(w) for w in WORKERS]), "all workers run")


def fuzz(executable, folder, runs=20000):
    """A short real fuzzing; returns the coverage file."""
    os.makedirs(folder, exist_ok=True)
    subprocess.run([executable, "-seed=1", f"-runs={runs}"], env=dict(os.environ, FUZZSUP_DIR=folder), cwd=folder, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return [f for f in glob.glob(folder + "/*") if re.fullmatch("[0-9a-f]{16}", os.path.basename(f))][0]


def state(service, name, wanted, pattern="."):
    return wait_until(lambda: (lambda t: t if t and t["state"] == wanted and re.search(pattern, t["reason"] or ".") else None)(service.target(name)),
                      f"{name} is {wanted}, {pattern!r}")


def hold(service):
    """Stops the symbolizer that runs now; returns its pid."""
    pid = wait_until(lambda: service.worker("symbolizer"), "the symbolizer runs")
    os.kill(pid, signal.SIGSTOP)
    return pid


def with_long_lines(executable, path):
    """A copy whose .debug_line is padding, a hole in the file: it takes the symbolizer a tenth of a second or more."""
    hole = 256 << 20
    with open(executable, "rb") as file:
        image = bytearray(file.read())
    headers, = struct.unpack_from("<Q", image, 40)
    each, count, names = struct.unpack_from("<HHH", image, 58)
    strings, = struct.unpack_from("<Q", image, headers + names * each + 24)
    for header in range(headers, headers + count * each, each):
        name, = struct.unpack_from("<I", image, header)
        if image[strings + name:].startswith(b".debug_line\0"):
            struct.pack_into("<Q", image, header + 8, 0)  # not compressed
            struct.pack_into("<QQ", image, header + 24, len(image), hole)
    with open(path, "wb") as file:
        file.write(image)
        file.truncate(len(image) + hole)
    os.chmod(path, 0o755)
    return path


def deaths(folder, executable):
    with Service(folder, environment=NO_HEARTBEAT) as service:
        pid = hold(service)
        # The next symbolizers would be done with others before they can be stopped.
        service.targets["bad"] = Target(with_long_lines(executable, os.path.join(folder, "bad")))
        service.reload()
        state(service, "bad", "symbolizing")
        service.targets["good"] = Target(other)
        service.reload()
        for death in range(1, 4):
            died = "symbolizer: died"
            count = service.log().count(died)
            os.kill(pid, signal.SIGKILL)
            if death < 3:
                pid = wait_until(lambda: (lambda p: p if p and p != pid else None)(service.worker("symbolizer")), "the next symbolizer", step=0)
                os.kill(pid, signal.SIGSTOP)
            wait_until(lambda: service.log().count(died) > count, f"death {death} is noticed")
        entry = state(service, "bad", "failed", "died 3 times")
        ok("signal 9" in entry["reason"], f"three deaths in one job: {entry['reason']}")
        service.wait_state("good", "ready")
        ok(True, "the next one in the queue is symbolized")


def timeout(folder, executable):
    with Service(folder, extra="symbolize-timeout = 1", environment=NO_HEARTBEAT) as service:
        hold(service)
        service.targets["slow"] = Target(executable)
        service.targets["next"] = Target(other)
        service.reload()
        names = ("slow", "next")
        failed = wait_until(lambda: [n for n in names if (service.target(n) or {}).get("state") == "failed"], "a time-out")
        entry = service.target(failed[0])
        ok("took longer than 1 s" in entry["reason"], f"a time-out says so: {entry['reason']}")
        rest = [n for n in names if n not in failed][0]
        service.wait_state(rest, "ready")
        ok(True, "the other target is symbolized by the next symbolizer")


def without_pc_table(folder, executable):
    bare = os.path.join(folder, "bare")
    objcopy = CLANG.replace("clang", "llvm-objcopy")
    subprocess.run([objcopy, "--remove-section=__sancov_pcs", executable, bare], check=True)
    coverage = os.path.join(folder, "coverage")
    os.mkdir(coverage)
    with Service(folder, {"bare": Target(bare, coverage, [DEMO])}) as service:
        state(service, "bare", "waiting", "PC table")
        path = fuzz(executable, coverage)
        entry = service.wait_state("bare", "ready", "live", "stale")
        runs, _, bits, pcs = CoverageFile.read(path)
        equal(entry["pcs"], len(pcs), "without a PC table the first coverage file's PCs are taken")
        follower = Follower(service.websocket("/t/bare/", "fuzzsup.v1"), "bare")
        follower.until(lambda: follower.bits == int.from_bytes(bits, "little"))
        ok(True, "and its bits are shown")
        index = SourceIndex(service.get("/t/bare/index.bin").body)
        ok(any(p.endswith("json_parse.c") for p in index.paths()), "with their sources")


def control(folder, executable):
    coverage = os.path.join(folder, "coverage")
    path = fuzz(executable, coverage)
    name = os.path.basename(path)
    with Service(folder, {"set": Target(other)}) as service:
        service.wait_state("set", "ready")
        before = pids(service)
        code, text = ctl(service, "workers", "--json")
        rows = json.loads(text)["workers"]
        equal((code, sorted(row["name"] for row in rows), {row["state"] for row in rows}), (0, sorted(WORKERS), {"running"}), "workers: all four run")
        ok(ctl(service, "status")[0] == 0 and "set" in ctl(service, "status")[1], "status", ctl(service, "status"))
        parsed = json.loads(ctl(service, "status", "--json")[1])
        ok(parsed, "status --json is JSON")
        equal(ctl(service, "check")[0], 0, "check: whole and sound")
        code, text = ctl(service, "announce", name, executable, path, "told")
        ok(code == 0 and "told" in text, "announce", text)
        service.wait_state("told", "ready", "live", "stale")
        pcs = CoverageFile.read(path)[3]
        equal(ctl(service, "entry", name, hex(pcs[3]))[0], 0, "entry")
        follower = Follower(service.websocket("/t/told/", "fuzzsup.v1"), "told")
        follower.until(lambda: 3 in follower.entries)
        ok(True, "the entry point reaches a client")
        for words in (["announce", "xyz", executable, path], ["announce", name, other, "/nonexistent/x", "no/name"],
                      ["entry", "0" * 16, "0x1"], ["entry", name, "12"], ["nonsense"]):
            code, text = ctl(service, *words)
            ok(code in (1, 2) and text.strip(), f"refused: {' '.join(words)[:60]}", text)
        equal(ctl(service, "reload")[0], 0, "reload")
        ok(service.target("told"), "what was announced outlives a reload")
        with open(service.config) as file:
            conf = file.read()
        with open(service.config, "w") as file:
            file.write(conf + 'user = "nobody"\n')
        code, text = ctl(service, "reload")
        ok(code == 0 and "user is another one, which is taken over only when the service is restarted" in text, "a reload says what it cannot take over", text)
        with open(service.config, "w") as file:
            file.write(conf + "nonsense = 1\n")
        code, text = ctl(service, "reload")
        ok(code == 1 and "nonsense" in text, "a reload of an unsound file is refused with its line", text)
        code, text = ctl(service, "check")
        ok(code == 1 and "nonsense" in text, "and check says the same", text)
        equal(pids(service), before, "no worker was restarted by any of this")
        if ROOT:
            code, text = ctl(service, "status", prefix=NOBODY)
            ok(code == 1 and "denied" in text, "another user is refused by the socket's mode", text)
            os.chmod(service.control, 0o666)
            code, text = ctl(service, "status", prefix=NOBODY)
            ok(code == 1 and "set" not in text, "and by the service itself", text)
            ok("only root and the service's user may" in service.log(), "which the log says")


def drop_ins(folder, executable):
    os.mkdir(os.path.join(folder, "more.d"))

    def write(name, text):
        with open(os.path.join(folder, "more.d", name), "w") as file:
            file.write(text)
    write("a.conf", f'target "a" {{ executable = {json.dumps(executable)} }}\n')
    write("b.conf", f'target "b" {{ executable = {json.dumps(executable)} }}\n')
    with Service(folder, extra='include("more.d/*.conf")') as service:
        service.wait_state("a", "ready")
        service.wait_state("b", "ready")
        ok(True, "drop-ins bring targets")
        write("c.conf", f'target "c" {{ executable = {json.dumps(executable)} }}\n')
        service.reload()
        service.wait_state("c", "ready")
        ok(True, "a new one is seen by a reload")
        write("d.conf", f'target "a-name-that-is-longer-than-its-column" {{ executable = {json.dumps(executable)} }}\n')
        service.reload()
        service.wait_state("a-name-that-is-longer-than-its-column", "ready")
        lines = ctl(service, "targets")[1].splitlines()
        equal({line.index("ready") for line in lines[1:]}, {lines[0].index("STATE")}, "columns of fuzzsupctl stand below each other")
        write("d.conf", '\ntarget "d" { }\n')
        code, text = ctl(service, "reload")
        ok(code == 1 and "d.conf:2:" in text, "a mistake names the drop-in and its line", text)


class Listing(threading.Thread):
    """Asks for the list again and again; keeps what has other names."""

    def __init__(self, service, names):
        super().__init__(daemon=True)
        self.service, self.names, self.wrong, self.asked, self.over = service, names, [], 0, False

    def run(self):
        while not self.over:
            names = sorted(t["name"] for t in self.service.get("/api/v1/targets").json()["targets"])
            self.asked += 1
            if names != self.names:
                self.wrong.append(names)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.join()


class Nobody(Service):
    """A service that another user runs."""

    def start(self):
        for name in (self.folder, self.state):
            os.makedirs(name, exist_ok=True)
            os.chown(name, 65534, 65534)
        for worker in WORKERS:
            public(f"fuzzsupd-{worker}")
        self.environment = {"FUZZSUPD_LIBEXEC": os.path.dirname(public("fuzzsupd")), "FUZZSUPD_WEB": public("web")}
        popen = subprocess.Popen
        subprocess.Popen = lambda command, **rest: popen([*NOBODY, public("fuzzsupd"), *command[1:]], **rest)
        try:
            super().start()
        finally:
            subprocess.Popen = popen


def as_nobody(folder, executable):
    coverage = os.path.join(folder, "coverage")
    fuzz(executable, coverage)
    with Nobody(folder, {"json": Target(executable, coverage, [DEMO])}) as service:
        service.wait_state("json", "ready", "live", "stale")
        follower = Follower(service.websocket("/t/json/", "fuzzsup.v1"), "json")
        follower.until(lambda: follower.covered > 50)
        ok(True, "a service of a user that is not root shows coverage")
        uids = {os.stat(f"/proc/{pid}").st_uid for pid in pids(service)}
        ok(0 not in uids or uids == {0}, f"its workers run as {uids}")
        equal(ctl(service, "check", prefix=NOBODY)[0], 0, "its control socket serves its user")
        equal(ctl(service, "check")[0], 0, "and root")
        note("\n".join(line for line in service.log().splitlines() if "warning" in line))


def reloads(folder, executable):
    first, second = os.path.join(folder, "one"), os.path.join(folder, "two")
    fuzz(executable, first)
    os.mkdir(second)
    with Service(folder, {"changing": Target(executable, first, [DEMO]), "other": Target(executable, first, [DEMO])}) as service:
        before = pids(service)
        follower = Follower(service.websocket("/t/other/", "fuzzsup.v1"), "other")
        follower.until(lambda: follower.covered > 50)
        covered, frames, target = follower.bits, follower.full_frames, service.target("other")["id"]
        service.targets["changing"].keys["source-roots"] = [os.path.join(SRC, "share")]
        service.reload()
        wait_until(lambda: "share/demo/json_parse.c" in SourceIndex(service.get("/t/changing/index.bin").body).paths(), "the new root's names")
        ok(True, "changed source-roots: the sources have new names")
        service.targets["changing"].keys["coverage"] = second
        service.reload()
        state(service, "changing", "ready", "no coverage file")
        changed = Follower(service.websocket("/t/changing/", "fuzzsup.v1"), "changing")
        changed.until(lambda: changed.bits is not None)
        equal(changed.bits, 0, "changed coverage: nothing of the old folder is left")
        with Listing(service, ["changing", "other"]) as listing:
            for last in (first, second) * 4:
                service.targets["changing"].keys["coverage"] = last
                service.reload()
                asked = listing.asked
                wait_until(lambda: listing.asked > asked + 3, "three more looks")
        equal(listing.wrong, [], f"changing, the target never leaves the list ({listing.asked} looks)")
        service.targets["changing"].keys["executable"] = other
        pcs = service.target("changing")["pcs"]
        service.reload()
        wait_until(lambda: service.target("changing")["pcs"] not in (0, pcs), "the new executable's PCs")
        service.wait_state("changing", "ready")
        ok(True, "changed executable: its table is another")
        equal(pids(service), before, "no worker was restarted")
        while follower.socket.readable(0.2) and follower.step() != 17:
            pass
        ok(follower.bits == covered and follower.full_frames == frames and service.target("other")["id"] == target, "a client of another target noticed nothing")


def many(folder, executable):
    targets = {}
    for i in range(MANY):
        os.makedirs(os.path.join(folder, "c", f"{i:04}"))
        targets[f"t{i:04}"] = Target(executable, os.path.join(folder, "c", f"{i:04}"), [DEMO])
    begin = time.monotonic()
    with Service(folder, targets) as service:
        def states():
            return [t["state"] for t in service.get("/api/v1/targets").json()["targets"]]
        wait_until(lambda: states().count("ready") == MANY, f"{MANY} targets are ready", step=0.1)
        ok(True, f"{MANY} targets are ready")
        figure(f"{MANY} targets are ready", time.monotonic() - begin, "s", "< 20")
        follower = Follower(service.websocket("/", "fuzzsup.v1"), None)
        follower.until(lambda: len(follower.targets) == MANY)
        equal(sorted(t["name"] for t in follower.targets.values()), sorted(targets), "all are listed")
        equal(ctl(service, "status")[1].count("ready"), MANY, "and in a terminal")

        def ticks():
            total = 0
            for pid in [service.process.pid, *pids(service)]:
                with open(f"/proc/{pid}/stat") as file:
                    total += sum(int(v) for v in file.read().rsplit(")", 1)[1].split()[11:13])
            return total
        follower.socket.close()
        start, before = time.monotonic(), ticks()
        stamp = service.target("t0000")
        wait_until(lambda: time.monotonic() - start > 4, "four seconds of idling", step=0.5)
        figure(f"{MANY} idle targets", 100 * (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - start), "% of a core", "< 50")
        path = fuzz(executable, os.path.join(folder, "c", "0777"))
        service.wait_state("t0777", "live", "stale")
        for worker in ("collector", "frontend"):
            os.kill(service.worker(worker), signal.SIGKILL)
        begin = time.monotonic()

        def covered():
            try:
                follower = Follower(service.websocket("/t/t0777/", "fuzzsup.v1"), "t0777")
                follower.until(lambda: follower.covered > 50 and len(follower.targets) == MANY)
                return True
            except OSError:
                return False
        wait_until(covered, "the page after the kill", step=0.05)
        figure(f"{MANY} targets, whole after collector and front-end died", time.monotonic() - begin, "s")
        ok(True, "all are served again after collector and front-end died")


with scratch() as base:
    json_fuzzer = build(os.path.join(base, "fuzz_json"), demo_sources(), "-O1", "-lm")
    other = build(os.path.join(base, "fuzz_json_2"), demo_sources(), "-O2", "-lm")
    parts = [deaths, timeout, without_pc_table, control, drop_ins, reloads, many]
    if ROOT:
        parts.append(as_nobody)
    chosen = os.environ.get("PART")
    for part in parts:
        if chosen in (None, part.__name__):
            with scratch() as folder:
                note(part.__name__)
                part(folder, json_fuzzer)
done()
