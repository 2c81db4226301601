#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Zig's own fuzzer writes, Zig's own page reads, and fuzzsupd stands between them: the
numbers are right and the page never traps, whatever the state of the target."""
import os
import queue
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from wire import *
import zig

zig.need()


class Browser:
    """Zig's page in Chromium; shown is what it says now."""

    def __init__(self, url):
        script = os.path.join(SRC, "t", "browser", "zig.mjs")
        self.process = subprocess.Popen(["node", script, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, FUZZSUPD_TOOLS=zig.TOOLS))
        atexit.register(self.process.kill)
        self.shown = {}
        self.lines = queue.Queue()
        threading.Thread(target=lambda: [self.lines.put(line) for line in self.process.stdout], daemon=True).start()

    def until(self, condition, what):
        end = time.monotonic() + PATIENCE
        while not (self.shown and condition(self.shown)):
            try:
                self.shown = json.loads(self.lines.get(timeout=max(0.01, end - time.monotonic())))
            except queue.Empty:
                raise TimeoutError(f"{what}; the page shows {self.shown}") from None
        return self.shown

    def open_source(self):
        self.process.stdin.write("source\n")
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def wanted_coverage(path):
    runs, unique, bits, pcs = CoverageFile.read(path)
    return f"{popcount(bits)} / {len(pcs)} ({100 * popcount(bits) / len(pcs):.1f}%)"


with scratch() as folder:
    executable = zig.build_test(folder)
    page_files = zig.build_page(folder)
    cache = os.path.join(folder, "cache")
    os.makedirs(os.path.join(cache, "v"))
    demo = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    os.mkdir(os.path.join(folder, "coverage"))
    targets = {"brackets": Target(executable, os.path.join(cache, "v"), [os.path.join(SRC, "t", "targets")]),
               "json": Target(demo, os.path.join(folder, "coverage"), [os.path.join(SRC, "share", "demo")])}
    with Service(folder, targets) as service:
        service.wait_state("brackets", "ready")
        page = zig.Page(page_files, service.host, service.port, "/t/brackets/")
        browser = Browser(page.url)
        browser.until(lambda s: s["coverage"].startswith("0 / "), "an idle target with unique_runs 0")
        equal(browser.shown["errors"], [], "Zig's page does not trap on a target that nobody fuzzes")

        fuzzer = zig.Fuzzer(executable, cache)
        browser.until(lambda s: not s["coverage"].startswith("0 / "), "coverage of a real Zig fuzzer")
        service.ctl("announce", f"{fuzzer.coverage_id:016x}", executable, fuzzer.coverage_file, "brackets", check=True)
        service.ctl("entry", f"{fuzzer.coverage_id:016x}", hex(fuzzer.entry), check=True)
        browser.until(lambda s: any("brackets.zig" in e for e in s["entries"]), "the entry point that was announced")
        ok(True, f"entry points: {browser.shown['entries']}")
        browser.open_source()
        browser.until(lambda s: s["source"].endswith("brackets.zig") and s["marked"] > 0, "the source with marks")
        ok(browser.shown["places"] >= browser.shown["marked"] > 0, f"its source is marked: {browser.shown['marked']} of {browser.shown['places']} places")
        fuzzer.stop()
        runs, unique, bits, pcs = CoverageFile.read(fuzzer.coverage_file)
        browser.until(lambda s: s["coverage"] == wanted_coverage(fuzzer.coverage_file) and s["unique"].startswith(f"{unique} "),
                      f"the file's numbers: {wanted_coverage(fuzzer.coverage_file)}, {unique} unique runs")
        ok(True, f"Zig's page shows what the file says: {browser.shown['coverage']}")

        page.drop_connections()
        again = zig.Fuzzer(executable, cache)
        before = browser.shown["runs"]
        browser.until(lambda s: s["runs"] != before, "news after the page reconnected")
        again.stop()
        equal(browser.shown["errors"], [], "no trap in all of this")
        browser.close()

        page = zig.Page(page_files, service.host, service.port, "/t/json/")
        browser = Browser(page.url)
        browser.until(lambda s: s["coverage"].startswith("0 / "), "our libFuzzer demo, idle")
        subprocess.run([demo, "-runs=20000", "-seed=1", "-max_len=128"], env=dict(os.environ, FUZZSUP_DIR=os.path.join(folder, "coverage")),
                       stderr=subprocess.DEVNULL, check=True)
        file = [os.path.join(folder, "coverage", f) for f in os.listdir(os.path.join(folder, "coverage")) if len(f) == 16][0]
        browser.until(lambda s: s["coverage"] == wanted_coverage(file), f"the libFuzzer demo's numbers: {wanted_coverage(file)}")
        ok(any("fuzz_json.c" in e for e in browser.shown["entries"]), f"Zig's page shows our libFuzzer demo: {browser.shown['coverage']}", browser.shown)
        equal(browser.shown["errors"], [], "no trap")
        browser.close()
    done()
