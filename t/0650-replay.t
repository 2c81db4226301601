#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libfuzzsup_replay: inputs of any fuzzer are run once each, whatever they do, and what they
reach is seen; alone, and as a job of fuzzsupd beside the fuzzers that find them.

A part's name as an argument runs that part alone."""
import mmap
import os
import re
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

FLAGS = ["-O1", "-fsanitize=fuzzer-no-link", "-fsanitize-coverage=inline-bool-flag,pc-table"]


def build_replay(output, sources, *flags):
    subprocess.run([CLANG, "-g", *FLAGS, *flags, *sources, "@" + runtime_response_file("fuzzsup-replay"), "-o", output], check=True)
    return output


def coverage_in(directory):
    """(runs, bits as a set) of the one target that writes there."""
    names = [name for name in os.listdir(directory) if re.fullmatch("[0-9a-f]{16}", name)]
    if not names:
        return 0, set()
    runs, _, bits, _ = CoverageFile.read(os.path.join(directory, names[0]))
    return runs, set(set_bits(bits))


class Replay:
    """The driver alone."""

    def __init__(self, executable, folder, *arguments, stdin=subprocess.DEVNULL, user=None, **environment):
        self.directory = os.path.join(folder, "coverage-" + hexname())
        os.mkdir(self.directory)
        os.chmod(self.directory, 0o777)
        self.log_path = self.directory + ".log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([executable, *arguments], stdin=stdin, stdout=log, stderr=log, user=user, env=dict(os.environ, FUZZSUP_DIR=self.directory, **environment))
        atexit.register(self.process.kill)

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def wait(self):
        code = self.process.wait(PATIENCE)
        found = re.search(r"(ERROR: (Address|Leak)Sanitizer|runtime error:)[^\n]*\n(.*\n){,8}.*replay\w*\.c:\d+", self.log())
        if found and "moods.c" not in found.group():
            raise RuntimeError(f"the driver is wrong: {self.log()}")
        return code

    def coverage(self):
        return coverage_in(self.directory)

    def runs(self):
        return self.coverage()[0]

    def last(self):
        """Its last line of numbers."""
        line = [line for line in self.log().splitlines() if re.match(r"#\d+\t", line)][-1]
        numbers = {key: int(value) for key, value in re.findall(r"(\w+): (\d+)", line)}
        numbers["runs"] = int(re.match(r"#(\d+)", line).group(1))
        return numbers

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()


def hexname(count=[0]):
    count[0] += 1
    return f"{count[0]:04x}"


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()


def put(folder, name, content):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def corpus(folder, **inputs):
    path = os.path.join(folder, "corpus-" + hexname())
    os.mkdir(path)
    for name, content in inputs.items():
        put(path, name, content)
    return path


