#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fuzzsupd runs jobs: real fuzzers, and programs that misbehave in every way they know.
Each gets the right state and reason, and when it is over nothing of it is left."""
import os
import random
import re
import signal
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *


def ctl(service, *words):
    result = service.ctl(*words)
    return result.returncode, result.stdout + result.stderr


def jobs(service):
    return {job["name"].split("/")[1]: job for job in json.loads(ctl(service, "jobs", "--json")[1])["jobs"]}


def wait_job(service, name, *states, what=lambda job: True):
    def look():
        job = jobs(service).get(name)
        return job if job and job["state"] in states and what(job) else None
    try:
        return wait_until(look, f"job {name}: {states}")
    except TimeoutError as error:
        raise TimeoutError(f"{error}; it is {jobs(service).get(name)}") from None


def marked(mark):
    """Pids of processes whose command line holds @mark; a zombie has none."""
    return [pid for pid, words in command_lines() if mark.encode() in words and pid != os.getpid() and b"fuzzsupctl" not in words]


def environment_of(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def script(folder, name, text, mode=0o755):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def cpu_of(pid):
    """Seconds of CPU that a process had itself, without its children."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def log_of(service, job, instance=0):
    with open(os.path.join(service.state, "jobs", "json", job, f"{instance}.log"), errors="replace") as file:
        return file.read()


def fuzzers(folder, demo):
    coverage = os.path.join(folder, "coverage")
    os.makedirs(coverage, exist_ok=True)
    os.chmod(coverage, 0o1777)
    fuzz, words = [demo, "-max_len=128", "-seed=1"], f"{demo}\0-max_len=128"
    work = {
        "main": {"engine": "libfuzzer", "command": fuzz, "instances": 2, "cpus": "0-1023"},
        "bounded": {"engine": "libfuzzer", "command": [*fuzz, "-runs=20000"]},
        "timed": {"engine": "libfuzzer", "command": fuzz, "run-for": "1s"},
        "by-hand": {"engine": "libfuzzer", "command": fuzz, "autostart": "no"},
    }
    with Service(folder, {"json": Target(demo, coverage, [os.path.join(SRC, "share", "demo")], jobs=work)}) as service:
        wait_job(service, "main", "running", what=lambda job: job["running"] == 2)
        ok(True, "two instances of a libFuzzer job run")
        service.wait_state("json", "live")
        ok(True, "what they reach is live: they write where the service looks")
        job = wait_job(service, "bounded", "done")
        equal(job["reason"], "ended with exit status 0", "a bounded run is done, and says how")
        total = int(re.search(r"stat::number_of_executed_units: (\d+)", log_of(service, "bounded")).group(1))
        wait_job(service, "bounded", "done", what=lambda job: job["executions"] == total)
        ok(True, f"its executions are libFuzzer's own: {total}")
        job = wait_job(service, "timed", "done")
        ok("run-for" in job["reason"], "run-for ends a job", job)
        equal(jobs(service)["by-hand"]["state"], "stopped", "autostart = no: stopped")
        equal(ctl(service, "start", "json/by-hand")[0], 0, "start")
        wait_job(service, "by-hand", "running")
        before = wait_job(service, "main", "running")
        equal(ctl(service, "restart", "main")[0], 0, "restart, by the job's name alone")
        wait_job(service, "main", "running", what=lambda job: job["starts"] == before["starts"] + 2 and job["running"] == 2)
        ok(True, "restart ends and starts every instance")
        wait_job(service, "main", "running", what=lambda job: job["health"] == "well")
        health = {job["name"]: (job["health"], bool(job["health_since_ms"])) for job in service.get("/api/v1/jobs").json()["jobs"]}
        equal((health["main"], health["timed"]), (("well", True), (None, False)), "a fuzzer that is heard of is well; one that does not run is nothing")
        summed, = service.get("/api/v1/jobs?by=target").json()["targets"]
        equal((summed["target"], summed["jobs"], sum(summed["states"].values()), summed["states"]["done"], summed["worst"]), ("json", len(work), len(work), 2, None), "?by=target: their sum")
        ok(summed["executions_per_second"] > 0, "with executions a second", summed)
        reply = service.get("/api/v1/jobs")
        listed = {job["name"]: job for job in reply.json()["jobs"]}
        equal((reply.status, sorted(listed), listed["main"]["target"]), (200, sorted(work), "json"), "GET /api/v1/jobs lists them")
        equal([len(service.get(f"/api/v1/jobs?target={name}").json()["jobs"]) for name in ("json", "nobody")], [len(work), 0], "and those of one target")
        wait_until(lambda: "INITED" in service.get("/api/v1/jobs/json/main/log?instance=1").text, "an instance's log over HTTP")
        ok(True, "an instance's log over HTTP")
        here = f"{service.host}:{service.port}"
        equal([service.request("POST", "/api/v1/jobs/json/main/stop", headers=headers).status for headers in
               ({}, {"Origin": "http://127.0.0.1:1"}, {"Origin": "http://evil.example"})], [403, 403, 403], "a stop from elsewhere is refused")
        equal(service.request("GET", "/api/v1/jobs/json/main/stop").status, 405, "a stop by GET is refused")
        equal(service.request("POST", "/api/v1/jobs/json/main/stop", headers={"Origin": f"http://{here}"}).status, 202, "our own page stops a job")
        wait_job(service, "main", "stopped")
        ok(marked(words) != [], "the others go on")
        kept = jobs(service)["by-hand"]["pid"]
        service.targets["json"].jobs["by-hand"]["environment"] = ["A=1"]
        service.targets["json"].jobs["more"] = shell_job("echo told; sleep 1000")
        mark = jobs(service)["main"]
        service.reload()
        wait_job(service, "more", "running")
        wait_job(service, "by-hand", "stopped")
        ok(jobs(service)["main"]["starts"] == mark["starts"], "a reload touches only jobs whose settings changed")
        wait_until(lambda: not os.path.exists(f"/proc/{kept}"), "the changed job's process is gone")
        wait_until(lambda: "told" in ctl(service, "logs", "more")[1], "fuzzsupctl logs")
        ok(True, "fuzzsupctl logs shows what a job said")
        log = os.path.join(service.state, "jobs", "json", "more", "0.log")
        os.rename(log, log + ".1")
        with open(log, "w") as file:
            file.write("newer\n")
        shown = (service.get("/api/v1/jobs/json/more/log").text, ctl(service, "logs", "more")[1])
        ok(all(re.search(r"told\n(.*\n)*newer\n$", text) for text in shown), "where a log was renamed just now the older one is shown, too", shown)
        equal(ctl(service, "start", "nothing")[0], 1, "an unknown job is an error")
    wait_until(lambda: not marked(words), "nothing is left when the service ends")
    ok(True, "nothing is left when the service ends")


