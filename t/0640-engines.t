#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One configuration runs libFuzzer, AFL++ and Zig at once: all are live in the page, and what
the service says they executed is what they say themselves."""
import glob
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
import zig

zig.need()


def jobs(service):
    return {job["name"]: job for job in service.get("/api/v1/jobs").json()["jobs"]}


def wait_job(service, name, condition, what):
    return wait_until(lambda: (lambda job: job if job and condition(job) else None)(jobs(service).get(name)), f"{what}; {name} is {jobs(service).get(name)}")


def ctl(service, *words):
    return subprocess.run([program("fuzzsupctl"), "-s", service.control, *words], capture_output=True, text=True, timeout=PATIENCE)


def afl_build(folder):
    output = os.path.join(folder, "afl_json")
    subprocess.run(["afl-clang-fast", "-g", "-O1", "-fsanitize-coverage=trace-pc-guard,pc-table", os.path.join(SRC, "t", "targets", "persistent.c"),
                    *demo_sources(), "-lm", "@" + runtime_response_file("fuzzsup-main"), "-o", output],
                   check=True, env=dict(os.environ, AFL_LLVM_INSTRUMENT="LLVM-NATIVE", AFL_QUIET="1"))
    return output


with scratch() as folder:
    os.chmod(folder, 0o755)
    demo = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    brackets = zig.build_test(folder)
    coverage = os.path.join(folder, "coverage")
    os.mkdir(coverage)
    os.chmod(coverage, 0o1777)
    targets = {"json": Target(demo, coverage, [os.path.join(SRC, "share", "demo")], jobs={
                   "libfuzzer": {"engine": "libfuzzer", "command": [demo, "-max_len=128"], "instances": 2},
                   "forked": {"engine": "libfuzzer", "command": [demo, "-fork=1", "-max_len=128"]}}),
               "brackets": Target(brackets, None, [os.path.join(SRC, "t", "targets")], jobs={"zig": {"engine": "zig"}})}
    has_afl = shutil.which("afl-fuzz") is not None and shutil.which("afl-clang-fast") is not None
    if has_afl:
        targets["afl"] = Target(afl_build(folder), coverage, [os.path.join(SRC, "share", "demo")], jobs={"afl": {"engine": "afl++", "instances": 2}})
    else:
        note("no afl++ here: it is not tested")
    with Service(folder, targets) as service:
        names = sorted(name for target in targets.values() for name in target.jobs)
        for name in names:
            wait_job(service, name, lambda job: job["state"] == "running" and job["running"] == job["instances"], "it runs")
        for target in targets:
            service.wait_state(target, "live")
        ok(True, f"{', '.join(names)} run at once, and every target is live")
        wait_until(lambda: service.target("brackets")["covered"] > 0, "what Zig reaches")
        ok(True, "Zig's coverage is read from the job's own folder")
        wait_job(service, "libfuzzer", lambda job: (job["executions"] or 0) > 0 and (job["corpus"] or 0) > 0, "its numbers")
        wait_job(service, "forked", lambda job: (job["executions"] or 0) > 0, "its numbers in fork mode")
        if has_afl:
            wait_job(service, "afl", lambda job: (job["executions"] or 0) > 0 and job["stability"], "AFL++'s numbers")
        for name in names:
            ctl(service, "stop", name)
            wait_job(service, name, lambda job: job["state"] == "stopped", "it stops")
        logs = [open(path, errors="replace").read() for path in glob.glob(os.path.join(service.state, "jobs", "json", "libfuzzer", "*.log"))]
        own = sum(int(re.search(r"stat::number_of_executed_units: (\d+)", text).group(1)) for text in logs)
        wait_job(service, "libfuzzer", lambda job: abs(job["executions"] - own) <= own // 1000, f"libFuzzer's own {own}")
        ok(True, f"libFuzzer, two instances: {jobs(service)['libfuzzer']['executions']} executions, its own words {own}")
        if has_afl:
            shown = (service.get("/api/v1/jobs/afl/afl/log").text, ctl(service, "logs", "afl").stdout)
            ok(all("Fuzzing test case" in text and not re.search(r"\x1b|\[0m|\[1;9", text) for text in shown), "AFL++'s log is shown without its colours", shown)
            own = 0
            for path in glob.glob(os.path.join(service.state, "jobs", "afl", "afl", "out", "*", "fuzzer_stats")):
                with open(path) as file:
                    own += int(re.search(r"execs_done\s*: (\d+)", file.read()).group(1))
            wait_job(service, "afl", lambda job: abs(job["executions"] - own) <= own // 1000, f"AFL++'s own {own}")
            ok(own > 0, f"AFL++, main and secondary: {jobs(service)['afl']['executions']} executions, its own words {own}")
    done()
