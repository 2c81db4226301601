# SPDX-License-Identifier: MIT
"""What the tests of another processor share: targets that are compiled for AArch64, linked with the runtime and run by qemu."""
import glob

from fuzzsup import *

TRIPLE = "aarch64-linux-gnu"
TARGETS = os.path.join(SRC, "t", "targets")
# Of the compiler's options those that the runtime is built with, as Makefile.am has them.
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wno-sign-conversion", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror"]


def what_is_missing(*tools):
    """What is not installed of what it takes, with @tools, too; None: all is there."""
    for tool in ("qemu-aarch64", *tools):
        if not shutil.which(tool):
            return tool
    return None if os.path.exists(f"/usr/{TRIPLE}/include/stdio.h") else "libc6-dev-arm64-cross"


def compile_for(folder, triple, source, *flags):
    """The object file."""
    compiler = CLANGXX if source.endswith(".cc") else CLANG
    output = os.path.join(folder, f"{triple}-{os.path.basename(source)}.o")
    subprocess.run([compiler, "--target=" + triple, "-g", *flags, "-c", source, "-o", output], check=True)
    return output


def runtime_for(folder, triple):
    """What a link takes for the runtime."""
    flags = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-fPIC", *("-iquote" + room for room in rooms("common")), *WARNINGS]
    objects = [compile_for(folder, triple, source, *flags) for source in sorted(glob.glob(os.path.join(SRC, "worker", "runtime", "*.c"))) if not os.path.basename(source).startswith("replay")]
    archive = os.path.join(folder, f"{triple}.a")
    subprocess.run(["ar", "cr", archive, *objects], check=True)
    with open(runtime_response_file()) as file:
        return file.read().replace(os.path.join(BUILD, "libfuzzsup_rt.a"), archive).split()


def emulate(executable, *inputs, **environment):
    """The finished process that ran @inputs, each an argument of the stub driver."""
    return subprocess.run(["qemu-aarch64", "-L", f"/usr/{TRIPLE}", executable, *inputs], capture_output=True, text=True, errors="replace", env=dict(os.environ, **environment))
