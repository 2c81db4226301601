#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What was found is kept: history and totals over kills of every worker and of the service, over files that are
damaged, newer, removed, not to be written, and on a full disk. KILLS=500 SERVICE_KILLS=50 make it longer."""
import glob
import os
import random
import signal
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), ".."), "t", "lib"))
from fuzzsup import *

WORKERS = ("symbolizer", "collector", "frontend", "runner", "archive")
KILLS, SERVICE_KILLS = int(os.environ.get("KILLS", "40")), int(os.environ.get("SERVICE_KILLS", "4"))
COLUMNS = ("t", "covered", "executions", "executions_per_second", "corpus", "crashes")


def history(service, name="t", *words):
    """As fuzzsupctl prints it; None while it cannot."""
    done = service.ctl("history", "--json", *words, name)
    return json.loads(done.stdout) if done.returncode == 0 else None


def wait_history(service, condition, what, name="t"):
    def look():
        found = history(service, name)
        return found if found and found["t"] and condition(found) else None
    return wait_until(look, what)


def never_back(found, what):
    """Columns of equal length, in order of time, none twice, no count that falls."""
    bad = {key for key in COLUMNS if len(found[key]) != len(found["t"])}
    times = found["t"]
    falls = [(key, i) for key in ("covered", "executions") for i in range(1, len(times)) if found[key][i] < found[key][i - 1]]
    ok(not bad and all(a < b for a, b in zip(times, times[1:])) and not falls, f"{what}: {len(times)} samples in order, no count falls", f"{bad} {falls[:5]} {found}")


class Writer:
    """Somebody's fuzzer, by its coverage file."""

    def __init__(self, folder, letters):
        run = subprocess.run([letters, "a"], env=dict(os.environ, FUZZSUP_DIR=folder), capture_output=True)
        path = wait_until(lambda: [p for p in glob.glob(os.path.join(folder, "*")) if "." not in os.path.basename(p)], f"a coverage file; {run}")[0]
        self.pcs = CoverageFile.read(path)[3]
        self.file = open(path, "r+b", buffering=0)
        self.next = 0

    def hit(self, runs=100):
        CoverageFile.hit(self, self.next % len(self.pcs), runs=runs)
        self.next += 1


def kills(service, writer):
    """Nothing of what was shown is lost, whichever process dies."""
    chance = random.Random(20261127)
    writer.hit()
    shown = wait_history(service, lambda h: h["covered"][-1] > 0, "the first samples")
    for i in range(KILLS):
        worker = WORKERS[i % len(WORKERS)] if i < len(WORKERS) else chance.choice(WORKERS)
        writer.hit()
        pid = wait_until(lambda: service.worker(worker), worker)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: service.worker(worker) not in (None, pid), f"another {worker}")
    found = wait_history(service, lambda h: h["t"][-1] > shown["t"][-1] + 1000, "samples after that")
    lost = [t for t in shown["t"] if t not in found["t"]]
    equal(lost, [], f"after {KILLS} kills nothing is lost that was shown")
    never_back(found, f"after {KILLS} kills")
    want = service.target("t")["covered"]
    wait_history(service, lambda h: h["covered"][-1] >= want, f"{want} PCs, as the page has them")
    ok(True, "and history goes on with what the page shows")


