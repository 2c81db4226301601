#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""For each engine whose target our runtime is in: the input that is kept for a reached PC reaches it again. PCS=100 PCs of
each at random."""
import glob
import hashlib
import os
import random
import sys

sys.path.insert(0, os.path.join(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), ".."), "t", "lib"))
from fuzzsup import *

PCS = int(os.environ.get("PCS", "100"))
DEMO = os.path.join(SRC, "share", "demo")


def reached(run, folder, data):
    """Indexes of the PCs that @data reaches; @run(path of the input, environment)."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "input")
    with open(path, "wb") as file:
        file.write(data)
    coverage = os.path.join(folder, "coverage")
    shutil.rmtree(coverage, ignore_errors=True)
    run(path, dict(os.environ, FUZZSUP_DIR=coverage))
    maps = [p for p in glob.glob(os.path.join(coverage, "*")) if "." not in os.path.basename(p)]
    return set(set_bits(CoverageFile.read(maps[0])[2])) if maps else set()


def first(service, target, pc):
    answer = service.get(f"/api/v1/targets/{target}/first?pc={pc}")
    return answer.json() if answer.status == 200 else None


def known(service, target):
    """Reached PCs, each with how it was reached; once all of them have their input."""
    def look():
        found = {pc: first(service, target, pc) for pc in range(service.target(target)["pcs"] + service.target(target)["dropped"])}
        found = {pc: one for pc, one in found.items() if one}
        return found if len(found) >= service.target(target)["covered"] > 0 and all(one.get("input", {}).get("kept") for one in found.values()) else None
    return wait_until(look, f"{target}: every reached PC has its input", step=0.2)


def reproduces(service, folder, target, job, run, own=()):
    """Of PCs at random each is reached by the input that is kept for it."""
    service.wait_job(job, what=lambda j: (j["executions"] or 0) > 0)
    service.ctl("stop", f"{target}/{job}", check=True)
    service.wait_job(job, "stopped")
    found = known(service, target)
    equal({one["job"] for one in found.values()}, {job}, f"{target}: all {len(found)} reached PCs have an input, and are that job's")
    inputs, missed, wrong = {}, [], []
    # What a driver does before and behind its loop is no input's.
    asked = [pc for pc in found if pc not in own]
    for pc in random.Random(1).sample(sorted(asked), min(PCS, len(asked))):
        name = found[pc]["input"]["sha1"]
        if name not in inputs:
            data = service.get(f"/api/v1/inputs/{name}").body
            if hashlib.sha1(data).hexdigest() != name or len(data) != found[pc]["input"]["size"]:
                wrong.append(name)
            inputs[name] = reached(run, os.path.join(folder, "again"), data)
        if pc not in inputs[name]:
            missed.append(pc)
    ok(not wrong, f"{target}: {len(inputs)} inputs are what their SHA-1 and size say", wrong)
    ok(not missed, f"{target}: each of {min(PCS, len(asked))} PCs is reached again", f"{missed} of {len(found)}: {[found[pc] for pc in missed[:3]]}")
    return found


def of_function(executable, coverage, name):
    """Indexes of the PCs of a function."""
    maps = wait_until(lambda: [p for p in glob.glob(os.path.join(coverage, "*")) if "." not in os.path.basename(p)], f"a coverage file in {coverage}")
    pcs = CoverageFile.read(maps[0])[3]
    said = subprocess.run([program("fuzzsupctl"), "symbolize", "--addresses", executable], input="".join(f"{pc:#x}\n" for pc in pcs), capture_output=True, text=True,
                          check=True, env=dict(os.environ, FUZZSUPD_LIBEXEC=libexec())).stdout
    functions = [block.split("\n")[0] for block in said.strip("\n").split("\n\n")]
    assert len(functions) == len(pcs), said[:500]
    return {i for i, function in enumerate(functions) if function == name}


def by_file(executable):
    return lambda path, environment: subprocess.run([executable, path], env=environment, capture_output=True, timeout=PATIENCE)


def by_stdin(executable):
    def run(path, environment):
        with open(path, "rb") as file:
            subprocess.run([executable], stdin=file, env=environment, capture_output=True, timeout=PATIENCE)
    return run


def by_list(executable):
    return lambda path, environment: subprocess.run([executable, "-once", "-"], input=path.encode() + b"\n", env=environment, capture_output=True, timeout=PATIENCE)


