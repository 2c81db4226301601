#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Directories that are deleted, and made again, under a service that runs: it notices, goes on with those that are there
now, and says what is gone."""
import os
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

ROOT = os.geteuid() == 0


def owner_and_mode(path):
    found = os.stat(path)
    return found.st_uid, stat.S_IMODE(found.st_mode)


def wait_reason(service, target, pattern):
    return wait_until(lambda: re.search(pattern, service.target(target)["reason"]), lambda: f"{target}: {pattern}; it is {service.target(target)}")


def problems(service):
    return {(problem["check"], problem["subject"]): problem["text"] for problem in service.get("/api/v1/health").json()["problems"]}


def runs(service, target):
    return service.target(target)["n_runs"]


def read_again(service, directory, mark):
    """The collector reads a coverage file below @directory, which it had not before."""
    service.wait_log(rf"reading {directory}/[0-9a-f]+ ", after=mark)


def default_directory(folder, letters):
    """One that all targets share."""
    coverage, shared = os.path.join(folder, "shared", "coverage"), (0, 0o1777) if ROOT else (os.geteuid(), 0o755)
    fuzz = {"engine": "libfuzzer", "command": [letters, "-max_len=8"], "restart": "always"}
    users = {"one": {"user": "daemon"}, "two": {"user": "4242"}} if ROOT else {"one": {}, "two": {}}
    work = {name: dict(fuzz, **keys) for name, keys in users.items()}
    service = Service(folder, {"a": Target(letters, jobs=work)}, extra=f'coverage-dir = {{ "{coverage}" }}')
    with service:
        service.wait_state("a", "live")
        equal(owner_and_mode(coverage), shared, "a coverage directory that the service makes is for all users")

        mark, before = len(service.log()), runs(service, "a")
        shutil.rmtree(coverage)
        wait_until(lambda: os.path.isdir(coverage) and owner_and_mode(coverage) == shared, "it is made again, as it was")
        ok(True, "deleted, it is made again, as it was")
        wait_until(lambda: runs(service, "a") > before, "runs of those that still write into the deleted one")
        service.ctl("restart", "a", check=True)
        read_again(service, coverage, mark)
        ok(True, "what starts then is read there")
        for name in work:
            service.wait_job(name, "running", what=lambda job: job["reason"] == "")
        ok(True, "and every user's job may write there")
        before = runs(service, "a")
        wait_until(lambda: runs(service, "a") > before, "runs go on")
        service.wait_state("a", "live")
        ok(True, "the target is live")
        collector = service.worker("collector")

        # Its parent is no directory: it cannot be made.
        parent = os.path.dirname(coverage)
        os.rename(parent, parent + ".away")
        with open(parent, "w"):
            pass
        wait_reason(service, "a", f"its coverage {coverage} is gone")
        wait_until(lambda: ("coverage", coverage) in problems(service), lambda: f"a problem; there are {problems(service)}")
        ok(service.ctl("check").returncode == 1, "one that cannot be made again is said, by the target and by check")
        os.unlink(parent)
        mark = len(service.log())
        wait_until(lambda: os.path.isdir(coverage), "it is made again")
        service.ctl("restart", "a", check=True)
        read_again(service, coverage, mark)
        wait_until(lambda: "is gone" not in service.target("a")["reason"] and not any(check == "coverage" for check, _ in problems(service)), lambda: f"all is well; there are {problems(service)}")
        equal(service.worker("collector"), collector, "and taken back when it can, by the same collector")

    if ROOT:
        os.chown(coverage, 4242, 4242)
        os.chmod(coverage, 0o755)
        with service:
            equal(owner_and_mode(coverage), shared, "a restart sets right what was changed of a directory that the service made")


def own_directory(folder, letters):
    """One of a target alone, that nobody makes again but who wants to."""
    coverage = os.path.join(folder, "own")
    os.mkdir(coverage)
    os.chmod(coverage, 0o1777)

    def fuzz():
        return subprocess.Popen([letters, "-max_len=8"], env=dict(os.environ, FUZZSUP_DIR=coverage), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)

    with Service(folder, {"b": Target(letters, coverage)}) as service:
        first = fuzz()
        try:
            service.wait_state("b", "live")
        finally:
            first.kill()
            first.wait()
        shutil.rmtree(coverage)
        wait_reason(service, "b", f"its coverage {coverage} is gone")
        text = wait_until(lambda: problems(service).get(("coverage", "b")), "a problem")
        ok(text in service.get("/healthz").text and service.ctl("check").returncode == 1, f"a target's own: {text}")
        mark = len(service.log())
        os.mkdir(coverage)
        wait_until(lambda: ("coverage", "b") not in problems(service), "no problem")
        second = fuzz()
        try:
            read_again(service, coverage, mark)
            service.wait_state("b", "live")
            ok(True, "it is there again: what writes there is seen")
        finally:
            second.kill()
            second.wait()


def made_for_jobs(folder):
    """A target's own directory, which is made when its first job starts: for those of other users, too."""
    if not ROOT:
        return skip("a directory for jobs of several users", "needs root")
    coverage = os.path.join(folder, "made")
    work = {name: shell_job("exec sleep 1000", user=name) for name in ("4711", "4242")}
    with Service(folder, {"a": Target("/bin/sleep", coverage, jobs=work)}) as service:
        for name in work:
            service.wait_job(name, "running", what=lambda job: job["reason"] == "")
        equal(owner_and_mode(coverage), (0, 0o1777), "a directory that is made for a job is for those of all users")
        # Its jobs are tried every ten seconds, and all that they need is made.
        shutil.rmtree(coverage)
        wait_until(lambda: os.path.isdir(coverage), "it is made again")
        equal(owner_and_mode(coverage), (0, 0o1777), "also when it was deleted")
        for name in work:
            service.wait_job(name, "running", what=lambda job: job["reason"] == "")
        ok(True, "and no job's user lacks it")