def once(folder, moods):
    """Every way to behave, each input once."""
    plain = Replay(moods, folder, "-once", corpus(folder, x=b"x"))
    equal((plain.wait(), plain.runs()), (0, 1), "one input, one run")
    _, base = plain.coverage()
    reached = {}
    for how in "123":
        replay = Replay(moods, folder, "-once", corpus(folder, x=b"x", one=how.encode()))
        replay.wait()
        reached[how] = replay.coverage()[1] - base
    ok(all(reached.values()) and not reached["1"] & reached["2"], "what an input reaches is its own")
    for how, words in (("a", "signal 6"), ("s", "signal 11|status 1"), ("e", "status 5"), ("_", "status 6"), ("k", "signal 9"), ("g", "signal 15"), ("m", "signal 6|status 1"), ("c", "signal 9"), ("h", "too long")):
        replay = Replay(moods, folder, "-once", "-timeout=1" if how == "h" else "-timeout=60", "-rss_limit_mb=128", corpus(folder, one=b"1", two=how.encode(), three=b"3"))
        equal(replay.wait(), 0, f"{how}: the driver goes on to the end")
        runs, bits = replay.coverage()
        numbers = replay.last()
        ok(bits >= reached["1"] | reached["3"] and numbers["runs"] == 3, f"{how}: the others ran", (bits, reached, replay.log()))
        ok(bool(re.search(f"two: .*({words})", replay.log())), f"{how}: it is said", replay.log())
        equal((numbers["crashes"], numbers["hangs"]), (0, 1) if how == "h" else (1, 0), f"{how}: and counted")
        if how not in "kgc":  # of which nobody learns
            ok(runs == 3 and len(bits - reached["1"] - reached["3"] - base) > 0, f"{how}: what it reached until then is kept", (runs, bits))
    replay = Replay(moods, folder, "-once", corpus(folder, fork=b"f", one=b"1"))
    equal((replay.wait(), replay.runs()), (0, 2), "a child that stays behind holds nothing up")
    wait_until(lambda: subprocess.run(["pgrep", "-f", moods], stdout=subprocess.DEVNULL).returncode == 1, "the end of what was forked")
    ok(True, "and ends with the one that forked it")
    replay = Replay(moods, folder, "-once", corpus(folder, **{f"t{i}": b"t" for i in range(20)}, one=b"1"))
    equal((replay.wait(), replay.last()["runs"], replay.last()["crashes"]), (0, 21, 0), "an input that forks and returns twice is answered once")
    replay = Replay(moods, folder, "-once", "-rss_limit_mb=128", corpus(folder, **{f"l{i}": b"l" for i in range(300)}))
    equal((replay.wait(), replay.runs(), replay.last()["crashes"]), (0, 300, 0), "what inputs keep is not the last one's fault")
    replay = Replay(moods, folder, "-timeout=3600", corpus(folder, hang=b"h"))
    wait_until(lambda: len(children(replay.process.pid)) == 1, "its process")
    equal((replay.end(), replay.last()["hangs"]), (0, 0), "who is told to end does not wait for an input")
    replay = Replay(moods, folder, "-once", corpus(folder, one=b"1"), MOODS_BROKEN="1")
    equal(replay.wait(), 3, "a target that ends before any input ends the driver")
    ok("status 9" in replay.log(), "with its status", replay.log())
    equal([Replay(moods, folder, *words).wait() for words in ((), ("-nonsense", "x"), ("-timeout=0", "x"), ("-max_len=x", "x"), ("-rss_limit_mb=-1", "x"))], [2] * 5, "wrong arguments: usage")


def hostile(folder, moods):
    """What is no input, and what is too large."""
    path = corpus(folder, one=b"1", large=b"2" * 5000)
    os.mkfifo(os.path.join(path, "fifo"))
    os.symlink("/etc/passwd", os.path.join(path, "link"))
    os.symlink("/nowhere", os.path.join(path, "dangling"))
    os.mkdir(os.path.join(path, "folder"))
    put(os.path.join(path, "folder"), "inner", b"2")
    put(path, ".hidden", b"2")
    put(path, "a\nline\x1b[31m", b"a")
    replay = Replay(moods, folder, "-once", "-max_len=4096", path)
    equal((replay.wait(), replay.last()["runs"]), (0, 2), "a FIFO, links, a folder, a hidden file and one that is too large are left out")
    ok("large: left out: it is larger than -max_len" in replay.log() and "a?line?[31m: ends with" in replay.log(), "names cannot write lines of their own", replay.log())
    huge = os.path.join(path, "huge")
    with open(huge, "wb") as file:
        file.truncate(1 << 40)
    replay = Replay(moods, folder, "-once", corpus(folder), os.path.join(folder, "nowhere"), path)
    equal((replay.wait(), replay.last()["runs"]), (0, 3), "nor is a file of a terabyte read, nor a folder missed that is not there")
    ok("nowhere: No such file or directory; it is waited for" in replay.log(), "which is said", replay.log())
    replay = Replay(moods, folder, "-once", huge)
    equal((replay.wait(), replay.last()["runs"], "huge: Not a directory" in replay.log()), (0, 0, True), "and so is what is no folder")
    os.unlink(huge)
    for how in "as":
        path = corpus(folder, **{f"crash{i}": how.encode() + b"%d" % i for i in range(300)})
        replay = Replay(moods, folder, "-once", path)
        equal((replay.wait(), replay.last()["crashes"], replay.runs()), (0, 300, 300), "a corpus in which everything crashes is survived")
        ok("moods.c:" not in replay.log(), "symbols are left out of the reports")
    replay = Replay(moods, folder, "-once", corpus(folder, s=b"s"), ASAN_OPTIONS="symbolize=1", UBSAN_OPTIONS="symbolize=1")
    replay.process.wait(PATIENCE)
    ok("moods.c:" in replay.log(), "unless they are asked for")
    unreadable = corpus(folder, one=b"1", two=b"2")
    os.chmod(folder, 0o755)
    os.chmod(os.path.join(unreadable, "two"), 0)
    if os.geteuid() == 0:
        replay = Replay(moods, folder, "-once", unreadable, user=65534)
        equal((replay.wait(), replay.last()["runs"], replay.last()["skipped"]), (0, 1, 1), "what may not be read is left out")
        os.mkdir(os.path.join(unreadable, "dark\n#9"), 0)
        replay = Replay(moods, folder, "-once", unreadable, user=65534)
        equal((replay.wait(), "dark?#9: Permission denied" in replay.log()), (0, True), "a folder that may not be is said")
    path = corpus(folder)
    replay = Replay(moods, folder, "-", stdin=subprocess.PIPE)
    with replay.process.stdin as pipe:
        pipe.write("".join(put(path, f"path{i}", b"%d" % i) + "\n" for i in range(1, 4)).encode()[:-1])
    equal((replay.wait(), replay.runs()), (0, 3), "paths on standard input, the last without a line feed")


