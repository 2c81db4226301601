#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the page costs on a large target, in Chromium: time, memory, and the first load over a slow line.

usage: builddir=BUILD page.py EXECUTABLE ROOT FILE [RUNS]
EXECUTABLE: a libFuzzer target that is linked with our runtime; it is fuzzed for RUNS first. FILE: a source below ROOT."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from fuzzsup import *

executable, root, file = sys.argv[1:4]
runs = sys.argv[4] if len(sys.argv) > 4 else "20000"
with scratch() as folder:
    coverage = os.path.join(folder, "coverage")
    os.mkdir(coverage)
    subprocess.run([executable, f"-runs={runs}", "-seed=1", "-max_len=512", "-print_funcs=0"], env=dict(os.environ, FUZZSUP_DIR=coverage), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    began = time.monotonic()
    with Service(folder, {"large": Target(executable, coverage, [root])}) as service:
        service.wait_state("large", "ready", "live", "stale")
        print(f"table: {time.monotonic() - began:.1f} s after the start", flush=True)
        wait_until(lambda: service.target("large")["lines"] is not None or service.target("large")["lines_reason"], "its lines")
        entry = service.target("large")
        print(f"lines: {time.monotonic() - began:.1f} s; {entry}", flush=True)
        for path in ("functions.json?limit=1", "coverage.lcov"):
            began = time.monotonic()
            print(f"{path}: {len(service.get('/t/large/' + path).body)} bytes in {time.monotonic() - began:.2f} s", flush=True)
        tools = os.environ.get("FUZZSUPD_TOOLS") or os.path.join(SRC, "build-tools")
        name = os.path.join(os.path.basename(root.rstrip("/")), file)
        subprocess.run(["node", os.path.join(SRC, "t", "bench", "page.mjs"), f"http://{service.host}:{service.port}/t/large/", name], env=dict(os.environ, FUZZSUPD_TOOLS=tools))