def lines(service, folder, demo):
    """What people ask: the input of a line, as the page names files."""
    document = json.loads(service.get("/t/plain/coverage.json").text)["data"][0]["files"]
    path = next(file["filename"] for file in document if file["filename"].endswith("json_parse.c"))
    text = service.get("/t/plain/coverage.lcov").text
    states = {name: data for name, data in ((r.split("\n")[0], dict(re.findall(r"^DA:(\d+),(\d+)", r, re.M))) for r in text.split("SF:")[1:]) if name == path}[path]
    hit, missed = [int(n) for n, c in states.items() if int(c)], [int(n) for n, c in states.items() if not int(c)]
    output, bad = os.path.join(folder, "line-input"), []
    for line in random.Random(2).sample(hit, min(25, len(hit))):
        done = service.ctl("input", "-o", output, "plain", f"demo/json_parse.c:{line}")
        if done.returncode or "first reached" not in done.stderr or f"run it: {demo} INPUT" not in done.stderr:
            bad.append((line, done))
    equal(bad, [], f"every reached line of a file has an input ({min(25, len(hit))} of {len(hit)} were asked for)")
    full = service.ctl("input", "-o", "/dev/full", "plain", f"demo/json_parse.c:{hit[0]}")
    ok(full.returncode == 1 and "/dev/full: No space left" in full.stderr, "a full disk is said", full)
    if missed:
        refused = service.ctl("input", "-o", output, "plain", f"demo/json_parse.c:{missed[0]}")
        ok(refused.returncode == 1 and "was not reached" in refused.stderr, "one that was not reached has none, and that is said", refused)
    short = service.ctl("input", "--json", "plain", f"json_parse.c:{hit[0]}")
    ok(json.loads(short.stdout)["input"]["kept"] is True, "the end of a file's name does, where one file has it", short)
    for words, pattern in ((("plain", "nothing.c:1"), "no file of that name"), (("plain", "json_parse.c"), "FILE:LINE"), (("plain", "json_parse.c:x"), "FILE:LINE")):
        refused = service.ctl("input", *words)
        ok(refused.returncode != 0 and pattern in refused.stderr, f"input {' '.join(words)}: {refused.stderr.strip()}", refused)
    head = service.request("HEAD", "/api/v1/inputs/" + first(service, "plain", next(pc for pc in range(9999) if first(service, "plain", pc)))["input"]["sha1"]).headers
    ok(head["content-type"] == "application/octet-stream" and "attachment" in head["content-disposition"] and head["x-content-type-options"] == "nosniff", "an input is a download, whatever it holds", head)
    for path in ("/api/v1/inputs/" + "0" * 40, "/api/v1/inputs/../x", "/api/v1/inputs/", "/api/v1/inputs/" + "g" * 40):
        equal(service.get(path).status, 404, f"{path[:24]}: there is none")


def survives(service, found):
    """A restarted service has them still, and the log of finds may be gone."""
    service.stop()
    for path in glob.glob(os.path.join(service.state, "jobs", "*", "*", "finds")):
        shutil.rmtree(path)
    service.start()
    service.wait_state("plain", "ready", "live", "stale")
    again = known(service, "plain")
    ok({pc: one["input"]["sha1"] for pc, one in found.items()}.items() <= {pc: one["input"]["sha1"] for pc, one in again.items()}.items(), "a restarted service knows each PC's input, though the jobs' notes are gone")
    ok(all(again[pc]["time"] == found[pc]["time"] for pc in found), "and when each was reached first")


def record(build_id, data, pcs, claimed=None):
    """As common/tables/find_file.h has it; @claimed: what it says that its input is."""
    digest = hashlib.sha1(claimed if claimed is not None else data).digest()
    size = (88 + 4 * len(pcs) + len(data) + 7) // 8 * 8
    head = struct.pack("<IIqQII20sB3x32s", 0x44465a46, size, 1, len(data), len(data), len(pcs), digest, len(build_id), build_id)
    return (head + struct.pack(f"<{len(pcs)}I", *pcs) + data).ljust(size, b"\0")


def damaged(service):
    """What a full disk cut off, and what a hostile target writes, spoils no other record and no other input."""
    build_id, pcs = bytes.fromhex(service.target("plain")["build_id"]), service.target("plain")["pcs"]
    free = [pc for pc in range(pcs) if not first(service, "plain", pc)][:4]
    assert len(free) == 4, "PCs that nobody reached"
    path = os.path.join(service.state, "jobs", "plain", "fuzz", "finds", "0")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    cut = record(build_id, b"x" * 5000, [free[0]])[:200]
    parts = [cut, record(build_id, b"honest", [free[1]]), b"garbage!" * 50, record(build_id, b"poison", [free[2]], claimed=b"somebody's"),
             record(b"\1" * 20, b"other", [free[2]]), record(build_id, b"last", [free[3], 4000000000])]
    with open(path, "ab") as file:
        file.write(b"".join(parts) + bytes(8 * 1024))
    wait_until(lambda: first(service, "plain", free[3]), "the record behind what is none")
    equal([(first(service, "plain", pc) or {}).get("input", {}).get("sha1") for pc in free],
          [None, hashlib.sha1(b"honest").hexdigest(), None, hashlib.sha1(b"last").hexdigest()], "records behind damage are read; what is not what it says, or of another build, is not")
    equal(service.get("/api/v1/inputs/" + hashlib.sha1(b"somebody's").hexdigest()).status, 404, "no input has another one's name")
    ok(abs(first(service, "plain", free[3])["time"] - time.time() * 1000) < 3600000, "a time that cannot be is none")