def size_of(path):
    """0 for a log that is rotated just now."""
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


def misbehaving(folder, demo):
    """Programs that do what they should not."""
    mark = "misbehaves-" + os.path.basename(folder)
    noshebang = script(folder, "interpreter", "#!/no/such/interpreter\n")
    norun = script(folder, "norun", "#!/bin/sh\n", 0o644)
    garbage = script(folder, "garbage", "\x7fELFnot really")
    work = {
        "at-once": {"engine": "command", "command": ["/bin/sh", "-c", "exit 7"], "start-limit": 3},
        "deaf": shell_job(f"trap '' TERM INT; while :; do sleep 0.1; done # {mark}", **{"stop-timeout": "300ms"}),
        "forks": shell_job(f"i=0; while [ $i -lt 85 ]; do i=$((i + 1)); (setsid /bin/sh -c 'trap \"\" TERM; sleep 1000; : {mark}' & ) ; done; echo forked; sleep 1000; : {mark}"),
        "hungry": {"engine": "command", "command": [sys.executable, "-c", f"x = bytearray(400 << 20)  # {mark}\nimport time\ntime.sleep(1000)"],
                   "memory-max": "100M", "restart": "never"},
        "writes": shell_job("head -c 10000000 /dev/zero >file", **{"file-size-max": "1M"}),
        "floods": shell_job("yes 'it says the same again and again'", **{"log-max": "64K"}),
        "mute": shell_job("exec >&- 2>&-; sleep 1000"),
        "interpreter": {"engine": "command", "command": [noshebang]},
        "norun": {"engine": "command", "command": [norun]},
        "garbage": {"engine": "command", "command": [garbage]},
        "absent": {"engine": "command", "command": [os.path.join(folder, "absent")]},
        "signal": shell_job("kill -SEGV $$"),
        "good": shell_job("echo good; sleep 1000"),
    }
    if os.geteuid() == 0:  # python may lie where nobody else may go
        work["hungry"]["user"] = "root"
    with Service(folder, {"json": Target(demo, jobs=work)}) as service:
        wait_job(service, "good", "running")
        job = wait_job(service, "at-once", "failed")
        ok(job["starts"] == 3 and "3 times" in job["reason"] and "exit status 7" in job["reason"], "exits at once for ever: failed after start-limit", job)
        wait_job(service, "deaf", "running")
        ctl(service, "stop", "deaf")
        wait_job(service, "deaf", "stopped")
        ok("did not end when it was asked to" in log_of(service, "deaf"), "ignores SIGTERM: killed after stop-timeout")
        wait_until(lambda: len(marked(mark)) > 80, "85 children")
        ctl(service, "stop", "forks")
        wait_job(service, "forks", "stopped")
        equal(marked(mark), [], "85 children with sessions of their own, forked twice: none is left")
        job = wait_job(service, "hungry", "failed")
        ok("memory-max is 100 MiB" in job["reason"], "eats memory: ended, and says so", job)
        job = wait_job(service, "writes", "failed")
        ok(re.search(r"signal 25|exit status", job["reason"]), "writes beyond its file-size limit", job)
        ok(os.path.getsize(os.path.join(service.state, "jobs", "json", "writes", "work", "file")) <= 1 << 20, "no larger file is left")
        logs = os.path.join(service.state, "jobs", "json", "floods")
        wait_until(lambda: os.path.exists(os.path.join(logs, "0.log.1")), "a log that was rotated")
        ok(sum(size_of(os.path.join(logs, name)) for name in os.listdir(logs) if "log" in name) <= 64 << 10 and
           jobs(service)["floods"]["state"] == "running", "floods its log: it stays small, and the job runs")
        equal(wait_job(service, "mute", "running")["running"], 1, "closes its output: it runs on")
        ok("interpreter" in wait_job(service, "interpreter", "failed")["reason"], "a wrong interpreter is named", jobs(service)["interpreter"])
        ok("x bit" in wait_job(service, "norun", "failed")["reason"], "no run bit: what to do", jobs(service)["norun"])
        ok("executable" in wait_job(service, "garbage", "failed")["reason"], "no executable at all", jobs(service)["garbage"])
        ok("SEGV" in wait_job(service, "signal", "failed")["reason"].upper() or "signal 11" in jobs(service)["signal"]["reason"], "killed by a signal", jobs(service)["signal"])
        ok("absent" in wait_job(service, "absent", "waiting")["reason"], "no program yet: waiting, and for what")
        script(folder, "absent", "#!/bin/sh\necho first\nexec sleep 1000\n")
        before = wait_job(service, "absent", "running")
        ok(True, "it comes: the job runs")
        script(folder, "absent.new", "#!/bin/sh\necho second\nexec sleep 1000\n")
        os.rename(os.path.join(folder, "absent.new"), os.path.join(folder, "absent"))
        wait_job(service, "absent", "running", what=lambda job: job["starts"] > before["starts"])
        wait_until(lambda: "second" in log_of(service, "absent"), "the new build's words")
        ok(True, "replaced while it runs: the new build runs")
        wait_until(lambda: "new build" in service.ctl("events", "json").stdout, "the new build's event")
        ok(True, "and that is an event")
        os.unlink(os.path.join(folder, "absent"))
        job = wait_job(service, "absent", "running", what=lambda job: "deleted" in job["reason"])
        ok(True, f"deleted while it runs: {job['reason']}")
        os.chmod(norun, stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
        wait_job(service, "norun", "done", "restarting", "failed", what=lambda job: job["starts"] > 0)
        ok(True, "a failed job is tried again when its program changes")
        equal(wait_job(service, "good", "running")["starts"], 1, "the others were not disturbed")
    wait_until(lambda: not marked(mark), "nothing is left")


def killed(folder, demo):
    mark = "survives-" + os.path.basename(folder)
    shells = {f"job{i}": shell_job(f"(setsid sleep 1000.{i} &); while :; do sleep 0.05; : {mark}; done", restart="always") for i in range(4)}
    # One that replaces inputs by shorter ones removes them itself.
    work = dict(shells, fuzz={"engine": "libfuzzer", "command": [demo, "-max_len=64", "-reduce_inputs=0"], "restart": "always"})
    kills = int(os.environ.get("KILLS", "5"))
    coverage, found = os.path.join(folder, "coverage"), {}
    os.mkdir(coverage)
    os.chmod(coverage, 0o1777)
    with Service(folder, {"json": Target(demo, coverage, [], jobs=work)}) as service:
        corpus = os.path.join(service.state, "jobs", "json", "fuzz", "corpus")

        def written():
            """Sizes of more than ten; those that were written a while ago are whole."""
            sizes = {entry.name: entry.stat().st_size for entry in os.scandir(corpus) if time.time() - entry.stat().st_mtime > 0.5}
            return sizes if len(sizes) > 10 else None
        for _ in range(kills):
            for name in work:
                wait_job(service, name, "running", what=lambda job: job["pid"])
            old = [job["pid"] for job in jobs(service).values()]
            found.update(wait_until(written, "inputs in its corpus"))
            runner = service.worker("runner")
            os.kill(runner, signal.SIGKILL)
            wait_until(lambda: service.worker("runner") not in (None, runner), "another runner")
            for name in work:
                wait_job(service, name, "running", what=lambda job: job["pid"] not in (0, *old))
            wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in old), "the old ones are gone")
        ok(True, f"the runner killed {kills} times: all jobs are back, each once")
        wait_until(lambda: len(marked(mark)) == len(shells), "one shell each")
        equal(len(marked("sleep\x001000.")), len(shells), "and no orphan")
        kept = {entry.name: entry.stat().st_size for entry in os.scandir(corpus)}
        ok(len(found) > 10 and all(kept.get(name) == size for name, size in found.items()), f"no corpus file is lost or shorter: {len(found)} inputs", set(found) - set(kept))
        minder = int(open(f"/proc/{jobs(service)['job0']['pid']}/stat").read().rsplit(") ", 1)[1].split()[1])
        before = jobs(service)["job0"]
        os.kill(minder, signal.SIGKILL)
        wait_job(service, "job0", "running", what=lambda job: job["starts"] > before["starts"] and job["pid"])
        wait_until(lambda: len(marked(mark)) == len(shells), "one shell each again")
        equal(len(marked("sleep\x001000.")), len(shells), "a killed minder leaves nothing, and its job is back")
    wait_until(lambda: not marked(mark) and not marked("sleep\x001000."), "nothing is left")


