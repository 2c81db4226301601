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


AFL_WORDS = ["-g", "-O1", "-fsanitize-coverage=trace-pc-guard,pc-table", os.path.join(SRC, "t", "targets", "persistent.c"), *demo_sources(), "-lm"]


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
        targets["afl"] = Target(afl_build(os.path.join(folder, "afl_json"), *AFL_WORDS, "@" + runtime_response_file("fuzzsup-main")), coverage, [os.path.join(SRC, "share", "demo")], jobs={"afl": {"engine": "afl++", "instances": 2}})
    else:
        note("no afl++ here: it is not tested")
    with Service(folder, targets) as service:
        names = sorted(name for target in targets.values() for name in target.jobs)
        for name in names:
            service.wait_job(name, "running", what=lambda job: job["running"] == job["instances"])
        for target in targets:
            service.wait_state(target, "live")
        ok(True, f"{', '.join(names)} run at once, and every target is live")
        wait_until(lambda: service.target("brackets")["covered"] > 0, "what Zig reaches")
        ok(True, "Zig's coverage is read from the job's own folder")
        service.wait_job("libfuzzer", what=lambda job: (job["executions"] or 0) > 0 and (job["corpus"] or 0) > 0)
        service.wait_job("forked", what=lambda job: (job["executions"] or 0) > 0)
        if has_afl:
            service.wait_job("afl", what=lambda job: (job["executions"] or 0) > 0 and job["stability"])
        for name in names:
            service.ctl("stop", name)
            service.wait_job(name, "stopped")
        logs = [open(path, errors="replace").read() for path in glob.glob(os.path.join(service.state, "jobs", "json", "libfuzzer", "*.log"))]
        own = sum(int(re.search(r"stat::number_of_executed_units: (\d+)", text).group(1)) for text in logs)
        service.wait_job("libfuzzer", what=lambda job: abs(job["executions"] - own) <= own // 1000)
        ok(True, f"libFuzzer, two instances: {service.jobs()['libfuzzer']['executions']} executions, its own words {own}")
        if has_afl:
            shown = (service.get("/api/v1/jobs/afl/afl/log").text, service.ctl("logs", "afl").stdout)
            ok(all("Fuzzing test case" in text and not re.search(r"\x1b|\[0m|\[1;9", text) for text in shown), "AFL++'s log is shown without its colours", shown)
            own = 0
            for path in glob.glob(os.path.join(service.state, "jobs", "afl", "afl", "out", "*", "fuzzer_stats")):
                with open(path) as file:
                    own += int(re.search(r"execs_done\s*: (\d+)", file.read()).group(1))
            service.wait_job("afl", what=lambda job: abs(job["executions"] - own) <= own // 1000)
            ok(own > 0, f"AFL++, main and secondary: {service.jobs()['afl']['executions']} executions, its own words {own}")
    done()