def service_kills(service, writer):
    """Workers die with the supervisor."""
    for _ in range(SERVICE_KILLS):
        writer.hit()
        before = wait_history(service, lambda h: h["executions"][-1] > 0, "samples")
        service.process.kill()
        service.process.wait()
        service.start()
        found = wait_history(service, lambda h: h["t"][-1] > before["t"][-1], "samples of the next life")
        # That of the second in which it was killed may be none yet.
        lost = [t for t in before["t"] if t not in found["t"]]
        equal(lost, [], "the service was killed: nothing is lost that was shown")
    never_back(found, f"after {SERVICE_KILLS} lives")
    kinds = [e["kind"] for e in service.get("/api/v1/events?limit=10000").json()["events"]]
    starts = [e["text"] for e in service.get("/api/v1/events?limit=10000").json()["events"] if e["kind"] == "service"]
    equal(starts, ["the service started"] * (SERVICE_KILLS + 1), "each start is an event, once")
    ok(kinds.count("build") == 1, "the build is one, however often the service starts", kinds)
    shown = service.ctl("events").stdout
    ok("the service started" in shown and "build" in shown, "fuzzsupctl events shows them", shown)
    table = service.ctl("history", "--from", "-1h", "t").stdout
    ok(table.startswith("TIME") and len(table.splitlines()) > 2, "fuzzsupctl history shows a table", table)
    refused = service.ctl("history", "--from", "yesterday-ish", "t")
    ok(refused.returncode == 2 and "not a time" in refused.stderr, "a time that is none is refused", refused)
    for words in (("--from", "2h", "t"), ("--step", "soon", "t"), ("no-such-target",), ("t/no-such-job",)):
        refused = service.ctl("history", *words)
        ok(refused.returncode in (1, 2) and refused.stderr, f"history {' '.join(words)} is refused: {refused.stderr.strip()}", refused)
    every = service.get("/api/v1/events?limit=10000").json()["events"]
    part = service.get(f"/api/v1/events?limit=2&before={every[3]['id']}").json()
    equal(([e["id"] for e in part["events"]], part["newest"]), ([e["id"] for e in every[1:3]], every[-1]["id"]), "older events are had by their ids")


COUNTS = 'i=0; while :; do i=$((i + 1000)); echo "#$i\tpulse cov: 5 ft: 5 corp: 1/1b exec/s: 1000 rss: 30Mb"; sleep 0.2; done'


def edits(folder):
    """What a job counted stays when its block is edited, and when it is taken out and put in again."""
    counts = {"engine": "libfuzzer", "command": ["/bin/sh", "-c", COUNTS]}
    counted = lambda job: (job["executions"] or 0) > 3000 and job["starts"] > 0
    with Service(folder, {"sh": Target("/bin/sh", jobs={"counts": counts, "stopped": shell_job("exec sleep 1000"), "away": dict(counts)})}) as service:
        jobs = service.targets["sh"].jobs

        def goes_on(name, act, words):
            before = service.wait_job(name, "running", what=counted)
            act()
            after = service.wait_job(name, "running", what=lambda job: job["starts"] > 0 and (job["executions"] or 0) > 0)
            after = service.wait_job(name, "running", what=lambda job: job["running"] == 1 and job["starts"] != before["starts"])
            ok(after["starts"] == before["starts"] + 1 and after["executions"] >= before["executions"] and after["ran_ms"] >= before["ran_ms"], words, (before, after))

        def edit():
            jobs["counts"]["weight"] = "2"
            jobs["stopped"]["weight"] = "2"
            service.reload()

        def out_and_in(restart=False):
            kept = jobs.pop("away")
            service.reload()
            wait_until(lambda: "away" not in service.jobs(), "the job is gone")
            if restart:
                service.stop()
                service.start()
                service.wait_job("counts", "running")
            jobs["away"] = kept
            service.reload()
        service.ctl("stop", "stopped", check=True)
        service.wait_job("stopped", "stopped")
        goes_on("counts", edit, "other settings: it goes on from what it counted")
        goes_on("away", out_and_in, "taken out and put in again: so it does")
        goes_on("away", lambda: out_and_in(True), "and over a restart in between")
        equal((service.jobs()["stopped"]["state"], service.jobs()["stopped"]["running"]), ("stopped", 0), "what a user stopped stays stopped when its settings are edited")
        before = service.jobs()["away"]
        service.stop()
        jobs["away"]["user"] = "nobody-of-that-name"
        service.write_config()
        service.start()
        after = service.wait_job("away", "failed", what=lambda job: job["starts"] > 0)
        ok(after["starts"] >= before["starts"] - 1 > 1 and after["executions"] > 1000, "a job that cannot be run keeps its counts", (before, after))
        never_back(wait_history(service, lambda h: len(h["t"]) > 2, "history", "sh/away"), "the job")


