#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Jobs run as another user than the workers, reloads that could not run a job change nothing, and who may own coverage."""
import os
import pwd
import sys

sys.path.insert(0, os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), ".."), "t", "lib"))
from fuzzsup import *

ROOT = os.geteuid() == 0
SLEEP = {"engine": "command", "command": ["/bin/sleep", "3600"]}


def ids(pid):
    """(uid, gid, groups) of a process."""
    with open(f"/proc/{pid}/status") as file:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return int(lines["Uid"].split()[1]), int(lines["Gid"].split()[1]), sorted(map(int, lines["Groups"].split()))


def uid_of(name):
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def check(folder, text):
    path = os.path.join(folder, "check.conf")
    with open(path, "w") as file:
        file.write(f'listen = {{ "127.0.0.1:0" }}\nstate-dir = "{folder}/state"\n{text}')
    return path, subprocess.run([program("fuzzsupd"), "-n", "-c", path], capture_output=True, text=True, timeout=PATIENCE)


def running(service, name):
    return service.wait_job(name, "running", what=lambda job: job["pid"] > 0)


with scratch() as folder:
    work = {"plain": dict(SLEEP), "again": dict(SLEEP)}
    if ROOT:
        work |= {"daemon": dict(SLEEP, user="daemon"), "number": dict(SLEEP, user="4242:4343"), "root": dict(SLEEP, user="root")}
    with Service(folder, {"a": Target("/bin/sleep", jobs=work)}) as service:
        wanted = (uid_of("fuzzsupd") or 65533) if ROOT else os.geteuid()

        def workers_now():
            """Users of both; a worker that has just begun is still what started it."""
            pids = [service.worker(name) for name in ("collector", "frontend")]
            return {ids(pid)[0] for pid in pids} if all(pids) else set()
        wait_until(lambda: workers_now() == {wanted}, lambda: f"workers of user {wanted}; they are {workers_now()}")
        workers = workers_now()
        users = {name: ids(running(service, name)["pid"]) for name in work}
        equal(workers, {wanted}, "the workers run as one user")
        if ROOT:
            own = re.search(r"workers run as user (\S+), jobs as user (\S+) if", service.log())
            equal(own and own.group(1), "fuzzsupd" if uid_of("fuzzsupd") else "65533", "workers are to run as fuzzsupd, or a number that nobody has")
            ok(0 not in workers, "they do", workers)
            equal(users["plain"][0], uid_of("fuzzjob") or uid_of("nobody"), "a job without a user runs as fuzzjob, or as nobody")
            ok(users["plain"][0] not in workers, "a job without a user is not the workers' user", (users, workers))
            equal(users["daemon"][:2], (1, 1), "one with a user runs as that")
            equal(users["number"], (4242, 4343, [4343]), "or by its numbers")
            equal(users["root"][0], 0, "or as root, where the configuration says so")
        else:
            equal({user[0] for user in users.values()} | workers, {os.geteuid()}, "without root all run as the service itself")
            ok("as the service itself does" in service.log(), "which the log says", service.log())

        # A reload that could not run a job changes nothing.
        before = {name: running(service, name)["pid"] for name in work}
        service.targets["a"].jobs["plain"]["user"] = "no-such-user"
        del service.targets["a"].jobs["again"]
        service.write_config()
        with open(service.config) as file:
            line = next(number for number, text in enumerate(file, 1) if "no-such-user" in text)
        result = service.ctl("reload")
        ok(result.returncode == 1 and f"fuzz.conf:{line}: job a/plain: its user no-such-user: " in result.stderr, "a reload with an unknown user is refused, with its line", result)
        equal({name: job["pid"] for name, job in service.jobs().items() if job["state"] == "running"}, before, "all jobs go on, the removed one, too")
        result = service.ctl("check")
        ok(result.returncode == 1 and f"fuzz.conf:{line}: " in result.stderr, "fuzzsupctl check says it, too", result)
        if ROOT:
            service.targets["a"].jobs["plain"]["user"] = own.group(1)
            service.write_config()
            result = service.ctl("reload")
            ok(result.returncode == 1 and f"fuzz.conf:{line}: " in result.stderr and "could stop them" in result.stderr, "the workers' user is refused to a job", result)
        # What is fixed until a restart is in force for jobs, too.
        service.state = os.path.join(folder, "elsewhere")
        service.targets["a"].jobs["plain"] = dict(SLEEP, environment=["A=1"])
        service.write_config()
        result = service.ctl("reload")
        equal((result.returncode, "state-dir is another one" in result.stdout + result.stderr), (0, True), "a sound reload is taken, and says what it did not take")
        running(service, "plain")
        ok(not os.path.exists(service.state), "no folder is made below the state-dir that is not in force")
        ok("again" not in service.jobs(), "and a job that is not there any more is gone")

