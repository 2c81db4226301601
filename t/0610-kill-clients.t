#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients watch a real libFuzzer while the workers are killed at random: nothing that a
client was told is ever taken back, and after every round of kills the service is whole
and a new bit arrives. KILLS=200 takes two minutes; 60 is the default."""
import glob
import os
import random
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), ".."), "t", "lib"))
from fuzzsup import *
from wire import *

KILLS = int(os.environ.get("KILLS") or 60)
WORKERS = ("symbolizer", "collector", "frontend", "runner", "archive")
RESTARTED = (OSError, ConnectionError, http.client.HTTPException)  # what a client sees of the front-end's death


class Watcher(threading.Thread):
    """A client that connects again whenever it must; what it saw only ever grows."""

    def __init__(self, service, target):
        super().__init__(daemon=True)
        self.service, self.target = service, target
        self.complaints = []
        self.bits, self.runs, self.unique, self.times = 0, 0, 0, {}
        self.connections = self.messages = 0
        self.stopping = False

    def run(self):
        while not self.stopping and not self.complaints:
            try:
                self.watch()
            except RESTARTED:
                time.sleep(0.01)
            except Exception as error:
                self.complaints.append(f"{type(error).__name__}: {error}")

    def complain(self, text):
        self.complaints.append(f"{type(self).__name__} of {self.target}, connection {self.connections}: {text}")

    def see_bits(self, bits):
        if self.bits & ~bits:
            self.complain(f"lost bits {set_bits((self.bits & ~bits).to_bytes(1 << 12, 'little'))[:9]}")
        self.bits = bits

    def see_runs(self, runs, unique):
        if runs < self.runs or unique < self.unique:
            self.complain(f"runs {runs} after {self.runs}, unique {unique} after {self.unique}")
        self.runs, self.unique = runs, unique


class Page(Watcher):
    """fuzzsup.v1; the list of targets and the times of first hits, too."""

    def watch(self):
        socket = self.service.websocket(f"/t/{self.target}/", "fuzzsup.v1")
        try:
            follower = Follower(socket, self.target)
            self.connections += 1
            while not self.stopping and not self.complaints:
                tag = follower.step()
                self.messages += 1
                self.look(follower, tag)
        finally:
            socket.close()

    def look(self, follower, tag):
        if tag == "targets":
            self.see_targets(follower)
        elif tag == 17 and follower.id in follower.stats:
            self.see_runs(follower.stats[follower.id]["runs"], follower.stats[follower.id]["unique"])
        elif tag in (18, 19) and follower.bits is not None:
            self.see_bits(follower.bits)
            if follower.shrunk:
                self.complain("a full frame took bits back")
        if tag in (19, 20):
            self.see_times(follower)

    def see_times(self, follower):
        for index, offset in follower.times.items():
            at = follower.base + 10 * offset if offset else 0
            if self.times.setdefault(index, at) != at:
                self.complain(f"PC {index} was first hit at {self.times[index]}, now at {at}")

    def see_targets(self, follower):
        names = sorted(entry["name"] for entry in follower.targets.values())
        if names != TARGETS:
            self.complain(f"targets {names}")


class Reference(Watcher):
    """The protocol of the reference's page."""

    def watch(self):
        socket = self.service.websocket(f"/t/{self.target}/")
        try:
            self.connections += 1
            while not self.stopping and not self.complaints:
                tag, content = reference_message(socket.message())
                self.messages += 1
                if tag == 2:
                    self.see_runs(*content[:2])
                    self.see_bits(int.from_bytes(content[2], "little"))
        finally:
            socket.close()


class Lister(Watcher):
    """Asks for the list again and again: no target is lost or torn."""

    def watch(self):
        entries = self.service.get("/api/v1/targets").json()["targets"]
        self.connections += 1
        self.messages += 1
        seen = sorted((e["name"], e["pcs"], e["build_id"]) for e in entries)
        if seen != self.target or any(e["state"] not in ("ready", "live", "stale") for e in entries):
            self.complain(f"{entries}")
        time.sleep(0.02)


def running(service):
    """{worker: pid} of those that run."""
    rows = json.loads(service.ctl("workers", "--json").stdout)["workers"]
    return {row["name"]: row["pid"] for row in rows if row["state"] == "running"}


def whole(service, killed):
    """True once all four run, and none of them is one that was killed."""
    now = running(service)
    return len(now) == len(WORKERS) and not killed & set(now.values())


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


def gone(pid):
    return not os.path.exists(f"/proc/{pid}")


TARGETS = ["bits", "json", "quiet"]

