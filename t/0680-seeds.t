#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Seeds reach every engine from where they lie, and AFL++ also where they come while it runs, or
while it is stopped; nothing is written beside them. What is not there is waited for, and what
cannot be read is said, and taken when it can be."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

WORDS = ["first-4711-seed", "corpus-9265-seed", "running-3141-seed", "stopped-2718-seed", "unread-1618-seed", "unread-1414-seed"]


def hash_of(word):
    number = 1469598103934665603
    for byte in word.encode():
        number = (number ^ byte) * 1099511628211 % 2 ** 64
    return number


# Each word reaches a line that no other input does, and comparing tells a fuzzer nothing of it.
SOURCE = """
#include <stddef.h>
#include <stdint.h>
volatile int reached;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t hash = 1469598103934665603u;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 1099511628211u;
""" + "".join(f"\tif (hash == {hash_of(word)}u)\n\t\treached = {number};\n" for number, word in enumerate(WORDS)) + "\treturn 0;\n}\n"


def put(folder, name, text):
    """As people do it: a copy, not a rename."""
    with open(os.path.join(folder, name), "w") as file:
        file.write(text)


def queued(service, text, job="afl"):
    """The file of AFL++'s own queue that holds that input."""
    queue = os.path.join(service.state, "jobs", "t", job, "out", "main", "queue")
    for name in os.listdir(queue) if os.path.isdir(queue) else []:
        path = os.path.join(queue, name)
        if os.path.isfile(path):
            with open(path, errors="replace") as file:
                if file.read() == text:
                    return name
    return None


def log_of(service, job, instance=0):
    path = os.path.join(service.state, "jobs", "t", job, f"{instance}.log")
    if not os.path.exists(path):
        return ""
    with open(path, errors="replace") as file:
        return file.read()


def started_with(service, job):
    """The words of its command line, as its log tells them."""
    found = re.search(r"instance 0 starts: pid \d+, time \d+: (.*)", log_of(service, job))
    return found.group(1).split() if found else None


