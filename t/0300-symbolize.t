#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The symbolizer against llvm-symbolizer: every PC of real fuzz targets, in each form of
DWARF and of executable that compilers make, must have the same file, line and column."""
import itertools
import os
import shutil
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from symbolizer import *

TARGETS = os.path.join(SRC, "t", "targets")
TOOLS = os.environ.get("FUZZSUPD_TOOLS", "")
CALCULATOR = [os.path.join(TARGETS, name) for name in ("calculator.c", "calculator_apply.c")]
COMDAT = [os.path.join(TARGETS, name) for name in ("comdat.cc", "comdat_other.cc")]
OWN_ROOMS = rooms("worker/symbolizer") + rooms("common")
OWN = sorted(os.path.join(folder, name) for folder in OWN_ROOMS
             for name in os.listdir(folder) if name.endswith(".c") and name not in ("main.c", "mailbox.c"))  # the latter is libevent's


def run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(" ".join(command) + "\n" + done.stderr[-2000:])
    return done.stdout


def compile_all(folder, sources, options):
    """Objects of @sources, two compilers at a time."""
    os.makedirs(folder)
    objects = [os.path.join(folder, f"{i}.o") for i in range(len(sources))]
    work, errors = list(zip(sources, objects)), []

    def compiler():
        while work and not errors:
            source, target = work.pop()
            try:
                run(CLANG, "-fsanitize=fuzzer-no-link", "-fPIC", "-w", *options, "-c", source, "-o", target, cwd=folder)
            except (RuntimeError, OSError) as error:
                errors.append(error)

    threads = [threading.Thread(target=compiler) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return objects


def link(output, objects, *options):
    run(CLANG, "-fsanitize=fuzzer", *objects, *options, "-o", output)
    return output


def resolve(worker, executable, entries="", pcs=None, **more):
    """The table; raises with the worker's words if there is none."""
    status, text, fd = worker.ask(executable, entries, pcs, **more)
    if status != TABLE_OK:
        raise RuntimeError(text)
    table = Table(fd)
    table.remarks = text
    return table


def compare(worker, executable, name, at_least=20):
    """One test: all PCs equal."""
    try:
        table = resolve(worker, executable)
        wanted = llvm(executable, table.pcs)
        pairs = list(zip(table.pcs, table.locations, wanted))
        differing = [f"{pc:#x} ours {ours} llvm's {theirs}" for pc, ours, theirs in pairs if ours != theirs]
        return ok(len(pairs) == len(wanted) >= at_least and not differing and not table.remarks and
                  sorted(range(len(table.pcs)), key=lambda i: (table.pcs[i], i)) == list(table.order),
                  f"{name}: {len(pairs)} PCs, {len(table.files)} files, all equal",
                  "\n".join(differing[:20]) or f"{len(pairs)} PCs, remarks: {table.remarks}")
    except (RuntimeError, OSError) as error:
        return ok(False, name, error)


def matrix(worker, folder, name, sources, options=(), linking=(), dwarfs=(4, 5), levels=(1, 2)):
    for dwarf, level in itertools.product(dwarfs, levels):
        objects = compile_all(os.path.join(folder, f"{name}-{dwarf}-{level}"), sources, [f"-gdwarf-{dwarf}", f"-O{level}", *options])
        for form in ("-pie", "-no-pie"):
            output = link(os.path.join(folder, f"{name}-{dwarf}-{level}{form}"), objects, form, *linking)
            compare(worker, output, f"{name}, DWARF {dwarf}, -O{level}, {form}")
            os.unlink(output)


