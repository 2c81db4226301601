#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is asked while the other side does not read is carried out later, or refused at once:
never is it taken and forgotten."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), ".."), "t", "lib"))
from fuzzsup import *

POSTS = 2000
TURNS = 400
ASKED = "asked for in a browser"


def post(connection, path):
    connection.request("POST", path, headers={"Origin": f"http://{connection.host}:{connection.port}"})
    return Response(connection.getresponse())


def stopped_supervisor(service):
    """More wishes than a socket holds, and than the front-end keeps."""
    connection = http.client.HTTPConnection(service.host, service.port, timeout=PATIENCE)
    os.kill(service.process.pid, signal.SIGSTOP)
    try:
        answers = [post(connection, "/api/v1/jobs/t/sleeps/" + ("start", "stop")[i % 2]) for i in range(POSTS)]
    finally:
        os.kill(service.process.pid, signal.SIGCONT)
    taken = [answer for answer in answers if answer.status == 202]
    refused = [answer for answer in answers if answer.status != 202]
    note(f"{len(taken)} taken, {len(refused)} refused")
    ok(len(taken) > 0, "some were taken")
    ok(refused and all(r.status == 503 and r.headers.get("retry-after", "").isdigit() and "try again" in r.text for r in refused),
       "the others were refused with a reason, and when to try again", refused and (refused[0].status, refused[0].headers, refused[0].text))
    try:
        wait_until(lambda: service.log().count(ASKED) >= len(taken), "all that were taken are carried out", patience=20)
    except TimeoutError:
        pass
    equal(service.log().count(ASKED), len(taken), "all that were taken are carried out, once each")
    for wish, state in (("start", "running"), ("stop", "stopped"), ("start", "running")):
        equal(post(connection, f"/api/v1/jobs/t/sleeps/{wish}").status, 202, f"afterwards a {wish} is taken")
        service.wait_job("sleeps", state)
        ok(True, f"and done: it is {state}")


def stopped_runner(service):
    """The last wish counts, whatever was wished before."""
    pid = service.worker("runner")
    connection = http.client.HTTPConnection(service.host, service.port, timeout=PATIENCE)
    os.kill(pid, signal.SIGSTOP)
    try:
        for i in range(TURNS):
            post(connection, "/api/v1/jobs/t/sleeps/" + ("start", "stop")[i % 2])
    finally:
        os.kill(pid, signal.SIGCONT)
    service.wait_job("sleeps", "stopped")
    ok(True, "the last wish is done by a runner that was stopped meanwhile")
    equal(service.worker("runner"), pid, "it is the same one")
    service.ctl("start", "t/sleeps", check=True)
    first = service.wait_job("sleeps", "running", what=lambda job: job["pid"])["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        service.ctl("stop", "t/sleeps", check=True)
        service.ctl("start", "t/sleeps", check=True)
    finally:
        os.kill(pid, signal.SIGCONT)
    service.wait_job("sleeps", "running", what=lambda job: job["pid"] not in (0, first))
    ok(True, "a stop and a start after it are a new run")


with scratch() as folder:
    sleeps = Target("/bin/sh", jobs={"sleeps": shell_job("exec sleep 1000")})
    with Service(folder, {"t": sleeps}, environment={"FUZZSUPD_NO_HEARTBEAT": "1"}) as service:
        service.wait_job("sleeps", "running")
        stopped_supervisor(service)
        stopped_runner(service)
done()