def place(folder, name, content):
    """All at once: where a folder is being listed, a file that is half written is run, too."""
    os.rename(put(folder, "." + name, content), os.path.join(folder, name))


def folders(folder, moods):
    """Folders that come, go and are replaced, and AFL++'s."""
    plain, later, afl = (os.path.join(folder, name) for name in ("plain", "later", "afl"))
    os.mkdir(plain)
    replay = Replay(moods, folder, plain, later, afl)
    total = 0

    def more(count, what):
        nonlocal total
        total += count
        wait_until(lambda: replay.runs() >= total, f"{what}: {total} runs; {replay.runs()}\n{replay.log()[-2000:]}")
        equal(replay.runs(), total, what)

    wait_until(lambda: "INITED" in replay.log(), "its first words")
    path = put(plain, "1", b"x")
    more(1, "a file that is written")
    os.rename(put(folder, "outside", b"xx"), os.path.join(plain, "2"))
    more(1, "a file that is renamed into the folder")
    os.link(put(folder, "outside", b"xxx"), os.path.join(plain, "3"))
    more(1, "a file that is linked")
    os.rename(path, os.path.join(plain, "4"))
    put(plain, "2", b"xxxx")
    more(1, "a file that is renamed is no other; one that is changed is")
    os.mkdir(later)
    place(later, "1", b"y")
    more(1, "a folder that comes later")
    shutil.rmtree(later)
    wait_until(lambda: not os.path.exists(later), "it is gone")
    os.mkdir(later)
    place(later, "1", b"yy")
    more(1, "a folder that is made anew")
    os.makedirs(os.path.join(afl, "main", "queue", ".state"))
    put(os.path.join(afl, "main"), "fuzzer_stats", b"no input")
    place(os.path.join(afl, "main", "queue"), "id:000000", b"z")
    more(1, "AFL++'s queue, and nothing else of it")
    os.makedirs(os.path.join(afl, "second", "queue"))
    place(os.path.join(afl, "second", "queue"), "id:000000", b"zz")
    more(1, "an instance that comes later")
    for i in range(20):
        place(plain, f"last{i}", b"x%d" % i)
    more(20, "more at once")
    wait_until(lambda: replay.last()["runs"] == total and replay.last()["s"] == 0, "that it says that it runs nothing any more; " + str(replay.last()))
    ok(True, "the rate of one that has nothing to do falls to 0")
    equal(replay.end(), 0, "SIGTERM ends it")
    again = Replay(moods, folder, "-once", os.path.join(afl, "main"))
    equal((again.wait(), again.runs()), (0, 1), "AFL++'s instance itself")