VARIANTS = [  # name, options to compile with, to link with
    ("zlib sections, DWARF 4", ["-gdwarf-4"], ["-gz=zlib"]),
    ("zlib sections, DWARF 5", ["-gdwarf-5"], ["-gz=zlib"]),
    ("zstd sections, DWARF 4", ["-gdwarf-4"], ["-gz=zstd", "-fuse-ld=lld"]),
    ("zstd sections, DWARF 5", ["-gdwarf-5"], ["-gz=zstd", "-fuse-ld=lld"]),
    ("64-bit DWARF 4", ["-gdwarf-4", "-gdwarf64"], []),
    ("64-bit DWARF 5", ["-gdwarf-5", "-gdwarf64"], []),
    ("DWARF 3", ["-gdwarf-3"], []),
    ("DWARF 2", ["-gdwarf-2"], []),
    ("sections dropped by GNU ld", ["-ffunction-sections"], ["-Wl,--gc-sections"]),
    ("sections dropped by lld", ["-ffunction-sections"], ["-Wl,--gc-sections", "-fuse-ld=lld"]),
    ("lld, PIE", [], ["-fuse-ld=lld"]),
    ("RELR by lld", [], ["-Wl,--pack-dyn-relocs=relr", "-fuse-ld=lld"]),
    ("RELR by GNU ld", [], ["-Wl,-z,pack-relative-relocs"]),
    ("thin LTO", ["-flto=thin"], ["-flto=thin", "-fuse-ld=lld"]),
    ("full LTO", ["-flto"], ["-flto", "-fuse-ld=lld"]),
    ("mold, PIE", [], ["-fuse-ld=mold"]),
    ("mold, not PIE", [], ["-fuse-ld=mold", "-no-pie"]),
    ("RELR by mold", [], ["-fuse-ld=mold", "-Wl,--pack-dyn-relocs=relr"]),
    ("split DWARF 4", ["-gdwarf-4", "-gsplit-dwarf"], []),
    ("split DWARF 5", ["-gdwarf-5", "-gsplit-dwarf"], []),
    ("line tables only", ["-gline-tables-only"], []),
    ("relative build directory, DWARF 4", ["-gdwarf-4", "-fdebug-compilation-dir=."], []),
    ("relative build directory, DWARF 5", ["-gdwarf-5", "-fdebug-compilation-dir=."], []),
    ("prefix map", ["-ffile-prefix-map=" + TARGETS + "=/usr/src/./x/../calc"], []),
    ("AddressSanitizer", ["-fsanitize=address"], ["-fsanitize=address"]),
]


def variants(worker, folder):
    for name, compiling, linking in VARIANTS:
        place = os.path.join(folder, name.replace(" ", "-"))
        # By a relative path, so that the build directory matters.
        sources = [os.path.relpath(path, place) for path in CALCULATOR]
        try:
            output = link(place + ".out", compile_all(place, sources, ["-g", "-O1", *compiling]), *linking)
        except RuntimeError as error:
            if re.search(r"not (available|built|supported)|not enabled|unsupported|invalid linker name", str(error)):
                note(f"{name}: left out, this toolchain cannot make it")
            else:
                ok(False, name, error)
            continue
        compare(worker, output, name)
    for linker in ("bfd", "lld"):
        objects = compile_all(os.path.join(folder, "comdat-" + linker), COMDAT, ["-g", "-O1", "-fno-exceptions"])
        compare(worker, link(os.path.join(folder, "comdat-" + linker + ".out"), objects, "-fuse-ld=" + linker),
                f"functions that two units share, {linker}", 8)


def large_strings(worker, folder):
    """A .debug_str of more than 2 GiB: before DWARF 5 build directories lie there, which relative names need."""
    place = os.path.join(folder, "far")
    output = link(place + ".out", compile_all(place, [os.path.relpath(path, place) for path in CALCULATOR], ["-g", "-O1", "-gdwarf-4"]))
    grow_section(output, place + ".grown", ".debug_str", (2 << 30) + (64 << 20))
    compare(worker, place + ".grown", ".debug_str of 2 GiB")


def libraries(worker, folder):
    """A shared library has a PC table of its own."""
    for linker in ("bfd", "lld"):
        objects = compile_all(os.path.join(folder, "library-" + linker), CALCULATOR, ["-g", "-O1"])
        output = os.path.join(folder, "library-" + linker + ".so")
        run(CLANG, "-shared", "-fuse-ld=" + linker, *objects, "-o", output)
        compare(worker, output, f"shared library, {linker}")


