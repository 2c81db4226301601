#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `quickstart run` starts, as it is installed: both of its targets become live, and Ctrl-C
ends all of it. Needs a build whose prefix lies in its own folder."""
import os
import re
import signal
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), ".."), "t", "lib"))
from fuzzsup import *

TARGETS = ("fuzz_json", "fuzz_line_program")

with open(os.path.join(BUILD, "Makefile")) as file:
    prefix = re.search(r"^prefix = (.*)$", file.read(), re.M).group(1)
if prefix != os.path.join(os.path.realpath(BUILD), "root"):
    skip_all(f"the prefix is {prefix}, where a test installs nothing")


def running():
    """Processes of the demo's fuzzers."""
    paths = [words.split(b"\0")[0].decode(errors="replace") for _, words in command_lines()]
    return sorted(os.path.basename(path) for path in paths if os.path.realpath(os.path.dirname(path)) == os.path.join(os.path.realpath(BUILD), "demo"))


def get(address, path):
    with urllib.request.urlopen(address + path, timeout=PATIENCE) as answer:
        return json.load(answer) if path.startswith("api") else answer.read().decode()


shutil.rmtree(os.path.join(BUILD, "demo"), ignore_errors=True)
subprocess.run(["make", "-s", "-C", BUILD, "install"], stdout=subprocess.DEVNULL, check=True)
log = os.path.join(BUILD, "t", "0110-demo.out")
with open(log, "w") as output:
    demo = subprocess.Popen([os.path.join(SRC, "share", "demo", "run"), BUILD], stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                            env=dict(os.environ, FUZZSUPD_PORT="0"), start_new_session=True)
try:
    said = lambda: open(log, errors="replace").read()
    found = wait_until(lambda: demo.poll() is not None or re.search(r"listening at (http://\S+/)", said()), "the address of the page")
    if not ok(demo.poll() is None, "it builds its targets and starts", said()):
        done()
    address = found.group(1)
    live = lambda: {target["name"]: target["state"] == "live" and target["covered"] > 100 for target in get(address, "api/v1/targets")["targets"]}
    wait_until(lambda: live() == {"json": True, "line-program": True}, "both targets are live")
    ok(True, "both targets are live")
    equal([job["state"] for job in get(address, "api/v1/jobs")["jobs"]], ["running"] * 2, "the service runs their fuzzers")
    equal(running(), list(TARGETS), "one of each")
    ok("<title>" in get(address, ""), "the page is there")
    result = subprocess.run([os.path.join(prefix, "bin", "fuzzsupctl"), "-s", os.path.join(BUILD, "demo", "control"), "status"], capture_output=True, text=True)
    ok(result.returncode == 0 and "line-program" in result.stdout, "fuzzsupctl sees it", result.stdout + result.stderr)
    unknown = [line for line in said().splitlines() if "error" in line or "warning" in line]
    equal(unknown, [], "nothing is amiss")
    demo.send_signal(signal.SIGINT)
    equal(demo.wait(PATIENCE), 0, "Ctrl-C ends it")
    equal(running(), [], "and its fuzzers")
finally:
    if demo.poll() is None:
        os.killpg(demo.pid, signal.SIGKILL)
shutil.rmtree(os.path.join(BUILD, "demo"), ignore_errors=True)
done()