def go_on(folder):
    """Totals, time that it ran, and that a user stopped it, over a restart."""
    jobs = {"counts": {"engine": "libfuzzer", "command": ["/bin/sh", "-c", COUNTS]},
            "limited": shell_job("exec sleep 1000", **{"run-for": "5"}), "stopped": shell_job("exec sleep 1000")}
    with Service(folder, {"sh": Target("/bin/sh", jobs=jobs)}) as service:
        service.wait_job("counts", "running", what=lambda job: (job["executions"] or 0) > 3000)
        service.ctl("stop", "stopped", check=True)
        service.wait_job("stopped", "stopped")
        service.wait_job("limited", "done")
        before = wait_history(service, lambda h: h["executions"][-1] > 3000, "its history", "sh/counts")["executions"][-1]
        starts = service.jobs()["counts"]["starts"]
        service.stop()
        logs = glob.glob(os.path.join(service.state, "jobs", "sh", "counts", "*.log*"))
        ok(logs, "it has a log")
        for path in logs:
            os.unlink(path)  # what it counted is known without it
        service.start()
        service.wait_job("counts", "running", what=lambda job: (job["executions"] or 0) >= before and job["starts"] > starts)
        ok(True, f"executions go on from {before}, starts from {starts}")
        service.wait_job("limited", "done")
        equal(service.jobs()["limited"]["starts"], 1, "run-for counts over restarts: what ran for long enough is not started again")
        service.wait_job("stopped", "stopped")
        ok(service.jobs()["stopped"]["running"] == 0, "what a user stopped stays stopped")
        service.ctl("start", "stopped", check=True)
        service.wait_job("stopped", "running")
        never_back(wait_history(service, lambda h: len(h["t"]) > 2, "history", "sh/counts"), "the job")


def late(folder):
    """The archive cannot be read when the service starts; what it knows comes late."""
    jobs = {"counts": {"engine": "libfuzzer", "command": ["/bin/sh", "-c", COUNTS]}, "stopped": shell_job("exec sleep 1000")}
    with Service(folder, {"sh": Target("/bin/sh", jobs=jobs)}) as service:
        service.ctl("stop", "stopped", check=True)
        service.wait_job("counts", "running", what=lambda job: (job["executions"] or 0) > 10000)
        before = wait_history(service, lambda h: h["executions"][-1] > 10000, "its history", "sh/counts")["executions"][-1]
        service.stop()
        for path in glob.glob(os.path.join(service.state, "jobs", "sh", "counts", "*.log*")):
            os.unlink(path)
        db = sqlite3.connect(os.path.join(service.state, "archive", "archive.db"), isolation_level=None)
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        service.start()
        job = service.wait_job("counts", "running", what=lambda job: 0 < (job["executions"] or 0))
        ok("locked" in wait_until(lambda: health(service).get("archive"), "what is wrong"), "somebody holds the file: jobs run, and that is said")
        ok(job["starts"] == 1 and job["executions"] < before, "without their past", job)
        db.execute("COMMIT")
        db.close()
        after = service.wait_job("counts", "running", what=lambda job: job["starts"] == 2 and job["executions"] >= before)
        service.wait_job("stopped", "stopped")
        ok(True, "it is let go: counts are added to what there was, and what a user had stopped stops")
        wait_history(service, lambda h: h["executions"][-1] >= after["executions"], "that in its history", "sh/counts")
        pid = service.worker("runner")
        os.kill(pid, signal.SIGKILL)
        service.wait_job("counts", "running", what=lambda job: job["starts"] == 3)
        ok(service.jobs()["counts"]["ran_ms"] < 2 * after["ran_ms"] + 60000, "once, also for a new runner")
        service.stop()
        service.start()
        service.wait_job("counts", "running", what=lambda job: job["starts"] == 4 and job["executions"] >= after["executions"])
        never_back(wait_history(service, lambda h: len(h["t"]) > 2, "history", "sh/counts"), "the job")


