#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An AFL++ that somebody started by hand is shown as a job: its numbers, crashes and coverage, and
whether it runs; nothing of it can be started or stopped from here."""
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

if not shutil.which("afl-fuzz") or not shutil.which("afl-clang-fast"):
    skip_all("afl++ is not installed")

SOURCE = """
#include <stdlib.h>
#include <unistd.h>
int main(void)
{
	char text[64];
	ssize_t n = read(0, text, sizeof(text));
	if (n > 1 && text[0] == 'b')
		abort();
	if (n > 3 && text[0] == 'a')
		write(2, "a", 1);
	return 0;
}
"""
ENVIRONMENT = {"AFL_NO_UI": "1", "AFL_NO_AFFINITY": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1", "AFL_FUZZER_STATS_UPDATE_INTERVAL": "1", "AFL_AUTORESUME": "1", "AFL_QUIET": "1"}


class Campaign:
    """What a user starts in a terminal."""

    def __init__(self, out, corpus, program):
        self.out, self.corpus, self.program, self.running = out, corpus, program, {}

    def start(self, kind, name):
        self.running[name] = subprocess.Popen(["afl-fuzz", "-i", self.corpus, "-o", self.out, kind, name, "--", self.program], env=dict(os.environ, **ENVIRONMENT),
                                              cwd=os.path.dirname(self.out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def end(self, name, number=signal.SIGINT):
        process = self.running.pop(name)
        process.send_signal(number)
        process.wait(PATIENCE)
        try:
            os.killpg(process.pid, signal.SIGKILL)  # what a killed one leaves
        except ProcessLookupError:
            pass

    def end_all(self):
        for name in list(self.running):
            self.end(name, signal.SIGKILL)


with scratch() as folder:
    source, corpus, out = os.path.join(folder, "source.c"), os.path.join(folder, "in"), os.path.join(folder, "out")
    with open(source, "w") as file:
        file.write(SOURCE)
    program = afl_build(os.path.join(folder, "by_hand"), "-g", "-O1", "-fsanitize-coverage=trace-pc-guard,pc-table", source)
    shutil.copy(program, os.path.join(folder, "another"))
    os.mkdir(corpus)
    with open(os.path.join(corpus, "seed"), "w") as file:
        file.write("aaaa")
    campaign = Campaign(out, corpus, "./by_hand")
    jobs = {"hand": {"engine": "afl++", "attach": out}, "replay": {"engine": "replay", "command": ["/bin/sleep", "1000"]}}
    targets = {"t": Target(program, jobs=jobs), "other": Target(os.path.join(folder, "another"), jobs={"elsewhere": {"engine": "afl++", "attach": out}})}
    try:
        with Service(folder, targets) as service:
            job = service.wait_job("hand", "waiting")
            ok(f"waiting for {out}: No such file" in job["reason"] and job["attached"] == out, "an output folder that is not there is waited for", job)
            os.mkdir(out)
            wait_until(lambda: "none has written its stats" in service.jobs()["hand"]["reason"], "an empty folder")
            campaign.start("-M", "first")
            campaign.start("-S", "second-one")
            job = service.wait_job("hand", "running", what=lambda job: job["running"] == job["instances"] == 2 and job["executions"] and job["corpus"] and job["crashes"])
            ok(job["pid"] in [process.pid for process in campaign.running.values()] and job["health"] == "well", "both instances run: executions, corpus and crashes are AFL++'s own", job)
            shown = service.ctl("jobs").stdout
            ok(re.search(r"^t/hand +afl\+\+ +running +2 +2 .*attached to " + out, shown, re.M), "fuzzsupctl jobs shows it", shown)
            answers = [(service.ctl(wish, "t/hand").returncode, service.ctl(wish, "t/hand").stderr) for wish in ("start", "stop", "restart")]
            ok(all(code == 1 and "is attached to " + out in words for code, words in answers), "fuzzsupctl refuses to start and stop it, and says why", answers)
            answers = [service.request("POST", f"/api/v1/jobs/t/hand/{wish}", {"origin": f"http://127.0.0.1:{service.port}"}) for wish in ("start", "stop", "restart")]
            ok(all(answer.status == 409 and "it is attached" in answer.text for answer in answers), "so does the API", [(answer.status, answer.text) for answer in answers])
            log = service.get("/api/v1/jobs/t/hand/log")
            ok(log.status == 404 and "attached" in log.text, "its log is somewhere else", log.text)
            followed = wait_until(lambda: re.search(r"starts: pid .*", open(os.path.join(service.state, "jobs", "t", "replay", "0.log")).read()), "replay's command line").group(0)
            ok(out in followed.split(), "a replay job that names no folder follows it", followed)
            campaign.end("second-one")
            job = service.wait_job("hand", "running", what=lambda job: job["running"] == 1)
            equal(job["reason"], "1 of 2 afl-fuzz do not run", "one that ends is told")
            campaign.end("first")
            job = service.wait_job("hand", "stopped")
            ok("its afl-fuzz ended" in job["reason"] and job["executions"] > 0 and job["running"] == 0, "when the last one ends the job is stopped, and keeps its counts", job)
            wait_until(lambda: (service.target("t") or {}).get("covered"), "AFL++'s bitmap")
            ok(service.target("t")["state"] in ("live", "stale"), "its coverage is read", service.target("t"))
            equal(service.target("other")["covered"], 0, "a target whose executable it does not run gets none of it")
            executions = job["executions"]
            campaign.start("-M", "first")
            service.wait_job("hand", "running", what=lambda job: job["running"] == 1 and job["executions"] > executions)
            ok(True, "a campaign that goes on is running again")
            campaign.end("first", signal.SIGKILL)
            service.wait_job("hand", "stopped")
            ok(True, "one that is killed, too, is seen to have ended")
            shutil.rmtree(out)
            service.wait_job("hand", "waiting")
            campaign.start("-M", "fresh")
            job = service.wait_job("hand", "running", what=lambda job: job["instances"] == 1)
            ok(job["executions"] >= executions, "a new folder at the same place is taken, and counts never fall", job)
            campaign.end("fresh")
            service.wait_job("hand", "stopped")
    finally:
        campaign.end_all()
    done()