def reloaded(folder, demo):
    """Settings change again and again: exactly those jobs start anew, and no find is lost. RELOADS=200 takes two minutes."""
    coverage, chance, reloads = os.path.join(folder, "coverage"), random.Random(1), int(os.environ.get("RELOADS", "20"))
    os.mkdir(coverage)
    os.chmod(coverage, 0o1777)
    work = {f"job{i}": shell_job("while :; do sleep 0.05; done", environment=["ROUND=-"]) for i in range(4)}
    # One that replaces inputs by shorter ones removes them itself.
    work["fuzz"] = {"engine": "libfuzzer", "command": [demo, "-max_len=64", "-reduce_inputs=0"], "environment": ["ROUND=-"]}
    more = shell_job("exec sleep 1000")
    with Service(folder, {"json": Target(demo, coverage, [], jobs=work)}) as service:
        wanted, corpus = service.targets["json"].jobs, os.path.join(service.state, "jobs", "json", "fuzz", "corpus")

        def settled():
            """Every job runs with its newest settings; their pids."""
            for name, keys in wanted.items():
                wait_job(service, name, "running", what=lambda job: job["pid"] and all(word.encode() in environment_of(job["pid"]) for word in keys.get("environment", [])))
            listed = jobs(service)
            return {name: job["pid"] for name, job in listed.items()}
        pids, found, changed, wrong = settled(), set(), set(), []
        watched = (service.process.pid, service.worker("runner"), service.worker("collector"), service.worker("frontend"))
        fds = lambda: [len(os.listdir(f"/proc/{pid}/fd")) for pid in watched]
        before = fds()
        wait_until(lambda: len(os.listdir(corpus)) > 10, "inputs that could be lost")
        for i in range(reloads):
            for name in chance.sample(sorted(work), chance.choice((1, 1, 2))):
                wanted[name] = dict(wanted[name], environment=[f"ROUND={i}"])
                changed.add(name)
            if i % 5 == 0:
                wanted["more"] = more
            elif i % 5 == 3:
                del wanted["more"]
            found.update(os.listdir(corpus))
            service.reload()
            if i % 3 != 1 and i != reloads - 1:
                continue  # the next one comes while this one is under way
            now = settled()
            wrong += [f"{i}: {name} {pids[name]} {now[name]} {jobs(service)[name]}" for name in work if (pids[name] != now[name]) != (name in changed)]
            wrong += [f"{i}: {sorted(now)}"] if sorted(now) != sorted(wanted) else []
            pids, changed = now, set()
        ok(wrong == [], f"{reloads} reloads start exactly the changed jobs anew, with their newest settings", "\n".join(wrong) + service.log()[-4000:] if wrong else "")
        lost = found - set(os.listdir(corpus))
        ok(len(found) > 10 and not lost, f"no find is lost: {len(found)} inputs", lost)
        wanted.pop("more", None)
        service.reload()
        wait_until(lambda: sorted(jobs(service)) == sorted(work) and all(now <= then for now, then in zip(fds(), before)), "descriptors of before")
        ok(True, f"and no descriptor: {before} in supervisor, runner, collector and front-end")