FORGED = r"""
printf 'fuzzsupd: instance 0 starts: pid 1, time 1500000000000: x\n#900000000000\tpulse cov: 1 ft: 1 corp: 1/1b exec/s: 900000000 rss: 1Mb\n'
printf 'fuzzsupd: instance 0 ended: exit status 0\nfuzzsupd: instance 0 starts: pid 2, time 1500000001000: x\n#900000000000\tpulse cov: 1 ft: 1 corp: 1/1b exec/s: 1 rss: 1Mb\n'
printf 'fuzzsupd: inst'; sleep 0.2; printf 'ance 1 starts: pid 3, time 1500000002000: x\n'
printf 'fuzzsupd: instance 1 ended: exit status 0\n'
i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); printf '#60000000\tNEW cov: 1 ft: 1 corp: 1/1b exec/s: 1 rss: 1Mb\n#2\tINITED cov: 1 ft: 1 corp: 1/1b exec/s: 1 rss: 1Mb\n'; done
exec sleep 1000
"""


ALIGNED = r"""
import os, sys, time
log, limit = sys.argv[1] + "/0.log", 4096
mark = b"fuzzsupd: instance 0 starts: pid 77, time 1500000000000: x\n"
for shift in range(-24, 25):  # so that the log goes on in a new file at each place of the mark's beginning
    while True:
        left = limit - os.stat(log).st_size
        if left > 200:
            os.write(1, b"y" * min(left - 150, 1500) + b"\n")
            time.sleep(0.05)
        else:
            break
    left = limit - os.stat(log).st_size
    os.write(1, b"y" * max(0, left + shift - 1) + b"\n")
    time.sleep(0.06)
    os.write(1, mark)
    time.sleep(0.06)
print("all said", flush=True)
time.sleep(1000)
"""


def aligned(folder):
    """Wherever a log goes on in a new file, no line of a job's becomes one of ours."""
    script = os.path.join(folder, "aligned.py")
    with open(script, "w") as file:
        file.write(ALIGNED)
    job = {"engine": "command", "command": ["/usr/bin/python3", script, "${FUZZSUP_FOLDER}"], "log-max": "8K"}
    with Service(folder, {"sh": Target("/bin/sh", jobs={"aligned": job})}) as service:
        files, bad = [os.path.join(service.state, "jobs", "sh", "aligned", name) for name in ("0.log", "0.log.1")], set()

        def look():
            for path in files:
                with contextlib.suppress(FileNotFoundError):
                    text = open(path, errors="replace").read()
                    bad.update(re.findall(r"^fuzzsupd: instance 0 starts: pid 77.*", text, re.M))
                    if "all said" in text:
                        return True
            return False
        wait_until(look, "all that it says")
        equal(bad, set(), "a mark of a job's is told from ours wherever the log goes on in a new file")


def forged(folder):
    """A job's words move nothing but its own run's count, within what a machine can do."""
    jobs = {"liar": {"engine": "libfuzzer", "command": ["/bin/sh", "-c", FORGED]},
            "honest": {"engine": "libfuzzer", "command": ["/bin/sh", "-c", 'echo "#7\tpulse cov: 5 ft: 5 corp: 1/1b exec/s: 1 rss: 30Mb"; exec sleep 1000']}}
    with Service(folder, {"sh": Target("/bin/sh", jobs=jobs)}) as service:
        service.wait_job("liar", "running", what=lambda job: (job["executions"] or 0) > 0)
        service.wait_job("honest", "running", what=lambda job: job["executions"] == 7)
        log = os.path.join(service.state, "jobs", "sh", "liar", "0.log")
        wait_until(lambda: open(log).read().count("\n#2\tINITED") == 2000, "all of its words")
        equal(len(re.findall(r"^> fuzzsupd: instance", open(log).read(), re.M)), 5, "lines that look like ours are told from ours in the log")
        begin = service.jobs()["liar"]["since_ms"]
        heard = service.jobs()["liar"]["executions"]
        wait_history(service, lambda h: h["executions"][-1] >= heard, "its history", "sh/liar")
        job = service.jobs()["liar"]
        most = (int(time.time() * 1000) - begin + 3000) * 20000
        ok(job["executions"] <= most < 2000 * 60000000, f"forged numbers are bounded by what a machine can do: {job['executions']} of {most}")
        equal((job["starts"], service.jobs()["honest"]["executions"]), (1, 7), "no run was begun by them, and nobody else's count moved")


