#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A day in the life of a farm of six jobs, real fuzzers all of them, and of the people around it: they clean, break a link, copy a
build slowly, fill a disk, take a folder away, bring seeds, make a mistake in the configuration, reload, stop a worker, use up the
descriptors and restart the service. At each step the page, /healthz and `fuzzsupctl status` say what happened; at the end no find is
lost, and all six run.

A step's name as an argument runs the day up to that step. SCREENS: a folder that gets a picture of each step."""
import hashlib
import os
import queue
import re
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
import zig

TARGETS = os.path.join(SRC, "t", "targets")
# Fuzzers replace what they find by what is shorter; here they keep it, so that a loss is a loss.
AFL_CALM = ["AFL_DISABLE_TRIM=1", "AFL_SKIP_CPUFREQ=1", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1", "AFL_NO_AFFINITY=1"]
SIX = ["main", "forked", "farm", "seen", "zig14", "zig16"]


class Page:
    """Chromium, which stays open."""

    def __init__(self, service):
        self.service = service
        self.process = None

    def says(self, path, wants, name):
        """Whether the page at @path shows what matches @wants; else (False, what it shows)."""
        if self.process is None:
            screens = ["--screens", os.environ["SCREENS"]] if os.environ.get("SCREENS") else []
            self.process = subprocess.Popen(["node", os.path.join(SRC, "t", "browser", "watch.mjs"), *screens], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, text=True, env=dict(os.environ, FUZZSUPD_TOOLS=zig.TOOLS))
            atexit.register(self.process.kill)
        url = f"http://{self.service.host}:{self.service.port}{path}"
        self.process.stdin.write(json.dumps({"url": url, "wants": wants, "name": name}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return "failed" not in answer, answer["text"]


class Farm:
    """The folders, the programs, the service; and what was found, by content."""

    def __init__(self, folder):
        self.folder = folder
        self.finds = {}
        for name in ("bin", "corpus", "forked-corpus", "seeds", "farm-corpus", "farm-seeds", "disk", "coverage"):
            os.makedirs(self.path(name))
        for name in ("corpus", "forked-corpus", "farm-corpus", "disk", "coverage"):
            os.chmod(self.path(name), 0o1777)
        self.put("seeds/array", b"[1, 2]")
        self.put("farm-corpus/first", b"{}")
        self.build()

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, data):
        with open(self.path(name) + ".part", "wb") as file:
            file.write(data)
        os.rename(self.path(name) + ".part", self.path(name))

    def build(self):
        build(self.path("bin/json"), demo_sources(), "-O1", "-lm")
        shutil.copy(self.path("bin/json"), self.path("bin/forked"))
        afl_build(self.path("bin/farm"), "-g", "-O1", "-fsanitize-coverage=trace-pc-guard,pc-table", os.path.join(TARGETS, "persistent.c"), *demo_sources(), "-lm", "@" + runtime_response_file("fuzzsup-main"))
        subprocess.run([CLANG, "-g", "-O1", "-fsanitize=fuzzer-no-link", "-fsanitize-coverage=inline-bool-flag,pc-table", *demo_sources(), "-lm", "@" + runtime_response_file("fuzzsup-replay"), "-o", self.path("bin/seen")], check=True)
        for name in ("zig14", "zig16"):
            os.makedirs(self.path(name))
        later = zig.build_later_tests(self.path("zig16"), os.path.join(TARGETS, "several.zig"), ["0.16.0"])
        os.rename(zig.build_test(self.path("zig14")), self.path("bin/zig14"))
        os.rename(later()["0.16.0"], self.path("bin/zig16"))

    def targets(self):
        roots = [os.path.join(SRC, "share", "demo")]
        farm = {"engine": "afl++", "instances": 3, "corpus": [self.path("farm-corpus")], "environment": AFL_CALM,
                "instance-args": {"main": {"engine-args": ["-L", "0"]}, "1": {"engine-args": ["-p", "explore"]}, "2": {"environment": ["AFL_CMPLOG_ONLY_NEW=1"]}}}
        return {
            "json": Target(self.path("bin/json"), self.path("coverage"), roots, jobs={
                "main": {"engine": "libfuzzer", "command": [self.path("bin/json"), "-max_len=64", "-reduce_inputs=0"], "corpus": [self.path("corpus")], "seeds": [self.path("seeds")]},
                "forked": {"engine": "libfuzzer", "command": [self.path("bin/forked"), "-fork=1", "-ignore_crashes=1", "-reduce_inputs=0"], "corpus": [self.path("disk")]}}),
            "farm": Target(self.path("bin/farm"), self.path("coverage"), roots, jobs={"farm": farm}),
            "seen": Target(self.path("bin/seen"), self.path("coverage"), roots, jobs={"seen": {"engine": "replay", "corpus": [self.path("state/jobs/farm/farm/out"), self.path("corpus")]}}),
            **{name: Target(self.path("bin/" + name), None, [TARGETS], jobs={name: {"engine": "zig", "tests": ["1"] if name == "zig16" else ["0"]}}) for name in ("zig14", "zig16")},
        }

    def note_finds(self):
        """What the fuzzers keep now; it may move (AFL++ renames), but its content must stay."""
        for top in ("corpus", "disk", "state/jobs"):
            for folder, _, names in os.walk(self.path(top)):
                if not re.search(r"/(corpus|disk|queue|crashes|artifacts)\b", folder):
                    continue
                for name in names:
                    try:
                        with open(os.path.join(folder, name), "rb") as file:
                            self.finds.setdefault(hashlib.sha1(file.read()).digest(), os.path.join(folder, name))
                    except OSError:
                        pass


class Day:
    def __init__(self, farm, service):
        self.farm, self.service, self.page = farm, service, Page(service)

    def jobs(self):
        return self.service.jobs()

    def all_run(self):
        return all(self.jobs()[name]["state"] == "running" for name in SIX)

    def health(self):
        answer = self.service.get("/healthz")
        return answer.status, answer.text

    def told(self, step, path, words, health=503, health_words=None):
        """Page, /healthz and fuzzsupctl say so."""
        def status():
            done = self.service.ctl("status")
            return re.search(words, done.stdout + done.stderr, re.I | re.S)
        wait_until(status, lambda: f"{step}: fuzzsupctl status says /{words}/; it says\n{self.service.ctl('status').stdout}")
        ok(True, f"{step}: fuzzsupctl status says it")
        def healthy():
            code, text = self.health()
            return code == health and (health == 200 or re.search(health_words or words, text, re.I | re.S))
        wait_until(healthy, lambda: f"{step}: /healthz says {health}, /{health_words or words}/; it says {self.health()}")
        ok(True, f"{step}: /healthz says {health}")
        shown, text = self.page.says(path, words, re.sub(r"\W+", "-", step))
        ok(shown, f"{step}: the page says it", f"wanted /{words}/ in\n{text}")
        self.farm.note_finds()

    def well(self, step):
        """All is as it was."""
        wait_until(self.all_run, lambda: f"{step}: all six run; they are {({name: (job['state'], job['reason']) for name, job in self.jobs().items()})}")
        wait_until(lambda: self.health()[0] == 200, lambda: f"{step}: /healthz is well; it says {self.health()}")
        ok(True, f"{step}: all six run, and /healthz is well again")
        self.farm.note_finds()

    def executions_grow(self, *names):
        before = {name: self.jobs()[name]["executions"] or 0 for name in names}
        wait_until(lambda: all((self.jobs()[name]["executions"] or 0) > before[name] for name in names), lambda: f"executions of {names} grow from {before}; they are {self.jobs()}")

    # ---- the steps ----

    def morning(self):
        self.well("morning")
        self.executions_grow("main", "forked", "farm", "seen")

    def make_clean(self):
        before = self.jobs()["main"]
        shutil.copy(self.farm.path("bin/json"), self.farm.path("kept"))
        os.unlink(self.farm.path("bin/json"))
        self.told("make clean", "/t/json/", r"was deleted; what runs goes on", 200)
        self.executions_grow("main")
        equal((self.jobs()["main"]["pid"], self.jobs()["main"]["starts"]), (before["pid"], before["starts"]), "make clean: what runs was not touched")

    def failed_link(self):
        before = self.jobs()["main"]
        with open(self.farm.path("kept"), "rb") as whole, open(self.farm.path("bin/json"), "wb") as half:
            half.write(whole.read(30000))
        self.executions_grow("main")
        os.unlink(self.farm.path("bin/json"))
        self.told("failed link", "/t/json/", r"was deleted; what runs goes on", 200)
        equal(self.jobs()["main"]["pid"], before["pid"], "failed link: what runs was not touched")

    def slow_copy(self):
        before = self.jobs()["main"]
        with open(self.farm.path("kept"), "rb") as file:
            whole = file.read()
        with open(self.farm.path("bin/json"), "wb", buffering=0) as file:
            for i in range(4):
                file.write(whole[len(whole) * i // 4:len(whole) * (i + 1) // 4])
                self.executions_grow("main")
            os.fchmod(file.fileno(), 0o755)
            self.executions_grow("main")
            equal(self.jobs()["main"]["pid"], before["pid"], "slow copy: the old build runs while the new one is written")
        wait_until(lambda: self.jobs()["main"]["state"] == "running" and self.jobs()["main"]["starts"] > before["starts"], lambda: f"the new build; {self.jobs()['main']}")
        ok(True, "slow copy: the new build runs once it is whole")
        self.well("slow copy")

    def full_disk(self):
        filler = self.farm.path("disk/filler")
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(bytes(1 << 16)):
                    pass
            except OSError:
                pass
        self.told("full disk", "/t/json/", r"no space left")
        self.service.wait_job("forked", "running", what=lambda job: job["health"] == "losing")
        os.unlink(filler)
        self.well("relief")

    def unwritable_corpus(self):
        os.chown(self.farm.path("corpus"), 0, 0)
        os.chmod(self.farm.path("corpus"), 0o755)
        self.told("unwritable corpus", "/t/json/", re.escape(self.farm.path("corpus")[:20]) + r".*(denied|chown)")
        os.chmod(self.farm.path("corpus"), 0o1777)
        self.well("writable again")

    def new_seeds(self):
        seed = b'["a seed that nobody would find", 1e5, {"\\u00e4": null}]'
        self.farm.put("farm-corpus/brought", seed)
        def read():
            for instance in ("main", "secondary1", "secondary2"):
                queue_of = self.farm.path(f"state/jobs/farm/farm/out/{instance}/queue")
                for name in os.listdir(queue_of):
                    path = os.path.join(queue_of, name)
                    if os.path.isfile(path):
                        with open(path, "rb") as file:
                            if file.read() == seed:
                                return True
        wait_until(read, "AFL++ takes the new seed")
        ok(True, "new seeds: AFL++ took what was brought to its corpus")
        self.farm.note_finds()

    def mistake(self):
        before = {name: job["pid"] for name, job in self.jobs().items()}
        self.service.extra = "max-runing = 3"
        self.service.write_config()
        done = self.service.ctl("reload")
        ok(done.returncode != 0 and re.search(r"fuzz\.conf:\d+: ", done.stdout + done.stderr), "mistake: reload is refused, with the line", done)
        self.told("mistake", "/", r"fuzz\.conf:\d+")
        equal({name: job["pid"] for name, job in self.jobs().items()}, before, "mistake: nothing that runs was touched")

    def reload(self):
        before = {name: job["pid"] for name, job in self.jobs().items()}
        self.service.extra = "max-running = 20"
        self.service.write_config()
        done = self.service.ctl("reload")
        equal(done.returncode, 0, "reload: it is taken")
        self.well("reload")
        equal({name: job["pid"] for name, job in self.jobs().items()}, before, "reload: jobs that did not change go on")

    def stopped_worker(self):
        for worker in ("collector", "frontend", "symbolizer"):
            old = self.service.worker(worker)
            os.kill(old, signal.SIGSTOP)
            wait_until(lambda: self.service.worker(worker) not in (None, old), f"another {worker}")
            ok(re.search(rf"{worker}: .*(answer|heard)", self.service.log()), f"stopped worker: the log says that the {worker} did not answer")
        self.well("stopped worker")

    def descriptors(self):
        runner, few = self.service.worker("runner"), 12
        limits = subprocess.run(["prlimit", "--pid", str(runner), "--nofile", "--output=SOFT,HARD", "--noheadings"], capture_output=True, text=True, check=True).stdout.split()
        subprocess.run(["prlimit", "--pid", str(runner), f"--nofile={few}:{limits[1]}"], check=True)
        self.service.ctl("restart", "json/main", check=True)
        self.told("descriptors", "/t/json/", r"descriptors")
        subprocess.run(["prlimit", "--pid", str(runner), f"--nofile={limits[0]}:{limits[1]}"], check=True)
        self.well("descriptors again")

    def restart(self):
        self.service.stop()
        self.service.start()
        self.well("restart")
        shown, text = self.page.says("/t/json/", r"main.*running", "restart")
        ok(shown, "restart: the page is back", text)

    def evening(self):
        def many():
            self.farm.note_finds()
            return len(self.farm.finds) > 100
        wait_until(many, "finds that could be lost", step=1)
        self.service.stop()
        known = dict(self.farm.finds)
        self.farm.finds = {}
        self.farm.note_finds()
        lost = sorted(where for content, where in known.items() if content not in self.farm.finds and not where.endswith(("/filler", ".part")))
        equal(lost, [], f"evening: none of {len(known)} finds is lost")
        ok(len(known) > 100, f"evening: and there were many: {len(known)}")


STEPS = ("morning", "make_clean", "failed_link", "slow_copy", "full_disk", "unwritable_corpus", "new_seeds", "mistake", "reload", "stopped_worker", "descriptors", "restart", "evening")


def main():
    zig.need()
    if "0.16.0" not in zig.later_versions():
        skip_all("Zig 0.16.0 is not there; fetch it with t/lib/fetch build-tools")
    if os.geteuid() != 0:
        skip_all("only root can mount a small disk to fill, and run jobs as other users")
    if not shutil.which("afl-fuzz"):
        skip_all("afl++ is not installed")
    with scratch() as folder:
        farm = Farm(folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=1777", "tmpfs", farm.path("disk")], check=True)
        try:
            with Service(folder, farm.targets()) as service:
                day = Day(farm, service)
                for step in STEPS:
                    note(step)
                    getattr(day, step)()
                    if step in sys.argv[1:]:
                        break
        finally:
            subprocess.run(["umount", "-l", farm.path("disk")], check=True)
    done()


main()
