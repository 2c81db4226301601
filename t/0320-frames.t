#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fuzzsupctl symbolize against llvm-symbolizer: functions, inlined calls, files, lines and
columns of 1,000 addresses of each target, and of a sanitizer's report; then executables
that mean harm."""
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from symbolizer import elf_headers, grow_section, symbolize

TARGETS = os.path.join(SRC, "t", "targets")
DEMO = os.path.join(SRC, "share", "demo")
TOOLS = os.environ.get("FUZZSUPD_TOOLS", "")
CALCULATOR = [os.path.join(TARGETS, name) for name in ("calculator.c", "calculator_apply.c")]
COMDAT = [os.path.join(TARGETS, name) for name in ("comdat.cc", "comdat_other.cc")]
JSON = [os.path.join(DEMO, name) for name in ("fuzz_json.c", "json_lookup.c", "json_parse.c", "json_write.c")]
with open(os.path.join(BUILD, "config.h")) as config:
    LLVM_DEMANGLER = "#define WITH_LLVM_DEMANGLER 1" in config.read()
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS="symbolize=0")


def run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(" ".join(command) + "\n" + done.stderr[-2000:])
    return done.stdout


def llvm_frames(executable, addresses, *options):
    """What llvm-symbolizer prints, as a list of blocks."""
    return run_with_input([SYMBOLIZER, "--inlines", *options, "--obj=" + executable], "\n".join(addresses)).split("\n\n")


def run_with_input(command, text):
    return subprocess.run(command, input=text, text=True, capture_output=True, check=True).stdout


def section(executable, name):
    found = re.search(re.escape(name) + r"\s+PROGBITS\s+(\w+)\s+(\w+)\s+(\w+)", run("readelf", "-SW", executable))
    return [int(word, 16) for word in found.groups()]


def spread(executable, count):
    """@count addresses over all of .text, half of them over what is not a sanitizer's."""
    start, _, size = section(executable, ".text")
    symbols = [line.split() for line in run("nm", "-S", executable).splitlines()]
    ours = [(int(words[0], 16), int(words[1], 16)) for words in symbols if len(words) == 4 and words[2] in "tTwW" and
            not re.search(r"fuzzer|san|interceptor|Fuzzer", words[3])]
    inside = [address for low, size_of in ours for address in range(low, low + size_of)]
    chosen = [inside[i * len(inside) // (count // 2)] for i in range(count // 2)]
    return [hex(address) for address in chosen + [start + i * size // (count - count // 2) for i in range(count - count // 2)]]


def rust_name(text):
    """A name in Rust's legacy mangling, as llvm-symbolizer shows it, without its hash and with its brackets."""
    text = re.sub(r"::h[0-9a-f]{16}(?: \(\.llvm\.\d+\))?$", "", text)
    text = re.sub(r"(^|::)_(?=\$)", r"\1", text)
    words = {"LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ",", "RF": "&", "BP": "*", "SP": "@"}
    text = re.sub(r"\$(?:u([0-9a-f]+)|([A-Z]+))\$", lambda found: chr(int(found[1], 16)) if found[1] else words[found[2]], text)
    return text.replace("..", "::")


def rule(ours, theirs, mangled):
    """Why two lines may differ; None if they must not. Both come from the demanglers, never from what was looked up."""
    if ours == mangled and ours.startswith("_Z") and not LLVM_DEMANGLER:
        return "mangled in a way that is newer than libiberty: llvm's is right, ours is what the linker knows"
    if theirs == mangled and theirs.startswith("_Z"):
        return "a name that llvm does not know: ours is right"
    if "{lambda(" in ours and "'lambda" in theirs:
        return "a lambda has no name, and each demangler makes its own: both are right"
    if re.match(r"_ZN.*17h[0-9a-f]{16}E", mangled) and ours == rust_name(theirs):
        return "Rust's legacy mangling, which llvm takes for C++'s: ours is right"
    return None


def all_code(executable):
    """Every address of its code."""
    sections = re.findall(r" \S+ +PROGBITS +(\w+) \w+ (\w+) \w+ +AX", run("readelf", "-SW", executable))
    return [hex(address) for start, size in sections for address in range(int(start, 16), int(start, 16) + int(size, 16))]


def compare(executable, name, whole=None, roots=(), addresses=None):
    """@whole: the executable before it was taken apart, for llvm-symbolizer."""
    whole = whole or executable
    addresses = addresses or spread(whole, 1000)
    done = symbolize(executable, text="\n".join(addresses) + "\n", roots=roots)
    ours, theirs = done.stdout.split("\n\n"), llvm_frames(whole, addresses)
    mangled = llvm_frames(whole, addresses, "--no-demangle")
    wrong, excused = [], {}
    for address, a, b, raw in zip(addresses, ours, theirs, mangled):
        lines = list(zip(a.split("\n"), b.split("\n"), raw.split("\n")))
        if len(a.split("\n")) != len(b.split("\n")):
            wrong.append(f"{address} ours {a!r} llvm's {b!r}")
        for x, y, z in lines:
            why = None if x == y else rule(x, y, z)
            if x != y and why is None:
                wrong.append(f"{address} ours {x!r} llvm's {y!r}")
            elif x != y:
                excused[why] = excused.get(why, 0) + 1
    deepest = max(block.count("\n") // 2 for block in theirs)
    for why, count in excused.items():
        note(f"{name}: {count} lines: {why}")
    return ok(len(ours) == len(theirs) == len(addresses) + 1 and not wrong and done.returncode == 0 and not done.stderr,
              f"{name}: {len(addresses)} addresses, up to {deepest + 1} frames at one, all equal", "\n".join(wrong[:20]) + done.stderr)


def build(output, sources, *options):
    cc = CLANGXX if sources[0].endswith(".cc") else CLANG
    run(cc, "-w", *options, *sources, "-o", output, cwd=os.path.dirname(output))
    return output


def matrix(folder):
    for name, sources, options in (("calculator", CALCULATOR, ["-g"]), ("comdat", COMDAT, ["-g"]), ("json", JSON, ["-g"]),
                                   ("lines only, comdat", COMDAT, ["-gline-tables-only"]),
                                   ("lines only, json", JSON, ["-gline-tables-only"])):
        for dwarf in ("4", "5"):
            for form in ("-pie", "-no-pie"):
                executable = build(os.path.join(folder, "matrix"), sources, *options, "-gdwarf-" + dwarf, "-O2", form,
                                   "-fsanitize=fuzzer,address")
                compare(executable, f"{name}, DWARF {dwarf}, {form}")
    for name, options in (("zlib sections", ["-gz=zlib"]), ("zstd sections", ["-gz=zstd", "-fuse-ld=lld"]), ("lld", ["-fuse-ld=lld"]),
                          ("64-bit DWARF", ["-gdwarf64"]), ("thin LTO", ["-flto=thin", "-fuse-ld=lld"])):
        try:
            executable = build(os.path.join(folder, "matrix"), JSON, "-g", "-O2", "-fsanitize=fuzzer", *options)
        except RuntimeError as error:
            if re.search(r"not (available|built|supported)|not enabled|unsupported", str(error)):
                note(f"{name}: left out, this toolchain cannot make it")
                continue
            raise
        compare(executable, f"json, {name}")
    source = os.path.join(TOOLS, "zlib")
    if not TOOLS or not os.path.isdir(source):
        return note("no $FUZZSUPD_TOOLS/zlib: zlib is left out (t/lib/fetch)")
    sources = [os.path.join(source, name) for name in sorted(os.listdir(source)) if name.endswith(".c")]
    compare(build(os.path.join(folder, "matrix"), sources + [os.path.join(TARGETS, "zlib_uncompress.c")], "-g", "-O2",
                  "-I" + source, "-DZ_HAVE_UNISTD_H", "-fsanitize=fuzzer"), "zlib")


NESTED = """static inline int square(int x) { return x * x + (x > 7 ? 1 : 0); }
int outer(volatile int *n)
{
	int k = *n;
	__attribute__((noinline)) int inner(int a) { return square(a + *n) + k; }
	{
		int twice = *n;
		__attribute__((noinline)) int deeper(int a) { return square(a + *n) + twice; }
		k += deeper(k);
	}
	return inner(*n) * square(k);
}
int main(int argc, char **argv) { return outer(&argc); }
"""


def nested(folder):
    """GCC's functions in functions, whose code lies outside of what is around them."""
    source, output = os.path.join(folder, "nested.c"), os.path.join(folder, "nested")
    with open(source, "w") as file:
        file.write(NESTED)
    for dwarf in ("4", "5"):
        run("gcc", "-g", "-gdwarf-" + dwarf, "-O2", source, "-o", output)
        compare(output, f"functions in functions by GCC, DWARF {dwarf}")


ASSEMBLER = """section .text
global one
one:	nop
	ret
section .text.two progbits alloc exec nowrite align=16
global two
two:	nop
	nop
	ret
section .text.three progbits alloc exec nowrite align=16
three:	nop
	ret
"""
GNU_ASSEMBLER = """	.text
	.globl one
one:	nop
	ret
	.section .text.two,"ax",@progbits
	.globl two
two:	nop
	nop
	ret
	.section .note.GNU-stack,"",@progbits
"""
CALLER = "void one(void); void two(void);\nint main(void) { one(); two(); return 0; }\n"


def no_ranges(folder):
    """Units whose code lies in several sections, of which they name one or none: .debug_aranges or line tables tell of them."""
    for name, text in (("two.asm", ASSEMBLER), ("two.S", GNU_ASSEMBLER), ("caller.c", CALLER)):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    output, caller = os.path.join(folder, "sections"), os.path.join(folder, "caller.c")
    for assembler, *options in (("nasm", "-g", "-F", "dwarf"), ("yasm", "-g", "dwarf2"), ("gcc", "-g", "-gdwarf-2", "-gstrict-dwarf"), ("gcc", "-g"),
                                (CLANG, "-g")):
        if not shutil.which(assembler):
            note(f"no {assembler}: left out")
            continue
        ours = "asm" in assembler
        run(assembler, *(["-felf64"] if ours else ["-c"]), *options, "two.asm" if ours else "two.S", "-o", "two.o", cwd=folder)
        run("gcc", "-g", "-z", "noexecstack", caller, "two.o", "-o", output, cwd=folder)
        compare(output, f"two sections of assembler by {assembler} {' '.join(options)}", addresses=all_code(output))
    run("g++", "-w", "-g", "-gdwarf-2", "-gstrict-dwarf", "-O2", "-ffunction-sections", *COMDAT, "-shared", "-fPIC", "-o", output)
    compare(output, "strict DWARF 2 by GCC, its ranges in .debug_aranges alone", addresses=all_code(output))
    run("objcopy", "--remove-section=.debug_aranges", output, output + ".none")
    compare(output + ".none", "the same without .debug_aranges", output, addresses=all_code(output))


def large_function(folder):
    """A function of many cases, each with calls inlined into each other: what an address costs does not depend on it."""
    source, output = os.path.join(folder, "large.c"), os.path.join(folder, "large")
    cases = 2500
    with open(source, "w") as file:
        file.write("volatile int g[10000];\n#define IN static inline __attribute__((always_inline)) int\n"
                   "IN inner(int x, int k) { g[k] = x; if (g[k + 1] > x) g[k + 2] = x * k; else g[k + 3] += k; return g[k] * x; }\n"
                   "IN outer(int x, int k) { int y = inner(x, k) + inner(x ^ k, k + 5); g[k + 4] = y; return y + x; }\n"
                   "int big(int c, int x)\n{\n\tswitch (c) {\n" +
                   "".join(f"\tcase {i}: x += outer(x, {i}); break;\n" for i in range(cases)) + "\t}\n\treturn x;\n}\n"
                   "int main(int argc, char **argv) { return big(argc, argc); }\n")
    for compiler in (CLANG, "gcc"):
        run(compiler, "-g", "-O1", source, "-o", output)
        size, start = next((int(words[1], 16), int(words[0], 16)) for words in map(str.split, run("nm", "-S", output).splitlines()) if words[-1] == "big")
        addresses = [hex(start + i * 7 % size) for i in range(120000)]
        compare(output, f"{cases} cases by {compiler}", addresses=addresses)
        text = "\n".join(addresses)
        figure(f"{len(addresses)} addresses of one function by {compiler}, llvm-symbolizer's time",
               took(lambda: run_with_input([SYMBOLIZER, "--inlines", "--obj=" + output], text)) / took(lambda: symbolize(output, text=text + "\n")), "times ours", "> 1")


def took(work):
    """Seconds of computing by processes that @work() starts."""
    before = os.times()
    work()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


FOREIGN = r"""
int here(int x) { return x * 3; }
#line 17 "C:\\work\\b.c"
int drive(int x) { return x * 5; }
#line 27 "\\\\server\\share\\c.c"
int server(int x) { return x * 7; }
#line 37 "D:/work/d.c"
int slashes(int x) { return x * 9; }
#line 47 "E:rel.c"
int relative(int x) { return x * 11; }
#line 57 "\\root.c"
int rooted(int x) { return x * 13; }
int main(int argc, char **argv) { return here(argc) + drive(argc) + server(argc) + slashes(argc) + relative(argc) + rooted(argc); }
"""


def foreign(folder):
    """Paths of another system."""
    source, output = os.path.join(folder, "foreign.c"), os.path.join(folder, "foreign")
    with open(source, "w") as file:
        file.write(FOREIGN)
    for compiler in (CLANG, "gcc"):
        for dwarf in ("4", "5"):
            run(compiler, "-g", "-gdwarf-" + dwarf, "-O1", "-fno-inline", source, "-o", output)
            compare(output, f"paths of Windows by {compiler}, DWARF {dwarf}")


POOLS = {"aarch64": """	.text
	.globl _start
	.type _start, %function
_start:	ldr x0, =0x123456789abcdef0
	bl second
	ret
	.ltorg
	.size _start, . - _start
	.type second, %function
second:	ldr x1, =0x0fedcba987654321
	b 1f
	.word 0x11223344
1:	ret
	.ltorg
plain:	ldr x2, =0x55
	ret
	.size second, . - second
""", "riscv64": """	.text
	.globl _start
_start:	li a0, 3
	call second
	ret
	.word 0x11223344
second:	.option push
	.option arch, +zba
	sh1add a0, a0, a0
	.option pop
	ret
	.word 5
"""}


def pools(folder):
    """Data between code, which assemblers mark with symbols that are no functions."""
    source, output = os.path.join(folder, "pool.S"), os.path.join(folder, "pool")
    for machine, text in POOLS.items():
        with open(source, "w") as file:
            file.write(text)
        run(CLANG, f"--target={machine}-linux-gnu", "-g", "-nostdlib", "-static", "-fuse-ld=lld", source, "-o", output)
        start, _, size = section(output, ".text")
        addresses = [hex(start + i) for i in range(0, size, 2)]
        equal(symbolize(output, *addresses).stdout, run_with_input([SYMBOLIZER, "--obj=" + output], "\n".join(addresses) + "\n"),
              f"{machine}: {len(addresses)} addresses of code and literals have its functions")


CONSTRAINED = """#include <stddef.h>
#define SHOWN __attribute__((noinline, used))
template <class T> concept Small = sizeof(T) < 8;
template <Small T> SHOWN int one(T t) { return (int)t; }
template <class T> requires Small<T> SHOWN int two(T t) { return (int)t + 2; }
template <class T> SHOWN int three(T t) requires (sizeof(T) < 16) { return (int)t + 3; }
SHOWN int four(Small auto t) { return (int)t + 4; }
template <Small auto V> SHOWN int five() { return V; }
struct Object {
	int x;
	SHOWN int get(this Object const &self, int i) { return self.x + i; }
	template <class Self> SHOWN int general(this Self &&self) { return self.x; }
	template <class T> requires Small<T> friend SHOWN int befriended(Object, T t) { return (int)t; }
};
SHOWN int bits(_BitInt(17) x) { return (int)x; }
template <class F> SHOWN int call(F f) { return f(3); }
int main()
{
	Object object{1};
	return one((short)1) + two((short)2) + three(3L) + four('c') + five<7>() + befriended(object, 3) + bits(4) + object.get(2) +
	    object.general() + call([]<Small T>(T t) { return (int)t; }) + call([](int t) { return t; });
}
"""


def constrained(folder):
    """Names of C++20 and C++23."""
    source, output = os.path.join(folder, "constrained.cc"), os.path.join(folder, "constrained")
    with open(source, "w") as file:
        file.write(CONSTRAINED)
    run(CLANGXX, "-w", "-std=c++23", "-g", "-O1", source, "-o", output)
    compare(output, "constraints and explicit objects")
    lines = {name: address for address, _, name in (line.split(None, 2) for line in run("nm", output).splitlines() if line.count(" ") == 2)}
    names = [name for name in lines if re.match("_ZN?H?.*(one|two|three|four|five|get|general|befriended|bits|call)", name)]
    told = [symbolize(output, lines[name]).stdout.split("\n")[0] for name in names]
    mangled = [name for name in told if name.startswith("_Z")]
    note(f"{len(names)} names, still mangled: {mangled}")
    ok(len(names) >= 11 and (not LLVM_DEMANGLER or len(mangled) <= 1), "they are demangled", f"{names}\n{told}")


def forms(folder):
    """Other machines, languages, linkers, and what tools make of executables."""
    output = os.path.join(folder, "form")
    for name, linking in (("PIE", ["-pie"]), ("not PIE", ["-no-pie"])):
        run(CLANG, "--target=aarch64-linux-gnu", "-ffreestanding", "-nostdlib", "-fuse-ld=lld", "-fPIC", "-g", "-O2", *linking,
            "-Wl,-e,LLVMFuzzerTestOneInput", *CALCULATOR, "-o", output)
        compare(output, f"aarch64, {name}")
    compare(build(output, JSON, "-g", "-O2", "-shared", "-fPIC", "-fsanitize=fuzzer-no-link"), "shared library")
    run("gcc", "-w", "-g", "-O2", "-flto", "-shared", "-fPIC", *JSON, "-o", output)
    compare(output, "link-time optimization by GCC, which has symbols in debug sections", addresses=all_code(output))
    rustc = shutil.which("rustc", path="/usr/bin") or shutil.which("rustc")
    if rustc:
        run(rustc, "--edition=2021", "-g", "-Copt-level=2", os.path.join(TARGETS, "words.rs"), "-o", output, cwd=folder)
        compare(output, "Rust")
    else:
        note("no rustc: Rust is left out")
    if not shutil.which("dwz"):
        return note("no dwz: what it makes is left out")
    for dwarf in ("4", "5"):
        # Clang's DWARF 5 has a .debug_addr, which dwz refuses: so GCC compiles.
        run("gcc", "-w", "-g", "-gdwarf-" + dwarf, "-O2", *JSON, "-shared", "-fPIC", "-o", output)
        run("dwz", output)
        compare(output, f"dwz, DWARF {dwarf}")


def move_debug(executable, debug):
    """Moves its debug information to @debug."""
    os.makedirs(os.path.dirname(debug), exist_ok=True)
    run("objcopy", "--only-keep-debug", executable, debug)
    run("strip", executable)
    run("objcopy", "--add-gnu-debuglink=" + debug, executable)


def pair(folder, dwarf, number):
    """Two libraries of C and C++ that have much in common; each with a copy of what it was."""
    place, made = os.path.join(folder, f"pair-{number}"), []
    os.makedirs(place)
    for name in ("one", "two"):
        output = os.path.join(place, name)
        # No parts of functions in places of their own, whose names demanglers write in different ways.
        run("g++", "-w", "-g", "-gdwarf-" + dwarf, "-O2", "-fno-reorder-blocks-and-partition", "-shared", "-fPIC",
            "-Wl,--build-id=0x" + os.urandom(20).hex(), *COMDAT, "-x", "c++", "-fpermissive", *JSON, "-o", output, cwd=place)
        shutil.copy(output, output + ".whole")
        made.append(output)
    return place, made


def debug_files(folder):
    """Separate debug files, and what dwz -m moves from several files into another one, which llvm-symbolizer does not read."""
    for dwarf in ("4", "5"):
        place, (one, two) = pair(folder, dwarf, "split" + dwarf)
        move_debug(one, one + ".debug")
        compare(one, f"separate debug file beside it, DWARF {dwarf}", one + ".whole")
        ok("put its separate debug file beside it" in symbolize(shutil.copy(one, folder + "/alone"), "0").stderr, "one that is not there is missed")
        shutil.copy(two, one + ".debug")
        done = symbolize(one, "0")
        ok("another build ID" in done.stderr and done.returncode == 0, f"one of another build is refused: {done.stderr.strip()}", done)
        if not shutil.which("dwz"):
            continue
        for how in ([], ["--dwarf-5"]):
            place, (one, two) = pair(folder, dwarf, f"whole{dwarf}{len(how)}")
            run("dwz", *how, "-m", "common", "one", "two", cwd=place)
            compare(one, f"dwz -m {' '.join(how)}, DWARF {dwarf}", one + ".whole")
            place, (one, two) = pair(folder, dwarf, f"apart{dwarf}{len(how)}")
            for path in (one, two):
                move_debug(path, os.path.join(place, "roots" + place, os.path.basename(path) + ".debug"))
            folder_of = os.path.join(place, "roots" + place)
            run("dwz", *how, "-m", "common", "-M", "../common", "one.debug", "two.debug", cwd=folder_of)
            shutil.move(os.path.join(folder_of, "common"), os.path.join(os.path.dirname(folder_of), "common"))
            for path in (one, two):
                compare(path, f"separate debug files, then dwz -m {' '.join(how)}, DWARF {dwarf}", path + ".whole", [os.path.join(place, "roots")])
            missing = symbolize(one, "0", roots=[folder_of])
            ok("its separate debug file beside it" in missing.stderr, f"a root without it: {missing.stderr.strip()}", missing)
    if shutil.which("dwz"):
        damaged_alternate(place, one, os.path.join(os.path.dirname(folder_of), "common"))


def split_units(folder):
    """Units that have files of their own (-gsplit-dwarf), and packages of these."""
    for name, compiler, dwarf, packer in (("clang5", CLANG, "5", CLANG.replace("clang", "llvm-dwp")), ("clang4", CLANG, "4", CLANG.replace("clang", "llvm-dwp")),
                                          ("gcc5", "gcc", "5", None), ("gcc4", "gcc", "4", "dwp")):
        place = os.path.join(folder, "units-" + name)
        os.makedirs(place)
        output = os.path.join(place, "json")
        for path in JSON:
            run(compiler, "-w", "-g", "-O2", "-gsplit-dwarf", "-gdwarf-" + dwarf, "-fPIC", "-c", path, cwd=place)
        run(compiler, "-shared", *(os.path.basename(path)[:-1] + "o" for path in JSON), "-o", output, cwd=place)
        addresses = all_code(output)
        compare(output, f"split units, {name}", addresses=addresses)
        units = [name for name in os.listdir(place) if name.endswith(".dwo")]
        roots, other = os.path.join(folder, "roots-" + name), os.path.join(folder, "moved-" + name)
        os.makedirs(other)
        moved = shutil.copy(output, other)
        if packer is None or not shutil.which(packer):
            note(f"{name}: no package, {packer or 'this form'} is left out")
        else:
            run(packer, "-e", "json", "-o", moved + ".dwp", cwd=place)
            answers = symbolize(output, text="\n".join(addresses) + "\n").stdout
            shutil.move(place, place + ".away")
            done = symbolize(moved, text="\n".join(addresses) + "\n")
            ok(done.stdout == answers and not done.stderr, f"{name}: {len(addresses)} addresses by its package", done.stderr)
            damage(moved, moved + ".dwp", f"package of {name}", [".debug_cu_index", ".debug_info.dwo", ".debug_abbrev.dwo", ".debug_str_offsets.dwo"])
            os.unlink(moved + ".dwp")
            shutil.move(place + ".away", place)
        os.makedirs(roots)
        for unit in units:
            shutil.move(os.path.join(place, unit), roots)
        answers = symbolize(output, text="\n".join(addresses) + "\n", roots=[roots])
        ok(answers.stdout.count("\n") > 2.2 * len(addresses) and not answers.stderr, f"{name}: below a folder that -d names", answers.stderr)
        done = symbolize(output, text="\n".join(addresses) + "\n")
        ok(done.returncode == 0 and done.stderr.count("is not there") == 1 and done.stdout.count("\n\n") == len(addresses),
           f"{name}: one that is not there is told, once: {done.stderr.strip()}", done.stderr)
        run(compiler, "-w", "-g", "-O0", "-gsplit-dwarf", "-gdwarf-" + dwarf, "-fPIC", "-c", JSON[0], cwd=place)
        inside = next(line.split()[0] for line in run("nm", output).splitlines() if line.endswith(" T LLVMFuzzerTestOneInput"))
        done = symbolize(output, inside)
        ok("another build" in done.stderr, f"{name}: one of another build is refused: {done.stderr.strip()}", done)
        shutil.copy(os.path.join(SRC, "README.md"), os.path.join(place, "fuzz_json.dwo"))
        ok("is not there" in symbolize(output, inside).stderr, f"{name}: what is no object file is not opened")
        unit = max(units, key=lambda name: os.path.getsize(os.path.join(roots, name)))
        shutil.copy(os.path.join(roots, unit), place)
        damage(output, os.path.join(place, unit), f"file of a unit of {name}", [".debug_info.dwo", ".debug_abbrev.dwo", ".debug_str_offsets.dwo"])
    rustc = shutil.which("rustc")
    if not rustc:
        return note("no rustc: its split units are left out")
    for form in ("unpacked", "packed"):
        output = os.path.join(folder, "rust-" + form)
        run(rustc, "--edition=2021", "-g", "-Copt-level=2", "-Csplit-debuginfo=" + form, os.path.join(TARGETS, "words.rs"), "-o", output, cwd=folder)
        compare(output, f"split units, Rust, {form}")


def damage(executable, path, name, names):
    """@path with random bytes in sections @names, and cut: still answered or refused in words."""
    with open(path, "rb") as file:
        sound = file.read()
    chance, wrong, addresses = random.Random(322), [], all_code(executable)[::97]
    ranges = [section_of(sound, path, name) for name in names]
    for i in range(40):
        data = bytearray(sound)
        offset, size = ranges[i % len(ranges)]
        for _ in range(1 << chance.randrange(8)):
            data[offset + chance.randrange(size)] = chance.randrange(256)
        if i < 8:
            del data[chance.randrange(len(data)):]
        with open(path, "wb") as file:
            file.write(data)
        wrong += filter(None, [survives(executable, addresses, f"{name}, variant {i}")])
    with open(path, "wb") as file:
        file.write(sound)
    equal(wrong, [], f"40 times a damaged {name}: each answered or refused in words")


def damaged_alternate(place, executable, common):
    """The alternate file missing, another one, cut, with random bytes: the rest is told."""
    roots, wrong = [os.path.join(place, "roots")], []
    with open(common, "rb") as file:
        sound = file.read()
    addresses = spread(executable + ".whole", 40)
    os.unlink(common)
    done = symbolize(executable, *addresses, roots=roots)
    lines = [line for block in llvm_frames(executable + ".whole", addresses) for line in block.split("\n")[1::2]]
    ok("is not there" in done.stderr and [line for line in done.stdout.split("\n") if re.search(r":\d+:\d+$", line)] == [line for line in lines if line],
       f"no alternate file: {done.stderr.strip()}", done)
    chance = random.Random(321)
    # Never its ID, so that it is taken.
    ranges = [section_of(sound, common, name) for name in (".debug_info", ".debug_abbrev", ".debug_str")]
    for i in range(60):
        data = bytearray(sound)
        offset, size = ranges[i % len(ranges)]
        for _ in range(1 << chance.randrange(8)):
            data[offset + chance.randrange(size)] = chance.randrange(256)
        if i < 10:
            del data[chance.randrange(len(data)):]
        with open(common, "wb") as file:
            file.write(data)
        wrong += filter(None, [survives(executable, addresses, f"alternate variant {i}", roots=roots)])
    equal(wrong, [], "60 damaged alternate files: each answered or refused in words")


def section_of(data, path, name):
    """Offset and size of a section of the file that @data will be."""
    with open(path, "wb") as file:
        file.write(data)
    return section(path, name)[1:]


FAR = (2 << 30) + (100 << 20)


def large_strings(folder):
    """A .debug_str of more than 2 GiB, with a name at its far end; and debug information that memory does not suffice for."""
    source, output = os.path.join(folder, "far-source"), os.path.join(folder, "far")
    for compiler, dwarf, *more in (("gcc", "4"), ("gcc", "5"), (CLANG, "4"), (CLANG, "5"), (CLANG, "5", "-flto", "-fuse-ld=lld")):
        # Until the name's offset is no number that stands there for something else, too; it hangs together with the length of paths.
        for length in range(1, 64):
            run(compiler, "-w", "-g", "-gdwarf-" + dwarf, "-O2", f"-fdebug-prefix-map={os.getcwd()}=/{'x' * length}", *more, "-shared", "-fPIC", *JSON, "-o", source)
            with open(source, "rb") as file:
                data = bytearray(file.read())
            headers = elf_headers(data)
            _, offset, size = headers[".debug_str"]
            near = struct.pack("<I", data.index(b"\0check_round_trip\0", offset) + 1 - offset)
            numbers = headers.get(".debug_str_offsets") or headers[".debug_info"]
            if data.count(near, numbers[1], numbers[1] + numbers[2]) == 1:
                break
        where = data.index(near, numbers[1], numbers[1] + numbers[2])
        struct.pack_into("<I", data, where, FAR)
        with open(source, "wb") as file:
            file.write(data)
        start = grow_section(source, output, ".debug_str", FAR + (64 << 20))
        with open(output, "r+b") as file:
            file.seek(start + FAR)
            file.write(b"far_away\0")
        addresses = all_code(output)
        compare(output, f".debug_str of 2.1 GiB, {' '.join((compiler, *more))}, DWARF {dwarf}", addresses=addresses)
        ok("\nfar_away\n" in "\n" + symbolize(output, text="\n".join(addresses) + "\n").stdout, "with a name from its far end")
    with open(os.path.join(BUILD, "config.h")) as file:
        if "define WITH_SANITIZERS 1" in file.read():
            return skip("too little memory", "sanitizers need more")
    run("gcc", "-w", "-g", "-O2", "-shared", "-fPIC", *JSON, "-o", source)
    grow_section(source, output, ".debug_info", 600 << 20)
    symbol = next(line.split()[0] for line in run("nm", source).splitlines() if line.endswith(" T json_parse"))
    done = subprocess.run(["prlimit", f"--as={256 << 20}", program("fuzzsupctl"), "symbolize", output, symbol], text=True, capture_output=True, env=dict(ENVIRONMENT, FUZZSUPD_LIBEXEC=libexec()))
    ok(done.stdout == "json_parse\n??:0:0\n\n" and "-gline-tables-only" in done.stderr and done.returncode == 0,
       f"too little memory: names of symbols, and advice: {done.stderr.strip()}", done)


CRASH = """#include <stdlib.h>
struct Box {
	char *bytes;
	explicit Box(int size) : bytes(static_cast<char *>(malloc(size))) {}
	char get(int i) const { return bytes[i]; }
};
template <class T> static inline int deep(const T &box, int i) { return box.get(i) + 1; }
namespace {
__attribute__((noinline)) int run(int size)
{
	Box box(size);
	auto look = [&](int k) { return deep(box, k); };
	return look(size);
}
}
int main(int argc, char **) { return run(argc * 4); }
"""


def frame_lines(report, module):
    """The report's frames of @module and what is written in them, but for addresses of this run and the runtime's own."""
    frames = [line for line in report.splitlines() if re.match(r" +#\d+ 0x", line)]
    return [re.sub(r"0x[0-9a-f]+ ", "", line) for line in frames if re.search(r"crash\.cc|" + module + r"\+0x", line)]


def reports(folder):
    source = os.path.join(folder, "crash.cc")
    with open(source, "w") as file:
        file.write(CRASH)
    for form in ("-pie", "-no-pie"):
        executable = build(os.path.join(folder, "crash" + form), [source], "-g", "-O1", "-fsanitize=address", form)
        bare = subprocess.run([executable], env=ENVIRONMENT, text=True, capture_output=True).stderr
        told = subprocess.run([executable], text=True, capture_output=True,
                              env=dict(os.environ, ASAN_OPTIONS="symbolize=1", ASAN_SYMBOLIZER_PATH=shutil.which(SYMBOLIZER))).stderr
        done = symbolize(executable, text=bare)
        name = os.path.basename(executable)
        wanted, got = frame_lines(told, name), frame_lines(done.stdout, name)
        equal(got, wanted, f"AddressSanitizer's report, {form}: {len(got)} frames as its own symbolizer tells them")
        ok(len(got) >= 6 and "Box::get(int) const " + source + ":5:" in got[0], "the innermost frame first", "\n".join(got))
        others = lambda text: [line for line in text.splitlines() if not re.match(r" +#\d+ 0x|SUMMARY", line)]
        equal(others(done.stdout), others(bare), "all other lines as they were")
        numbers = [int(number) for number in re.findall(r"^ +#(\d+) 0x", done.stdout.split("located")[0], re.M)]
        equal(numbers, list(range(len(numbers))), "frames are numbered on")
        ok("(/" in done.stdout and "libc.so" in done.stdout, "frames of other modules stay", done.stdout)
    words = "dead\n==1==ERROR\ndead\n    #0 0x12  (/elsewhere/other+0x12)\n    #1 0x13 in known /x.c:1:2\nnul \0 byte\nno newline"
    done = symbolize(executable, text=words)
    equal(done.stdout, words, "what is no frame of the executable passes unchanged")
    return executable


def words(folder, good):
    address = hex(section(good, ".text")[0] + 64)
    done = symbolize(good, address, address[2:])
    equal(done.stdout, (llvm_frames(good, [address])[0] + "\n\n") * 2, "addresses as arguments, with and without 0x")
    equal(symbolize(good, "0xzz").returncode, 2, "a word that is no address is bad usage")
    equal(symbolize(good, "1").stdout, "??\n??:0:0\n\n", "an address outside is unknown")
    for name, path, said in (("a file that is missing", os.path.join(folder, "nowhere"), "No such file"),
                             ("a text file", os.path.join(SRC, "README.md"), "not an ELF executable"),
                             ("a device", "/dev/null", "not a regular file")):
        done = symbolize(path, "1")
        ok(done.returncode == 1 and said in done.stderr, f"{name}: {done.stderr.strip()}", done)
    plain = build(os.path.join(folder, "plain"), CALCULATOR, "-g0", "-fsanitize=fuzzer")
    symbol = next(line.split()[0] for line in run("nm", plain).splitlines() if line.endswith(" T calculator_apply"))
    done = symbolize(plain, symbol)
    ok(done.stdout.startswith("calculator_apply\n??:0:0") and "build with -g" in done.stderr, f"without debug information: {done.stderr.strip()}", done)


def old_compression(folder):
    """.zdebug_*, as binutils made it: said alike for stack traces and for tables."""
    executable = build(os.path.join(folder, "zdebug"), JSON, "-g", "-fsanitize=fuzzer")
    address = hex(section(executable, ".text")[0] + 64)
    name = symbolize(executable, address).stdout.split("\n")[0]
    try:
        run("objcopy", "--compress-debug-sections=zlib-gnu", executable)
    except RuntimeError as error:
        return note(f"objcopy makes no .zdebug sections any more: {error}")
    done, table = symbolize(executable, address), subprocess.run([os.path.join(BUILD, "t", "lib", "dump_table"), executable], text=True, capture_output=True)
    for what, text in (("symbolize", done.stderr), ("a table", table.stderr + table.stdout[-500:])):
        ok(".zdebug" in text and "objcopy --decompress-debug-sections" in text and "do not strip" not in text, f".zdebug sections, {what}: {text.strip()}")
    ok(done.stdout.startswith(name + "\n") and done.returncode == 0, "names come from symbols", done)
    run("objcopy", "--decompress-debug-sections", executable)
    return ok(symbolize(executable, address).stderr == "", "the remedy helps")


def survives(path, addresses, name, roots=()):
    """Whether @path was answered or refused in words by programs that no sanitizer complains about."""
    try:
        done = symbolize(path, *addresses, roots=roots)
    except subprocess.TimeoutExpired as error:
        return f"{name}: not done after {error.timeout:.0f} s"
    if done.returncode not in (0, 1) or re.search("Sanitizer|runtime error", done.stderr):
        return f"{name}: exit code {done.returncode}: {done.stderr[-1500:]}"
    if done.returncode == 1 and not done.stderr.startswith("fuzzsupctl: "):
        return f"{name}: no word on why: {done.stderr}"
    return None


def damaged(folder, good, seed, count):
    """Cut anywhere, and random bytes in the sections that are read."""
    with open(good, "rb") as file:
        sound = file.read()
    chance = random.Random(seed)
    path = os.path.join(folder, "damaged")
    headers = elf_headers(sound)
    sections = [headers[name][1:] for name in (".debug_info", ".debug_abbrev", ".debug_line", ".debug_rnglists", ".debug_ranges", ".debug_str_offsets",
                                               ".debug_addr", ".debug_aranges") if name in headers]
    addresses, wrong = spread(good, 40), []
    for i in range(count):
        data = bytearray(sound)
        if i < 20:
            del data[chance.randrange(len(data)):]
        elif i < 30:
            data[chance.randrange(64)] = chance.randrange(256)
        else:
            offset, size = sections[i % len(sections)]
            for _ in range(1 << chance.randrange(8)):
                data[offset + chance.randrange(size)] = chance.randrange(256)
        with open(path, "wb") as file:
            file.write(data)
        wrong += filter(None, [survives(path, addresses, f"variant {i}")])
    equal(wrong, [], f"{count} damaged executables: each answered or refused in words")


BOMB = """	.text
	.globl main
main:	nop
	ret
	.section .debug_abbrev
	.uleb128 1, 0x11		# unit with children: low_pc, high_pc
	.byte 1
	.uleb128 0x11, 1, 0x12, 7, 0, 0
	.uleb128 2, 0x39		# namespace with children
	.byte 1
	.uleb128 0, 0
	.uleb128 3, 0x2e		# function with children
	.byte 1
	.uleb128 0x11, 1, 0x12, 6, 0, 0
	.uleb128 4, 0x1d		# call inlined into it
	.byte 1
	.uleb128 0x11, 1, 0x12, 6, 0, 0
	.byte 0
	.section .debug_info
	.long 9f - 8f
8:	.short 4
	.long 0
	.byte 8
	.uleb128 1
	.quad main, 2
	%s
9:
"""
BOMBS = [("4 MB of namespaces in each other", ".rept 4000000\n.byte 2\n.endr"),
         ("4 MB of functions in each other", ".rept 300000\n.byte 3\n.quad main\n.long 2\n.endr"),
         ("4 MB of inlined calls in each other", ".byte 3\n.quad main\n.long 2\n.rept 300000\n.byte 4\n.quad main\n.long 2\n.endr"),
         ("300,000 calls beside each other", ".byte 3\n.quad main\n.long 2\n.rept 300000\n.byte 4\n.quad main\n.long 2\n.byte 0\n.endr"),
         ("300,000 functions at one address", ".rept 300000\n.byte 3\n.quad main\n.long 2\n.byte 0\n.endr"),
         ("4 MB that end nowhere", ".byte 3\n.quad main\n.long 2\n.rept 4000000\n.byte 0x80\n.endr")]


def bombs(folder):
    source, output = os.path.join(folder, "bomb.s"), os.path.join(folder, "bomb")
    for name, body in BOMBS:
        with open(source, "w") as file:
            file.write(BOMB % body)
        run(CLANG, source, "-o", output)
        address = next(line.split()[0] for line in run("nm", output).splitlines() if line.endswith(" T main"))
        wrong = survives(output, [address, address], name)
        done = symbolize(output, address)
        ok(not wrong and done.stdout.split("\n")[-4] == "main" and ("too deep" in done.stderr) == ("inlined" in name),
           f"{name}: answered", f"{wrong} {done.stdout[-300:]} {done.stderr}")


with scratch() as folder:
    matrix(folder)
    nested(folder)
    no_ranges(folder)
    large_function(folder)
    foreign(folder)
    pools(folder)
    constrained(folder)
    forms(folder)
    debug_files(folder)
    split_units(folder)
    large_strings(folder)
    good = reports(folder)
    words(folder, good)
    old_compression(folder)
    count = int(os.environ.get("CORRUPTIONS", 120))
    damaged(folder, build(os.path.join(folder, "small"), JSON, "-g", "-O2", "-fsanitize=fuzzer", "-gdwarf-5"), 320, count)
    run("gcc", "-w", "-g", "-gdwarf-4", "-O2", "-shared", "-fPIC", *JSON, "-o", os.path.join(folder, "small"))
    damaged(folder, os.path.join(folder, "small"), 323, count // 2)
    bombs(folder)
done()
