#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An executable without a PC table, beside coverage files of other programs: it never shows
their PCs as its own, it says what its build lacks, and takes the file that is meant for it."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *

LACK = "no PC table: compile it with -fsanitize-coverage=...,pc-table"


def reason(service, name, *words):
    """The target's entry once its reason holds all of @words."""
    return wait_until(lambda: (lambda t: t if t and all(word in t["reason"] for word in words) else None)(service.target(name)),
                      f"the reason of {name} says {words}; it is {service.target(name)}", 20)


with scratch() as folder:
    other = build(os.path.join(folder, "other"), demo_sources(), "-O1", "-lm")
    bare = os.path.join(folder, "bare")
    subprocess.run([CLANG, "-g", "-Wl,--build-id", "-x", "c", "-", "-o", bare], input=b"int f(int x) { return x * 3; } int main(int c, char **v) { return f(c); }", check=True)
    symbols = subprocess.run([CLANG.replace("clang", "llvm-nm"), bare], capture_output=True, text=True, check=True).stdout
    places = [int(re.search(rf"^([0-9a-f]+) T {name}$", symbols, re.M).group(1), 16) for name in ("f", "main")]
    notes = subprocess.run([CLANG.replace("clang", "llvm-readelf"), "-n", bare], capture_output=True, text=True, check=True).stdout
    build_id = re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)

    shared, named, own = (os.path.join(folder, name) for name in ("shared", "named", "own"))
    for path in (shared, named, own):
        os.mkdir(path)
    # A farm: another program runs in the same folder, and a foreign fuzzer left a file without a sidecar.
    subprocess.run([other, "-runs=1", "-seed=1"], env=dict(os.environ, FUZZSUP_DIR=shared), stderr=subprocess.DEVNULL, check=True)
    CoverageFile(os.path.join(shared, "00000000000000aa"), [place + 1 for place in places]).hit(0)
    CoverageFile(os.path.join(named, "mine"), places).hit(1)
    targets = {"bare": Target(bare, shared), "neighbour": Target(other, shared), "named": Target(bare, os.path.join(named, "mine")),
               "own": Target(bare, own), "default": Target(bare)}
    afl = shutil.which("afl-clang-fast") and shutil.which("afl-fuzz")
    if afl:
        corpus, program = os.path.join(folder, "corpus"), os.path.join(folder, "afl")
        os.mkdir(corpus)
        with open(os.path.join(corpus, "one"), "w") as file:
            file.write("{}")
        os.chmod(corpus, 0o777)
        afl_build(program, "-g", "-O1", os.path.join(SRC, "t", "targets", "persistent.c"), *demo_sources(), "-lm", native=False)
        targets["afl"] = Target(program, shared, jobs={"m": {"engine": "afl++", "corpus": corpus}})
    else:
        note("no AFL++: its default build is left out")
    with Service(folder, targets, environment={"FUZZSUP_DIR": shared}) as service:
        service.wait_state("neighbour", "ready", "stale", "live")
        entry = reason(service, "bare", LACK, "left out")
        equal((entry["state"], entry["pcs"]), ("waiting", 0), f"beside files of other programs there is no page: {entry['reason']}")
        ok("name it as coverage" in entry["reason"] or "another build" in entry["reason"] or "others" in entry["reason"], "the files that are there are said not to be its own", entry)
        entry = reason(service, "default", LACK)
        equal((entry["state"], entry["pcs"]), ("waiting", 0), "nor by the folder that is everybody's")

        entry = service.wait_state("named", "ready", "stale", "live")
        entry = reason(service, "named", "no PC table: its PCs are those of its coverage file")
        equal(entry["pcs"], 2, f"the file that is named is taken, and what the build lacks is said beside it: {entry['reason']}")
        wait_until(lambda: service.target("named")["covered"] == 1, "its bit")

        # A folder of its own: with a sidecar of another build, then with one that nobody signed.
        stranger = os.path.join(own, "00000000000000bb")
        with open(stranger + ".module", "w") as file:
            file.write(f"fuzzsup-module 1\npath {bare}\nbuild-id {'cd' * 20}\npcs 3\n")
        CoverageFile(stranger, [places[0], places[0] + 1, places[1]]).hit(0)
        entry = reason(service, "own", LACK, "is of another build")
        equal(entry["pcs"], 0, f"a sidecar of another build decides, even in a folder of its own: {entry['reason']}")
        os.unlink(stranger)
        CoverageFile(os.path.join(own, "00000000000000cc"), [place + 1 for place in places]).hit(0)
        entry = reason(service, "own", LACK, "00000000000000cc has no sidecar", "name it as coverage")
        equal((entry["state"], entry["pcs"]), ("waiting", 0), f"nor is a file without a sidecar taken there: anybody may have left it: {entry['reason']}")

        # A default build of AFL++, with a job that runs it: what it lacks stays said when the job runs.
        if afl:
            wait_until(lambda: "job afl/m: running" in service.log(), "AFL++ runs", 30)
            wait_until(lambda: "stale" in service.target("neighbour")["state"], "the neighbour is stale, long after that", 30)
            entry = service.target("afl")
            equal((entry["state"], entry["pcs"]), ("waiting", 0), "a default build of AFL++ shows no other build's page")
            ok(entry["reason"].startswith("no PC table: ") and "afl++" in entry["reason"], f"what it lacks is said while it runs: {entry['reason']}")

        # The sidecar says that it is this build.
        mine = os.path.join(shared, "00000000000000dd")
        with open(mine + ".module", "w") as file:
            file.write(f"fuzzsup-module 1\npath {bare}\nbuild-id {build_id}\npcs 2\n")
        CoverageFile(mine, places).hit(0, 1)
        for name in ("bare", "default"):
            entry = service.wait_state(name, "ready", "stale", "live")
            equal(entry["pcs"], 2, f"{name}: a file whose sidecar has the executable's build ID is taken from anywhere")
            wait_until(lambda: service.target(name)["covered"] == 2, "its bits")
done()
