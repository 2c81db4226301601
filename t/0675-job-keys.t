#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a job is told: its own corpus before all others, its variables, an environment without
the service's secrets, its user's home, arguments of single instances; and jobs that other
files add to a target."""
import os
import pwd
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

SECRET = "geheim-4711"
TELL = """work="$FUZZSUP_FOLDER/work" i="$FUZZSUP_INSTANCE"
env -0 >"$work/env.tmp$i" && printf '%s\\0' "$0" "$@" >"$work/words.tmp$i" && mv "$work/env.tmp$i" "$work/env$i" && mv "$work/words.tmp$i" "$work/words$i"
exec sleep 1000"""


class Written:
    """A target's block as it stands in a file."""

    def __init__(self, text):
        self.text = text

    def block(self, name):
        return self.text


def told(service, job, instance=0, what="env"):
    """The environment, or the words, that an instance of a job was started with; None while it has not said."""
    path = os.path.join(service.state, "jobs", "t", job, "work", f"{what}{instance}")
    if not os.path.exists(path):
        return None
    with open(path, errors="surrogateescape") as file:
        items = file.read().split("\0")
    return items[:-1] if what == "words" else dict(item.split("=", 1) for item in items if "=" in item)


with scratch() as folder:
    demo = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    coverage, seeds, other = (os.path.join(folder, name) for name in ("coverage", "seeds", "other"))
    for path in (coverage, seeds, other):
        os.mkdir(path)
        os.chmod(path, 0o1777)
    with open(os.path.join(seeds, "one"), "w") as file:
        file.write("[1]")
    tell = os.path.join(folder, "tell")
    with open(tell, "w") as file:
        file.write("#!/bin/sh\n" + TELL + "\n")
    os.chmod(tell, 0o755)
    os.mkdir(os.path.join(folder, "conf.d"))
    with open(os.path.join(folder, "conf.d", "a.conf"), "w") as file:
        file.write('job "t/added" { engine = "command" command = { "../tell" } }\n')
    me = pwd.getpwuid(os.geteuid())
    text = f"""
    target "t" {{
      executable = "{demo}"
      coverage = "{coverage}"
      job "second" {{ engine = "libfuzzer" command = {{ "{demo}", "-max_len=64", "{seeds}" }} engine-args = {{ "{other}" }} }}
      job "wrapped" {{ engine = "libfuzzer" command = {{ "/usr/bin/env", "--chdir=/", "{demo}", "{seeds}" }} }}
      job "relative" {{ engine = "command" command = {{ "./tell", "${{FUZZSUP_TARGET}}/${{FUZZSUP_JOB}}", "<${{FUZZSUP_CORPUS}}>", "${{SECRET}}", "$${{FUZZSUP_JOB}}", '${{FUZZSUP_JOB}}', "\\${{FUZZSUP_JOB}}", "$HOME" }}
        corpus = "corpus" seeds = {{ "seeds", "./other" }} environment = {{ "OWN=${{FUZZSUP_FOLDER}}:${{SECRET}}:${{FUZZSUP_SEEDS}}", "LANG=xx" }} user = "{me.pw_name}" }}
      job "many" {{ engine = "command" command = {{ "./tell", "first" }} instances = 4 engine-args = {{ "all" }}
        instance-args "1-2" {{ engine-args = {{ "some", "${{FUZZSUP_INSTANCE}}" }} environment = {{ "KIND=some" }} }}
        instance-args "2,3" {{ command = {{ "./tell", "other" }} environment = {{ "KIND=last" }} }}
        instance-args "*" {{ engine-args = {{ "end" }} }}
      }}
    }}"""
    service = Service(folder, {"t": Written(text)}, extra='include("conf.d/*.conf")',
                      environment={"SECRET": SECRET, "CREDENTIALS_DIRECTORY": "/" + SECRET, "AWS_SECRET_ACCESS_KEY": SECRET, "ASAN_OPTIONS": "symbolize=1", "LC_TIME": "C", "FUZZSUP_DIR": os.path.join(folder, "elsewhere")})
    with service:
        found = wait_until(lambda: told(service, "relative"), "the environment of a job", 20)
        words = wait_until(lambda: told(service, "relative", what="words"), "its words")
        job = os.path.join(service.state, "jobs", "t", "relative")
        equal(words, [os.path.join(folder, "tell"), "t/relative", f"<{folder}/corpus>", "${SECRET}", "${FUZZSUP_JOB}", "relative", "relative", "$HOME"],
              "a program counts from its file; our variables are replaced, others stay as they stand, $$ keeps ours")
        equal(found["OWN"], f"{job}:${{SECRET}}:{folder}/seeds:{folder}/other", "likewise in environment")
        equal([found.get(name) for name in ("FUZZSUP_TARGET", "FUZZSUP_JOB", "FUZZSUP_INSTANCE", "FUZZSUP_EXECUTABLE", "FUZZSUP_FOLDER", "FUZZSUP_CORPUS", "FUZZSUP_SEEDS", "FUZZSUP_DIR")],
              ["t", "relative", "0", demo, job, f"{folder}/corpus", f"{folder}/seeds:{folder}/other", coverage], "they stand in its environment, too")
        secrets = [name for name, value in found.items() if SECRET in value]
        ok(not secrets and "FUZZSUPD_LIBEXEC" not in found, "nothing of the service's environment that could be a secret reaches a job", secrets)
        equal([found.get(name) for name in ("ASAN_OPTIONS", "LC_TIME", "LANG")], ["symbolize=1", "C", "xx"], "what sanitizers are told and the language do; environment has the last word")
        equal([found.get(name) for name in ("HOME", "USER", "LOGNAME", "SHELL")], [me.pw_dir, me.pw_name, me.pw_name, me.pw_shell], "its user is at home")
        logs = "".join(open(os.path.join(top, name), errors="replace").read() for top, _, names in os.walk(os.path.join(service.state, "jobs")) for name in names if name.endswith(".log"))
        ok(SECRET not in logs + service.log(), "no secret stands in a log")
        own = [wait_until(lambda: told(service, "many", i, "words"), f"instance {i}") for i in range(4)]
        equal([words[1:] for words in own], [["first", "all", "end"], ["first", "all", "some", "1", "end"], ["other", "all", "some", "2", "end"], ["other", "all", "end"]], "instance-args: blocks that name an instance apply in their order")
        equal([wait_until(lambda: told(service, "many", i), f"instance {i}").get("KIND") for i in range(4)], [None, "some", "last", "last"], "their environment, too")
        ok(wait_until(lambda: told(service, "added", what="words"), "the job of another file"), "a job that another file adds to a target runs, its program beside that file")
        if os.geteuid() == 0:
            equal(wait_until(lambda: told(service, "many", 0), "many")["HOME"], os.path.join(service.state, "jobs", "t", "many", "work"), "a user who is nowhere at home has a folder of the job's")
        else:
            skip("a user without a home", "not root")
        for name in ("second", "wrapped"):
            corpus = os.path.join(service.state, "jobs", "t", name, "corpus")
            wait_until(lambda: os.path.isdir(corpus) and len(os.listdir(corpus)) > 2, f"finds of {name} in its own corpus", 30)
        ok(os.listdir(seeds) == ["one"] and os.listdir(other) == [], "libFuzzer's finds go into the job's corpus, none into the folders among its arguments", os.listdir(seeds) + os.listdir(other))
        # What an instance says is there before the runner's report of its start.
        started = service.wait_job("many", "running", what=lambda job: job["starts"] >= 4)["starts"]
        with open(os.path.join(folder, "conf.d", "a.conf"), "a") as file:
            file.write('job "t/later" { engine = "command" command = { "../tell" } }\n')
        service.reload()
        ok(wait_until(lambda: told(service, "later"), "the job that a reload adds") and service.jobs("t")["many"]["starts"] == started, "a reload adds one more, and leaves the others alone")
        service.targets["t"].text = text.replace('"end"', '"stop"')
        service.reload()
        ok(wait_until(lambda: told(service, "many", 3, "words")[-1] == "stop", "the new arguments"), "other instance-args start a job anew")
    done()