def changed(folder, demo):
    """What a reload changes or takes away ends as it likes to end, and its successor waits for that."""
    story = script(folder, "story", "", 0o666)
    text = f"""echo begins $SETTING >>{story}; trap 'echo hears $SETTING >>{story}; sleep 0.5; echo ends $SETTING >>{story}; exit 0' TERM; while :; do sleep 0.05; done"""
    work = {"kind": shell_job(text, environment=["SETTING=1"]), "rude": shell_job("trap '' TERM; echo begins >&2; while :; do sleep 0.05; done", **{"stop-timeout": "300ms"}),
            "other": shell_job("sleep 1000")}
    read = lambda: open(story).read().splitlines()
    with Service(folder, {"json": Target(demo, None, [], jobs=work)}) as service:
        wait_until(lambda: read() == ["begins 1"], "it begins")
        other = wait_job(service, "other", "running", what=lambda job: job["pid"])
        rude = wait_job(service, "rude", "running", what=lambda job: job["pid"])["pid"]
        wait_until(lambda: "begins" in log_of(service, "rude"), "its trap")
        jobs_now = service.targets["json"].jobs
        jobs_now["kind"]["environment"] = ["SETTING=2"]
        del jobs_now["rude"]
        service.reload()
        job = wait_job(service, "kind", "queued", "running")
        wait_until(lambda: "begins 2" in read(), "the changed one")
        # The whole group is told: a child of the shell that is not yet the sleep that it becomes hears, too.
        equal(list(dict.fromkeys(read())), ["begins 1", "hears 1", "ends 1", "begins 2"], "a changed job hears of its end, and the new one waits for it")
        wait_until(lambda: not os.path.exists(f"/proc/{rude}"), "the other's end")
        ok(True, "one that does not listen is killed after its stop-timeout")
        jobs_now["kind"]["environment"] = ["SETTING=3"]
        service.reload()
        jobs_now["kind"]["environment"] = ["SETTING=4"]
        service.reload()
        wait_until(lambda: "begins 4" in read(), "the last of two changes")
        equal([line for line in read() if not line.startswith("hears")][-2:], ["ends 2", "begins 4"], "of two changes in a row the last counts")
        del jobs_now["kind"]
        service.reload()
        wait_until(lambda: "ends 4" in read(), "its end")
        ok(True, "a job that is taken away may say its last words")
        equal((jobs(service)["other"]["pid"], sorted(jobs(service))), (other["pid"], ["other"]), "the others are not touched")
        service.targets["json"].jobs["kind"] = shell_job(text, environment=["SETTING=5"])
        service.reload()
        wait_until(lambda: "begins 5" in read(), "it is back")
    service.stop()
    equal(read()[-1], "ends 5", "the end of the service is heard, too")


