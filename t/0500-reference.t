#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The reference's WebSocket protocol, byte for byte, to a client that asks for no
subprotocol."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from wire import *

with scratch() as folder:
    executable = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm", runtime=False)
    coverage = os.path.join(folder, "coverage")
    os.mkdir(coverage)
    with Service(folder, {"json": Target(executable, coverage, [os.path.join(SRC, "share", "demo")])}) as service:
        service.wait_state("json", "ready")
        client = service.websocket("/t/json/")
        equal(client.status, 101, "the upgrade is accepted")
        ok("sec-websocket-protocol" not in client.head.lower(), "no subprotocol is claimed")
        messages = [client.message() for _ in range(4)]
        equal([m[0] for m in messages], [0, 1, 2, 3], "current time, source index, coverage, entry points, in this order, with unique_runs 0")
        index = reference_message(messages[1])[1]
        runs, unique, bits = reference_message(messages[2])[1]
        equal((runs, unique, popcount(bits)), (0, 0, 0), "nothing ran")
        count = len(index.locations)
        equal(len(bits), 8 * ((count + 63) // 64), "one bit a location, in 64-bit words")
        entries = reference_message(messages[3])[1]
        ok(entries and all(index.locations[e][0] != UNKNOWN for e in entries), "entry points have known locations")
        equal(messages[1], service.get("/t/json/index.bin").body, "index.bin is the same as message 1")

        pcs_entry = service.get("/api/v1/targets").json()["targets"][0]
        equal(pcs_entry["pcs"], count, "the API counts the same PCs")

        # A foreign writer with this executable's PC table: taken from a file of our runtime.
        with_runtime = build(os.path.join(folder, "other"), demo_sources(), "-O1", "-lm")
        service.targets["other"] = Target(with_runtime, coverage, [os.path.join(SRC, "share", "demo")])
        service.reload()
        service.wait_state("other", "ready")
        subprocess.run([with_runtime, "-runs=1", "-seed=1"], env=dict(os.environ, FUZZSUP_DIR=os.path.join(folder, "c2")), stderr=subprocess.DEVNULL, check=True)
        made = [os.path.join(folder, "c2", f) for f in os.listdir(os.path.join(folder, "c2")) if len(f) == 16][0]
        pcs = CoverageFile.read(made)[3]
        client = service.websocket("/t/other/")
        index = None
        for _ in range(4):
            tag, content = reference_message(client.message())
            index = content if tag == 1 else index
        foreign = CoverageFile(os.path.join(coverage, "0123456789abcdef"), pcs)
        foreign.hit(0, 5, len(pcs) - 1)
        tag, (runs, unique, bits) = reference_message(client.message())
        while popcount(bits) < 3 or runs < 1:
            tag, (runs, unique, bits) = reference_message(client.message())
        equal(set_bits(bits), [0, 5, len(pcs) - 1], "bits that a foreign writer sets arrive")
        equal((runs, unique), (1, 1), "so do its counters")
        foreign.hit(7, runs=0, unique=0)
        tag, (runs, unique, bits) = reference_message(client.message())
        ok(set_bits(bits) == [0, 5, 7, len(pcs) - 1], "a new bit is sent though unique_runs did not change")

        root = service.websocket("/")
        messages = [reference_message(root.message()) for _ in range(3)]
        equal(popcount(messages[2][1][2]), 4, "the root URL shows the first target that has coverage")
        for path in ("/debug", "/debug/", "/t/other/debug", "/t/other/debug/"):
            if service.websocket(path).status != 101:
                ok(False, f"WebSocket at {path}")
    done()