def built_anew(service, demo):
    """What a new build finds before its lines are known is kept, too."""
    service.ctl("start", "plain/fuzz", check=True)
    service.wait_job("fuzz", "running")
    before = service.target("plain")["build_id"]
    build(demo + ".new", demo_sources(), "-O2", "-lm")
    os.rename(demo + ".new", demo)
    wait_until(lambda: service.target("plain")["build_id"] != before and service.target("plain")["covered"] > 20, "the new build")
    service.ctl("stop", "plain/fuzz", check=True)
    service.wait_job("fuzz", "stopped")
    found = known(service, "plain")
    ok(len(found) > 20, f"the new build's {len(found)} PCs have inputs")


def rotates(folder, demo):
    """Notes are bounded, and what is no note is passed over."""
    finds = os.path.join(folder, "0")
    with open(finds, "wb") as file:
        file.write(bytes((16 << 20) - 100))
    subprocess.run([demo, "-runs=2000"], env=dict(os.environ, FUZZSUP_DIR=os.path.join(folder, "coverage"), FUZZSUP_FINDS=finds), capture_output=True, check=True)
    ok(os.path.getsize(finds + ".1") >= (16 << 20) - 100 and 0 < os.path.getsize(finds) < 1 << 20, f"a file that is full makes room: {os.path.getsize(finds)} bytes in the new one")
    relative = subprocess.run([demo, "-runs=10"], cwd=folder, env=dict(os.environ, FUZZSUP_DIR=os.path.join(folder, "other"), FUZZSUP_FINDS="here"), capture_output=True)
    ok(relative.returncode == 0 and not os.path.exists(os.path.join(folder, "here")), "a path that is not absolute is none")
    nowhere = subprocess.run([demo, "-runs=10"], env=dict(os.environ, FUZZSUP_DIR=os.path.join(folder, "third"), FUZZSUP_FINDS="/nonexistent/0"), capture_output=True)
    equal(nowhere.returncode, 0, "a folder that is not there does the target no harm")


with scratch() as folder:
    demo = build(os.path.join(folder, "fuzz_json"), demo_sources(), "-O1", "-lm")
    roots = [DEMO]
    targets = {"plain": Target(demo, os.path.join(folder, "plain"), roots, jobs={"fuzz": {"engine": "libfuzzer", "command": [demo, "-max_len=128"]}})}
    forked = shutil.copy2(demo, os.path.join(folder, "fork_json"))
    targets["forked"] = Target(forked, os.path.join(folder, "forked"), roots, jobs={"fork": {"engine": "libfuzzer", "command": [forked, "-fork=2", "-max_len=128"]}})
    runs = {"plain": ("fuzz", by_file(demo)), "forked": ("fork", by_file(forked))}
    seen = os.path.join(folder, "replay_json")
    subprocess.run([CLANG, "-g", "-O1", "-fsanitize=fuzzer-no-link", "-fsanitize-coverage=inline-bool-flag,pc-table", *demo_sources(), "-lm", "@" + runtime_response_file("fuzzsup-replay"), "-o", seen], check=True)
    corpus = os.path.join(folder, "corpus")
    os.mkdir(corpus)
    for number, text in enumerate(('{"a": [1, 2.5e3, true, null]}', "[[[]]]", '"\\u00e4\\n"', "-0.1", "{", "[1,")):
        with open(os.path.join(corpus, str(number)), "w") as file:
            file.write(text)
    targets["replayed"] = Target(seen, os.path.join(folder, "replayed"), roots, jobs={"replay": {"engine": "replay", "corpus": [corpus]}})
    runs["replayed"] = ("replay", by_list(seen))
    if shutil.which("afl-fuzz") and shutil.which("afl-clang-fast"):
        words = ["-g", "-O1", "-fsanitize-coverage=trace-pc-guard,pc-table", os.path.join(SRC, "t", "targets", "persistent.c"), *demo_sources(), "-lm"]
        afl = afl_build(os.path.join(folder, "afl_json"), *words, "@" + runtime_response_file("fuzzsup-main"))
        targets["afl"] = Target(afl, os.path.join(folder, "afl"), roots, jobs={"persistent": {"engine": "afl++"}})
        runs["afl"] = ("persistent", by_stdin(afl))
    else:
        skip("AFL++", "it is not installed")
    os.makedirs(os.path.join(folder, "x"))
    with Service(folder, targets) as service:
        own = of_function(afl, os.path.join(folder, "afl"), "main") if "afl" in runs else ()
        found = {name: reproduces(service, folder, name, job, run, own if name == "afl" else ()) for name, (job, run) in runs.items()}
        lines(service, folder, demo)
        survives(service, found["plain"])
        damaged(service)
        built_anew(service, demo)
    os.makedirs(os.path.join(folder, "rotates"))
    rotates(os.path.join(folder, "rotates"), demo)
    done()
