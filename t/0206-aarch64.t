#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The runtime on another processor: compiled for AArch64 and run by qemu, it writes what it
writes here."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from cross import *
from runtime import *

if missing := what_is_missing(TRIPLE + "-gcc"):
    skip_all(f"{missing} is missing")

COVERAGE = "-fsanitize-coverage=inline-8bit-counters,pc-table"


def build_for(folder, triple, linker, *flags):
    """branches.c with the stub driver and the runtime; its path."""
    objects = [compile_for(folder, triple, BRANCHES, "-O1", "-fPIC", COVERAGE), compile_for(folder, triple, os.path.join(TARGETS, "stub_driver.c"), "-O1", "-fPIC")]
    output = os.path.join(folder, f"{triple}-branches" + "".join(flags))
    subprocess.run([linker, *flags, *objects, *runtime_for(folder, triple), "-Wl,--build-id", "-o", output], check=True, stderr=subprocess.DEVNULL)
    return output


with scratch() as folder:
    inputs = ["A", "A", "xyz", "", "A"]
    for kind, flags in (("PIE", ["-pie"]), ("static", ["-static", "-no-pie"])):
        executable, directory = build_for(folder, TRIPLE, TRIPLE + "-gcc", *flags), fresh(folder)
        result = emulate(executable, *inputs, FUZZSUP_DIR=directory)
        files = maps(directory)
        if not ok(result.returncode == 0 and len(files) == 1 and "fuzzsup:" not in result.stderr, f"AArch64, {kind}: runs and writes one coverage file", f"{result}\n{files}"):
            continue
        n_runs, unique, bits, pcs = CoverageFile.read(files[0])
        equal((n_runs, unique), (len(inputs), 3), f"AArch64, {kind}: all runs were counted, and those that reached something new")
        equal(functions(executable, files[0]), {"LLVMFuzzerTestOneInput", "on_a"}, f"AArch64, {kind}: what the inputs reach, nothing else")
        notes = subprocess.run(["readelf", "-n", executable], text=True, capture_output=True).stdout
        beside = sidecar(files[0])
        equal((beside["path"], beside["build-id"], "entry" in beside), ([os.path.realpath(executable)], re.findall(r"Build ID: ([0-9a-f]+)", notes), True), f"AArch64, {kind}: the sidecar describes it")

        # The same here: the same blocks, whatever their addresses.
        native, own = build_for(folder, "x86_64-linux-gnu", CLANG, *flags), fresh(folder)
        subprocess.run([native, *inputs], check=True, env=dict(os.environ, FUZZSUP_DIR=own))
        here = CoverageFile.read(maps(own)[0])
        equal((n_runs, unique, bits), here[:3], f"AArch64, {kind}: as on x86-64")
done()
