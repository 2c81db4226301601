#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What bash offers behind fuzzsupctl and fuzzsupd, asked from a real service by a real bash."""
import os
import shlex
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

SCRIPT = """source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_$(basename "$1")"; printf '%s\\n' "${COMPREPLY[@]}" """


def offered(*words):
    """What is offered for the last of @words."""
    path = os.path.join(SRC, "share", "completion", words[0])
    environment = dict(os.environ, PATH=os.path.dirname(program("fuzzsupctl")) + ":" + os.environ["PATH"])
    environment.pop("FUZZSUPD_CONTROL", None)
    result = subprocess.run(["bash", "-c", SCRIPT, "bash", path, *words], capture_output=True, text=True, timeout=PATIENCE, env=environment)
    if result.stderr:
        note(result.stderr)
    return sorted(filter(None, result.stdout.splitlines())), result.stderr


with scratch() as folder:
    sleep = {"engine": "command", "command": ["/bin/sleep", "1000"], "autostart": "no"}
    targets = {"json": Target("/bin/true", None, [], jobs={"main": sleep, "more": sleep}), "xml": Target("/bin/true", None, [], jobs={"main": sleep})}
    with Service(folder, targets) as service:
        wait_until(lambda: len(service.get("/api/v1/jobs").json()["jobs"]) == 3, "its jobs")
        ask = lambda *words: offered("fuzzsupctl", "-s", service.control, *words)
        equal(ask("sta"), (["start", "status"], ""), "commands")
        equal(ask("stop", ""), (["json", "json/main", "json/more", "xml", "xml/main"], ""), "jobs and targets, from the service")
        equal(ask("restart", "json/m"), (["json/main", "json/more"], ""), "those that begin like it")
        equal(ask("--json", "logs", "x"), (["xml/main"], ""), "behind options, too")
        equal(ask("detach", "j"), (["json"], ""), "targets alone, where they are meant")
        equal(ask("logs", "-"), (["-f"], ""), "options of a command")
        equal(ask("stop", "json/main", ""), ([], ""), "nothing where nothing is expected")
        equal(offered("fuzzsupctl", "--w"), (["--watch"], ""), "options")
        equal(offered("fuzzsupd", "--"), (["--help", "--version"], ""), "of the service itself")
    equal(offered("fuzzsupctl", "-s", os.path.join(folder, "nobody"), "stop", ""), ([], ""), "without a service there are no names, and no noise")
    # Every command that --help names is offered, and no other.
    usage = subprocess.run([program("fuzzsupctl"), "--help"], capture_output=True, text=True).stdout
    named = sorted(word for line in usage.splitlines() if line.startswith("  ") and not line.startswith("   ") for word in line[2:36].replace("|", " ").split() if word.islower() and word.isalpha())
    equal(offered("fuzzsupctl", "")[0], named, "the commands are those of --help")
    service.stop()
    done()