with scratch() as folder:
    executable = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    targets = {}
    for name in TARGETS:
        os.mkdir(os.path.join(folder, name))
        targets[name] = Target(executable, os.path.join(folder, name), [os.path.join(SRC, "share", "demo")])
    os.mkdir(os.path.join(folder, "corpus"))
    # Freed memory that a sanitizer keeps would look like growth.
    environment = {"ASAN_OPTIONS": "quarantine_size_mb=1:detect_leaks=0"}
    with Service(folder, targets, environment=environment) as service:
        ready = {name: service.wait_state(name, "ready") for name in TARGETS}
        fuzzer = subprocess.Popen([executable, os.path.join(folder, "corpus"), "-max_len=256", "-seed=1", "-runs=2000000000"], cwd=folder,
                                  env=dict(os.environ, FUZZSUP_DIR=os.path.join(folder, "json")), stdout=subprocess.DEVNULL,
                                  stderr=open(os.path.join(folder, "fuzzer.log"), "w"))
        atexit.register(fuzzer.kill)
        service.wait_state("json", "live")
        found = [f for f in glob.glob(folder + "/json/*") if "." not in os.path.basename(f)]
        pcs = CoverageFile.read(found[0])[3]
        foreign = CoverageFile(os.path.join(folder, "bits", "0123456789abcdef"), pcs)

        listed = sorted((e["name"], e["pcs"], e["build_id"]) for e in ready.values())
        pages = [Page(service, "json"), Page(service, "json"), Page(service, "bits")]
        references = [Reference(service, "json"), Reference(service, "bits")]
        watchers = pages + references + [Lister(service, listed)]
        for watcher in watchers:
            watcher.start()
        on_bits = [pages[2], references[1]]
        wait_until(lambda: all(w.messages > 3 for w in watchers), "all clients are connected")

        supervisor = service.process.pid
        chance, kills, rounds, slowest = random.Random(20250101), 0, 0, 0.0
        fds = memory = None
        while kills < KILLS and not any(w.complaints for w in watchers):
            chosen = chance.sample(WORKERS, min(chance.choice((2, 3, 4, 4)), KILLS - kills))
            killed = set()
            for name in chosen:
                pid = running(service).get(name)
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
                    last = time.monotonic()
                time.sleep(chance.random() * 0.02)
            kills += len(killed)
            rounds += 1
            foreign.hit(rounds - 1)
            wait_until(lambda: whole(service, killed), "all workers run again")
            wait_until(lambda: all(w.bits >> rounds - 1 & 1 for w in on_bits) or any(w.complaints for w in watchers), f"bit {rounds - 1} at {on_bits}")
            slowest = max(slowest, time.monotonic() - last)
            if rounds == 5:
                fds, memory = descriptors(supervisor), resident(supervisor)

        note(f"{kills} kills in {rounds} rounds")
        figure("whole, and a new bit at the clients, slowest of all rounds of kills", slowest, "s", "< 2")
        equal(kills, KILLS, f"{KILLS} kills of workers")
        for watcher in watchers:
            equal(watcher.complaints, [], f"{type(watcher).__name__} {watcher.target if watcher.target is not listed else 'of all'}: "
                  "nothing is lost or goes back")
            note(f"{watcher.connections} connections, {watcher.messages} messages, {popcount(watcher.bits.to_bytes(1 << 12, 'little'))} bits, {watcher.runs} runs")
        ok(all(w.connections > 3 for w in watchers), "every client had to connect again", [w.connections for w in watchers])
        equal([pages[2].bits, references[1].bits], [(1 << rounds) - 1] * 2, "the clients have exactly the bits that were set")
        ok(len(pages[2].times) == rounds, "and the time of each", len(pages[2].times))
        ok(fuzzer.poll() is None, "the fuzzer noticed nothing")

        def settled():
            return descriptors(supervisor) <= fds
        wait_until(lambda: settled() or service.dead(), f"no descriptor is left open: {descriptors(supervisor)}, were {fds}")
        ok(settled(), f"the supervisor holds {fds} descriptors, as before")
        now = resident(supervisor)
        ok(now - memory < 4096, f"its memory went from {memory} to {now} KiB")

        for watcher in watchers:
            watcher.stopping = True
        before = list(running(service).values())
        service.process.kill()
        service.process.wait()
        wait_until(lambda: all(gone(pid) for pid in before), "the workers end")
        ok(True, "SIGKILL of the supervisor leaves no process")
        fuzzer.terminate()
        fuzzer.wait()
        ok("fuzzsup:" not in open(os.path.join(folder, "fuzzer.log")).read(), "the runtime has nothing to complain about")
done()