def turns(folder, demo):
    """More jobs than may run: each gets its share, by weight."""
    work = {f"job{i}": shell_job("exec sleep 1000", weight=3 if i == 0 else 1) for i in range(8)}
    begin = time.monotonic()
    with Service(folder, {"json": Target(demo, jobs=work)}, extra="max-running = 2\nturn = 200ms") as service:
        def fair():
            """Each within a third of its share, once a turn is little of it. A machine that stood still gives one too much, which the next turns set right."""
            shares = ran_of(service)
            unit = sum(shares.values()) / 10
            return unit > 2400 and all(abs(shares[name] - unit * (3 if name == "job0" else 1)) < unit / 3 for name in work)
        wait_until(fair, lambda: f"shares by weight: {ran_of(service)}", step=0.05)
        ok(True, f"shares by weight: {ran_of(service)}")
        at_most_two(service, begin)


def ran_of(service):
    return {job["name"]: job["ran_ms"] for job in service.get("/api/v1/jobs").json()["jobs"]}


def at_most_two(service, begin):
    """Two at once can't have had more time than twice what has passed."""
    listed = service.get("/api/v1/jobs").json()["jobs"]
    ran, passed = sum(job["ran_ms"] for job in listed), 1000 * (time.monotonic() - begin)
    ok(ran <= 2 * passed + sum(job["starts"] for job in listed), "never more than max-running at once", f"{ran} ms in {passed:.0f}")


