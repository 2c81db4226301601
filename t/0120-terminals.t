#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What others wrote is shown and not obeyed: by logs, messages about the configuration, and
fuzzsupctl."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

# Each as bytes: what a terminal would obey, and broken bytes. "ü…" is only text. The first two no fuzz.conf may hold.
FORBIDDEN = ["\x1b", "\x7f", "\x9b", "\u202e", "\u2066"]
ODD = "ü…" + "".join(FORBIDDEN[2:]) + "end"
SAID = r"printf 'ü… \033[31mred\302\23331m \342\200\256turned \233raw \177 end\n'; exec sleep 1000"


def harmless(data):
    """True if @data is text of which a terminal obeys nothing."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return not any(c in text for c in FORBIDDEN) and all(c >= " " or c in "\n\t" for c in text)


def run(*words):
    done = subprocess.run(words, capture_output=True, timeout=PATIENCE)
    return done.stdout, done.stderr


with scratch() as folder:
    config = os.path.join(folder, "bad.conf")
    for name, line in {"a key": f"{ODD} = 3", "a value": f'max-running = "{ODD}"', "a path": f'target "x" {{ executable = "/nowhere/{ODD}" }}'}.items():
        with open(config, "wb") as file:
            file.write(f'listen = {{ "127.0.0.1:0" }}\n{line}\n'.encode() + b"\n")
        said = run(program("fuzzsupd"), "-n", "-c", config)[1]
        ok(harmless(said) and "ü…???end".encode() in said, f"{name} of fuzz.conf is shown, and not obeyed", said)
    with open(config, "wb") as file:
        file.write(b"broken\x9b\xff = 3\n")
    said = run(program("fuzzsupd"), "-n", "-c", config)[1]
    ok(harmless(said) and b"broken??" in said, "neither are broken bytes", said)

    with Service(folder, {"t": Target("/nowhere/" + ODD, jobs={"j": shell_job(SAID)})}) as service:
        service.wait_job("j", "running")
        service.wait_log("/nowhere/")
        with open(service.log_path, "rb") as file:
            log = file.read()
        ok(harmless(log) and "ü…".encode() in log, "the log obeys no name", log)
        ctl = [program("fuzzsupctl"), "-s", service.control]
        said = run(*ctl, "status")[0]
        ok(harmless(said) and "/nowhere/ü…???end".encode() in said, "nor does fuzzsupctl status", said)
        said = run(*ctl, "--json", "status")[0]
        ok(harmless(said) and ODD in json.loads(said)["targets"][0]["reason"], "as JSON nothing of it is lost", said)
        said = run(*ctl, "start", "t/" + ODD)[1]
        ok(harmless(said) and "ü…???end".encode() in said, "errors neither", said)
        wanted = "ü… red?31m ?turned ?raw ? end\n"
        wait_until(lambda: b" end\n" in run(*ctl, "logs", "j")[0], "the job's output, behind its command")
        said = run(*ctl, "logs", "j")[0]
        ok(harmless(said) and wanted.encode() in said, "fuzzsupctl logs shows what a job says for terminals without that", said)
        log = service.get("/api/v1/jobs/t/j/log").body
        ok(harmless(log) and wanted.encode() in log, "so does the page", log)
    done()
