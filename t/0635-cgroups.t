#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where the service's control group was delegated to it, every instance of a job has one of
its own: with its limits, ended as one, and removed. Elsewhere jobs run without."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *


def mounted():
    """Where cgroup v2 is, or None."""
    with open("/proc/self/mountinfo") as file:
        for line in file:
            if " - cgroup2 " in line:
                return line.split()[4]
    return None


ROOT = mounted()
if os.geteuid() != 0:
    skip_all("control groups are made by root")
if not ROOT:
    skip_all("no cgroup v2 is mounted here")
try:
    os.mkdir(os.path.join(ROOT, f"fuzzsup-t-{os.getpid()}"))
except OSError as error:
    skip_all(f"cgroup v2 at {ROOT} cannot be changed: {error.strerror}")


class Group:
    """A control group, delegated as systemd does it, or not. Without a name it is below ROOT."""

    def __init__(self, name="", delegated=True):
        self.path = os.path.join(ROOT, f"fuzzsup-t-{os.getpid()}", name).rstrip("/")
        os.makedirs(self.path, exist_ok=True)
        if delegated:
            os.setxattr(self.path, "user.delegate", b"1")
        self.prefix = ["/bin/sh", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', self.path]

    def read(self, name):
        with open(os.path.join(self.path, name)) as file:
            return file.read().strip()

    def write(self, name, text):
        with open(os.path.join(self.path, name), "w") as file:
            file.write(text)

    def has(self, controller):
        return controller in self.read("cgroup.controllers").split()

    def groups(self):
        return sorted(entry.name for entry in os.scandir(self.path) if entry.is_dir())

    def remove(self):
        for top, folders, _ in os.walk(self.path, topdown=False):
            with open(os.path.join(top, "cgroup.kill"), "w") as file:
                file.write("1")
            wait_until(lambda: "populated 0" in open(os.path.join(top, "cgroup.events")).read(), f"{top} is empty")
            os.rmdir(top)


def group_of(pid):
    with open(f"/proc/{pid}/cgroup") as file:
        found = re.search(r"^0::(.*)$", file.read(), re.M).group(1)
    return os.path.basename(found)


FORKS = 'i=0; while [ $i -lt 85 ]; do i=$((i + 1)); (setsid /bin/sh -c "trap \\"\\" TERM; sleep 1000" &); done; exec sleep 1000'


def lives(folder, demo):
    """Who is where, and what is left when something is killed."""
    group = Group("lives")
    work = {"two": shell_job("exec sleep 1000", instances=2, restart="always"), "forks": shell_job(FORKS, restart="always", **{"stop-timeout": "500ms"})}
    with Service(folder, {"json": Target(demo, jobs=work)}, prefix=group.prefix) as service:
        service.wait_job("two", "running", what=lambda job: job["pid"])
        service.wait_log(r"control groups of their own below (\S+);")
        procs = lambda name: [int(pid) for pid in group.read(f"{name}/cgroup.procs").split()]
        equal((group_of(service.process.pid), group_of(service.worker("frontend")), group_of(service.worker("runner"))), ("service",) * 3, "the service moved into a leaf")
        equal(group.read("cgroup.procs"), "", "and nobody is left above it")
        equal(group.groups(), ["json:forks:0", "json:two:0", "json:two:1", "service"], "a group for each instance")
        service.wait_job("two", "running", what=lambda job: job["pid"] and group_of(job["pid"]) == "json:two:0")  # the other may start first
        ok(True, "in which it runs")
        wait_until(lambda: len(procs("json:forks:0")) > 80, "85 children")
        children = procs("json:forks:0")
        ok(True, "children with sessions of their own are in their job's group")
        service.ctl("stop", "forks", check=True)
        service.wait_job("forks", "stopped")
        ok(not any(os.path.exists(f"/proc/{pid}") for pid in children), "a stop ends all of them")
        wait_until(lambda: group.groups() == ["json:two:0", "json:two:1", "service"], "its group is removed")
        ok(True, "and removes its group")
        service.ctl("start", "forks", check=True)
        service.wait_job("forks", "running", what=lambda job: job["pid"])
        wait_until(lambda: len(procs("json:forks:0")) > 80, "85 children")
        children, before = procs("json:forks:0"), service.jobs()["forks"]
        with open(f"/proc/{before['pid']}/stat") as file:
            minder = int(file.read().rsplit(") ", 1)[1].split()[1])
        equal(group_of(minder), "service", "a minder is not in the group that it ends")
        os.kill(minder, signal.SIGKILL)
        service.wait_job("forks", "running", what=lambda job: job["starts"] > before["starts"] and job["pid"])
        ok(not any(os.path.exists(f"/proc/{pid}") for pid in children), "a killed minder leaves nothing")
        for _ in range(3):
            runner, old = service.worker("runner"), [pid for name in group.groups() if ":" in name for pid in procs(name)]
            os.kill(runner, signal.SIGKILL)
            wait_until(lambda: service.worker("runner") not in (None, runner), "another runner")
            service.wait_job("two", "running", what=lambda job: job["pid"] not in (0, *old))
            service.wait_job("forks", "running", what=lambda job: job["pid"] not in (0, *old))
            wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in old), "the old ones are gone")
        equal((group.groups(), group_of(service.worker("runner"))), (["json:forks:0", "json:two:0", "json:two:1", "service"], "service"), "a killed runner's successor goes on with the same groups")
        equal(len(procs("json:two:0")), 1, "and each instance runs once")
    equal((group.groups(), group.read("cgroup.subtree_control")), (["service"], ""), "when the service ends its groups are gone, and nothing is shared out any more")
    with Service(folder, {"json": Target(demo, jobs=work)}, prefix=group.prefix) as service:
        service.wait_job("two", "running", what=lambda job: job["pid"] and group_of(job["pid"]) == "json:two:0")  # the other may start first
        ok(True, "another service does the same in that group")
        service.process.kill()
        service.process.wait()
        wait_until(lambda: not any("populated 1" in group.read(f"{name}/cgroup.events") for name in group.groups()), "all are gone")
        ok(True, "when it is killed nothing runs on")