def crowd(folder, demo):
    """500 jobs on two slots: each gets its share, and nobody starves."""
    work = {f"job{i}": {"engine": "command", "command": ["/bin/sleep", "1000"]} for i in range(500)}
    begin = time.monotonic()
    with Service(folder, {"json": Target(demo, jobs=work)}, extra="max-running = 2\nturn = 10ms") as service:
        runner = wait_until(lambda: service.worker("runner"), "the runner")
        start, before = time.monotonic(), cpu_of(runner)
        least = 450 if "SHARES" in os.environ else 150
        wait_until(lambda: min(ran_of(service).values()) >= least, f"{least} ms for each", patience=2 * least, step=0.2)
        took, spent = time.monotonic() - start, cpu_of(runner) - before
        ok(True, f"each of 500 jobs had its {least} ms")
        at_most_two(service, begin)
        # Whose turn is under way has not had it yet. A turn of 10 ms in which a busy machine stood still is long, so only a machine of
        # its own shows the shares; SHARES=1 makes them longer.
        listed = service.get("/api/v1/jobs").json()["jobs"]
        shares = [job["ran_ms"] for job in listed if job["running"] == 0]
        mean = sum(shares) / len(shares)
        figure("of 500 jobs, within 10 % of the mean share", 100 * sum(abs(share - mean) <= mean / 10 for share in shares) / len(shares), "%", "100")
        turns = sum(job["starts"] for job in listed)
        figure(f"{turns} turns, the runner", 100 * spent / took, "% of a core")
        figure("a turn, the runner", 1000 * spent / turns, "ms")


with scratch() as folder:
    os.chmod(folder, 0o755)
    demo = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    for part in (fuzzers, misbehaving, killed, reloaded, changed, turns, crowd):
        os.mkdir(os.path.join(folder, part.__name__))
        os.chmod(os.path.join(folder, part.__name__), 0o755)
        if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
            part(os.path.join(folder, part.__name__), demo)
    done()