with scratch() as folder:
    work = {"lost": dict(SLEEP, user="no-such-user"), "well": dict(SLEEP)}
    with Service(folder, {"a": Target("/bin/sleep", jobs=work)}) as service:
        job = service.wait_job("lost", "failed")
        ok("no-such-user" in job["reason"], "at a start such a job is shown as failed, with the reason", job)
        ok("no-such-user" in service.ctl("jobs").stdout, "by fuzzsupctl, too")
        shown = {name: service.ctl("jobs", name) for name in ("a", "lost", "a/lost", "nobody")}
        equal([len(re.findall("^a/", shown[name].stdout, re.M)) for name in ("a", "lost", "a/lost")], [2, 1, 1], "which shows those of a target, or one, alone")
        ok(shown["nobody"].returncode == 1 and 'no job "nobody"' in shown["nobody"].stderr, "and says that there is no such job", shown["nobody"])
        ok(re.search(r"fuzz\.conf:\d+: job a/lost", service.log()), "and the log names its line", service.log())
        running(service, "well")
        ok(True, "the others run")
        service.ctl("start", "lost")
        service.wait_job("lost", "failed")
        del service.targets["a"].jobs["lost"]["user"]
        service.write_config()
        equal(service.ctl("reload").returncode, 0, "a reload mends it")
        running(service, "lost")

with scratch() as folder:
    for text, words in (('user = "no-such-user"\n', ":3: user no-such-user"), ('target "a" { executable = "/bin/sleep"\njob "j" { engine = "command" command = { "/bin/sleep" }\n user = "no-such-user" } }\n', ":5: job a/j: its user no-such-user"),
                        *([('user = "nobody"\ntarget "a" { executable = "/bin/sleep"\njob "j" { engine = "command" command = { "/bin/sleep" }\n user = "nobody" } }\n', ":6: job a/j: its user nobody")] if ROOT else [])):
        path, result = check(folder, text)
        ok(result.returncode == 2 and path + words in result.stderr, f"-n refuses with its line: {text!r}", result)
    path, result = check(folder, ('user = "nobody"\n' if ROOT else "") + 'target "a" { executable = "/bin/sleep"\njob "j" { engine = "command" command = { "/bin/sleep" } } }\n')
    equal((result.returncode, result.stderr), (0, ""), "workers as nobody leave jobs another user")

if ROOT:
    with scratch() as folder:
        coverage = os.path.join(folder, "coverage")
        os.mkdir(coverage)
        os.chmod(coverage, 0o1777)
        target = build(os.path.join(folder, "letters"), [os.path.join(SRC, "t", "targets", "letters.c")])
        os.chmod(folder, 0o755)
        fuzz = {"engine": "libfuzzer", "command": [target, "-max_len=8"]}
        with Service(folder, {"a": Target(target, coverage, jobs={"one": dict(fuzz, user="daemon"), "two": dict(fuzz, user="4242")})}) as service:
            for name in ("one", "two"):
                running(service, name)
            service.wait_state("a", "live")
            ok(True, "coverage of jobs of two users is seen")
            ok(not re.search(r"belongs to uid", service.log()), "of both", service.log())
        # Another user of a job gets what the one before had.
        with Service(folder, {"a": Target(target, coverage, jobs={"one": dict(fuzz, user="4242")})}) as service:
            running(service, "one")
            found = os.path.join(folder, "state", "jobs", "a", "one")
            equal({os.stat(os.path.join(top, name)).st_uid for top, folders, files in os.walk(os.path.join(found, "corpus")) for name in files + ["."]}, {4242}, "a job whose user changed has its folders")
else:
    skip("users of jobs", "it needs root")
done()