def other_compilers(worker, folder):
    """GCC has no PC table, but its units stand between Clang's: all of .text is asked for, as a coverage file could."""
    for ours, theirs in ((5, 5), (5, 4), (4, 5)):
        place = os.path.join(folder, f"gcc-{ours}-{theirs}")
        objects = compile_all(place, CALCULATOR, [f"-gdwarf-{ours}", "-O1"])
        run("gcc", f"-gdwarf-{theirs}", "-O2", "-fPIC", "-c", os.path.relpath(CALCULATOR[1], place), "-o", objects[1], cwd=place)
        output = link(place + ".out", objects)
        compare(worker, output, f"DWARF {ours} by Clang with DWARF {theirs} by GCC")
        symbols = [line.split() for line in run("nm", "-S", output).splitlines()]
        start, size = next((int(words[0], 16), int(words[1], 16)) for words in symbols if words[-1] == "calculator_apply")
        pcs = list(range(start, start + size))
        found = resolve(worker, output, pcs=struct.pack(f"={len(pcs)}Q", *pcs))
        differing = [(hex(pc), a, b) for pc, a, b in zip(pcs, found.locations, llvm(output, pcs)) if a != b]
        ok(not differing and found.unknown_len == 0 and not found.remarks, f"all {len(pcs)} addresses of a function by GCC, DWARF {theirs}",
           differing[:20])
    if not shutil.which("clang-14"):
        return skip("executables of clang-14", "it is not installed")
    for dwarf in (4, 5):
        output = os.path.join(folder, f"clang-14-{dwarf}")
        run("clang-14", f"-gdwarf-{dwarf}", "-O1", "-DWITH_MAIN", *COVERAGE, *CALCULATOR, stubs(folder), "-o", output)
        compare(worker, output, f"clang 14, DWARF {dwarf}")


COVERAGE = ["-fsanitize-coverage=inline-8bit-counters,pc-table"]
STUBS = """void __sanitizer_cov_8bit_counters_init(char *first, char *end) { (void)first; (void)end; }
void __sanitizer_cov_pcs_init(const long *first, const long *end) { (void)first; (void)end; }
#ifdef WITH_MAIN
int LLVMFuzzerTestOneInput(const unsigned char *data, unsigned long size);
int main(void) { return LLVMFuzzerTestOneInput((const unsigned char *)"1+2", 3); }
#endif
"""


def stubs(folder):
    """Source of what instrumented code calls, without a fuzzer's runtime."""
    path = os.path.join(folder, "stubs.c")
    with open(path, "w") as file:
        file.write(STUBS)
    return path


def aarch64(worker, folder):
    """Executables of another machine, without a C library."""
    target = [CLANG, "--target=aarch64-linux-gnu", "-ffreestanding", "-fPIC", "-O1", "-g"]
    place = os.path.join(folder, "aarch64")
    objects = [os.path.join(folder, f"aarch64-{i}.o") for i in range(3)]
    for source, output in zip(CALCULATOR, objects):
        run(*target, *COVERAGE, "-c", os.path.relpath(source, folder), "-o", output, cwd=folder)
    run(*target, "-c", stubs(folder), "-o", objects[2])
    for name, linking in (("PIE, RELA", ["-pie"]), ("PIE, RELR", ["-pie", "-Wl,--pack-dyn-relocs=relr"]), ("not PIE", ["-no-pie"])):
        run(*target, "-nostdlib", "-fuse-ld=lld", "-Wl,-e,LLVMFuzzerTestOneInput", *linking, *objects, "-o", place)
        compare(worker, place, f"aarch64, {name}")


