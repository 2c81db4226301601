#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The runtime where libFuzzer is not: with AFL++ it says what AFL++ says, and in a program
that no fuzzer drives it loses nothing, however its processes end."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from runtime import *

PLAIN = ["-fsanitize-coverage=inline-bool-flag,pc-table"]
LIBRARY = os.path.join(TARGETS, "branches_library.c")


# ---- AFL++ ----

def visible(output, sources, *flags, response="fuzzsup-main"):
    return afl_build(output, "-g", "-O1", "-fsanitize-coverage=trace-pc-guard,pc-table", *flags, *sources, "-lm", "@" + runtime_response_file(response))


def afl_fuzz(folder, executable, directory, executions):
    """(fuzzer_stats as a dictionary, fuzz_bitmap, log)"""
    inputs, outputs = fresh(folder, "in"), fresh(folder, "out")
    with open(os.path.join(inputs, "1"), "w") as file:
        file.write('{"a":[1,2]}')
    environment = dict(os.environ, FUZZSUP_DIR=directory, AFL_NO_UI="1", AFL_SKIP_CPUFREQ="1", AFL_NO_AFFINITY="1", AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES="1")
    # A run that it kills for its time is none of ours, and how many these were not each version tells: it is to kill none.
    result = subprocess.run(["afl-fuzz", "-s", "7", "-t", "20000", "-E", str(executions), "-i", inputs, "-o", outputs, executable], env=environment, stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, errors="replace", timeout=4 * PATIENCE)
    stats, bitmap = {}, b""
    home = os.path.join(outputs, "default")
    if os.path.exists(os.path.join(home, "fuzzer_stats")):
        with open(os.path.join(home, "fuzzer_stats")) as file:
            stats = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in file)}
        with open(os.path.join(home, "fuzz_bitmap"), "rb") as file:
            bitmap = file.read()
    return stats, bitmap, result.stdout + result.stderr


def test_afl(folder):
    if not shutil.which("afl-clang-fast") or not shutil.which("afl-fuzz"):
        note("no afl++ here: it is not tested")
        return
    demo, driver = demo_sources(), os.path.join(TARGETS, "persistent.c")
    kinds = (("a loop", lambda output: visible(output, [driver, *demo]), 40000), ("a process for each run", lambda output: visible(output, [driver, *demo], "-DONCE"), 4000),
             ("AFL++'s driver", lambda output: visible(output, demo, "-fsanitize=fuzzer", response="fuzzsup"), 40000))
    for kind, make, executions in kinds:
        executable, directory = make(os.path.join(folder, "afl")), fresh(folder)
        stats, bitmap, log = afl_fuzz(folder, executable, directory, executions)
        files = maps(directory)
        if not ok(len(files) == 1 and int(stats.get("execs_done", 0)) >= executions, f"AFL++, {kind}: runs, and writes one coverage file", f"{files}\n{log}"):
            continue
        n_runs, unique, bits, pcs = CoverageFile.read(files[0])
        done = int(stats["execs_done"])
        # Besides the runs that AFL++ counts there is one that tells it the size of the map.
        ok(done <= n_runs <= done + 1 + done / 10000, f"AFL++, {kind}: {n_runs} runs, AFL++ executed {done}")
        # What it counts for itself stands first: one place in 4.04c, five in 4.22a.
        own = int(stats["total_edges"]) - len(pcs)
        hit = {i for i in range(len(pcs)) if bitmap[own + i] != 0xff}
        reached = set(set_bits(bits))
        ok(len(hit) > 50 and reached >= hit, f"AFL++, {kind}: {len(reached)} of {len(pcs)} PCs, AFL++ counts {len(hit)}", sorted(hit - reached))
        ok(len(reached) <= len(hit) + 2, f"AFL++, {kind}: and hardly more")
        ok(0 < unique <= len(reached) and leftovers(directory) == [], f"AFL++, {kind}: {unique} runs were worth keeping, nothing stays behind")

    executable = afl_build(os.path.join(folder, "afl-other"), "-O1", driver, *demo, "-lm", "@" + runtime_response_file("fuzzsup-main"), native=False)
    directory = fresh(folder)
    result = subprocess.run([executable], input="{}", text=True, capture_output=True, env=dict(os.environ, FUZZSUP_DIR=directory))
    ok(result.returncode == 0 and len(COMPLAINT.findall(result.stderr)) == 1 and "LLVM-NATIVE" in result.stderr and maps(directory) == [],
       "AFL++ with its own instrumentation: one line says what to build with", result.stderr)


# ---- programs without a fuzzer ----

