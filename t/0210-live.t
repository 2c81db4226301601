#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The whole way of the data: a real libFuzzer, our runtime, the service, a client; and
what the client is told equals what the coverage file and llvm-symbolizer say."""
import glob
import io
import os
import posixpath
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from wire import *
import symbolizer


def build_other(folder):
    source = os.path.join(folder, "other.c")
    with open(source, "w") as file:
        file.write("int LLVMFuzzerTestOneInput(const unsigned char *data, unsigned long size) { return size > 3 && data[0] ? -1 : 0; }\n")
    return build(os.path.join(folder, "other"), [source], "-O1")


with scratch() as folder:
    demo = os.path.join(SRC, "share", "demo")
    executable = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    coverage = os.path.join(folder, "coverage")
    corpus = os.path.join(folder, "corpus")
    os.mkdir(coverage)
    os.mkdir(corpus)
    with Service(folder, {"json": Target(executable, coverage, [demo])}) as service:
        ready = service.wait_state("json", "ready")
        ok(ready["pcs"] > 200, "the page has the PC table before any fuzzer runs", ready)
        follower = Follower(service.websocket("/t/json/", "fuzzsup.v1"), "json")
        follower.until(lambda: follower.bits is not None)
        equal(follower.bits, 0, "nothing is reached yet")

        fuzzer = subprocess.Popen([executable, corpus, "-max_len=256", "-seed=1", "-runs=200000000"], cwd=folder,
                                  env=dict(os.environ, FUZZSUP_DIR=coverage), stdout=subprocess.DEVNULL,
                                  stderr=open(os.path.join(folder, "fuzzer.log"), "w"))
        atexit.register(fuzzer.kill)
        follower.until(lambda: follower.covered > 50)
        first = follower.covered
        ok(True, f"the first PCs are there: {first}")
        equal(service.wait_state("json", "live")["state"], "live", "the target is live")
        follower.until(lambda: follower.covered > first)
        ok(follower.delta_frames > 0, "growth comes as deltas")
        # The first rates are of the target's first moments.
        follower.until(lambda: follower.stats.get(follower.id, {}).get("rate", 0) > 100)
        stats = follower.stats[follower.id]
        ok(True, f"runs per second are told: {stats['rate']:.0f}")
        fuzzer.terminate()
        fuzzer.wait()
        log = open(os.path.join(folder, "fuzzer.log")).read()
        ok("fuzzsup:" not in log, "the runtime has nothing to complain about", log)

        files = [f for f in glob.glob(coverage + "/*") if "." not in os.path.basename(f)]
        equal(len(files), 1, "one coverage file")
        runs, unique, bits, pcs = CoverageFile.read(files[0])
        wanted = int.from_bytes(bits, "little")
        follower.until(lambda: follower.bits == wanted)
        ok(True, "the client's bits equal the file's")
        follower.until(lambda: follower.stats[follower.id]["runs"] == runs)
        equal(follower.stats[follower.id]["unique"], unique, "runs and unique runs equal the file's")
        equal(follower.stats[follower.id]["covered"], follower.covered, "so does the count of PCs")
        cov = int(re.findall(r"cov: (\d+)", log)[-1])
        ok(follower.covered >= cov, f"not less than libFuzzer's own cov ({follower.covered} >= {cov})")

        index = SourceIndex(service.get("/t/json/index.bin").body)
        reference = symbolizer.llvm(executable, pcs)
        parent = os.path.dirname(demo)
        ours = []
        for i in range(len(pcs)):
            path, line, column = index.location(i)
            if path is not None and not path.startswith("/"):
                path = posixpath.join(parent, path)
            ours.append((path, line, column))
        differing = [(hex(pcs[i]), ours[i], reference[i]) for i in range(len(pcs)) if ours[i] != reference[i]]
        equal(differing[:5], [], f"all {len(pcs)} locations equal llvm-symbolizer's")
        entries = [index.location(e) for e in follower.entries]
        ok(any(path and path.endswith("fuzz_json.c") for path, _, _ in entries), "LLVMFuzzerTestOneInput is an entry point", entries)

        tar = tarfile.open(fileobj=io.BytesIO(service.get("/t/json/sources.tar").body))
        names = tar.getnames()
        own = sorted(p for p in index.paths() if not p.startswith("/"))
        equal(names, own, "the tar has exactly the index's files below the roots, sorted")
        for name in names:
            with open(os.path.join(parent, name), "rb") as file:
                content = file.read()
            if not (tar.extractfile(name).read() == content == service.get("/t/json/src/" + name).body):
                ok(False, f"content of {name}")
                break
        else:
            ok(len(names) >= 4, "every member and every single source equals the file on disk", names)

        entry = service.wait_state("json", "stale")
        ok(entry["reason"], f"a fuzzer that ended shows: {entry['reason']}")

        # Another target keeps the collector at the folder meanwhile.
        json_target = service.targets["json"]
        other = Target(build_other(folder), coverage, [folder])
        for targets in ({"json": json_target, "other": other}, {"other": other}):
            service.targets = targets
            service.reload()
        fuzzer = subprocess.Popen([executable, corpus, "-max_len=256", "-runs=200000000"], cwd=folder, env=dict(os.environ, FUZZSUP_DIR=coverage),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(fuzzer.kill)
        wait_until(lambda: CoverageFile.read(files[0])[0] > runs, "a fuzzer that runs on")
        service.targets = {"json": json_target, "other": other}
        service.reload()
        again = Follower(service.websocket("/t/json/", "fuzzsup.v1"), "json")
        again.until(lambda: again.bits is not None and again.covered >= follower.covered and len(again.times) >= again.covered)
        new = [i for i, time in again.times.items() if time != 0 and wanted >> i & 1]
        equal(new, [], "what a target that was taken out and put back had reached is not new")
        fuzzer.terminate()
        fuzzer.wait()
    done()