with scratch() as folder:
    source = os.path.join(folder, "source.c")
    put(folder, "source.c", SOURCE)
    fuzzer = build(os.path.join(folder, "fuzzer"), [source], "-O1")
    seeds, more, corpus, hidden, tools, dark, dim, empty, gone = (os.path.join(folder, name) for name in ("seeds", "more", "corpus", "hidden", "tools", "dark", "dim", "empty", "gone"))
    is_root = os.geteuid() == 0
    for path in (seeds, more, corpus, hidden, tools, dark, dim, empty):
        os.mkdir(path)
    os.chmod(corpus, 0o1777)
    os.chmod(hidden, 0o700)
    os.mkdir(os.path.join(more, "below"))
    put(seeds, "first", WORDS[0])
    put(os.path.join(more, "below"), "text", "below")
    put(corpus, "own", WORDS[1])
    put(tools, "honggfuzz", "#!/bin/sh\nls \"$2\" >&2\nexec sleep 1000\n")
    os.chmod(os.path.join(tools, "honggfuzz"), 0o755)
    if is_root:
        put(dark, "dark", WORDS[4])
        put(dim, "dim", "dim")
        for path in (os.path.join(dark, "dark"), os.path.join(dim, "dim")):
            os.chmod(path, 0o600)
    both = [seeds, more]
    jobs = {"lib": {"engine": "libfuzzer", "seeds": both}, "hongg": {"engine": "honggfuzz", "seeds": both}, "replay": {"engine": "replay", "command": ["/bin/sh", "-c", "exec sleep 1000"]},
            "hidden": {"engine": "command", "command": ["/bin/sleep", "1000"], "seeds": [hidden]}, "gone": {"engine": "libfuzzer", "seeds": [gone]},
            "dark": {"engine": "libfuzzer", "seeds": [dark]}}
    has_afl = shutil.which("afl-fuzz") is not None and shutil.which("afl-clang-fast") is not None
    if has_afl:
        afl = afl_build(os.path.join(folder, "afl"), "-O1", os.path.join(SRC, "t", "targets", "persistent.c"), source)
        jobs["afl"] = {"engine": "afl++", "command": [afl], "corpus": corpus, "seeds": both}
        jobs["afl-none"] = {"engine": "afl++", "command": [afl], "seeds": [dark, empty]}
        jobs["afl-dim"] = {"engine": "afl++", "command": [afl], "corpus": dim}
        jobs["afl-gone"] = {"engine": "afl++", "command": [afl], "seeds": [gone]}
    coverage = os.path.join(folder, "coverage")
    os.mkdir(coverage)
    os.chmod(coverage, 0o1777)
    with Service(folder, {"t": Target(fuzzer, coverage, jobs=jobs)}, environment={"PATH": tools + ":" + os.environ["PATH"]}) as service:
        if has_afl:
            wait_until(lambda: queued(service, WORDS[0]) and queued(service, WORDS[1]) and queued(service, "below"), "what AFL++ begins with")
            ok(True, "AFL++ begins with its corpus and all seeds, those of folders below, too")
            put(corpus, "second", WORDS[2])
        words = wait_until(lambda: started_with(service, "lib"), "libFuzzer's command line")
        equal(words[-3:], [os.path.join(service.state, "jobs", "t", "lib", "corpus"), seeds, more], "libFuzzer is told its corpus, then the seeds")
        wait_until(lambda: "seed corpus: files: 2" in log_of(service, "lib"), "libFuzzer's seeds")
        wait_until(lambda: "sleep" in str(started_with(service, "replay")), "replay")
        if os.geteuid() == 0:
            service.wait_job("replay", "running", what=lambda job: f"some of its inputs are not read: {hidden}" in job["reason"])
        ok(all(path in started_with(service, "replay") for path in both), "a replay job that names no folder follows the seeds of its target's other jobs", started_with(service, "replay"))
        names = os.listdir(os.path.join(service.state, "jobs", "t", "hongg", "corpus"))
        ok(wait_until(lambda: len(re.findall(r"^seed-[0-9a-f]{16}$", log_of(service, "hongg"), re.M)) == 2, "honggfuzz's seeds") and len(names) == 2, "honggfuzz finds copies of all seeds in its input, and no input of ours", names)
        service.ctl("restart", "hongg")
        wait_until(lambda: log_of(service, "hongg").count(" starts: ") == 2 and len(re.findall(r"^seed-", log_of(service, "hongg"), re.M)) == 4, "honggfuzz again")
        equal(sorted(os.listdir(os.path.join(service.state, "jobs", "t", "hongg", "corpus"))), sorted(names), "a second start copies none twice")
        for name in ("gone", "afl-gone") if has_afl else ("gone",):
            job = service.wait_job(name, "waiting", what=lambda job: gone in job["reason"])
            equal(job["reason"], f"its seeds are not read: {gone}: it is not there", f"seeds that are not there: {name} waits, and says for which")
        os.mkdir(gone)
        for name in ("gone", "afl-gone") if has_afl else ("gone",):
            service.wait_job(name, "running", what=lambda job: job["reason"] == "" and job["executions"])
        ok(True, "and starts when they are there")
        if has_afl:
            service.wait_job("afl-none", "running", what=lambda job: job["executions"])
            ok(queued(service, "0", "afl-none") and queued(service, "0", "afl-gone"), "AFL++ gets one input where there is none that can be read")
        if is_root:
            ok("its seeds are not read: " + hidden + ": user " in service.wait_job("hidden", "restarting")["reason"], "a folder of seeds that its user cannot read: likewise, with the remedy", service.jobs()["hidden"])
            os.chmod(hidden, 0o755)
            service.wait_job("hidden", "running", what=lambda job: job["reason"] == "")
            ok(True, "and it starts when that is over")
            unread = lambda path: lambda job: job["reason"].startswith(f"some of its inputs are not read: {path}: user ") and job["reason"].endswith(" cannot read it; chmod o+r it")
            for name in ("dark", "afl-none") if has_afl else ("dark",):
                service.wait_job(name, "running", what=unread(f"{dark}/dark"))
            ok(True, "a single file that it cannot read is said of a job that runs")
            checked = subprocess.run([program("fuzzsupd"), "-n", "-c", service.config], capture_output=True, text=True, timeout=PATIENCE)
            ok(checked.returncode == 0 and re.search(f"warning: .*: job t/dark: some of its inputs are not read: {dark}/dark: user ", checked.stderr), "and by -n", checked)
            wait_until(lambda: f"job t/dark: some of its inputs are not read: {dark}/dark" in service.get("/healthz").text, "what is not well")
            ok(True, "and is not well")
            if has_afl:
                service.wait_job("afl-dim", "restarting", what=lambda job: job["reason"] == f"reading its inputs {dim}/dim: Permission denied; chmod o+r it, or o+rx if it is a folder")
                os.chmod(os.path.join(dim, "dim"), 0o644)
                service.wait_job("afl-dim", "running", what=lambda job: job["executions"])
                ok(queued(service, "dim", "afl-dim"), "AFL++, which would give up for a file of its corpus, waits until it can be read")
        else:
            skip("seeds that the job's user cannot read", "not root")
        if has_afl:
            name = wait_until(lambda: queued(service, WORDS[2]), "AFL++'s next look", 2 * PATIENCE)
            ok("sync:fuzzsup-seeds" in name, "what comes into the corpus of a running AFL++ reaches its queue", name)
            if is_root:
                path = os.path.join(corpus, "unread")
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
                put(corpus, "unread", WORDS[5])
                service.wait_job("afl", "running", what=unread(path))
                ok(not os.path.exists(os.path.join(service.state, "jobs", "t", "afl-none", "out", "fuzzsup-seeds", "queue", "id:000000")) and "new seed" not in log_of(service, "afl-none"), "what cannot be read is not counted as taken", log_of(service, "afl-none")[-2000:])
                for path in (path, os.path.join(dark, "dark")):
                    os.chmod(path, 0o644)
                wait_until(lambda: queued(service, WORDS[4], "afl-none") and queued(service, WORDS[5]), "what was unreadable", 2 * PATIENCE)
                for name in ("afl", "afl-none", "dark"):
                    service.wait_job(name, "running", what=lambda job: job["reason"] == "")
                ok(True, "what becomes readable reaches AFL++, and nothing is said any more")
            ok("1 new seed in AFL++'s queue" in log_of(service, "afl"), "the log says so", log_of(service, "afl")[-2000:])
            service.ctl("stop", "afl")
            service.wait_job("afl", "stopped")
            put(seeds, "third", WORDS[3])
            service.ctl("start", "afl")
            name = wait_until(lambda: queued(service, WORDS[3]), "AFL++'s first look")
            ok("sync:fuzzsup-seeds" in name, "what comes into the seeds of one that is stopped, too, when it goes on", name)
        else:
            skip("new seeds for AFL++", "afl++ is not installed")
        equal([sorted(os.listdir(path)) for path in (seeds, more, os.path.join(more, "below"))], [["first", "third"] if has_afl else ["first"], ["below"], ["text"]], "nothing was written beside the seeds")
    done()