def rust(worker, folder):
    compiler = shutil.which("rustc", path="/usr/bin") or shutil.which("rustc")
    if not compiler:
        return note("no rustc: Rust is left out")
    passes = ["-Cpasses=sancov-module"] + [f"-Cllvm-args=-sanitizer-coverage-{word}" for word in ("level=3", "inline-8bit-counters", "pc-table")]
    for level in (1, 2):
        output = os.path.join(folder, f"rust-{level}")
        run(compiler, "--edition=2021", "-g", f"-Copt-level={level}", "-Ccodegen-units=1", *passes, os.path.join(TARGETS, "words.rs"),
            "-o", output, cwd=folder)
        compare(worker, output, f"Rust, -O{level}", 200)


def dwz(worker, folder):
    """dwz moves what DIEs share; with -m into another file, where names of build directories may then lie, too."""
    if not shutil.which("dwz"):
        return note("no dwz: what it makes is left out")
    place = os.path.join(folder, "dwz")
    sources = [os.path.relpath(path, place) for path in CALCULATOR]
    output = link(place + ".out", compile_all(place, sources, ["-gdwarf-4", "-O1"]))
    one, two = shutil.copy(output, place + ".one"), shutil.copy(output, place + ".two")
    run("dwz", output)
    compare(worker, output, "dwz, one file")
    run("dwz", "-m", place + ".common", one, two)
    named, other = resolve(worker, output), link(place + ".other", compile_all(place + "-other", sources, ["-gdwarf-4", "-O1"]))
    build_id = re.search(r"Build ID: (\w+)", run("readelf", "-n", place + ".common")).group(1)
    equal(worker.ask(one)[:2], (TABLE_WANTS_ALTERNATE, f"{build_id}\n{place}.common"), "dwz -m: the alternate file is asked for")
    table = resolve(worker, one, alternate=place + ".common")
    equal((table.locations, table.remarks), (named.locations, ""), f"dwz -m: {len(table.pcs)} PCs, all as before")
    for words, more in (("lies neither below its folder", {"no_alternate": True}), ("with another ID", {"alternate": other}),
                        ("not an ELF", {"alternate": CALCULATOR[0]})):
        table = resolve(worker, one, **more)
        equal(table.locations, llvm(one, table.pcs), f"dwz -m, no alternate file: {len(table.pcs)} PCs, all equal")
        equal([location[1:] for location in table.locations], [location[1:] for location in named.locations], "lines and columns as before")
        ok(words in table.remarks and re.search(r"\d+ units have their build directory there", table.remarks),
           table.remarks)
    for dwarf in ("4", "5"):
        # GCC compiles, whose DWARF 5 dwz knows; the PCs are those of its functions, since it makes no table of them.
        one, two = (os.path.join(folder, name) for name in ("sup-one", "sup-two"))
        run("gcc", "-w", "-g", "-gdwarf-" + dwarf, "-O1", "-shared", "-fPIC", *sources, "-o", one, cwd=place)
        pcs = sorted({int(line.split()[0], 16) for line in run("nm", one).splitlines() if line.split()[-2] == "T"})
        wanted = llvm(one, pcs)
        shutil.copy(one, two)
        run("dwz", "--dwarf-5", "-m", "sup-common", "sup-one", "sup-two", cwd=folder)
        asked, text, _ = worker.ask(one, pcs=struct.pack(f"={len(pcs)}Q", *pcs))
        if dwarf == "4":
            equal((asked, text.split("\n")[1]), (TABLE_WANTS_ALTERNATE, "sup-common"), "dwz --dwarf-5 -m: the supplementary file is asked for")
        table = resolve(worker, one, pcs=struct.pack(f"={len(pcs)}Q", *pcs), alternate=os.path.join(folder, "sup-common"))
        equal((table.locations, table.remarks), (wanted, ""), f"dwz --dwarf-5 -m, DWARF {dwarf}: all {len(pcs)} as before")