# ---- files ----

def health(service):
    return {p["check"]: p["text"] for p in service.get("/api/v1/health").json()["problems"]}


def spoil(service, what, act, pattern, mend=None):
    """@act spoils the file of a stopped service, or of a running one; it is said, and history goes on by itself."""
    act(os.path.join(service.state, "archive"))
    text = wait_until(lambda: health(service).get("archive"), f"{what} is said")
    ok(re.search(pattern, text), f"{what}: {text}", pattern)
    ok(service.target("t") is not None and service.ctl("status").returncode == 0, "  the rest of the service goes on")
    if mend:
        mend(os.path.join(service.state, "archive"))
        wait_until(lambda: "archive" not in health(service), f"{what}: mended")
    now = int(time.time() * 1000)
    wait_history(service, lambda h: h["t"][-1] > now, f"{what}: history goes on")
    ok(True, "  and it goes on to keep history by itself")


def garbage(archive):
    with open(os.path.join(archive, "archive.db"), "r+b") as file:
        file.write(os.urandom(4096))
    for path in glob.glob(os.path.join(archive, "archive.db-*")):
        os.unlink(path)


def truncated(archive):
    os.truncate(os.path.join(archive, "archive.db"), 6000)
    for path in glob.glob(os.path.join(archive, "archive.db-*")):
        os.unlink(path)


def without_table(archive):
    with sqlite3.connect(os.path.join(archive, "archive.db")) as db:
        db.execute("DROP TABLE second")
    db.close()


def below_zero(archive):
    with sqlite3.connect(os.path.join(archive, "archive.db")) as db:
        db.execute("PRAGMA user_version = -3")
    db.close()


def newer(archive):
    with sqlite3.connect(os.path.join(archive, "archive.db")) as db:
        db.execute("PRAGMA user_version = 9999")
    db.close()


def older_again(archive):
    for path in glob.glob(os.path.join(archive, "archive.db*")):
        os.rename(path, path + ".kept")


def refuse_writing(service, archive):
    """As an administrator's chown does it; what is open stays open, so a new archive has to open it."""
    for path in [archive, *glob.glob(os.path.join(archive, "archive.db*"))]:
        os.chmod(path, 0o500 if path == archive else 0o400)
    os.kill(service.worker("archive"), signal.SIGKILL)


def allow_writing(archive):
    for path in [archive, *glob.glob(os.path.join(archive, "archive.db*"))]:
        os.chmod(path, 0o700 if path == archive else 0o600)


def backup(service):
    """Somebody puts an older file back while the service runs."""
    archive = os.path.join(service.state, "archive")
    wait_history(service, lambda h: len(h["t"]) > 1, "history")
    copy = os.path.join(service.folder, "backup.db")
    shutil.copy2(os.path.join(archive, "archive.db"), copy)
    if os.path.exists(os.path.join(archive, "archive.db-wal")):
        shutil.copy2(os.path.join(archive, "archive.db-wal"), copy + "-wal")
    with sqlite3.connect(copy) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("INSERT INTO event (ms, kind, target, job, text, number) VALUES (1, 'service', '', '', 'from the backup', -77)")
    db.close()
    for path in glob.glob(copy + "-*"):
        os.unlink(path)
    os.chmod(copy, 0o666)
    os.rename(copy, os.path.join(archive, "archive.db"))
    def texts():
        answer = service.get("/api/v1/events?limit=10000")
        return [e["text"] for e in answer.json()["events"]] if answer.status == 200 else []
    wait_until(lambda: "from the backup" in texts(), "the backup's events")
    now = int(time.time() * 1000)
    found = wait_history(service, lambda h: h["t"][-1] > now, "history in it")
    never_back(found, "in a file that was put back")


