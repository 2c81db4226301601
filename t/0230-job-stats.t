#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the collector reads out of a job's folder: real runs of libFuzzer and AFL++, logs that
are renamed, restarts of the engine and of the collector, and what means harm."""
import itertools
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from collector import *

numbers = itertools.count(1)


def now_ms():
    return int(time.time() * 1000)


class Folder:
    """A job's folder, and what the runner does in it: marks, logs that are limited, instances."""

    def __init__(self, scratch, limit=None):
        self.path = os.path.join(scratch, f"job-{next(numbers)}")
        os.mkdir(self.path)
        self.limit, self.turned, self.turned_at = limit, 0, 0

    def __call__(self, *names):
        path = os.path.join(self.path, *names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def log(self, data, number=0):
        path = self(f"{number}.log")
        with open(path, "ab") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        # Not twice between two looks, for which a real limit is too large.
        if self.limit and os.path.getsize(path) > self.limit and time.monotonic() - self.turned_at > 4:
            os.rename(path, path + ".1")
            self.turned, self.turned_at = self.turned + 1, time.monotonic()

    def starts(self, number=0, pid=77, at=None, command="./target corpus"):
        self.log(f"fuzzsupd: instance {number} starts: pid {pid}, time {at or now_ms()}: {command}\n", number)

    def ended(self, number=0, reason="exit status 0"):
        self.log(f"fuzzsupd: instance {number} ended: {reason}\n", number)

    def put(self, name, text, at=None):
        """A whole file at once, as by rename, so that nobody sees half of it; written @at (ms)."""
        with open(self(name) + ".new", "w") as file:
            file.write(text)
        if at:
            os.utime(self(name) + ".new", ns=(at * 1000000, at * 1000000))
        os.rename(self(name) + ".new", self(name))

    def run(self, collector, command, number=0, ends=None, environment=None):
        """Runs an instance to its end, or until @ends(its output), which ends it by the signal
        that it returns; gives what it said."""
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.path, env=dict(os.environ, **(environment or {})))
        self.starts(number, process.pid, command=" ".join(command))
        said = b""
        while True:
            if select.select([process.stdout], [], [], 0.01)[0]:
                part = os.read(process.stdout.fileno(), 4096)
                if not part:
                    break
                said += part
                self.log(part, number)
            collector.receive(0)
            signal_now = ends and process.poll() is None and ends(said)
            if signal_now:
                process.send_signal(signal_now)
                ends = None
        process.stdout.close()
        self.ended(number, f"exit status {process.wait()}")
        end_left(command[-1])
        return said.decode("utf-8", "replace")


def end_left(program):
    """Ends what a killed AFL++ left: its target has a session of its own, and may be stopped."""
    for pid, words in command_lines():
        if words == program.encode() + b"\0":
            os.kill(pid, signal.SIGKILL)