def entry_points(worker, folder):
    objects = compile_all(os.path.join(folder, "entries"), CALCULATOR, ["-g", "-O1"])
    output = link(os.path.join(folder, "entries.out"), objects)
    symbols = {line.split()[-1]: int(line.split()[0], 16) for line in run("nm", output).splitlines() if len(line.split()) == 3}
    table = resolve(worker, output, "calculator_apply\n0x12ab\nno_such_thing")
    equal(set(table.entries), {symbols["LLVMFuzzerTestOneInput"], symbols["calculator_apply"], 0x12ab},
          "entry points: the default, a symbol, an address")
    ok("no_such_thing" in table.remarks, "an unknown entry point is said, and no failure", table.remarks)
    build_id = re.search(r"Build ID: (\w+)", run("readelf", "-n", output))
    equal(table.build_id, build_id.group(1) if build_id else "", "the build ID is told")
    # A list of PCs takes the place of the executable's: here two, one of them nowhere.
    apply = symbols["calculator_apply"]
    listed = resolve(worker, output, pcs=struct.pack("=3Q", apply, 0xffffffffff000000, apply))
    wanted = llvm(output, [apply])[0]
    equal(listed.locations, [wanted, (None, 0, 0), wanted], "a given list of PCs is resolved, unknown ones stay unknown")
    text = re.search(r"\.text\s+PROGBITS\s+(\w+)\s+\w+\s+(\w+)", run("readelf", "-SW", output))
    start, size = int(text.group(1), 16), int(text.group(2), 16)
    every = list(range(start - 8, start + size + 8, 3))
    found = resolve(worker, output, pcs=struct.pack(f"={len(every)}Q", *every))
    differing = [(hex(pc), ours, theirs) for pc, ours, theirs in zip(every, found.locations, llvm(output, every)) if ours != theirs]
    ok(not differing and 0 < found.unknown_len < len(every), f"all {len(every)} addresses of .text and around it, {found.unknown_len} "
       "without a line", differing[:20])
    return output


def refusals(worker, folder, good):
    def refused(path, status, words, name, pcs=None):
        got, text, fd = worker.ask(path, pcs=pcs)
        if fd is not None:
            os.close(fd)
        ok(got == status and re.search(words, text), f"{name}: {text}", f"status {got}")

    stripped = os.path.join(folder, "stripped")
    run("objcopy", "-S", good, stripped)
    refused(stripped, TABLE_WANTS_DEBUG, r"^[0-9a-f]{40}$", "stripped: by its build ID its debug file can be found")
    plain = os.path.join(folder, "plain.c")
    with open(plain, "w") as file:
        file.write("int main(void) { return 0; }\n")
    run(CLANG, "-g", plain, "-o", plain + ".out")
    refused(plain + ".out", TABLE_NO_PC_TABLE, r"no PC table: .*pc-table", "without coverage")
    refused(plain, TABLE_FAILED, r"not an ELF executable", "a text file")
    refused("/dev/null", TABLE_FAILED, r"not a regular file", "a device")
    empty = os.path.join(folder, "empty")
    open(empty, "w").close()
    refused(empty, TABLE_FAILED, r"empty", "an empty file")
    objects = compile_all(os.path.join(folder, "mixed"), CALCULATOR, ["-g"])
    refused(objects[0], TABLE_FAILED, r"not linked", "an object file")
    run(CLANG, "-fsanitize-coverage=inline-8bit-counters", "-fPIC", "-g", "-c", CALCULATOR[1], "-o", objects[1])
    refused(link(os.path.join(folder, "mixed.out"), objects), TABLE_FAILED, r"__sancov_pcs has \d+ .*__sancov_cntrs has \d+",
            "counters without PCs")
    both, section = os.path.join(folder, "both"), os.path.join(folder, "section")
    with open(section, "wb") as file:
        file.write(bytes(80))
    run("objcopy", "--add-section", "__sancov_pcs1=" + section, "--set-section-flags", "__sancov_pcs1=alloc,readonly", good, both)
    for pcs in (None, bytes(8)):
        refused(both, TABLE_FAILED, r"both Zig's PC table \(__sancov_pcs1, 10 entries\) and Clang's", "Zig with C", pcs)
    other = os.path.join(folder, "other.c")
    with open(other, "w") as file:
        file.write("int other(void) { return 1; }\n")
    run(CLANG, "-g", "-fPIC", "-c", other, "-o", other + ".o")
    lineless = link(os.path.join(folder, "lineless"), compile_all(os.path.join(folder, "nolines"), CALCULATOR, ["-g0"]), other + ".o")
    refused(lineless, TABLE_FAILED, r"none of its \d+ PCs has a line .*compile .* with -g", "lines elsewhere only")


