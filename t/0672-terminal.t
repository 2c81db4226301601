#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ctrl-C in a terminal is for the supervisor alone: jobs are asked to end, and may write
what they still know."""
import os
import pty
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

JOB = "trap 'echo asked >%s; exit 0' TERM; echo ready; while :; do sleep 0.05; done"


def drain(terminal, seconds):
    """What the terminal showed meanwhile; None: its other side is closed."""
    if not select.select([terminal], [], [], seconds)[0]:
        return b""
    try:
        return os.read(terminal, 65536) or None
    except OSError:
        return None


with scratch() as folder:
    os.chmod(folder, 0o777)
    asked = os.path.join(folder, "asked")
    service = Service(folder, {"t": Target("/bin/sh", jobs={"job": shell_job(JOB % asked)})})
    service.write_config()
    os.makedirs(service.state, exist_ok=True)
    web = web_folder()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(FUZZSUPD_LIBEXEC=libexec(), FUZZSUPD_WEB=web)
        os.execv(program("fuzzsupd"), [program("fuzzsupd"), "-c", service.config])
    shown = b""
    log = os.path.join(service.state, "jobs", "t", "job", "0.log")

    def ready():
        global shown
        shown += drain(terminal, 0) or b""
        return os.path.exists(log) and "\nready\n" in open(log).read()  # its command stands there, too
    wait_until(ready, "the job runs")
    sessions = {os.getsid(int(worker)) for worker in open(f"/proc/{pid}/task/{pid}/children").read().split()}
    ok(os.getsid(pid) == pid and pid not in sessions and len(sessions) > 2, "no worker is of the terminal's session", (pid, sessions))
    os.write(terminal, b"\x03")
    end = time.monotonic() + PATIENCE
    while (part := drain(terminal, 0.1)) is not None and time.monotonic() < end:
        shown += part
    _, status = os.waitpid(pid, 0)
    equal(os.waitstatus_to_exitcode(status), 0, "Ctrl-C ends the service with exit code 0")
    ok(b"stopping (Interrupt)" in shown and b"died" not in shown, "in order: no worker died", shown.decode(errors="replace"))
    ok(os.path.exists(asked), "and the job was asked to end", open(log).read())
    ok(b"AddressSanitizer" not in shown, "no sanitizer complains", shown.decode(errors="replace"))
    done()