def administrator(folder):
    """What an administrator made is as they want it; and nobody is told to take it away from others."""
    if not ROOT:
        return skip("a directory of one user", "needs root")
    coverage = os.path.join(folder, "theirs")
    os.mkdir(coverage)
    os.chown(coverage, 4711, 4711)
    work = {"other": shell_job("exec sleep 1000", user="4242")}
    with Service(folder, {"a": Target("/bin/sleep", jobs=work)}, extra=f'coverage-dir = {{ "{coverage}" }}') as service:
        job = service.wait_job("other", "running", what=lambda job: "its coverage is not seen" in job["reason"])
        ok(f"chmod 1777 {coverage}" in job["reason"] and "chown" not in job["reason"], f"a job that may not write there: {job['reason']}")
        equal(owner_and_mode(coverage), (4711, 0o755), "a directory that was there keeps owner and mode")


# libFuzzer's words, as many as there is time for; how far it came lies beside it.
TALKER = """#!/bin/sh
n=1000
while :; do
	n=$((n + 1))
	echo $n >"$0.count.new" && mv "$0.count.new" "$0.count"
	printf '#%d\\tpulse  cov: 8 ft: 9 corp: 3/4b lim: 4 exec/s: 10 rss: 27Mb\\n' $n
	sleep 0.05
done
"""


def job_folder(folder):
    """A job's own: its log, what it found, and what was counted."""
    talker = os.path.join(folder, "talker")
    with open(talker, "w") as file:
        file.write(TALKER)
    os.chmod(talker, 0o755)
    os.chmod(folder, 0o777)
    work = {"talks": {"engine": "libfuzzer", "command": [talker], "restart": "never"}}

    def said():
        wait_until(lambda: os.path.exists(talker + ".count"), "the first words")
        with open(talker + ".count") as file:
            return int(file.read())

    with Service(folder, {"a": Target("/bin/sleep", jobs=work)}) as service:
        own = os.path.join(service.state, "jobs", "a", "talks")

        def counts(crashes):
            before = said() + 2  # said from now on, so that only the log that is there now says it
            job = service.wait_job("talks", "running", what=lambda job: (job["executions"] or 0) >= before and job["crashes"] == crashes)
            ok(job["executions"] <= said() and job["starts"] == 1, f"  counts go on: executions {job['executions']}, crashes {crashes}", job)

        def find(name):
            wait_until(lambda: os.path.isdir(os.path.join(own, "artifacts")), "a folder for finds")
            with open(os.path.join(own, "artifacts", name), "w"):
                pass

        def goes_on(pattern):
            path = os.path.join(own, "0.log")
            wait_until(lambda: os.path.exists(path) and re.search(rf"^fuzzsupd: the log goes on here: {pattern}\n#", open(path).read(), re.M), f"a log that goes on: {pattern}")
            for text in (service.ctl("logs", "talks").stdout, service.get("/api/v1/jobs/a/talks/log").text):
                ok("the log goes on here" in text and "pulse" in text, "  and is shown", text)

        find("crash-1")
        counts(1)
        shutil.rmtree(own)
        goes_on(r"up to \d+ bytes are lost")
        ok(True, "a job's folder that was deleted is made again, and its log goes on there")
        counts(1)
        find("crash-1")
        counts(2)
        ok(re.search("job a/talks: its folder .* was deleted; it was made again", service.log()), "which the log of the service says")

        os.rename(own, own + ".away")
        goes_on("its file was taken away")
        ok(True, "likewise one that was moved away")
        find("crash-1")
        counts(3)
        # As of a backup, in the place of what was made again: what was counted is not counted again.
        shutil.copytree(own, own + ".copy")
        os.rename(own, own + ".third")
        while True:
            try:
                os.rename(own + ".copy", own)
                break
            except OSError:
                shutil.rmtree(own)
        wait_until(lambda: open(os.path.join(own, "0.log")).read().count("the log goes on here") >= 2, "a log that goes on in a copy")
        ok(True, "and one with a copy of what lay there")
        counts(3)
        find("crash-2")
        counts(4)

        os.unlink(os.path.join(own, "0.log"))
        goes_on(r"(up to \d+ bytes are lost|its file was taken away)")
        ok(True, "a log alone that was deleted goes on in another")
        counts(4)
        collector = service.worker("collector")
        os.kill(collector, signal.SIGKILL)
        wait_until(lambda: service.worker("collector") not in (None, collector), "another collector")
        counts(4)

        # While it cannot be made again that is said.
        parent = os.path.dirname(own)
        os.rename(parent, parent + ".away")
        with open(parent, "w"):
            pass
        service.wait_job("talks", "running", what=lambda job: "Not a directory" in job["reason"] and job["health"] == "losing")
        ok(service.ctl("check").returncode == 1, "one that cannot be made again is said", service.jobs()["talks"])
        os.unlink(parent)
        goes_on("its file was taken away")
        service.wait_job("talks", "running", what=lambda job: job["reason"] == "")
        ok(True, "and taken back when it can")
        counts(4)


with scratch() as folder:
    letters = build(os.path.join(folder, "letters"), [os.path.join(SRC, "t", "targets", "letters.c")])
    for part, arguments in ((default_directory, [letters]), (own_directory, [letters]), (made_for_jobs, []), (job_folder, []), (administrator, [])):
        own = os.path.join(folder, part.__name__)
        os.mkdir(own)
        if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
            part(own, *arguments)
done()