def files(service, writer):
    service.stop()
    service.start()
    told = wait_until(lambda: (lambda found: found if found[-1] == "the service started" else None)([e["text"] for e in service.get("/api/v1/events?limit=10000").json()["events"] if e["kind"] == "service"]), "the events")
    equal(told[-2:], ["the service stops", "the service started"], "that the service was stopped is an event, too")
    for name, act, pattern in (("garbage in the file", garbage, "was damaged"), ("a truncated file", truncated, "was damaged"),
                               ("a table that lacks", without_table, "was damaged"), ("a version that is none", below_zero, "was damaged")):
        service.stop()
        act(os.path.join(service.state, "archive"))
        service.start()
        spoil(service, name, lambda archive: None, pattern)
    kept = glob.glob(os.path.join(service.state, "archive", "damaged-*"))
    ok(2 <= len([path for path in kept if not path.endswith("-wal")]) <= 3, f"the last damaged files are kept: {kept}")
    service.stop()
    newer(os.path.join(service.state, "archive"))
    service.start()
    spoil(service, "a file of a newer version", lambda archive: None, "newer fuzzsupd", mend=older_again)
    # Under a service that runs.
    archive = os.path.join(service.state, "archive")
    if os.geteuid() == 0:
        spoil(service, "a file that may not be written", lambda path: refuse_writing(service, path), "cannot be written", mend=lambda path: allow_writing(path))
    for path in glob.glob(os.path.join(service.state, "archive", "archive.db*")):
        os.unlink(path)
    now = int(time.time() * 1000)
    wait_history(service, lambda h: h["t"][-1] > now, "history in a new file")
    wait_until(lambda: os.path.exists(os.path.join(service.state, "archive", "archive.db")), "a new file")
    ok(True, "a file that was removed under it is made again")
    backup(service)
    os.rename(os.path.join(service.state, "archive"), os.path.join(service.state, "archive-was"))
    wait_until(lambda: os.path.exists(os.path.join(service.state, "archive", "archive.db")), "the folder, again")
    now = int(time.time() * 1000)
    wait_history(service, lambda h: h["t"][-1] > now, "history in a new folder")
    ok(True, "so is its folder")


def disk(folder, letters, coverage):
    """A full disk, of the archive alone."""
    if os.geteuid() != 0:
        skip("a full disk", "only root can mount one")
        return
    archive = os.path.join(folder, "state", "archive")
    os.makedirs(archive)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", archive]).returncode == 0
    if not mounted:
        skip("a full disk", "nothing can be mounted here")
        return
    try:
        with Service(folder, {"t": Target(letters, coverage)}) as service:
            wait_history(service, lambda h: len(h["t"]) > 1, "history on a small disk")
            spoil(service, "a full disk", lambda path: fill(path), "is full|cannot be written", mend=lambda path: os.unlink(os.path.join(path, "filler")))
            never_back(history(service), "after that")
    finally:
        subprocess.run(["umount", "-l", archive], check=False)


def fill(path):
    with contextlib.suppress(OSError), open(os.path.join(path, "filler"), "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


with scratch() as top:
    letters = build(os.path.join(top, "letters"), [os.path.join(SRC, "t", "targets", "letters.c")], "-O1")
    coverage = os.path.join(top, "coverage")
    writer = Writer(coverage, letters)
    for name in ("main", "goes-on", "edits", "late", "forged", "aligned", "disk"):
        os.mkdir(os.path.join(top, name))
    with Service(os.path.join(top, "main"), {"t": Target(letters, coverage)}) as service:
        kills(service, writer)
        service_kills(service, writer)
        files(service, writer)
    go_on(os.path.join(top, "goes-on"))
    edits(os.path.join(top, "edits"))
    late(os.path.join(top, "late"))
    forged(os.path.join(top, "forged"))
    aligned(os.path.join(top, "aligned"))
    disk(os.path.join(top, "disk"), letters, coverage)
    done()