def limits(folder, demo):
    """What the controllers that there are see to."""
    group = Group("limits", delegated=False)
    parent = Group(delegated=False)
    for controller in ("memory", "pids", "cpu"):
        if parent.has(controller):
            parent.write("cgroup.subtree_control", f"+{controller}")
    os.setxattr(group.path, "user.delegate", b"1")
    hungry = [sys.executable, "-c", "import os, time\nfor i in range(8):\n    os.fork()\nx = bytearray(5 << 20)\ntime.sleep(1000)"]
    work = {"hungry": {"engine": "command", "command": hungry, "memory-max": "100M", "restart": "never", "user": "root"},
            "modest": shell_job("exec sleep 1000", **{"memory-max": "64M", "weight": 3, "processes-max": 20}),
            "bomb": shell_job("f() { f & sleep 1000; }; f; sleep 1000", **{"processes-max": 50, "user": "daemon"}),  # without a group its processes count for its user
            "plain": shell_job("exec sleep 1000")}
    present = [controller for controller in ("memory", "pids", "cpu") if group.has(controller)]
    lacks = lambda controller: f"{controller} is no controller of cgroup v2 here" if controller not in present else None
    with Service(folder, {"json": Target(demo, jobs=work)}, prefix=group.prefix) as service:
        for name in ("modest", "plain"):
            service.wait_job(name, "running", what=lambda job: job["pid"])
        service.wait_log(r"control groups of their own .*; controllers: " + (", ".join(present) or "none"))
        ok(True, "the log says which controllers there are: " + (", ".join(present) or "none"))
        if lacks("cpu"):
            skip("weight of CPU", lacks("cpu"))
        else:
            equal([group.read(f"json:{name}:0/cpu.weight") for name in ("modest", "plain")], ["300", "100"], "CPU by weight")
        if lacks("pids"):
            skip("limits of processes", lacks("pids"))
        else:
            equal([group.read(f"json:{name}:0/pids.max") for name in ("modest", "plain")], ["20", "max"], "limits of processes")
            wait_until(lambda: re.search(r"max [1-9]", group.read("json:bomb:0/pids.events")), "the bomb meets its limit")
            ok(len(group.read("json:bomb:0/cgroup.procs").split()) <= 50, "a fork bomb stays in its limit")
        if lacks("memory"):
            skip("limits of memory", lacks("memory"))
            job = service.wait_job("hungry", "failed")
            ok("memory-max is 100 MiB" in job["reason"], "memory-max is looked after without it", job)
        else:
            equal([group.read(f"json:{name}:0/memory.max") for name in ("modest", "plain")], [str(64 << 20), "max"], "limits of memory")
            job = service.wait_job("hungry", "failed")
            ok("memory-max is 100 MiB" in job["reason"] and "more" in job["reason"], "256 processes that eat memory together are ended by the kernel, and the reason says why", job)
        service.ctl("stop", "bomb", check=True)
        service.wait_job("bomb", "stopped", "failed")
        wait_until(lambda: group.groups() == ["json:modest:0", "json:plain:0", "service"], "the groups of those that ended are gone")
        ok(True, "the groups of those that ended are gone")


def without(folder, demo):
    """No control groups: the log says why, once, and jobs run."""
    group = Group("foreign", delegated=False)
    work = {"plain": shell_job("exec sleep 1000", instances=3)}
    cases = (("was not delegated to the service", lambda: None), ("holds processes that are not the service's", lambda: os.setxattr(group.path, "user.delegate", b"1")))
    other = subprocess.Popen([*group.prefix, "/bin/sleep", "1000"])
    for reason, prepare in cases:
        prepare()
        with Service(folder, {"json": Target(demo, jobs=work)}, prefix=group.prefix) as service:
            service.wait_job("plain", "running", what=lambda job: job["running"] == 3 and job["pid"])
            equal(len(re.findall(reason, service.log())), 1, f"the log says that it {reason}")
            equal((group_of(service.process.pid), group_of(service.jobs()["plain"]["pid"])), ("foreign",) * 2, "and all stay where they are")
    other.kill()
    other.wait()


with scratch() as folder:
    os.chmod(folder, 0o755)
    demo = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    try:
        for part in (lives, limits, without):
            os.mkdir(os.path.join(folder, part.__name__))
            os.chmod(os.path.join(folder, part.__name__), 0o755)
            if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
                part(os.path.join(folder, part.__name__), demo)
    finally:
        Group(delegated=False).remove()
    done()