def build(folder, name, compiler, *options):
    path = os.path.join(folder, name)
    done = subprocess.run([*compiler, "-O1", "-g", *options, os.path.join(SRC, "t", "targets", "letters.c"), "-o", path], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return path


def units(said):
    return int(re.findall(r"^stat::number_of_executed_units: (\d+)", said, re.M)[-1])


def status(count, word="pulse ", corpus="3/4b", rate=100, cov=8):
    return f"#{count}\t{word} cov: {cov} ft: 9 corp: {corpus} lim: 163 exec/s: {rate} rss: 27Mb\n"


def wait_job(collector, job, what, **wanted):
    try:
        collector.until(lambda: job in collector.jobs and all(getattr(collector.jobs[job], name) == value for name, value in wanted.items()), f"{what}: {wanted}")
    except TimeoutError:
        note(f"job {job}: {collector.jobs.get(job)}")
        raise
    return collector.jobs[job]


def test_libfuzzer(folder):
    target = build(folder, "letters", [CLANG], "-fsanitize=fuzzer")
    job, start = Folder(folder, limit=3000), time.monotonic()
    os.mkdir(job("artifacts"))
    os.mkdir(job("corpus"))
    usual = [target, "-print_final_stats=1", f"-artifact_prefix={job('artifacts')}/"]
    with Collector() as collector:
        collector.collect_job(1, job.path, "libfuzzer", 2)
        total = units(job.run(collector, usual + ["-runs=20000", "-seed=1", "corpus"]))
        stats = wait_job(collector, 1, "a run to its end", executions=total)
        ok(stats.corpus >= 1 and stats.edges > 0 and stats.corpus_bytes > 0, f"the first run: {stats}")
        wait_job(collector, 1, "nothing runs", rate_milli=0, memory=0)
        total += units(job.run(collector, usual + ["-runs=30000", "-seed=2", "corpus"], number=1))
        wait_job(collector, 1, "another instance", executions=total)
        ok(True, "what another instance ran is added")
        crash = {"LETTERS_CRASH": "1"}
        for seed in range(3):
            total += units(job.run(collector, usual + ["-runs=10000000", f"-seed={3 + seed}", "-use_value_profile=1"], environment=crash))
            wait_job(collector, 1, "a run that crashed", executions=total)
        stats = wait_job(collector, 1, "crashes", executions=total)
        kept = len([name for name in os.listdir(job("artifacts")) if name.startswith("crash-")])
        stats = wait_job(collector, 1, "artifacts", crashes=kept)
        equal((stats.crashes, stats.hangs, stats.ooms), (kept, 0, 0), f"crashes of three runs: {kept}; a find of that moment")
        ok(abs(stats.last_find_ms - now_ms()) < PATIENCE * 1000 and stats.last_find_ms > 0, "with the time of the last find")
        begun, mark = time.monotonic(), len(collector.told)
        runs = lambda: any(stats.rate_milli and stats.memory for _, _, stats in collector.told[mark:])
        total += units(job.run(collector, usual + ["-runs=-1", "-seed=9", "corpus"], ends=lambda said: b"INITED" in said and (runs() or time.monotonic() - begun > PATIENCE) and signal.SIGTERM))
        wait_job(collector, 1, "a run that was told to end", executions=total)
        ok(runs(), "while it runs there are a rate and memory", collector.told[-5:])
        said = job.run(collector, usual + ["-fork=1", "-ignore_crashes=1", "-max_total_time=2", "corpus"], environment=crash)
        count = int(re.findall(r"^#(\d+): cov:", said, re.M)[-1])
        total += count
        stats = wait_job(collector, 1, "fork mode", executions=total)
        kept = len([name for name in os.listdir(job("artifacts")) if name.startswith("crash-")])
        wait_job(collector, 1, "its crashes", crashes=kept)
        ok(job.turned > 0, f"all of it over {job.turned} logs that were full: {total} executions, {kept} crashes")
        counts = [stats.executions or 0 for _, _, stats in collector.told]
        equal(counts, sorted(counts), "the total never fell")
        ok(len(collector.told) <= time.monotonic() - start + 1, "it is told once a second at most", f"{len(collector.told)} times in {time.monotonic() - start:.1f} s")
        return collector.jobs[1]


def afl_numbers(job, *names):
    numbers = []
    for name in names:
        with open(job("out", name, "fuzzer_stats")) as file:
            numbers.append(dict(re.findall(r"^(\w+) +: (.*)$", file.read(), re.M)))
    return numbers


def afl_crashes(job):
    return sum(name.startswith("id") for top, _, files in os.walk(job("out")) if os.path.basename(top).startswith("crashes") for name in files)


def test_afl(folder):
    if not shutil.which("afl-fuzz") or not shutil.which("afl-clang-fast"):
        ok(True, "AFL++ # SKIP afl-fuzz or afl-clang-fast is not there (Debian: afl++)")
        return
    target = build(folder, "letters-afl", ["afl-clang-fast"], "-DAFL")
    job = Folder(folder)
    with open(job("in", "seed"), "w") as file:
        file.write("hello")
    environment = {"AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_NO_UI": "1", "AFL_NO_AFFINITY": "1", "AFL_AUTORESUME": "1",
                   "LETTERS_CRASH": "1"}

    def fuzz(number, how, condition):
        name = f"secondary{number}" if number else "main"
        return job.run(collector, ["afl-fuzz", "-S" if number else "-M", name, "-i", "in", "-o", "out", "--", target], number, lambda said: condition() and how, environment)

    def fresh(name, begun):
        """It is written at the start, every minute, and at the end."""
        path = job("out", name, "fuzzer_stats")
        return lambda: os.path.exists(path) and begun < os.path.getmtime(path) < time.time() - 1.5

    with Collector() as collector:
        collector.collect_job(1, job.path, "afl++", 2)
        fuzz(0, signal.SIGTERM, fresh("main", time.time()))
        one, = afl_numbers(job, "main")
        stats = wait_job(collector, 1, "a run to its end", executions=int(one["execs_done"]))
        equal((stats.corpus, stats.edges, stats.stability), (int(one["corpus_count"]), int(one["edges_found"]), round(100 * float(one["stability"][:-1]))), f"the first run: {stats}")
        equal(stats.crashes, afl_crashes(job), f"{stats.crashes} crashes are the files in crashes/")
        fuzz(1, signal.SIGTERM, fresh("secondary1", time.time()))
        executions = lambda: sum(int(stats["execs_done"]) for stats in afl_numbers(job, "main", "secondary1"))
        wait_job(collector, 1, "another instance", executions=executions(), crashes=afl_crashes(job))
        ok(True, "what another instance ran is added")
        before = executions()
        for end in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
            fuzz(0, end, fresh("main", time.time()))
            wait_job(collector, 1, "a run that went on", executions=executions(), crashes=afl_crashes(job))
        ok(executions() > before, f"runs that go on count once: {executions()} executions")
        ok(True, f"{afl_crashes(job)} crashes, though every run begins with none, and one was killed")
        ok(any(stats.rate_milli for _, _, stats in collector.told), "a rate while it runs")
        wait_job(collector, 1, "and none when it ended", rate_milli=0)
        shutil.rmtree(job("out", "main"))
        before = collector.jobs[1].executions
        fuzz(0, signal.SIGTERM, fresh("main", time.time()))
        anew = int(afl_numbers(job, "main")[0]["execs_done"])
        wait_job(collector, 1, "a run that began anew", executions=before + anew)
        ok(True, "a run whose folder was removed is added to what there was")
        counts = [stats.executions or 0 for _, _, stats in collector.told]
        equal(counts, sorted(counts), "the total never fell")
        last = collector.jobs[1]
    with Collector() as collector:
        collector.collect_job(1, job.path, "afl++", 2, seed=last)
        known = afl_numbers(job, "secondary1")[0]

        def one_more():
            known.update(execs_done=int(known["execs_done"]) + 1, last_update=int(time.time()))
            job.put("out/secondary1/fuzzer_stats", "".join(f"{key:18}: {value}\n" for key, value in known.items()))
            return 1 in collector.jobs

        collector.until(one_more, "news")
        ok(last.executions <= collector.jobs[1].executions <= last.executions + int(known["execs_done"]), "another collector goes on from there, though a folder is gone", f"{last} {collector.jobs[1]}")


HONGGFUZZ_HEAD = "# unix_time, last_cov_update, total_exec, exec_per_sec, crashes, unique_crashes, hangs, edge_cov, block_cov, corpus_count\n"


def test_honggfuzz(folder):
    job = Folder(folder)
    with Collector() as collector:
        collector.collect_job(1, job.path, "honggfuzz")
        start = now_ms() - 40000
        row = lambda seconds, *values: ", ".join(str(value) for value in (start // 1000 + seconds, start // 1000 + seconds, *values)) + "\n"
        job.starts(at=start)
        job.put("honggfuzz/stats", HONGGFUZZ_HEAD + row(1, 500, 100, 3, 1, 0, 40, 0, 5) + row(2, 1000, 500, 4, 2, 1, 44, 0, 6) + "1700, 3", at=start + 2000)
        stats = wait_job(collector, 1, "the newest whole row", executions=1000, crashes=2, hangs=1, corpus=6, edges=44, rate_milli=500000)
        equal(stats.last_find_ms, (start // 1000 + 2) * 1000, "its time of the last find")
        job.ended()
        wait_job(collector, 1, "nothing runs", rate_milli=0)
        # The last row of the first run comes with the start of the second.
        job.put("honggfuzz/stats", HONGGFUZZ_HEAD + row(3, 1500, 500, 4, 2, 1, 44, 0, 6), at=start + 3000)
        job.starts(at=start + 10000)
        wait_job(collector, 1, "its last word", executions=1500)
        job.log("Summary iterations:99999999999999 time:1 speed:1\n")  # no machine could
        job.put("honggfuzz/stats", HONGGFUZZ_HEAD + row(11, 2500, 900, 1, 1, 0, 45, 0, 7), at=start + 11000)
        wait_job(collector, 1, "the second run", executions=4000, crashes=3, hangs=1, corpus=7, edges=45, rate_milli=900000)
        job.put("honggfuzz/stats", HONGGFUZZ_HEAD + row(12, 300, 900, 1, 1, 0, 45, 0, 7), at=start + 12000)
        job.put("honggfuzz/stats", HONGGFUZZ_HEAD + row(13, 2600, 900, 1, 1, 0, 45, 0, 7), at=start + 13000)
        wait_job(collector, 1, "a count that fell in between", executions=4100)
        job.put("honggfuzz/stats", HONGGFUZZ_HEAD + row(14, 2700, 900, 1, 1, 0, 45, 0, 8), at=start + 14000)
        job.log("Summary iterations:2750 time:13 speed:22024 crashes_count:0 timeout_count:0 new_units_added:521\n")
        wait_job(collector, 1, "what it ran after its last row", executions=4250, corpus=8)
        ok(True, "runs are added up, and a count that falls is nobody's; its last line counts all")


def test_replay(folder):
    job = Folder(folder)
    line = lambda count, word, left, crashes, hangs=0: job.log(f"#{count}\t{word} corp: {count}/9b left: {left} crashes: {crashes} hangs: {hangs} skipped: 0 exec/s: 5 rss: 2Mb\n")
    with Collector() as collector:
        collector.collect_job(1, job.path, "replay", 1)
        job.starts(at=now_ms() - 9000)
        line(0, "INITED", 40, 0)
        wait_job(collector, 1, "its first words", executions=0, pending=40, last_find_ms=None)
        line(30, "replay", 10, 3, 1)
        wait_job(collector, 1, "its numbers", executions=30, pending=10, crashes=3, hangs=1, corpus=30, last_find_ms=None)
        line(40, "NEW", 0, 4, 1)
        stats = wait_job(collector, 1, "a find", executions=40, pending=0, crashes=4)
        ok(abs(stats.last_find_ms - now_ms()) < PATIENCE * 1000, "what the replay driver says: numbers, what is left, the last find")
        job.ended()
        job.starts()
        line(20, "replay", 21, 2)
        wait_job(collector, 1, "another run", executions=60, pending=21, crashes=4, hangs=1)
        line(41, "DONE", 0, 5, 2)
        wait_job(collector, 1, "another run", executions=81, pending=0, crashes=5, hangs=2)
        ok(True, "inputs that crash again in another run are the same")


def test_restarts(folder):
    """Of the collector, with and without the logs that were counted."""
    job = Folder(folder)
    job.starts(at=now_ms() - 5000)
    job.log(status(1000) + "stat::number_of_executed_units: 1234\n")
    job.ended()
    job.starts(at=now_ms() - 2000)
    job.log(status(2, "INITED", "7/70b") + status(100, "NEW   ", "8/80b"))
    for name in ("crash-1", "crash-2", "leak-3", "timeout-4", "oom-5", "slow-unit-6", "other"):
        job.put(f"artifacts/{name}", "")
    with Collector() as collector:
        collector.collect_job(1, job.path, "libfuzzer")
        stats = wait_job(collector, 1, "what was there", executions=1334, crashes=3, hangs=1, ooms=1, corpus=8, corpus_bytes=80)
        ok(stats.last_find_ms > 0 and stats.updated_ms > 0, "a job that was there before is read from its start")
        job.log(status(100000 // 8, "pulse "))
        stats = wait_job(collector, 1, "more", executions=1234 + 12500)
        collector.kill()
        collector.start()
        job.log(status(13000))
        collector.collect_job(1, job.path, "libfuzzer", seed=stats)
        stats = wait_job(collector, 1, "another collector", executions=1234 + 13000, crashes=3)
        ok(True, "another collector counts what came meanwhile, and nothing twice")
        collector.kill()
        os.rename(job("0.log"), job("0.log.1"))
        os.unlink(job("0.log.1"))
        os.unlink(job("artifacts", "crash-1"))
        collector.start()
        collector.told.clear()
        collector.jobs.clear()
        job.starts()
        job.log(status(10, "INITED") + status(20))
        collector.collect_job(1, job.path, "libfuzzer", seed=stats)
        wait_job(collector, 1, "it goes on", executions=stats.executions + 20, crashes=3)
        ok(True, "without the logs it goes on from what it was told; a run that began later is added")
        job.put("artifacts/crash-7", "")
        job.log(status(2020))
        wait_job(collector, 1, "news", crashes=4, executions=stats.executions + 2020)
        ok(min(told.executions for _, _, told in collector.told) >= stats.executions, "nothing falls")

        collector.collect_job(1, job.path, "libfuzzer", seed=JobStats.of(executions=10 ** 9, updated_ms=now_ms()))
        wait_job(collector, 1, "another job of its id", executions=10 ** 9)
        ok(True, "a second COLLECT_JOB replaces the first")
        collector.send("FORGET_JOB", 1)
        collector.collect_job(2, job.path, "libfuzzer")
        wait_job(collector, 2, "the same folder", executions=2020)
        seen = collector.jobs[1]
        job.log(status(3000))
        wait_job(collector, 2, "news", executions=3000)
        ok(collector.jobs[1] is seen, "of a job that is forgotten nothing is told")
        for bad in (dict(instances=0), dict(instances=10 ** 6), dict(seed=b"x" * 5)):
            collector.collect_job(3, job.path, "libfuzzer", **bad)
        collector.send("COLLECT_JOB", 3, value=1, text=b"target/job\0")
        collector.collect_job(3, job.path, "command")
        job.log(status(4000))
        wait_job(collector, 2, "news", executions=4000)
        log = collector.log()
        equal((log.count("cannot be watched"), log.count("message collect-job of the supervisor")), (3, 1), "what is malformed is complained of")
        ok(3 not in collector.jobs, "an engine that says nothing of itself is not watched")


def test_silence(folder):
    """How long each engine may say nothing, and since when nothing moves."""
    usual, first = 150000, 600000
    job = Folder(folder)
    with Collector() as collector:
        collector.collect_job(1, job.path, "libfuzzer")
        job.starts(at=now_ms() - 100000)
        wait_job(collector, 1, "its first word may take long", silence_ms=first, moved_ms=0)
        job.log(status(1000))
        stats = wait_job(collector, 1, "libFuzzer's next word comes at the next power of two", executions=1000)
        ok(usual + 4800 <= stats.silence_ms < usual + 4800 + PATIENCE * 50, f"soon: within {stats.silence_ms} ms")
        equal(stats.moved_ms, stats.updated_ms, "it moved as it was heard")
        job.log(status(1100))
        stats = wait_job(collector, 1, "so much later where that is far away", executions=1100)
        ok(usual + 172000 < stats.silence_ms < usual + 172000 + PATIENCE * 2000, f"later: within {stats.silence_ms} ms")
        job.log(status(1100, "REDUCE"))
        collector.until(lambda: collector.jobs[1].updated_ms > stats.updated_ms, "a word without executions")
        equal(collector.jobs[1].moved_ms, stats.moved_ms, "what was heard since, and did not move, is told apart")
        stats = collector.jobs[1]
        collector.kill()
        collector.start()
        collector.jobs.clear()
        collector.collect_job(1, job.path, "libfuzzer", seed=stats)
        job.log(status(1100, "REDUCE").replace("27Mb", "28Mb"))
        again = wait_job(collector, 1, "another collector", executions=1100, memory=28 << 20)
        equal(again.moved_ms, stats.moved_ms, "another collector does not take what it reads anew for progress")
        job.ended()
        wait_job(collector, 1, "who does not run owes no word", silence_ms=0)
        afl = Folder(folder)
        said = lambda seconds, count: afl.put("out/main/fuzzer_stats", f"fuzzer_pid : 1\nlast_update : {int(time.time()) - seconds}\nexecs_done : {count}\n")
        collector.collect_job(2, afl.path, "afl++")
        afl.starts(at=now_ms() - 100000)
        said(50, 1000)
        stats = wait_job(collector, 2, "AFL++ writes every minute", executions=1000, silence_ms=usual)
        said(20, 1000)
        collector.until(lambda: collector.jobs[2].updated_ms > stats.updated_ms, "news without executions")
        equal(collector.jobs[2].moved_ms, stats.moved_ms, "AFL++ that writes but does not move")
        said(10, 1001)
        stats = wait_job(collector, 2, "it moves again", executions=1001)
        equal(stats.moved_ms, stats.updated_ms, "AFL++ that moves again")
        honggfuzz, replay = Folder(folder), Folder(folder)
        collector.collect_job(3, honggfuzz.path, "honggfuzz")
        honggfuzz.starts(at=now_ms() - 5000)
        honggfuzz.put("honggfuzz/stats", HONGGFUZZ_HEAD + f"{int(time.time())}, {int(time.time())}, 100, 1, 0, 0, 0, 9, 0, 9\n")
        wait_job(collector, 3, "honggfuzz writes when it finds something", executions=100, silence_ms=0)
        collector.collect_job(4, replay.path, "replay")
        replay.starts(at=now_ms() - 5000)
        line = "#{}\treplay corp: 9/9b left: {} crashes: 0 hangs: 0 skipped: 0 exec/s: 3 rss: 2Mb\n"
        replay.log(line.format(4, 5))
        wait_job(collector, 4, "the replay driver with inputs left", executions=4, silence_ms=usual)
        replay.log(line.format(9, 0))
        wait_job(collector, 4, "and without", executions=9, silence_ms=0)
        later = Folder(folder)
        collector.collect_job(5, later.path, "libfuzzer")
        later.log(status(1000))
        stats = wait_job(collector, 5, "a log whose start is gone", executions=1000)
        ok(stats.silence_ms > 10 ** 10, "of a run whose start nobody knows none is expected", stats)
        ok(True, "honggfuzz, and a replay that has run all, owe no word")
        # Another host's clock, or a container's time zone.
        for number, hours in ((6, 2), (7, -2)):
            other, stamp = Folder(folder), int(time.time()) - hours * 3600
            collector.collect_job(number, other.path, "afl++")
            other.starts(at=now_ms() - 100000)
            other.put("out/main/fuzzer_stats", f"fuzzer_pid : 1\nlast_update : {stamp}\nlast_find : {stamp - 50}\nexecs_done : 1000\n")
            stats = wait_job(collector, number, "AFL++ with another clock", executions=1000, silence_ms=usual)
            ok(abs(now_ms() - stats.updated_ms) < PATIENCE * 1000 and abs(now_ms() - 50000 - stats.last_find_ms) < PATIENCE * 1000, f"stamps {hours} hours behind: it was heard of now, and its find was 50 s ago", stats)
            other.put("out/main/fuzzer_stats", f"fuzzer_pid : 1\nlast_update : {stamp}\nlast_find : {stamp - 50}\nexecs_done : 1001\n")
            again = wait_job(collector, number, "the same stamps, other numbers", executions=1001)
            ok(again.moved_ms > stats.moved_ms, "what changed is news, whatever its stamp says", (stats, again))
        for number, hours in ((8, 2), (9, -2)):
            other, stamp = Folder(folder), int(time.time()) - hours * 3600
            collector.collect_job(number, other.path, "honggfuzz")
            other.starts(at=now_ms() - 5000)
            other.put("honggfuzz/stats", HONGGFUZZ_HEAD + f"{stamp}, {stamp - 50}, 100, 1, 0, 0, 0, 9, 0, 9\n")
            stats = wait_job(collector, number, "honggfuzz with another clock", executions=100)
            ok(abs(now_ms() - stats.updated_ms) < PATIENCE * 1000 and abs(now_ms() - 50000 - stats.last_find_ms) < PATIENCE * 1000, f"honggfuzz {hours} hours behind, likewise", stats)


def test_logs(folder):
    """Renamed, cut, flooded, started without a word."""
    job = Folder(folder)
    with Collector() as collector:
        collector.collect_job(1, job.path, "libfuzzer")
        job.starts()
        job.log(status(2, "INITED") + "Parsing…" + status(64) + "#128\tpul")
        wait_job(collector, 1, "behind the target's own words", executions=64)
        job.log("se  cov: 8 ft: 9 corp: 3/4b exec/s: 5 rss: 27Mb\n")
        wait_job(collector, 1, "a line in two parts", executions=128)
        job.log(status(100) + status(2 ** 52) + "#5\t0x1234 in main\n" + "#99999999999999999999\tpulse  cov: 1\n" + "fuzzsupd: instance 7 starts: pid 1, time 5: x\n")
        job.log(status(256))
        wait_job(collector, 1, "nonsense", executions=256)
        ok(True, "a count that falls, one that cannot be, a backtrace: none counts")
        job.log(b"\0" * 100 + b"x" * 200000 + b"#777\tpulse  cov: 1 corp: 1/1b exec/s: 1 rss: 1Mb\n" + status(512).encode() + bytes(random.Random(1).randrange(256) for _ in range(100000)) + b"\n" + status(600).encode())
        wait_job(collector, 1, "rubbish", executions=600)
        ok(True, "rubbish, NULs and a line of 200,000 bytes are passed over")
        # Without the start line: it was left out.
        job.log("fuzzsupd: 1234 bytes left out\n" + status(2, "INITED") + status(64))
        wait_job(collector, 1, "a start without its line", executions=664)
        # In the old log after it was renamed, and in the new one.
        with open(job("0.log"), "ab") as old:
            os.rename(job("0.log"), job("0.log.1"))
            job.log(status(256))
            wait_job(collector, 1, "the new log", executions=856)
        job.log(status(300))
        with open(job("0.log"), "ab") as old:
            old.write((status(400) * 3000 + "fuzzsupd: instance 0 ended: exit status 1\nfuzzsupd: instance 0 starts: pid 9, time %d: x\n" % now_ms() + status(50)).encode())
        os.rename(job("0.log"), job("0.log.1"))
        job.log(status(70))
        wait_job(collector, 1, "the rest of the old one", executions=1070)
        ok(True, "the rest of a log that was renamed is read before the new one")
        os.truncate(job("0.log"), 0)
        job.log(f"#90\tpulse  cov: 8\n")
        wait_job(collector, 1, "a log that was cut", executions=1090)
        ok(True, "a log that was cut is read from its start")


def test_hostile(folder):
    secret = os.path.join(folder, "secret")
    with open(secret, "w") as file:
        file.write(status(666) + "execs_done : 666\nlast_update : 1700000000\n")
    outside = os.path.join(folder, "outside")
    os.makedirs(os.path.join(outside, "main"))
    shutil.copy(secret, os.path.join(outside, "main", "fuzzer_stats"))
    for i in range(9):
        open(os.path.join(outside, f"crash-{i}"), "w").close()
    make = {
        "a symbolic link": lambda path: os.symlink(secret, path), "a FIFO": os.mkfifo, "a folder": os.mkdir, "a socket": lambda path: socket.socket(socket.AF_UNIX).bind(path),
        "a dangling link": lambda path: os.symlink("/nowhere", path), "a device": lambda path: os.symlink("/dev/zero", path), "a sparse terabyte": lambda path: (open(path, "w").close(), os.truncate(path, 2 ** 40)),
    }
    jobs = []
    with Collector() as collector:
        for kind, call in make.items():
            job = Folder(folder)
            here = os.getcwd()
            os.chdir(job.path)
            for name in ("0.log", "1.log.1"):
                call(name)
            os.makedirs("out/main")
            os.makedirs("honggfuzz")
            call("out/main/fuzzer_stats")
            call("honggfuzz/stats")
            os.symlink(outside, "artifacts")
            os.chdir(here)
            jobs.append(job)
        linked = Folder(folder)
        os.symlink(outside, linked("out"))
        jobs.append(linked)
        for i, job in enumerate(jobs):
            for n, engine in enumerate(("libfuzzer", "afl++", "honggfuzz")):
                collector.collect_job(100 + 10 * i + n, job.path, engine, 2)
        good = Folder(folder)
        collector.collect_job(1, good.path, "libfuzzer")
        good.starts()
        for n in range(1, 7):
            good.log(status(n))
            wait_job(collector, 1, "the good one goes on", executions=n)
        ok(True, f"beside {3 * len(jobs)} jobs that mean harm a good one goes on")
        liar = Folder(folder)
        liar.put("out/main/fuzzer_stats", f"fuzzer_pid : 1\nlast_update : {int(time.time())}\nexecs_done : {2 ** 53}\n")
        collector.collect_job(2, liar.path, "afl++")
        wait_job(collector, 2, "what no machine can do", executions=2 ** 53)
        liar.put("out/main/fuzzer_stats", f"fuzzer_pid : 2\nlast_update : {int(time.time())}\nexecs_done : 1000\ncorpus_count : 9\n")
        wait_job(collector, 2, "and once more", executions=2 ** 53, corpus=9)
        ok(True, "totals do not go round")
        told = {job: stats for job, stats in collector.jobs.items() if job > 2 and (stats.executions or stats.crashes)}
        equal(told, {}, "nothing is read over a link, or from what is no file")


def test_many(folder):
    """1,000 jobs that stand still, and 100,000 artifacts."""
    count = 1000
    with Collector() as collector:
        jobs = [Folder(folder) for _ in range(count)]
        for i, job in enumerate(jobs):
            os.mkdir(job("artifacts"))
            job.starts()
            job.log(status(i + 1, rate=0))
            if i % 2:
                job.ended()
            collector.collect_job(i + 1, job.path, "libfuzzer")
        collector.until(lambda: len(collector.jobs) == count, "all of them")
        ok(all(collector.jobs[i + 1].executions == i + 1 for i in range(count)), f"{count} jobs")
        before = collector.reads()[0]
        for n in range(2000, 2004):
            jobs[0].log(status(n))
            wait_job(collector, 1, "the only one that goes on", executions=n)
        read = collector.reads()[0] - before
        ok(read < 64 * count, f"of those that stand still nothing is read again: {read} bytes in all while one goes on")
        equal(len([name for name in os.listdir(f"/proc/{collector.process.pid}/fd")]) // 100, count // 100, "and a descriptor each")
        last, made = jobs[-1], 100000
        for i in range(made):
            os.close(os.open(last("artifacts") + f"/crash-{i:06}", os.O_CREAT | os.O_WRONLY))
        jobs[0].log(status(5000))
        wait_job(collector, 1, "another job meanwhile", executions=5000)
        wait_job(collector, count, "100,000 artifacts", crashes=made)
        ok(True, f"{made} artifacts are counted")


def test_parsers_fuzzed(folder):
    target, corpus = os.path.join(folder, "fuzz-job-parsers"), os.path.join(folder, "parsers-corpus")
    sources = os.path.join(SRC, "worker", "collector", "job")
    parts = sorted(name for name in os.listdir(sources) if name.endswith(".c")) + ["../coverage/coverage_file.c", "../coverage/rate.c", "../../../common/job/job_spec.c", "../../../common/log.c", "../../../common/plain_text.c"]
    libraries = subprocess.run(["pkg-config", "--cflags", "--libs", "libevent_core"], capture_output=True, text=True, check=True).stdout.split()
    built = subprocess.run([CLANG, "-std=gnu17", "-O1", "-g", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", "-D_GNU_SOURCE", f"-I{BUILD}", *(f"-iquote{room}" for room in rooms("common") + rooms("worker/collector")),
                            os.path.join(SRC, "t", "targets", "fuzz_job_parsers.c"), *(os.path.join(sources, part) for part in parts), "-o", target, *libraries], capture_output=True, text=True)
    if not ok(built.returncode == 0, "the parsers as a fuzz target", built.stderr):
        return
    os.mkdir(corpus)
    ran = subprocess.run([target, "-runs=30000", "-max_len=3000", f"-artifact_prefix={folder}/", corpus, os.path.join(SRC, "t", "recordings")], capture_output=True, text=True)
    ok(ran.returncode == 0, "30,000 inputs end none of them", ran.stderr)


with scratch() as folder:
    for test in (test_parsers_fuzzed, test_libfuzzer, test_afl, test_honggfuzz, test_replay, test_restarts, test_silence, test_logs, test_hostile, test_many):
        if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
            note(test.__name__)
            test(folder)
done()