class Daemon:
    """t/targets/daemon.c, and what its file says."""

    def __init__(self, executable, directory, **environment):
        self.executable, self.directory = executable, directory
        self.process = subprocess.Popen([executable], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=dict(os.environ, FUZZSUP_DIR=directory, **environment))
        atexit.register(self.process.kill)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, line):
        self.say(line)
        return self.process.stdout.readline().strip()

    def reached(self):
        return {name for path in maps(self.directory) for name in functions(sidecar(path)["path"][0], path)}

    def wait(self, *names):
        return wait_until(lambda: self.reached() >= set(names) or None, f"{names}; there are {self.reached()}", step=0.05)

    def end(self):
        _, log = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, log


def plain_build(output, *flags):
    subprocess.run([CLANG, "-g", "-O1", *PLAIN, *flags, os.path.join(TARGETS, "daemon.c"), "@" + runtime_response_file("fuzzsup-main"), "-o", output], check=True, stderr=subprocess.DEVNULL)
    return output


def test_plain_kinds(folder, library):
    """Whatever it is built as: all that its processes reached is there at the end, and nothing else."""
    everything = {"main", "on_start", "on_word", "in_child", "on_end"}
    for kind, flags in (("PIE", []), ("8-bit counters", ["-fsanitize-coverage=inline-8bit-counters"]), ("static", ["-static"]), ("static PIE", ["-static-pie"]),
                        ("AddressSanitizer", ["-fsanitize=address"]), ("MemorySanitizer", ["-fsanitize=memory"]), ("ThreadSanitizer", ["-fsanitize=thread"]), ("stripped", ["-s"])):
        executable, directory = plain_build(os.path.join(folder, "plain"), *flags), fresh(folder)
        if kind == "stripped":
            shutil.copy2(executable, executable + ".stripped")
            plain_build(executable)
            executable = executable + ".stripped"
        daemon = Daemon(executable, directory)
        loads = kind.startswith("static") or daemon.ask(f"load {library}") == "done"
        daemon.say("word")
        daemon.say("fork")
        code, log = daemon.end()
        files = {os.path.basename(sidecar(path)["path"][0]): path for path in maps(directory)}
        own = functions(os.path.join(folder, "plain"), files[os.path.basename(executable)]) if os.path.basename(executable) in files else None
        wanted = everything | ({"load"} if own and "load" in own else set())
        ok(code == 0 and own == wanted and "fuzzsup:" not in log, f"without a fuzzer, {kind}: all that was reached, nothing else", f"exit {code}, {own}\n{log}")
        if not kind.startswith("static"):
            lib = os.path.basename(library)
            ok(loads and lib in files and functions(library, files[lib]) == {"library_call", "in_library"}, f"without a fuzzer, {kind}: a library that came and went, too", f"{files}\n{log}")


def test_plain_life(folder, executable, library):
    directory = fresh(folder)
    daemon = Daemon(executable, directory)
    daemon.wait("on_start")
    path = maps(directory)[0]
    daemon.ask("word")
    daemon.wait("on_word")
    runs = CoverageFile.read(path)[0]
    wait_until(lambda: CoverageFile.read(path)[0] > runs + 2, "looks")
    ok("on_end" not in daemon.reached(), "while a program runs it is looked at, and each look counts as a run")
    daemon.say("wait")
    child = int(daemon.process.stdout.readline())
    daemon.wait("in_child_that_waits")
    os.kill(child, signal.SIGKILL)
    equal(daemon.process.stdout.readline().strip(), "done", "a child that lives on is looked at before it ends")
    daemon.ask(f"load {library}")
    daemon.wait("in_library")
    before = daemon.reached()
    daemon.process.kill()
    daemon.end()
    ok(daemon.reached() == before and "on_never" not in before, "kill -9 loses nothing that was seen")

    directory = fresh(folder)
    daemon = Daemon(executable, directory, FUZZSUP="no-thread")
    daemon.ask("word")
    equal((len(os.listdir(f"/proc/{daemon.process.pid}/task")), daemon.reached()), (1, set()), "FUZZSUP=no-thread: no thread, so nothing is seen yet")
    code, log = daemon.end()
    equal((code, daemon.reached() >= {"on_word", "on_end"}, CoverageFile.read(maps(directory)[0])[0]), (0, True, 1), "but at the end")

    bare = os.path.join(folder, "bare")
    subprocess.run([CLANG, "-O1", os.path.join(TARGETS, "daemon.c"), "@" + runtime_response_file("fuzzsup-main"), "-o", bare], check=True)
    code, log = Daemon(bare, fresh(folder)).end()
    ok(code == 0 and len(COMPLAINT.findall(log)) == 1 and "inline-bool-flag,pc-table" in log, "a program without instrumentation: one line says what to build with", log)


with scratch() as folder:
    library = os.path.join(folder, "libplain.so")
    subprocess.run([CLANG, "-g", "-O1", *PLAIN, "-shared", "-fPIC", "-o", library, LIBRARY], check=True)
    test_plain_kinds(folder, library)
    test_plain_life(folder, plain_build(os.path.join(folder, "plain")), library)
    test_afl(folder)
done()