def zig(worker, folder):
    python = os.path.join(TOOLS, "python", "bin", "python")
    if not TOOLS or not os.path.exists(python):
        return note("no $FUZZSUPD_TOOLS/python: Zig's own fuzz test is left out (t/lib/fetch)")
    source = os.path.join(folder, "parse.zig")
    shutil.copy(os.path.join(TARGETS, "parse.zig"), source)
    output = os.path.join(folder, "zig-test")
    run(python, "-m", "ziglang", "test", "-ffuzz", "--test-no-exec", "-femit-bin=" + output, source, cwd=folder)
    compare(worker, output, "Zig's own fuzz test", 1000)
    equal(resolve(worker, output).dropped_len, 0, "of which the linker dropped none")


def dropped(worker, folder):
    """PCs of code that the linker dropped have no place, and are counted apart."""
    place = os.path.join(folder, "dropped")
    output = link(place + ".out", compile_all(place, CALCULATOR, ["-g", "-O1"]))
    code = resolve(worker, output).pcs
    marks = (0, 1, 1, 2**64 - 1, 2**64 - 2, 2**32 - 1)
    pcs = (*marks[:3], *code, *marks[3:])
    table = resolve(worker, output, pcs=struct.pack(f"={len(pcs)}Q", *pcs))
    equal((table.dropped_len, table.unknown_len, table.pcs_len), (len(marks), len(marks), len(pcs)), f"{len(marks)} PCs of code that was dropped are told apart")
    equal(list(table.locations[3:3 + len(code)]), llvm(output, code), "the others have their lines")
    start, size = next((int(words[3], 16), int(words[5], 16)) for words in (line.replace("[", "").replace("]", "").split() for line in
                       run("readelf", "-SW", output).splitlines()) if words[1:2] == [".text"])
    inside = struct.pack(f"={len(code) + 1}Q", start + size - 1, *code)
    equal(resolve(worker, output, pcs=inside).dropped_len, 0, "code without a line is not dropped")


def zlib(worker, folder):
    source = os.path.join(TOOLS, "zlib")
    if not TOOLS or not os.path.isdir(source):
        return note("no $FUZZSUPD_TOOLS/zlib: zlib is left out (t/lib/fetch)")
    sources = [os.path.join(source, name) for name in sorted(os.listdir(source)) if name.endswith(".c")]
    matrix(worker, folder, "zlib", sources + [os.path.join(TARGETS, "zlib_uncompress.c")], ["-I" + source, "-DZ_HAVE_UNISTD_H"])


with scratch() as folder:
    log = os.path.join(folder, "worker.log")
    worker = Worker(log)
    matrix(worker, folder, "calculator", CALCULATOR)
    variants(worker, folder)
    matrix(worker, folder, "the symbolizer itself", OWN + CALCULATOR,
           ["-std=gnu17", "-D_GNU_SOURCE", *("-iquote" + folder for folder in OWN_ROOMS), "-I" + BUILD],
           ["-ldw", "-lelf", "-lz", "-lzstd", "-lseccomp", "-liberty"], dwarfs=(5,), levels=(2,))
    zlib(worker, folder)
    zig(worker, folder)
    large_strings(worker, folder)
    dropped(worker, folder)
    libraries(worker, folder)
    other_compilers(worker, folder)
    aarch64(worker, folder)
    rust(worker, folder)
    dwz(worker, folder)
    refusals(worker, folder, entry_points(worker, folder))
    equal(worker.stop(), 0, "the worker ends when the supervisor closes the channel")
    words = open(log, errors="replace").read()
    ok("Sanitizer" not in words and "runtime error" not in words, "no sanitizer complains", words)
done()
