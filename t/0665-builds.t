#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs that go and come under jobs that run, that are half written, held open, damaged
or not to be executed: what runs goes on until there is a build that can take its place.
And machines that have no descriptors left."""
import grp
import os
import pwd
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

# A program that tells its build and stays; ELF files, for which alone half a file is a question.
SOURCE = r"""
#include <stdio.h>
#include <unistd.h>
int main(void) { printf("build %s\n", BUILD); fflush(stdout); for (;;) pause(); }
"""


def compiled(folder, name):
    path = os.path.join(folder, f"build-{name}")
    subprocess.run([CLANG, "-O1", f'-DBUILD="{name}"', "-x", "c", "-", "-o", path], input=SOURCE, text=True, check=True)
    return path


def place(build, path):
    """As a linker or `install` does it: another file with the name."""
    shutil.copy(build, path + ".new")
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)


def log_of(service, job):
    try:
        with open(os.path.join(service.state, "jobs", "t", job, "0.log"), errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def says(service, job, build):
    wait_until(lambda: f"build {build}\n" in log_of(service, job), f"{job} runs build {build}")


def ticks(service):
    """Two looks of the runner: a job that comes and goes does so within one each."""
    for state in ("running", "stopped"):
        service.ctl("start" if state == "running" else "stop", "clock", check=True)
        service.wait_job("clock", state)
    mark = time.monotonic()
    # Its run time is told once a second.
    service.ctl("start", "clock", check=True)
    first = service.wait_job("clock", "running", what=lambda job: job["ran_ms"] > 0)["ran_ms"]
    service.wait_job("clock", "running", what=lambda job: job["ran_ms"] >= first + 3000)
    service.ctl("stop", "clock", check=True)
    return time.monotonic() - mark


def goes_on(service, job, before, name):
    now = service.jobs()[job]
    return ok(now["state"] == "running" and now["pid"] == before["pid"] and now["starts"] == before["starts"], name, (before, now))


def builds(folder):
    one, two, three = (compiled(folder, name) for name in ("one", "two", "three"))
    paths = {name: os.path.join(folder, f"program-{name}") for name in ("gone", "taken", "half", "short", "bare")}
    for path in paths.values():
        place(one, path)
    work = {name: {"engine": "command", "command": [path], "restart": "always"} for name, path in paths.items()}
    work["clock"] = shell_job("sleep 1000", autostart="no")
    with Service(folder, {"t": Target(one, jobs=work)}) as service:
        for name in paths:
            says(service, name, "one")
        before = {name: service.wait_job(name, "running", what=lambda job: job["pid"]) for name in paths}

        # All of it at once: each look of the runner is a second.
        os.unlink(paths["gone"])
        for name in ("taken", "half", "short", "bare"):
            os.unlink(paths[name])
        held = open(paths["taken"], "wb")
        with open(two, "rb") as file:
            data = file.read()
        held.write(data)
        held.flush()
        os.chmod(paths["taken"], 0o755)
        grows = open(paths["half"], "wb")
        grows.write(data[:len(data) // 2])
        grows.flush()
        os.chmod(paths["half"], 0o755)
        with open(paths["short"], "wb") as file:
            file.write(data[:len(data) - 100])
        os.chmod(paths["short"], 0o755)
        with open(paths["bare"], "wb") as file:
            file.write(data)
        os.chmod(paths["bare"], 0o644)
        service.wait_job("gone", "running", what=lambda job: "was deleted; what runs goes on" in job["reason"])
        for name, why in (("taken", "its writer still has it open"), ("half", "its writer still has it open"), ("short", "shorter than its ELF headers say"), ("bare", "Permission denied")):
            job = service.wait_job(name, what=lambda job, why=why: why in job["reason"])
            goes_on(service, name, before[name], f"{name}: {job['reason']}")
        ticks(service)
        for name in paths:
            goes_on(service, name, before[name], f"{name}: after more looks, too")

        held.close()
        grows.write(data[len(data) // 2:])
        grows.close()
        with open(paths["short"], "ab") as file:
            file.write(data[len(data) - 100:])
        os.chmod(paths["bare"], 0o755)
        place(two, paths["gone"])
        for name in paths:
            says(service, name, "two")
            service.wait_job(name, "running", what=lambda job: job["reason"] == "")
            equal(log_of(service, name).count("starts: pid"), 2, f"{name}: the build runs once it can be executed, and there was no other start")

        # What ends while its program is gone waits for it.
        os.unlink(paths["gone"])
        service.wait_job("gone", "running", what=lambda job: "deleted" in job["reason"])
        os.kill(service.jobs()["gone"]["pid"], signal.SIGKILL)
        job = service.wait_job("gone", "waiting")
        ok("waiting for its program" in job["reason"], "what ends meanwhile waits", job)
        held = open(paths["gone"], "wb")
        held.write(open(three, "rb").read())
        held.flush()
        os.chmod(paths["gone"], 0o755)
        job = service.wait_job("gone", "restarting", what=lambda job: "its writer still has it open" in job["reason"])
        ok(True, f"a start that meets its writer is tried again: {job['reason']}")
        held.close()
        says(service, "gone", "three")
        service.wait_job("gone", "running")
        ok(True, "and runs when that is done")
        # Moved away and back: the same build.
        mark = service.jobs()["half"]
        os.rename(paths["half"], paths["half"] + ".away")
        service.wait_job("half", "running", what=lambda job: "deleted" in job["reason"])
        os.rename(paths["half"] + ".away", paths["half"])
        service.wait_job("half", "running", what=lambda job: job["reason"] == "")
        goes_on(service, "half", mark, "a build that went away and came back is no new one")
        ok("others have their turn" not in service.log(), "nobody was told to make room")


def slow_copies(folder):
    """Executables of targets that a copy is still writing, with pauses that are longer than a look."""
    one, two = (build(os.path.join(folder, name), demo_sources(), "-O1", "-lm", *flags) for name, flags in (("one", []), ("two", ["-DNDEBUG", "-fno-inline"])))
    shown, new, short = (os.path.join(folder, name) for name in ("shown", "new", "short"))
    place(one, shown)
    data = open(two, "rb").read()
    with Service(folder, {"shown": Target(shown), "new": Target(new), "short": Target(short)}) as service:
        pcs = service.wait_state("shown", "ready")["pcs"]
        os.unlink(shown)
        writers = [open(path, "wb") for path in (shown, new)]
        for writer in writers:
            writer.write(data[:len(data) // 2])
            writer.flush()
        with open(short, "wb") as file:
            file.write(data[:len(data) - 100])
        for name, why in (("new", "its writer still has it open"), ("short", "it is shorter than its ELF headers say")):
            entry = wait_until(lambda: (lambda entry: why in entry["reason"] and entry)(service.target(name)), why)
            equal(entry["state"], "waiting", f"{name}: {entry['reason']}")
        # Three looks at the least: an executable that comes is seen by one, and by no other.
        for i in range(3):
            probe = os.path.join(folder, f"probe{i}")
            service.targets[f"probe{i}"] = Target(probe)
            service.reload()
            place(one, probe)
            service.wait_state(f"probe{i}", "ready")
        equal((service.target("shown")["state"], service.target("shown")["pcs"]), ("ready", pcs), "the page that is shown stays, as long as it takes")
        for writer in writers:
            writer.write(data[len(data) // 2:])
            writer.close()
        with open(short, "ab") as file:
            file.write(data[len(data) - 100:])
        for name in ("new", "short"):
            service.wait_state(name, "ready")
        wait_until(lambda: service.target("shown")["pcs"] not in (0, pcs), "the new build's page")
        ok("failed" not in service.log(), "when the copy is complete the new build is shown; none was ever called failed", [line for line in service.log().splitlines() if "failed" in line])


def instances(folder):
    """Of two instances one ends while the program is gone."""
    one, two = (compiled(folder, name) for name in ("one", "two"))
    path = os.path.join(folder, "program")
    place(one, path)
    with Service(folder, {"t": Target(one, jobs={"pair": {"engine": "command", "command": [path], "restart": "always", "instances": 2}})}) as service:
        before = service.wait_job("pair", "running", what=lambda job: job["running"] == 2 and job["pid"])
        os.unlink(path)
        service.wait_job("pair", "running", what=lambda job: "deleted" in job["reason"])
        os.kill(before["pid"], signal.SIGKILL)
        job = service.wait_job("pair", "running", what=lambda job: job["running"] == 1)
        ok("deleted" in job["reason"] and job["starts"] == 2, "the other goes on", job)
        place(two, path)
        service.wait_job("pair", "running", what=lambda job: job["running"] == 2 and job["starts"] == 4)
        says(service, "pair", "two")
        ok(True, "a new build: both run it")


def grouped(folder):
    """Builds that their user may execute by a further group of its alone."""
    groups = os.geteuid() == 0 and [(entry.gr_mem[0], entry.gr_gid) for entry in grp.getgrall()
                                    if entry.gr_mem and entry.gr_mem[0] in [user.pw_name for user in pwd.getpwall()]]
    if not groups:
        return skip("a build that a group may execute", "needs root, and a user that is in a further group")
    user, group = groups[0]
    path = os.path.join(folder, "program")

    def build(name):
        with open(path + ".new", "w") as file:
            file.write(f"#!/bin/sh\necho build {name}\nexec sleep 1000\n")
        os.chown(path + ".new", 0, group)
        os.chmod(path + ".new", 0o750)
        os.rename(path + ".new", path)

    build("one")
    with Service(folder, {"t": Target("/bin/sh", jobs={"grouped": {"engine": "command", "command": [path], "user": user}})}) as service:
        says(service, "grouped", "one")
        build("two")
        says(service, "grouped", "two")
        ok(True, "a build that only a further group of its user may execute takes over")


def descriptors(folder):
    """A hard limit that does not do for all."""
    count = 160
    work = {f"job{i}": shell_job("exec sleep 1000", restart="always") for i in range(count)}
    with Service(folder, {"t": Target("/bin/sh", jobs=work)}, prefix=["prlimit", "--nofile=256:256"]) as service:
        def settled():
            jobs = service.jobs()
            runs = [name for name, job in jobs.items() if job["state"] == "running"]
            waits = [job for job in jobs.values() if job["state"] == "restarting"]
            return (runs, waits) if len(jobs) == count and len(runs) + len(waits) == count and waits else None
        runs, waits = wait_until(settled, "all jobs run or wait")
        ok(len(runs) >= 64 and all("no file descriptors left (limit 256)" in job["reason"] and "LimitNOFILE" in job["reason"] for job in waits),
           f"256 descriptors: {len(runs)} of {count} jobs run, the others wait, and say for what", waits[:2])
        starts = {name: service.jobs()[name]["starts"] for name in runs}
        for name in runs[:len(waits)]:
            service.ctl("stop", f"t/{name}", check=True)
        wait_until(lambda: all(job["state"] in ("running", "stopped") for job in service.jobs().values()), "those that waited run")
        jobs = service.jobs()
        equal(sum(job["state"] == "running" for job in jobs.values()), count - len(waits), "when others end, they run")
        ok(all(jobs[name]["starts"] == starts[name] for name in runs[len(waits):]), "and none of those that ran was disturbed")
        ok(not re.search(r"job t/\S+: failed", service.log()), "none of them ever failed")


with scratch() as folder:
    for part in (builds, slow_copies, instances, grouped, descriptors):
        own = os.path.join(folder, part.__name__)
        os.mkdir(own)
        os.chmod(own, 0o755)
        if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
            part(own)
    done()
