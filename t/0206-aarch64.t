#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The runtime on another processor: compiled for AArch64 and run by qemu, it writes what it
writes here."""
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from runtime import *

TRIPLE = "aarch64-linux-gnu"
for tool in ("qemu-aarch64", TRIPLE + "-gcc"):
    if not shutil.which(tool):
        skip_all(f"{tool} is missing")
if not os.path.exists(f"/usr/{TRIPLE}/include/stdio.h"):
    skip_all("libc6-dev-arm64-cross is missing")

# Of the compiler's options those that the runtime is built with, as Makefile.am has them.
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wno-sign-conversion", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror"]
COVERAGE = "-fsanitize-coverage=inline-8bit-counters,pc-table"


def compile_for(folder, triple, source, *flags):
    output = os.path.join(folder, f"{triple}-{os.path.basename(source)}.o")
    subprocess.run([CLANG, "--target=" + triple, "-g", *flags, "-c", source, "-o", output], check=True)
    return output


def build_for(folder, triple, linker, *flags):
    """branches.c with the stub driver and the runtime; its path."""
    common = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-fPIC", "-I" + os.path.join(SRC, "common"), *WARNINGS]
    runtime = [compile_for(folder, triple, source, *common) for source in sorted(glob.glob(os.path.join(SRC, "worker", "runtime", "*.c"))) if not os.path.basename(source).startswith("replay")]
    objects = [compile_for(folder, triple, BRANCHES, "-O1", "-fPIC", COVERAGE), compile_for(folder, triple, os.path.join(TARGETS, "stub_driver.c"), "-O1", "-fPIC")]
    archive = os.path.join(folder, f"{triple}.a")
    subprocess.run(["ar", "cr", archive, *runtime], check=True)
    output = os.path.join(folder, f"{triple}-branches" + "".join(flags))
    with open(runtime_response_file()) as file:
        options = file.read().replace(os.path.join(BUILD, "libfuzzsup_rt.a"), archive).split()
    subprocess.run([linker, *flags, *objects, *options, "-Wl,--build-id", "-o", output], check=True, stderr=subprocess.DEVNULL)
    return output


with scratch() as folder:
    inputs = ["A", "A", "xyz", "", "A"]
    for kind, flags in (("PIE", ["-pie"]), ("static", ["-static", "-no-pie"])):
        executable, directory = build_for(folder, TRIPLE, TRIPLE + "-gcc", *flags), fresh(folder)
        result = subprocess.run(["qemu-aarch64", "-L", f"/usr/{TRIPLE}", executable, *inputs], capture_output=True, text=True, env=dict(os.environ, FUZZSUP_DIR=directory))
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