def many(folder, moods):
    """100,000 inputs at the start, and new ones meanwhile; memory stays flat."""
    path = corpus(folder)
    for i in range(100000):
        fd = os.open(os.path.join(path, str(i)), os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(fd, b"x%d" % i)
        os.close(fd)
    few = Replay(moods, folder, "-once", corpus(folder, one=b"1"))
    few.wait()
    replay = Replay(moods, folder, path)
    wait_until(lambda: "left: 100000" in replay.log(), "the first word")
    ok(True, "what is left is said at once")
    wait_until(lambda: replay.runs() > 1000, "that it works")
    place(path, "new", b"1")
    base = few.coverage()[1]
    wait_until(lambda: replay.coverage()[1] >= base, "the new one")
    ok(replay.runs() < 100001, f"a new input does not wait for the others: {replay.runs()} had run")
    wait_until(lambda: replay.last()["left"] == 0, "all of them", patience=10 * PATIENCE)
    replay.end()
    equal((replay.last()["runs"], replay.runs()), (100001, 100001), "each was run once")
    ok(replay.last()["rss"] < few.last()["rss"] + 8, f"memory stays flat: {replay.last()['rss']} MB, with one input {few.last()['rss']} MB")
    left = [int(count) for count in re.findall(r"left: (\d+)", replay.log())]
    ok(left == sorted(left, reverse=True) and left[-1] == 0, "what is left grows less")


def reaches(service, target, demo, corpus):
    """All that its corpus does, as libFuzzer itself counts it."""
    own = subprocess.run([demo, "-runs=0", corpus], capture_output=True, text=True, env=dict(os.environ, FUZZSUP="off")).stderr
    edges = int(re.findall(r"cov: (\d+)", own)[-1])
    wait_until(lambda: service.target(target)["covered"] >= edges, f"{edges} PCs; {service.target(target)}")
    ok(edges > 50, f"{target} reaches what the corpus does: {service.target(target)['covered']} PCs, libFuzzer's own word is {edges}")


def followed(folder, moods):
    """Without a corpus: what its target's other jobs find, also those that a reload brings."""
    os.chmod(folder, 0o755)
    coverage, elsewhere = os.path.join(folder, "coverage"), os.path.join(folder, "elsewhere")
    for path in (coverage, elsewhere):
        os.mkdir(path)
        os.chmod(path, 0o1777)
    sleeper = {"engine": "command", "command": ["sleep", "1000"]}
    targets = {"moods": Target(moods, coverage, (), jobs={"one": dict(sleeper), "replay": {"engine": "replay"}})}
    with Service(folder, targets) as service:
        job = lambda name: next((job for job in service.get("/api/v1/jobs").json()["jobs"] if job["name"] == name), {})
        ran = lambda count, what: wait_until(lambda: job("replay").get("executions") == count, f"{what}; {job('replay')}")
        wait_until(lambda: job("one")["state"] == "running", "the job that is followed")
        place(os.path.join(service.state, "jobs", "moods", "one", "corpus"), "x", b"x")
        ran(1, "an input of the other job")
        ok(True, "the corpus of another job is followed")
        service.targets["moods"].jobs["two"] = dict(sleeper, corpus=elsewhere)
        service.reload()
        place(elsewhere, "y", b"y")
        ran(3, "both jobs' inputs, one of them again")
        equal(job("replay")["corpus"], 2, "and that of one that a reload brings")
    service.stop()


def owned(folder, moods):
    """What another user keeps to himself: said, with the remedy, and read when it can be."""
    if os.geteuid() != 0:
        skip("inputs of other users", "not root")
        return
    os.chmod(folder, 0o755)
    coverage, out, shared = (os.path.join(folder, name) for name in ("coverage", "out", "shared"))
    queues = [os.path.join(out, name, "queue") for name in ("main", "other")]
    for path in (coverage, shared, *queues):
        os.makedirs(path)
    os.chmod(coverage, 0o1777)
    hidden, plain = put(queues[0], "id:000000", b"x"), put(shared, "plain", b"yy")
    closed = [put(queues[1], f"id:{i:06}", b"z" * (i + 1)) for i in range(3)]
    for path in (out, os.path.dirname(queues[0]), os.path.dirname(queues[1]), *queues, hidden, *closed):
        os.chown(path, 1, 1)
    for path in (os.path.dirname(queues[0]), plain, *closed):
        os.chmod(path, 0o700 if os.path.isdir(path) else 0o600)
    sleeper = {"engine": "command", "command": ["sleep", "1000"]}
    targets = {"moods": Target(moods, coverage, (), jobs={"replay": {"engine": "replay", "corpus": [out, shared], "user": "nobody"}}),
               "same": Target(moods, coverage, (), jobs={"finds": dict(sleeper, user="daemon"), "too": dict(sleeper, user="daemon"), "follows": {"engine": "replay"}}),
               "mixed": Target(moods, coverage, (), jobs={"one": dict(sleeper, user="daemon"), "two": dict(sleeper), "drives": {"engine": "replay"}})}
    with Service(folder, targets) as service:
        says = lambda text: lambda job: job["reason"] == text
        unread = "some of its inputs are not read: "
        service.wait_job("replay", "running", what=says(f'{unread}{out}/main and 3 more: user nobody cannot read it; name user = "daemon" for this job, or chmod o+rx it'))
        ok(True, "a folder and files that a driver's user cannot read are said, with whose they are")
        checked = subprocess.run([program("fuzzsupd"), "-n", "-c", service.config], capture_output=True, text=True, timeout=PATIENCE)
        ok(checked.returncode == 0 and f"job moods/replay: {unread}{out}/main" in checked.stderr and f"job moods/replay: {unread}{shared}/plain" in checked.stderr, "-n says it", checked)
        wait_until(lambda: f"job moods/replay: {unread}{out}/main" in service.get("/healthz").text, "what is not well")
        ok(not service.jobs()["replay"]["executions"], "and it is not well, since nothing was run")
        os.chmod(os.path.dirname(queues[0]), 0o755)
        service.wait_job("replay", "running", what=lambda job: job["executions"] == 1 and says(f'{unread}{closed[0]} and 2 more: user nobody cannot read it; name user = "daemon" for this job, or chmod o+r it')(job))
        ok(True, "a folder that becomes readable is read, and what is not is still said")
        for path in closed:
            os.chmod(path, 0o644)
        service.wait_job("replay", "running", what=lambda job: job["executions"] == 4 and says(f"{unread}{plain}: user nobody cannot read it; name another user for this job, or chmod o+r it")(job))
        ok(True, "files likewise; and a single one of another folder")
        os.chmod(plain, 0o644)
        service.wait_job("replay", "running", what=lambda job: job["executions"] == 5 and says("")(job))
        ok(True, "when all can be read nothing is said")
        service.wait_job("replay", "running", what=lambda job: job["executions_per_second"] == 0)
        ok(True, "and its rate falls to 0")

        # Who names no user follows that of the others, if they have one.
        for name, wanted in (("follows", True), ("drives", False)):
            pid = service.wait_job(name, "running", what=lambda job: job["pid"])["pid"]
            equal(os.stat(f"/proc/{pid}").st_uid == 1, wanted, f"a replay job without a user has that of its target's jobs{'' if wanted else ', but not of one of them'}")
        corpora = {name: os.path.join(service.state, "jobs", *name.split("/"), "corpus") for name in ("same/finds", "mixed/one")}
        for path in corpora.values():
            os.chmod(path, 0o700)
            own = put(folder, ".own", b"1")
            os.chown(own, 1, 1)
            os.chmod(own, 0o600)
            os.rename(own, os.path.join(path, "own"))
        service.wait_job("follows", "running", what=lambda job: job["executions"] == 1 and says("")(job))
        ok(True, "so it reads what they keep to themselves")
        service.wait_job("drives", "running", what=lambda job: f"{unread}{corpora['mixed/one']}: user " in job["reason"] and 'user = "daemon"' in job["reason"])
        ok(True, "the other one says that it cannot")
    service.stop()


def as_job(folder, moods):
    """Beside a libFuzzer, and AFL++ as it is, that find the inputs."""
    os.chmod(folder, 0o755)
    shared, coverage, of_find, of_afl, of_slow = (os.path.join(folder, name) for name in ("shared", "coverage", "of-find", "of-afl", "of-slow"))
    for path in (shared, coverage, of_find, of_afl, of_slow):
        os.mkdir(path)
        os.chmod(path, 0o1777)
    demo = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    replay = build_replay(os.path.join(folder, "replay_json"), demo_sources(), "-lm")
    roots = [os.path.join(SRC, "share", "demo")]
    targets = {"json": Target(demo, coverage, roots, jobs={"find": {"engine": "libfuzzer", "corpus": shared, "command": [demo, "-max_len=64", "-runs=300000"], "restart": "never"}}),
               "replay": Target(replay, of_find, roots, jobs={"replay": {"engine": "replay", "corpus": [os.path.join(folder, "later"), shared], "timeout": "2s", "memory-max": "512M"}})}
    # That take their time: 30 seconds.
    slow = corpus(folder, **{f"h{i}": b"h%d" % i for i in range(30)})
    targets["moods"] = Target(moods, of_slow, (), jobs={"slow": {"engine": "replay", "corpus": slow, "timeout": "1s"}})
    queue = os.path.join(folder, "state", "jobs", "afl", "afl", "out")
    has_afl = shutil.which("afl-fuzz") is not None and shutil.which("afl-clang-fast") is not None
    if has_afl:
        # Its inputs are found without a word about them.
        stock = afl_build(os.path.join(folder, "afl_json"), "-O1", os.path.join(SRC, "t", "targets", "persistent.c"), *demo_sources(), "-lm", native=False)
        targets["afl"] = Target(replay, of_afl, roots, jobs={"afl": {"engine": "afl++", "command": [stock], "run-for": "5s"}, "of-afl": {"engine": "replay"}})
    else:
        note("no afl++ here: it is not tested")
    with Service(folder, targets) as service:
        job = lambda name: next(job for job in service.get("/api/v1/jobs").json()["jobs"] if job["name"] == name)
        wait_until(lambda: job("find")["state"] == "done", "the fuzzer's end")
        service.wait_state("replay", "live", "stale")
        inputs = len([name for name in os.listdir(shared) if not name.startswith(".")])
        wait_until(lambda: (job("replay")["executions"] or 0) >= inputs and job("replay")["pending"] == 0, f"{inputs} inputs; {job('replay')}")
        found = job("replay")
        equal((found["state"], found["crashes"], found["hangs"]), ("running", 0, 0), "a replay job runs beside the fuzzer")
        ok(abs((found["last_find_ms"] or 0) - time.time() * 1e3) < 1e3 * PATIENCE, "with the time of its last find", found)
        reaches(service, "replay", demo, shared)
        runs = lambda: wait_until(lambda: coverage_in(of_find)[0] == job("replay")["executions"] and job("replay")["executions"], f"its executions: {job('replay')}")
        before = runs()
        ok(before >= inputs, "its runs are its executions")
        new = put(folder, "new", b"[[[[[[[[[[[[[[[[[1")
        os.mkdir(os.path.join(folder, "later"))
        os.rename(new, os.path.join(folder, "later", "new"))
        wait_until(lambda: runs() == before + 1, "another folder, which comes late")
        ok(True, "a corpus that comes late is followed")
        if has_afl:
            wait_until(lambda: job("afl")["state"] == "done", "AFL++'s end")
            inputs = len([name for name in os.listdir(os.path.join(queue, "main", "queue")) if not name.startswith(".")])
            # It writes some of them twice, when it has trimmed them.
            wait_until(lambda: (job("of-afl")["executions"] or 0) >= inputs and job("of-afl")["pending"] == 0, f"AFL++'s {inputs} inputs; {job('of-afl')}")
            ok(inputs > 1, f"AFL++'s {inputs} inputs are run, of a build whose PCs nobody knows")
            reaches(service, "afl", demo, os.path.join(queue, "main", "queue"))
        wait_until(lambda: job("slow")["hangs"], "an input that hangs")
        found = job("slow")
        equal((found["pending"] + found["corpus"], found["crashes"]), (30, 0), "what is left and what was run are all there is")
        ok(bool(re.search(r"\b\d+ of 30 inputs left to replay", service.ctl("jobs").stdout)), "and fuzzsupctl says so", service.ctl("jobs").stdout)
        table = service.ctl("jobs", "--json").stdout
        ok('"engine":"replay"' in table.replace(" ", ""), "fuzzsupctl jobs shows it", table)
        service.ctl("stop", "replay/replay")
        wait_until(lambda: job("replay")["state"] == "stopped", "stop")
        ok(True, "it stops")
    service.stop()


with scratch() as folder:
    moods = build_replay(os.path.join(folder, "moods"), [os.path.join(SRC, "t", "targets", "moods.c")])
    # The driver itself with sanitizers, which the installed one never has.
    driver, checked, sanitize = os.path.join(SRC, "worker", "runtime"), os.path.join(folder, "checked"), ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    objects = [os.path.join(folder, name + ".o") for name in ("replay", "replay_child", "replay_seen", "replay_watch")]
    for path in objects:
        subprocess.run([CLANG, "-g", "-O1", *sanitize, "-D_GNU_SOURCE", "-c", os.path.join(driver, os.path.basename(path)[:-1] + "c"), "-o", path], check=True)
    subprocess.run([CLANG, "-g", *FLAGS, *sanitize, os.path.join(SRC, "t", "targets", "moods.c"), *objects, "@" + runtime_response_file(), "-o", checked], check=True)
    for part, executable in ((once, moods), (once, checked), (hostile, moods), (hostile, checked), (folders, moods), (folders, checked), (many, moods), (followed, moods), (owned, moods), (as_job, moods)):
        if len(sys.argv) == 1 or part.__name__ in sys.argv:
            here = os.path.join(folder, f"{part.__name__}-{os.path.basename(executable)}")
            os.mkdir(here)
            note(part.__doc__ + ("" if executable == moods else " With sanitizers in the driver."))
            part(here, executable)
    done()
