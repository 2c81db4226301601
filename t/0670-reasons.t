#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Why a job does not run: the telling line of its log stands in the reason, wherever that is
shown, belongs to the run that ended, and goes when the job runs. libFuzzer that ends at each
crash is no failure; fuzzers with another clock are not old; one that never spoke is said to."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

CRASHES = r"""
#include <stdint.h>
#include <stdlib.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	char *copy = malloc(len + 1);
	volatile char after = copy[len + 1]; /* not ours */
	(void)data; (void)after;
	free(copy);
	return 0;
}
"""


def script(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o755)
    return path


def has(job, *parts):
    """The job's entry when its reason holds all @parts."""
    return lambda entry: all(part in entry["reason"] for part in parts)


def reasons(folder):
    crashes = os.path.join(folder, "crashes")
    subprocess.run([CLANG, "-g", "-O0", "-fsanitize=fuzzer,address", "-x", "c", "-", "-o", crashes], input=CRASHES, text=True, check=True)
    once = {"restart": "never"}
    lines = script(folder, "lines", "#!/bin/sh\n"
                   "printf '\\033[1;31m[-] PROGRAM ABORT : \\033[0mcannot go on: <b>\\302\\233&\\342\\200\\256 No space left on device\\n         Location : main(), x.c:1\\n'\nexit 1\n")
    heals = script(folder, "heals", f"#!/bin/sh\nif [ -e {folder}/well ]; then echo well; exec sleep 1000; fi\necho 'Error: the first time'\nexit 3\n")
    twice = script(folder, "twice", "#!/bin/sh\nif [ -e mark ]; then exit 4; fi\n>mark\necho 'fatal: of the run before'\nexit 4\n")
    work = {
        "lines": {"engine": "command", "command": [lines], **once},
        "shell": {"engine": "command", "command": ["/bin/sh", "-c", "no-such-fuzzer --help"], "environment": ["PATH=/usr/bin:/bin"], **once},
        "heals": {"engine": "command", "command": [heals], "start-limit": 2},
        "twice": {"engine": "command", "command": [twice], "start-limit": 2},
        "folder": {"engine": "libfuzzer", "command": [crashes, os.path.join(folder, "no-such-folder")], "start-limit": 2},
        "loop": {"engine": "libfuzzer", "command": [crashes], "start-limit": 3},
    }
    if shutil.which("afl-fuzz") and shutil.which("afl-clang-fast"):
        plain = os.path.join(folder, "plain")
        with open(plain + ".c", "w") as file:
            file.write("#include <unistd.h>\nint main(void) { char text[8]; return read(0, text, 8) > 7 && text[0] == 'x'; }\n")
        subprocess.run(["afl-clang-fast", plain + ".c", "-o", plain], check=True, capture_output=True)
        work["dictionary"] = {"engine": "afl++", "command": [plain], "engine-args": ["-x", "/no/such/dictionary"], **once}
        work["options"] = {"engine": "afl++", "command": [plain], "environment": ["ASAN_OPTIONS=detect_leaks=0"], **once}
    else:
        skip("AFL++'s own words", "afl++ is not installed")
    with Service(folder, {"t": Target(crashes, jobs=work)}) as service:
        job = service.wait_job("lines", "failed", what=has("lines", "exit status 1: PROGRAM ABORT : cannot go on: <b>& No space left on device"))
        ok("Location" not in job["reason"] and not any(ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0 or c == "\u202e" for c in job["reason"]), f"the line without colours and controls: {job['reason']}", job)
        shown = service.ctl("jobs", check=True).stdout
        ok("No space left on device" in shown, "fuzzsupctl shows it, too", shown)
        job = service.wait_job("shell", "failed", what=has("shell", "exit status 127", "no-such-fuzzer: not found"))
        ok(True, f"a shell's words: {job['reason']}")
        job = service.wait_job("folder", "failed", what=has("folder", "2 times within 5 s", "exit status 1 ", "ERROR: The required directory"))
        ok(True, f"libFuzzer's: {job['reason']}")
        if "dictionary" in work:
            job = service.wait_job("dictionary", "failed", what=has("dictionary", "SYSTEM ERROR : Unable to open '/no/such/dictionary': No such file or directory"))
            ok(True, f"AFL++'s: {job['reason']}")
            job = service.wait_job("options", "failed", what=has("options", "PROGRAM ABORT : ", "ASAN_OPTIONS"))
            ok(True, f"AFL++'s: {job['reason']}")
        job = service.wait_job("heals", "failed", what=has("heals", "2 times within 5 s", "exit status 3: Error: the first time"))
        ok(True, f"of several runs: {job['reason']}")
        open(os.path.join(folder, "well"), "w").close()
        service.ctl("start", "heals", check=True)
        equal(service.wait_job("heals", "running")["reason"], "", "it is gone when the job runs well")
        # Its first run has a telling line, its last one none.
        job = service.wait_job("twice", "failed")
        wait_until(lambda: "ended: exit status 4" in service.get("/api/v1/jobs/t/twice/log").text, "its log")
        job = service.wait_job("loop", "restarting", "running", what=lambda job: job["starts"] > 3 and all(part in job["reason"] for part in ("libFuzzer ends at each crash", "-ignore_crashes=1", "SUMMARY: AddressSanitizer: heap-buffer-overflow")))
        ok(True, f"a crash loop goes on beyond start-limit, and says the way out: {job['reason']}")
        # Later than anything that may still be told of the other's first run.
        job = service.jobs()["twice"]
        equal((job["state"], "of the run before" in job["reason"]), ("failed", False), "a line of the run before is not added to the end of the last one")
        ok(service.jobs()["loop"]["state"] != "failed", "nor is it ever failed")


with scratch() as folder:
    reasons(folder)
    done()
