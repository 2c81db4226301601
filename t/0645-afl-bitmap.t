#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stock AFL++, without our runtime: what its own bitmap says is shown where the executable was
built with a PC table; where it was not the target says what to do."""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

if not shutil.which("afl-fuzz") or not shutil.which("afl-clang-fast"):
    skip_all("afl++ is not installed")

SOURCE = """
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline)) void before(char c) { if (c == 1) write(2, "1", 1); }
__attribute__((noinline)) void never(char c) { if (c == 2) write(2, "2", 1); else write(2, "3", 1); }
__attribute__((noinline)) void reached(char c) { if (c == 'a') write(2, "a", 1); }
int main(int argc, char **argv)
{
	char text[64];
	ssize_t n = read(0, text, sizeof(text));
	if (argc > 5)
		never(argv[1][0]);
	if (n > 3)
		reached(text[0]);
	before(n > 0 ? text[0] : 0);
	return 0;
}
"""
PC_TABLE = ["-g", "-O1", "-fsanitize-coverage=trace-pc-guard,pc-table"]


def reached_of(service, target):
    """How many PCs AFL++'s own files say were reached; -1 while one of them is being written."""
    out = os.path.join(service.state, "jobs", target, "fuzz", "out", "main")
    with open(os.path.join(out, "fuzz_bitmap"), "rb") as bitmap, open(os.path.join(out, "fuzzer_stats")) as stats:
        found, text = re.search(r"total_edges\s*: (\d+)\n", stats.read()), bitmap.read()
    places = int(found.group(1)) if found else 0
    return sum(byte != 0xFF for byte in text[places - service.target(target)["pcs"]:places]) if 0 < places <= len(text) else -1


def has_fuzzed(service, target, pid):
    """Whether AFL++'s process @pid has said what it reached: one that is stopped before has nothing to write."""
    with open(os.path.join(service.state, "jobs", target, "fuzz", "out", "main", "fuzzer_stats")) as stats:
        fields = dict(re.findall(r"(\w+)\s*: (\d+)", stats.read()))
    return int(fields.get("fuzzer_pid", 0)) == pid and int(fields.get("edges_found", 0)) > 0


def covered(service, state):
    answer = service.get(f"/t/stock/functions.json?state={state}")
    # There are none for a moment when there is a new build.
    return {function["name"] for function in answer.json()["functions"]} if answer.status == 200 else None


with scratch() as folder:
    os.chmod(folder, 0o755)
    source = os.path.join(folder, "source.c")
    with open(source, "w") as file:
        file.write(SOURCE)
    stock = afl_build(os.path.join(folder, "stock"), *PC_TABLE, source)
    # Places of a library are in AFL++'s map, too.
    library = os.path.join(folder, "library")
    with open(library + ".c", "w") as file:
        file.write("int library(int x) { switch (x) {" + "".join(f"case {7 ** i % 1009}: return library({i}) * x;" for i in range(20)) + "} return x; }\n")
    afl_build(library + ".so", *PC_TABLE, "-shared", "-fPIC", library + ".c")
    mixed = afl_build(os.path.join(folder, "mixed"), *PC_TABLE, source, library + ".so", "-Wl,--no-as-needed", "-Wl,-rpath," + folder)
    work = lambda: {"fuzz": {"engine": "afl++", "restart": "never"}}
    coverage = os.path.join(folder, "coverage")
    os.mkdir(coverage)
    os.chmod(coverage, 0o1777)
    targets = {"stock": Target(stock, coverage, [folder], jobs=work()), "mixed": Target(mixed, coverage, [folder], jobs=work()),
               "other": Target(stock, coverage, [folder], jobs={"fuzz": {"engine": "afl++", "command": [shutil.copy(stock, os.path.join(folder, "copy"))]}})}
    with Service(folder, targets) as service:
        job_of = lambda target: service.jobs(target)["fuzz"]
        for name in targets:
            wait_until(lambda: (job_of(name)["executions"] or 0) > 0, f"{name} runs; it is {job_of(name)}")
        # Its bitmap is written when it ends, and once a minute.
        for name in targets:
            service.ctl("stop", f"{name}/fuzz", check=True)
        wait_until(lambda: all(job_of(name)["state"] == "stopped" for name in targets), "they stop")
        wait_until(lambda: 0 < reached_of(service, "stock") == service.target("stock")["covered"], "coverage from the bitmap")
        ok(True, f"as many places are covered as AFL++ reached: {reached_of(service, 'stock')} of {service.target('stock')['pcs']}")
        entry = service.wait_state("stock", "live")
        ok("AFL++" in entry["reason"], "the target is live, and says by what", entry)
        wait_until(lambda: service.get("/t/stock/functions.json").status == 200, "its functions")
        ok({"main", "before"} <= covered(service, "partial") | covered(service, "covered") and "never" in covered(service, "uncovered"),
           "the right functions", service.get("/t/stock/functions.json").text)
        wait_until(lambda: service.target("stock")["n_runs"] == job_of("stock")["executions"], f"runs are its executions; {service.target('stock')}")
        ok(True, "its runs are AFL++'s executions")
        entry = wait_until(lambda: (lambda target: target if "AFL++" in target["reason"] else None)(service.target("mixed")), f"a reason; it is {service.target('mixed')}")
        ok(entry["covered"] == 0 and "replay" in entry["reason"], "one whose library is in the map, too, shows nothing, and what to do", entry)
        entry = service.target("other")
        equal((entry["covered"], reached_of(service, "other") > 0), (0, True), "another program's bitmap is none of this target's")
        os.kill(service.worker("collector"), 9)
        wait_until(lambda: service.worker("collector"), "another collector")
        service.ctl("start", "stock/fuzz", check=True)
        wait_until(lambda: job_of("stock")["state"] == "running" and service.target("stock")["state"] == "live", "it is live again")
        wait_until(lambda: service.target("stock")["covered"] == reached_of(service, "stock"), "what was covered")
        ok(True, "another collector goes on with what was covered")
        # As many places as before, of which some cannot be reached any more; the run that ends for it writes its bitmap once more.
        ok("reached" not in covered(service, "uncovered"), "a function is reached")
        before = job_of("stock")
        with open(source, "w") as file:
            file.write(SOURCE.replace("n > 3", "n > 300"))
        os.rename(afl_build(stock + ".new", *PC_TABLE, source), stock)
        wait_until(lambda: job_of("stock")["starts"] > before["starts"] and job_of("stock")["state"] == "running", "the new build runs")
        wait_until(lambda: "reached" in (covered(service, "uncovered") or ()), "a new build begins anew")
        executions = job_of("stock")["executions"]
        wait_until(lambda: job_of("stock")["executions"] > executions and has_fuzzed(service, "stock", job_of("stock")["pid"]), "it says something")
        service.ctl("stop", "stock/fuzz", check=True)
        wait_until(lambda: 0 < reached_of(service, "stock") == service.target("stock")["covered"], "its bitmap")
        ok({"reached", "never"} <= covered(service, "uncovered"), "of a new build only what it reached itself counts", service.get("/t/stock/functions.json").text)
    done()
