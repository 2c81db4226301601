#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What does not work is said by name, over HTTP and in a terminal; a worker that does not answer
is replaced, and one that only could not answer is left alone."""
import ctypes
import os
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), ".."), "t", "lib"))
from fuzzsup import *

WORKERS = ("symbolizer", "collector", "frontend", "runner", "archive")
PTRACE_CONT, PTRACE_SEIZE, PTRACE_DETACH, PTRACE_INTERRUPT = 7, 0x4206, 17, 0x4207
WALL = 0x40000000
PRIVATE = ["unshare", "-m"]
SLEEPS = Target("/bin/sh", jobs={"sleeps": shell_job("exec sleep 1000", restart="always")})


def health(service):
    return service.get("/api/v1/health").json()


def problems(service):
    return {(p["check"], p["subject"]): p["text"] for p in health(service)["problems"]}


def wait_well(service, what):
    wait_until(lambda: service.get("/healthz").status == 200 and service.ctl("check").returncode == 0, f"{what}: all is well; it is {service.get('/healthz').text}")
    ok(service.get("/healthz").text == "ok\n" and health(service) == {"well": True, "count": 0, "problems": []}, f"{what}: all is well")
    checked = service.ctl("check")
    ok(checked.returncode == 0 and not checked.stderr, f"{what}: check has nothing to say", checked.stderr)


def wait_ill(service, check, subject, pattern):
    """The sentence, which all ways of asking must tell."""
    text = wait_until(lambda: problems(service).get((check, subject)), f"{check} of {subject}; there are {problems(service)}")
    ok(re.search(pattern, text), f"{check} of {subject}: {text}", pattern)
    answer = service.get("/healthz")
    ok(answer.status == 503 and text in answer.text.splitlines() and answer.text.startswith("not well: "), "  in /healthz, with 503", answer.text)
    checked = service.ctl("check")
    ok(checked.returncode == 1 and text in checked.stderr, "  in fuzzsupctl check, with exit status 1", checked.stderr)
    ok(text in service.ctl("status").stdout and any(p["text"] == text for p in json.loads(service.ctl("status", "--json").stdout)["health"]), "  in fuzzsupctl status")
    return text


def pids(service):
    return wait_until(lambda: (lambda p: p if all(p.values()) else None)({w: service.worker(w) for w in WORKERS}), "all workers run")


def stopped_workers(service):
    """All four at once."""
    before = pids(service)
    starts = service.wait_job("sleeps", "running")["starts"]
    mark = len(service.log())
    for pid in before.values():
        os.kill(pid, signal.SIGSTOP)
    for worker in WORKERS:
        service.wait_log(rf"error: {worker}: killed: it does not answer: it is stopped", after=mark)
        wait_until(lambda: service.worker(worker) not in (None, before[worker]), f"another {worker}")
        ok(True, f"{worker}: stopped, it is replaced, and the log says why")
    wait_well(service, "after that")
    service.wait_job("sleeps", "running", what=lambda job: job["starts"] == starts + 1)
    ok(True, "the job runs again, and its starts are counted on")


def stopped_supervisor(service, meanwhile):
    """Nobody is to blame for what the supervisor did not hear."""
    before = pids(service)
    os.kill(service.process.pid, signal.SIGSTOP)
    try:
        meanwhile()
        answer = wait_until(lambda: (lambda a: a if a.status == 503 else None)(service.get("/healthz")), "the supervisor is missed", step=0.1)
        ok("the supervisor does not answer" in answer.text, "/healthz tells that the supervisor does not answer", answer.text)
    finally:
        os.kill(service.process.pid, signal.SIGCONT)
    wait_well(service, "when the supervisor goes on")
    equal(pids(service), before, "no worker was replaced")


class Debugger:
    """Holds a process as gdb does."""

    def __init__(self, pid):
        self.libc, self.pid = ctypes.CDLL(None, use_errno=True), pid

    def ptrace(self, request):
        return self.libc.ptrace(ctypes.c_long(request), ctypes.c_long(self.pid), None, None)

    def __enter__(self):
        if self.ptrace(PTRACE_SEIZE) != 0:
            raise PermissionError(os.strerror(ctypes.get_errno()))
        self.ptrace(PTRACE_INTERRUPT)
        os.waitpid(self.pid, WALL)
        return self

    def __exit__(self, *_):
        self.ptrace(PTRACE_DETACH)


def debugged(service):
    pid = service.worker("collector")
    try:
        with Debugger(pid):
            wait_ill(service, "worker", "collector", "^collector does not answer: a debugger holds it$")
    except PermissionError as error:
        skip("a worker in a debugger is left alone", f"ptrace: {error}")
        return
    wait_well(service, "when the debugger lets it go")
    equal(service.worker("collector"), pid, "it is the same process")


def held_by_a_job(service):
    """A job that plays debugger with a worker gets nowhere."""
    if os.geteuid() != 0:
        skip("a job that holds a worker", "needs root")
        return
    pid = service.worker("collector")
    mark = len(service.log())
    service.targets["t"].jobs["holds"] = {"engine": "command", "command": [sys.executable, os.path.abspath(__file__), "hold", str(pid)], "user": "root", "restart": "never"}
    service.reload()
    service.wait_log("error: collector: killed: it does not answer: it is stopped", after=mark)
    service.wait_log("error: collector: process [0-9]+ of a job held it; it is killed, too", after=mark)
    ok("a debugger holds it" not in service.log()[mark:], "a worker that a job holds like a debugger is replaced")
    wait_until(lambda: service.worker("collector") not in (None, pid), "another collector")
    del service.targets["t"].jobs["holds"]
    service.reload()
    wait_well(service, "then")


def missing_collector(folder):
    """Installed in part. The service manager is not to restart that for ever."""
    partly = os.path.join(folder, "libexec")
    os.mkdir(partly)
    for worker in WORKERS:
        if worker != "collector":
            os.symlink(os.path.join(libexec(), f"fuzzsupd-{worker}"), os.path.join(partly, f"fuzzsupd-{worker}"))
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(os.path.join(folder, "notify"))
    manager.settimeout(PATIENCE)
    with Service(folder, environment={"FUZZSUPD_LIBEXEC": partly, "NOTIFY_SOCKET": os.path.join(folder, "notify"), "WATCHDOG_USEC": "500000"}) as service:
        wait_ill(service, "worker", "collector", "^collector was never started: it cannot be started: .*fuzzsupd-collector: No such file")
        while manager.recv(4096) != b"WATCHDOG=1":
            pass
        ok(True, "the service manager's watchdog is fed: a restart would not bring it")
        equal(service.log().count("collector: cannot be started"), 1, "the log says it once")
        os.symlink(os.path.join(libexec(), "fuzzsupd-collector"), os.path.join(partly, "fuzzsupd-collector"))
        wait_well(service, "when it is installed")
    manager.close()


def jobs(folder):
    target = Target("/bin/sh", jobs={
        "fails": shell_job("exit 3"), "done": shell_job("exit 0"), "asleep": shell_job("exec sleep 1000", autostart="no"),
        "waits": {"engine": "command", "command": [os.path.join(folder, "missing")]}})
    with Service(folder, {"t": target}, extra="health-patience = 1") as service:
        wait_ill(service, "job-failed", "t/fails", "^job t/fails failed: .*3")
        wait_ill(service, "job-waiting", "t/waits", "^job t/waits does not run: .*missing")
        wait_ill(service, "idle", "jobs", "^nothing fuzzes: jobs that should run: 2; failed: 1; waiting for their program: 1")
        equal(sorted(problems(service)), [("idle", "jobs"), ("job-failed", "t/fails"), ("job-waiting", "t/waits")], "what is done, or not wanted, is no problem")
        answer = service.get("/healthz", headers={"Accept": "application/json"})
        ok(answer.status == 503 and answer.headers["content-type"] == "application/json" and answer.json()["count"] == 3, "/healthz in JSON for who accepts it", answer.text)
        ok(all(p["since_ms"] for p in answer.json()["problems"]), "with times")
        service.ctl("start", "t/asleep", check=True)
        wait_until(lambda: ("idle", "jobs") not in problems(service), "something runs")
        service.ctl("stop", "t/fails", check=True)
        service.wait_job("fails", "stopped")
        wait_until(lambda: ("job-failed", "t/fails") not in problems(service), "a failed job that is stopped on request is none any more")
        ok(True, "a failed job that a user stops is no problem any more")
        service.extra = 'health-patience = 1\nhealth-ignores = { "t/waits" }'
        service.reload()
        wait_well(service, "what the configuration ignores")
        service.extra = "nonsense = 1"
        service.reload()
        wait_ill(service, "configuration", service.config, "the last reload was refused: .*no such option 'nonsense'")
        service.extra = 'health-patience = 1\nhealth-ignores = { "job-waiting" }'
        service.reload()
        wait_well(service, "when it is mended, and a whole check ignored")
        service.extra = '\nhealth-ignores = { "disk",\n  "job-wating" }'
        service.write_config()
        checked = subprocess.run([program("fuzzsupd"), "-n", "-c", service.config], capture_output=True, text=True)
        ok(checked.returncode == 2 and re.search(r'fuzz\.conf:6: health-ignores: "job-wating": expected a check', checked.stderr), "-n tells a word that names nothing, with its line", checked.stderr)


def looping(folder):
    """One that ends at once is a problem while it is started again and again, and also while it runs in between."""
    works = os.path.join(folder, "works")
    target = Target("/bin/sh", jobs={"j": shell_job(f"[ -e {works} ] && exec sleep 1000; exit 3", restart="on-failure", **{"start-limit": "0"})})
    with Service(folder, {"t": target}) as service:
        wait_ill(service, "job-looping", "t/j", "^job t/j ends within seconds of its start, again and again; its log says of what$")
        open(works, "w").close()
        wait_well(service, "it runs on")


def full_disk(folder):
    """A file system of its own, nearly full."""
    state = os.path.join(folder, "state")
    os.mkdir(state)
    if os.geteuid() != 0 or subprocess.run([*PRIVATE, "mount", "-t", "tmpfs", "none", state], capture_output=True).returncode != 0:
        skip("a full disk", "needs root, and a mount namespace")
        return
    mount = 'mount -t tmpfs -o size=1m none "$0" && head -c 1020000 /dev/zero >"$0/filler" && exec "$@"'
    with Service(folder, prefix=[*PRIVATE, "sh", "-c", mount, state]) as service:
        wait_ill(service, "disk", state, "its file system is nearly full: 0.0 of 1.0 MiB are left")
        os.unlink(f"/proc/{service.process.pid}/root{state}/filler")
        wait_well(service, "when there is room again")


def descriptors(folder):
    """Whatever a start fails of for want of them: trying folders, or what comes behind."""
    with Service(folder, {"a": Target("/bin/sleep", jobs={"j": {"engine": "command", "command": ["/bin/sleep", "3600"], "autostart": "no"}})}) as service:
        service.wait_job("j", "stopped")
        runner = service.worker("runner")
        held = {int(name) for name in os.listdir(f"/proc/{runner}/fd")}
        for free in (1, 4, 8):
            limit = next(limit for limit in range(4096) if limit - len([fd for fd in held if fd < limit]) == free)
            subprocess.run(["prlimit", "--pid", str(runner), f"--nofile={limit}:4096"], check=True)
            service.ctl("start", "j", check=True)
            wait_ill(service, "job-losing", "a/j", "no file descriptors left")
            equal(service.jobs()["j"]["state"], "restarting", f"{free} descriptors: it is tried again")
            subprocess.run(["prlimit", "--pid", str(runner), "--nofile=1024:4096"], check=True)
            service.wait_job("j", "running")
            wait_well(service, "with descriptors")
            service.ctl("stop", "j", check=True)
            service.wait_job("j", "stopped")


def unreachable(folder):
    with Service(folder) as service:
        wait_well(service, "at first")
        service.stop()
        service.log_file = open(service.log_path, "ab")
        equal(service.ctl("check").returncode, 2, "check: nobody to ask is exit status 2")


def others():
    for part in (missing_collector, jobs, looping, full_disk, descriptors, unreachable):
        with scratch() as folder:
            note(part.__name__)
            part(folder)


if sys.argv[1:2] == ["hold"]:
    with Debugger(int(sys.argv[2])):
        signal.pause()

with scratch() as base:
    with Service(base, {"t": SLEEPS}) as main:
        wait_well(main, "a service")
        stopped_workers(main)
        debugged(main)
        held_by_a_job(main)
        stopped_supervisor(main, others)
done()
