#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where finds would be lost nothing starts, and where they are lost that is said, with the folder, the user and the remedy;
and it is taken back when there is relief. In a mount namespace of its own, with small file systems of its own."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), ".."), "t", "lib"))
from fuzzsup import *

if os.geteuid() != 0:
    skip_all("needs root: users and mounts")
if os.environ.get("UNWRITABLE_INSIDE") is None:
    if subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode != 0:
        skip_all("cannot mount in a namespace of its own")
    os.environ["UNWRITABLE_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, os.path.abspath(__file__)])

SLEEPER = "#!/bin/sh\nexec sleep 3600\n"  # a fuzzer that finds nothing: what is tried is ours


def mount(path, options):
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777," + options, "none", path], check=True)
    return path


def fill_bytes(path):
    try:
        with open(os.path.join(path, "ballast"), "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        return


def fill_inodes(path):
    try:
        for number in range(10000):
            open(os.path.join(path, f"ballast{number}"), "w").close()
    except OSError:
        return


def relieve(path):
    for name in os.listdir(path):
        if name.startswith("ballast"):
            os.unlink(os.path.join(path, name))


def check(service):
    return subprocess.run([program("fuzzsupd"), "-n", "-c", service.config], capture_output=True, text=True, timeout=PATIENCE)


def lost(service, name, state, *words):
    return service.wait_job(name, state, what=lambda job: "its finds are not kept: " in job["reason"] and all(word in job["reason"] for word in words))


def kept(service, name):
    return service.wait_job(name, "running", what=lambda job: job["reason"] == "")


with scratch() as folder:
    fuzzer = os.path.join(folder, "fuzzer")
    with open(fuzzer, "w") as file:
        file.write(SLEEPER)
    os.chmod(fuzzer, 0o755)
    small = mount(os.path.join(folder, "small"), "size=256k")
    names = mount(os.path.join(folder, "names"), "nr_inodes=24")
    fixed = mount(os.path.join(folder, "fixed"), "size=256k")
    places = {"owned": os.path.join(folder, "owned"), "full": os.path.join(small, "corpus"), "inodes": os.path.join(names, "corpus"),
              "fixed": os.path.join(fixed, "corpus"), "grouped": os.path.join(folder, "grouped"), "closed": os.path.join(folder, "closed", "corpus")}
    for path in places.values():
        os.makedirs(path)
    for name in ("full", "inodes", "fixed"):
        os.chown(places[name], 1, 1)
    os.chown(places["grouped"], 0, 1)
    os.chmod(places["grouped"], 0o770)
    os.chown(places["closed"], 1, 1)
    os.chmod(os.path.dirname(places["closed"]), 0o700)
    subprocess.run(["mount", "-o", "remount,ro", fixed], check=True)
    fill_bytes(small)
    fill_inodes(names)
    jobs = {name: {"engine": "libfuzzer", "command": [fuzzer], "corpus": path, "user": "daemon"} for name, path in places.items()}
    with Service(folder, {"a": Target("/bin/true", jobs=jobs)}) as service:
        lost(service, "owned", "restarting", places["owned"], "user daemon cannot write there", f"chown -R daemon {places['owned']}")
        lost(service, "full", "restarting", places["full"], "no space left")
        lost(service, "inodes", "restarting", places["inodes"], "no inodes left")
        lost(service, "fixed", "restarting", places["fixed"], "read-only")
        lost(service, "closed", "restarting", "may not pass " + os.path.dirname(places["closed"]))
        ok(True, "no job starts whose finds would be lost, and each says why: rights, bytes, inodes, a read-only file system, a closed folder above")
        kept(service, "grouped")
        ok(True, "one whose group may write runs")
        ok("cannot write there; chown -R daemon" in service.ctl("jobs").stdout, "fuzzsupctl says the remedy")

        result = check(service)
        ok(result.returncode == 2 and all(re.search(rf"{kind}: {service.config}:\d+: job a/{name}: its finds are not kept: ", result.stderr) for kind, name in
           (("error", "owned"), ("warning", "full"), ("warning", "inodes"), ("error", "fixed"), ("error", "closed"))), "fuzzsupd -n says all of it before a start", result.stderr)
        ok("a/grouped" not in result.stderr, "and nothing of the job that is well", result.stderr)

        os.chown(places["owned"], 1, 1)
        relieve(small)
        relieve(names)
        subprocess.run(["mount", "-o", "remount,rw", fixed], check=True)
        os.chmod(os.path.dirname(places["closed"]), 0o755)
        for name in places:
            kept(service, name)
        ok(True, "each starts by itself when there is relief")
        equal(check(service).stderr.replace("warning: target a", ""), "", "and -n has nothing to say")
        ok(all(os.listdir(path) == [] for path in places.values()), "what was tried left nothing", [os.listdir(path) for path in places.values()])

        # A job is said to run a moment before its process is.
        pids = {name: service.wait_job(name, "running", what=lambda job: job["pid"] != 0)["pid"] for name in places}
        os.chown(places["owned"], 0, 0)
        fill_bytes(small)
        fill_inodes(names)
        subprocess.run(["mount", "-o", "remount,ro", fixed], check=True)
        lost(service, "owned", "running", "chown -R daemon")
        lost(service, "full", "running", "no space left")
        lost(service, "inodes", "running", "no inodes left")
        lost(service, "fixed", "running", "read-only")
        equal({name: service.jobs()[name]["pid"] for name in places}, pids, "a job that runs goes on, and says that its finds are lost")
        os.chown(places["owned"], 1, 1)
        relieve(small)
        relieve(names)
        subprocess.run(["mount", "-o", "remount,rw", fixed], check=True)
        for name in places:
            job = service.wait_job(name, "running", what=lambda job: name == "closed" and job["reason"] == "" or "may be lost; restart it" in job["reason"]) if name != "grouped" else kept(service, name)
            equal(job["pid"], pids[name], f"{name}: when there is relief, what was lost until then is said: {job['reason']}")
        equal(service.jobs()["full"]["health"], service.jobs()["grouped"]["health"], "which is no problem that lasts")
        service.ctl("restart", "full", check=True)
        service.wait_job("full", "running", what=lambda job: job["pid"] not in (0, pids["full"]) and job["reason"] == "")
        ok("what it found from" in service.jobs()["fixed"]["reason"], "until what ran then is restarted")

        # A reload says it of what it changes.
        os.chown(places["owned"], 0, 0)
        service.targets["a"].jobs["owned"]["environment"] = ["A=1"]
        service.write_config()
        result = service.ctl("reload")
        ok(result.returncode == 0 and re.search(rf"(?m)^(fuzzsupctl: )?warning: {service.config}:\d+: job a/owned: its finds are not kept", result.stdout + result.stderr) and "a/full" not in result.stdout + result.stderr, "a reload says it of the jobs that it changes", result)

# What is over is not said to wait until its finds are kept again.
with scratch() as folder:
    ends, corpus = os.path.join(folder, "ends"), os.path.join(folder, "corpus")
    with open(ends, "w") as file:
        file.write('#!/bin/sh\nwhile [ ! -e "$0.now" ]; do sleep 0.1; done\n')
    os.chmod(ends, 0o755)
    os.mkdir(corpus)
    os.chown(corpus, 1, 1)
    with Service(folder, {"a": Target("/bin/true", jobs={"ends": {"engine": "libfuzzer", "command": [ends], "corpus": corpus, "user": "daemon", "restart": "never"}})}) as service:
        kept(service, "ends")
        os.chown(corpus, 0, 0)
        equal(lost(service, "ends", "running", "chown -R daemon")["health"], "losing", "a job that loses what it finds looks so")
        open(ends + ".now", "w").close()
        equal(service.wait_job("ends", "done")["health"], None, "and is done when it has ended")

# The state folder itself is full: logs, artifacts and work.
with scratch() as folder:
    state = mount(os.path.join(folder, "state"), "size=1m")
    talker = os.path.join(folder, "talker")
    with open(talker, "w") as file:
        file.write("#!/bin/sh\nwhile :; do echo a line; sleep 0.1; done\n")
    os.chmod(talker, 0o755)
    os.makedirs(os.path.join(folder, "corpus"))
    os.chown(os.path.join(folder, "corpus"), 1, 1)
    with Service(folder, {"a": Target("/bin/true", jobs={"talks": {"engine": "command", "command": [talker], "user": "daemon"}})}) as service:
        kept(service, "talks")
        fill_bytes(state)
        service.wait_job("talks", "running", what=lambda job: "no space left" in job["reason"].lower())
        ok(True, "a full state folder is said of a job that runs")
        relieve(state)
        service.wait_job("talks", "running", what=lambda job: "may be lost; restart it" in job["reason"])
        ok(True, "and taken back")

# Somebody clears what a job works in, and its instance ends before that is seen.
with scratch() as folder:
    needy, corpus = os.path.join(folder, "needy"), os.path.join(folder, "corpora", "needy")
    with open(needy, "w") as file:
        file.write('#!/bin/sh\n[ -d "$FUZZSUP_CORPUS" ] || exit 1\nexec sleep 3600\n')
    os.chmod(needy, 0o755)
    jobs = {name: {"engine": "libfuzzer", "command": [needy], "user": "daemon", "start-limit": 2, **more} for name, more in (("own", {}), ("named", {"corpus": corpus}))}
    os.mkdir(os.path.dirname(corpus))
    with Service(folder, {"a": Target("/bin/true", jobs=jobs)}) as service:
        before = {name: service.wait_job(name, "running", what=lambda job: job["reason"] == "" and job["pid"] != 0)["pid"] for name in jobs}
        shutil.rmtree(os.path.join(service.state, "jobs"))
        shutil.rmtree(corpus)
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        for name in jobs:
            service.wait_job(name, "running", what=lambda job: job["pid"] not in (0, before[name]) and job["reason"] == "")
        ok(os.path.isdir(corpus) and os.path.isdir(os.path.join(service.state, "jobs", "a", "own", "corpus")), "folders that were removed are made again before the next start, which no start limit counts")

# Coverage that cannot be written keeps nothing from running.
with scratch() as folder:
    coverage = os.path.join(folder, "coverage")
    os.mkdir(coverage)
    with Service(folder, {"a": Target("/bin/true", coverage, jobs={"unseen": {"engine": "command", "command": ["/bin/sleep", "3600"], "user": "daemon"}})}) as service:
        job = service.wait_job("unseen", "running", what=lambda job: "its coverage is not seen" in job["reason"])
        ok(f"chmod 1777 {coverage}" in job["reason"] and "chown" not in job["reason"], "coverage that would not be seen is said, and a remedy that locks nobody out", job)

# Who is no root can neither give files away nor run a job as somebody else.
with scratch() as folder:
    os.chmod(folder, 0o755)
    for name in ("corpus", "closed"):
        os.makedirs(os.path.join(folder, name, "below"))
    os.chmod(os.path.join(folder, "closed"), 0o700)
    service = Service(folder, {"a": Target("/bin/true", jobs={name: {"engine": "libfuzzer", "command": ["/bin/true"], "corpus": os.path.join(folder, path)}
                                                              for name, path in (("given", "corpus"), ("shut", "closed/below"))})})
    service.write_config()
    # The program lies where others may not look.
    shown = os.path.join(folder, "fuzzsupd")
    shutil.copy(program("fuzzsupd"), shown)
    done_by = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", shown, "-n", "-c", service.config], capture_output=True, text=True, timeout=PATIENCE)
    ok(re.search(rf"user nobody cannot write there; as root: chown -R nobody {folder}/corpus, or name another folder", done_by.stderr), "a service of another user: what root must do, or another folder", done_by.stderr)
    ok(re.search(rf"may not pass {folder}/closed; chmod o\+x that, or name another place", done_by.stderr) and "another user" not in done_by.stderr, "and no word of other users", done_by.stderr)
done()
