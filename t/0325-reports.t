#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reports of all kinds through fuzzsupctl symbolize: of each sanitizer, libFuzzer, GWP-ASan,
backtrace(), Rust, against what the same tool prints with a symbolizer of its own; text that
is no frame; reports of another build."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from symbolizer import symbolize

PROGRAM = """#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int shared;
static inline void bump(int n) { shared += n; }
__attribute__((noinline)) void *run(void *) { bump(2); return nullptr; }
__attribute__((noinline)) int look(int *p) { return p[1] ? 3 : 4; }
__attribute__((noinline)) static char *make(int size) { return static_cast<char *>(memset(malloc(size), 1, size)); }
__attribute__((noinline)) int over(int a) { return a + 1; }
void other(long a) { shared += a; }
struct Box {
	char *bytes;
	int get(int i) const { return bytes[i]; }
};
template <class T> static inline int deep(const T &box, int i) { return box.get(i) + 1; }
__attribute__((noinline)) int freed(int i)
{
	Box box = { make(41) };
	free(box.bytes);
	return deep(box, i);
}
int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	pthread_t thread;

	if (!strcmp(what, "race")) {
		pthread_create(&thread, nullptr, run, nullptr);
		bump(1);
		pthread_join(thread, nullptr);
	} else if (!strcmp(what, "uninitialized")) {
		return look(static_cast<int *>(malloc(8)));
	} else if (!strcmp(what, "freed")) {
		return freed(argc);
	} else if (!strcmp(what, "leak")) {
		shared = *make(7);
	} else {
		((void (*)(int))other)(3);
		return over(2147483647 - argc + 1);
	}
	return 0;
}
"""


def run(*command, **keys):
    done = subprocess.run(command, text=True, errors="replace", capture_output=True, **keys)
    return done.stdout + done.stderr


def make(output, source, *options, compiler=CLANGXX, link=True):
    done = subprocess.run([compiler, "-w", "-g", "-O1", *(["-Wl,--build-id"] if link else []), *options, source, "-o", output], text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{compiler} {options}: {done.stderr[-2000:]}")
    return output


def report(executable, *words, told=False, options="", **keys):
    """What @executable prints, bare or told by its own symbolizer."""
    settings = f"symbolize={int(told)}:print_stacktrace=1:{options}"
    names = ("ASAN", "TSAN", "MSAN", "UBSAN", "LSAN", "HWASAN")
    environment = dict(os.environ, **{name + "_OPTIONS": settings for name in names}, SCUDO_OPTIONS="GWP_ASAN_SampleRate=1:" + options)
    if told:
        environment.update({name + "_SYMBOLIZER_PATH": shutil.which(SYMBOLIZER) for name in names})
    return run(executable, *words, env=environment, cwd=os.path.dirname(executable), **keys)


def until_found(executable, *words, **keys):
    """A report in which something is found: a race is not seen each time."""
    return next((text for text in (report(executable, *words, **keys) for _ in range(50)) if re.search("Sanitizer|runtime error", text)), "")


def ours(text, source):
    """Its lines that name @source, without what differs from run to run, and without what the tool's own symbolizer left out."""
    lines = [line for line in text.splitlines() if source + ":" in line]
    lines = [re.sub(r"\b0x[0-9a-f]+ |\(pid=\d+\)| \(BuildId: [0-9a-f]+\)", "", line).rstrip() for line in lines]
    return [re.sub(r"\+0x[0-9a-f]+\)", ")", line) for line in lines]


def stacks(text):
    """Numbers of frames, by stack."""
    found = []
    for number in re.findall(r"^ +#(\d+) ", text, re.M):
        if number == "0":
            found.append([])
        found[-1].append(int(number))
    return found


def against_tool(name, executable, source, *words, least, options=""):
    told, bare = until_found(executable, *words, told=True, options=options), until_found(executable, *words, options=options)
    done = symbolize(executable, text=bare)
    wanted, got = ours(told, source), ours(done.stdout, source)
    if "race" in words:  # which of the two is first differs
        wanted, got = sorted(set(re.sub(r"#\d+ ", "", line) for line in wanted)), sorted(set(re.sub(r"#\d+ ", "", line) for line in got))
    equal(got, wanted, f"{name}: {len(got)} lines as its own symbolizer tells them")
    ok(len(got) >= least and done.returncode == 0 and not done.stderr, f"{name}: exit status 0, no remark", f"{bare}\n{done.stdout}\n{done.stderr}")
    ok(all(numbers == list(range(len(numbers))) for numbers in stacks(done.stdout)), f"{name}: frames are numbered on", done.stdout)
    return bare


def sanitizers(folder, source):
    for name, flags, word, least in (("AddressSanitizer", ["-fsanitize=address"], "freed", 7), ("LeakSanitizer", ["-fsanitize=leak"], "leak", 1),
                                     ("MemorySanitizer", ["-fsanitize=memory", "-fsanitize-memory-track-origins"], "uninitialized", 3),
                                     ("ThreadSanitizer", ["-fsanitize=thread"], "race", 5), ("UBSan", ["-fsanitize=undefined,function"], "", 4),
                                     ("HWAddressSanitizer", ["-fsanitize=hwaddress", "-fuse-ld=lld", "-fsanitize-hwaddress-experimental-aliasing"], "freed", 5)):
        executable = os.path.join(folder, name)
        try:
            make(executable, source, *flags)
        except RuntimeError as error:
            note(f"{name}: left out, this toolchain cannot make it: {error}")
            continue
        if name == "HWAddressSanitizer" and "HWAddressSanitizer" not in report(executable, word):
            note(f"{name}: left out, it does not run here")
            continue
        against_tool(name, executable, source, word, least=least)
    try:
        gcc = make(os.path.join(folder, "gcc"), source, "-fsanitize=thread", compiler="g++")
    except RuntimeError as error:
        return note(f"GCC's ThreadSanitizer is left out: {error}")
    done = symbolize(gcc, text=until_found(gcc, "race"))
    lines = ours(done.stdout, source)
    ok(any(re.match(rf" +#0 bump\S* {source}:6:\d+ \(gcc\)", line) for line in lines) and any(re.match(rf" +#1 run\S* {source}:7", line) for line in lines),
       "GCC's ThreadSanitizer: frames without a PC", done.stdout)
    if "Location is global" in done.stdout:
        ok("global 'shared' of size 4 at" in done.stdout, "its global has its name", done.stdout)


FUZZ = """#include <stddef.h>
#include <stdint.h>
static volatile int sink;
__attribute__((noinline)) static void fresh(void) { sink++; }
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 1 && data[0] == 'F')
		fresh();
	return 0;
}
"""


def libfuzzer(folder):
    source = os.path.join(folder, "fuzz.cc")
    with open(source, "w") as file:
        file.write(FUZZ)
    executable = make(os.path.join(folder, "fuzz"), source, "-fsanitize=fuzzer,address")
    words = ["-print_pcs=1", "-print_funcs=2", "-runs=20000", "-seed=1"]
    bare, told = report(executable, *words), report(executable, *words, told=True)
    pick = lambda text: sorted(set(re.sub(r"0x\w+|^\s+", "", line) for line in text.splitlines() if "NEW_" in line))
    done = symbolize(executable, text=bare)
    equal(pick(done.stdout), pick(told), f"libFuzzer's NEW_PC and NEW_FUNC: {pick(told)}")
    ok("NEW_FUNC" in told and "NEW_PC" in told, "both were there", told)


CRASHER = """#define _GNU_SOURCE
#include <execinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
static void handle(int number)
{
	void *frames[32];
	backtrace_symbols_fd(frames, backtrace(frames, 32), 2);
	_exit(number);
}
static volatile int *nowhere;
static inline int within(int x) { return *nowhere + x; }
__attribute__((noinline)) static int crash(int x) { return within(x); }
__attribute__((noinline)) int outer(int x)
{
	return crash(x) + 1;
}
__attribute__((noinline)) char use(char *p) { return *p; }
int main(int argc, char **argv)
{
	char *p;
	signal(SIGSEGV, argc > 1 ? SIG_DFL : handle);
	if (argc == 1)
		return outer(argc) + 2;
	p = malloc(41);
	free(p);
	return use(p);
}
"""


def traces(folder):
    source = os.path.join(folder, "crasher.c")
    with open(source, "w") as file:
        file.write(CRASHER)
    for name, flags in (("PIE", ["-pie"]), ("not PIE", ["-no-pie"]), ("with names", ["-rdynamic"]), ("not PIE, with names", ["-rdynamic", "-no-pie"])):
        executable = make(os.path.join(folder, "crasher"), source, *flags, compiler="gcc")
        done = symbolize(executable, text=report(executable))
        places = re.findall(r" in (\w+) .*crasher\.c:(\d+)", done.stdout)
        equal(places, [("handle", "9"), ("within", "13"), ("crash", "14"), ("outer", "17"), ("main", "25")],
              f"backtrace_symbols(), {name}: a call's line, and that of the instruction that crashed")
        ok("libc.so" in done.stdout and done.returncode == 0, "others stay", done)
    # gdb and honggfuzz have executables where Linux puts them unless it moves them.
    executable = make(os.path.join(folder, "crasher"), source, "-pie", compiler="gcc")
    symbols = {line.split()[2]: int(line.split()[0], 16) for line in run("nm", executable).splitlines() if " T " in line}
    pc = 0x555555554000 + symbols["outer"] + 5  # behind its call
    for line in (f"#0  0x{pc:016x} in ?? ()\n", f" <0x{pc:016x}> [func:UNKNOWN file: line:0 module:{executable}]\n"):
        done = symbolize(executable, text=line)
        ok("outer" in done.stdout and source in done.stdout and done.returncode == 0, f"not moved: {done.stdout.strip()}", done)
    try:
        executable = make(os.path.join(folder, "scudo"), source, "-fsanitize=scudo", compiler=CLANG)
    except RuntimeError as error:
        return note(f"GWP-ASan is left out: {error}")
    bare = next((text for text in (report(executable, "free") for _ in range(20)) if "GWP-ASan" in text), "")
    if not bare:
        return note("GWP-ASan: left out, it finds nothing here")
    done = symbolize(executable, text=bare)
    ok(re.search(rf"^ +#\d 0x\w+ in use {source}:19:\d+$", done.stdout, re.M) and len(re.findall(rf"^ +#\d+ 0x\w+ in main {source}:2[67]:\d+$", done.stdout, re.M)) == 2,
       "GWP-ASan: who used it, freed it and made it", done.stdout + done.stderr)
    return None


PANIC = """#[inline(never)]
fn deep(values: &[u32], i: usize) -> u32 { values[i] }
#[inline(never)]
fn outer(count: usize) -> u32 { deep(&[1, 2, 3], count + 3) + 1 }
fn main() { println!("{}", outer(std::env::args().count())); }
"""


def rust(folder):
    """Panics of stripped executables name no module: at a fixed place, and at one that their return addresses tell."""
    rustc = shutil.which("rustc", path="/usr/bin") or shutil.which("rustc")
    if not rustc:
        return note("no rustc: Rust is left out")
    source, executable = os.path.join(folder, "panic.rs"), os.path.join(folder, "panic")
    with open(source, "w") as file:
        file.write(PANIC)
    for model in ("static", "pie"):
        subprocess.run([rustc, "-g", "-Copt-level=1", f"-Crelocation-model={model}", source, "-o", executable], check=True, capture_output=True, cwd=folder)
        shutil.copy(executable, executable + ".whole")
        subprocess.run(["strip", executable], check=True)
        text = run(executable, env=dict(os.environ, RUST_BACKTRACE="full"))
        if "<unknown>" not in text:
            note(f"Rust, {model}: left out, its panics are told though the executable is stripped")
            continue
        done = symbolize(executable + ".whole", text=text)
        for name, line in (("deep", 2), ("outer", 4), ("main", 5)):
            ok(re.search(rf"^ +\d+: +0x\w+ - panic::{name}\n +at {source}:{line}:\d+$", done.stdout, re.M), f"Rust, {model}: panic::{name}", done.stdout + done.stderr)
        numbers = [int(number) for number in re.findall(r"^ +(\d+): ", done.stdout, re.M)]
        equal(numbers, list(range(len(numbers))), "frames are numbered on")
        ok(done.returncode == 0 and ("return addresses" in done.stderr) == ("DYN" in run("readelf", "-h", executable)), f"how that is known is said: {done.stderr.strip()}")
        pcs = [line for line in text.splitlines() if "<unknown>" in line]
        logged = "".join(f"page.cc:460]   @   {line.split()[1]}\n" for line in pcs)
        done = symbolize(executable + ".whole", text=logged)
        ok(f"panic::deep {source}:2:" in done.stdout, f"{model}: a stack as TCMalloc prints it", done.stdout)
        few = "".join(line + "\n" for line in pcs[:3])
        done = symbolize(executable + ".whole", text=few)
        ok(done.stdout == few or "EXEC" in run("readelf", "-h", executable), "three of them are too few to tell", done.stdout)
    return None


def wrapped(executable, source, bare):
    """Time stamps, colours, levels, line ends, and what a container puts in front."""
    clean = symbolize(executable, text=bare).stdout
    for name, prefix, end in (("time stamps", "2026-01-02T03:04:05.678Z ", ""), ("log levels", "E0102 03:04:05.678901 42 run.cc:12] ", ""),
                              ("a container's name", "fuzz_1  | ", ""), ("Android's log", "01-02 03:04:05.678  42  43 I fuzz: ", ""),
                              ("carriage returns", "", "\r"), ("colours around", "\033[31m", "\033[0m"), ("a wrapper's word", "CRASH LOG: ", "")):
        wrap = lambda text: "".join(prefix + line + end + "\n" for line in text.splitlines())
        equal(symbolize(executable, text=wrap(bare)).stdout.replace("in \n", "in\n"), wrap(clean).replace("in \n", "in\n"), f"frames behind {name}")
    coloured = re.sub(r"#(\d+) (0x\w+)", "\033[1m#\\1\033[0m \033[36m\\2\033[0m", bare)
    done = symbolize(executable, text=coloured)
    equal(ours(re.sub(r"\033\[\d*m", "", done.stdout), source), ours(clean, source), "colours within frames")
    equal(done.stdout.count("\033[0m") >= coloured.count("\033[0m"), True, "colours that are switched off stay so")
    ok(symbolize(executable, text=report(executable, "freed", options="color=always")).stdout.count(source) == clean.count(source), "a sanitizer's own colours")


def texts(folder, executable, bare):
    said = "3\n42\ncafe\n12345678\n"
    done = symbolize(executable, text=said + bare + said + "0x1\n")
    ok(done.stdout.startswith(said) and done.stdout.endswith(said + "0x1\n") and done.returncode == 0, "numbers that a program prints are no addresses", done.stdout)
    address = re.search(r"\+(0x\w+)\)", bare[bare.index("HERE") if "HERE" in bare else 0:])[1]
    one = symbolize(executable, address).stdout
    for name, text, words, wanted in (("with 0x", f"{address}\n", [], one), ("as nm prints them", f"{int(address, 16):016x}\n", [], one),
                                      ("bare", f"{address[2:]}\n", ["--addresses"], one), ("bare, behind text", f"well\n{address[2:]}\n", ["--addresses"], "well\n" + one),
                                      ("bare, without that", f"{address[2:]}\n", [], f"{address[2:]}\n"), ("behind text", f"well\n{address}\n", [], f"well\n{address}\n")):
        equal(symbolize(executable, *words, text=text).stdout, wanted, f"addresses {name}")

    link = os.path.join(folder, "a-link")
    os.symlink(executable, link)
    equal(symbolize(link, text=bare).stdout, symbolize(executable, text=bare).stdout, "an executable that is named by a link")
    renamed = re.sub(r" \(BuildId: \w+\)", "", bare).replace(executable, "/elsewhere/fuzz-7")
    done = symbolize(executable, text=renamed)
    ok(done.stdout == renamed and done.returncode == 0 and "fuzz-7" in done.stderr and "--module" in done.stderr, f"no frame of it: {done.stderr.strip()}", done)
    ok(symbolize(executable, "--module", "fuzz-7", text=renamed).stdout.count("crash.cc:") > 3, "--module names what the report calls it")
    ok(symbolize(executable, text=bare.replace(executable, "/elsewhere/fuzz-7")).stdout.count("crash.cc:") > 3, "a build ID is enough")
    done = symbolize(executable, text="nothing\n")
    ok(done.stdout == "nothing\n" and "no frame" in done.stderr and done.returncode == 0, f"no frame at all: {done.stderr.strip()}", done)
    told = symbolize(executable, text=bare).stdout
    told = "".join(line for line in told.splitlines(True) if "+0x" not in line)
    done = symbolize(executable, text=told)
    ok(done.stdout == told and "told already" in done.stderr, f"frames that are told: {done.stderr.strip()}", done)
    waits = "a.c:1:2: runtime error: call to function (unknown) through pointer to incorrect function type 'void (*)(int)'\n"
    for text in (waits, waits[:-1], waits + "x\n", waits * 3, waits + "a\0b\n", waits + "   0:   0x1 - <unknown>\n"):
        equal(symbolize(executable, text=text).stdout, text, "a call of an unknown function, " + repr(text[len(waits) - 1:])[:40])
    long = "#0 0x1 (/x+0x1)" * 5000 + "\n" + "a\0b\n" + "no newline"
    equal(symbolize(executable, text=long).stdout, long, "a line of 75,000 letters, a NUL, no line's end")


def dying(folder, executable):
    """A symbolizer that dies takes nothing of the report with it that it had not read."""
    place = os.path.join(folder, "libexec")
    os.mkdir(place)
    with open(os.path.join(place, "fuzzsupd-symbolizer"), "w") as file:
        file.write("#!/bin/sh\nread line\necho \"$line\"\nkill -$SIGNAL $$\n")
    os.chmod(file.name, 0o755)
    text = "".join(f"line {i}\n" for i in range(20000))
    for signal, said in (("XCPU", "of computing"), ("SEGV", "died of it")):
        done = subprocess.run([program("fuzzsupctl"), "symbolize", executable], input=text, text=True, capture_output=True,
                              env=dict(os.environ, FUZZSUPD_LIBEXEC=place, SIGNAL=signal))
        ok(done.stdout == text and done.returncode == 1 and said in done.stderr and "follows as it is" in done.stderr, f"the rest passes: {done.stderr.strip()}",
           f"{len(done.stdout)} of {len(text)} bytes, {done.returncode}")
    done = subprocess.run([program("fuzzsupctl"), "symbolize", executable, "1"], input=text, text=True, capture_output=True,
                          env=dict(os.environ, FUZZSUPD_LIBEXEC=place, SIGNAL="SEGV"))
    ok("line 1" not in done.stdout and done.returncode == 1, "but not where addresses were asked", done)


def builds(folder, source):
    """A report of an older build: by its ID, by a function's name where there is no ID, and with that build kept."""
    here = os.path.join(folder, "builds")
    roots = os.path.join(here, "roots")
    os.makedirs(roots)
    with open(source) as file:
        text = file.read()
    executable = make(os.path.join(here, "fuzz"), source, "-fsanitize=address")
    bare = report(executable, "freed")
    told = symbolize(executable, text=bare).stdout
    old = shutil.move(executable, executable + ".old")
    ids = [re.search(r"Build ID: (\w+)", run("readelf", "-n", old))[1]]
    newer = os.path.join(here, "newer.cc")
    with open(newer, "w") as file:
        file.write(text.replace("int main(", "int grown(int *p) { for (int i = 0; i < 9; i++) p[i] += over(i); return shared; }\nint main(")
                   .replace("#include <pthread.h>", "\n\n#include <pthread.h>\n__attribute__((noinline)) int before(int *p) { return p[3] + p[4]; }"))
    make(executable, newer, "-fsanitize=address")
    ids.append(re.search(r"Build ID: (\w+)", run("readelf", "-n", executable))[1])
    done = symbolize(executable, text=bare)
    ok(done.stdout == bare and done.returncode == 1 and all(word in done.stderr for word in ids), f"of an older build: {done.stderr.strip()}", done)

    mine = report(executable, "freed")
    mixed = symbolize(executable, text=mine + bare)
    equal(mixed.stdout, symbolize(executable, text=mine).stdout + bare, "each frame by its own build ID")
    equal(mixed.returncode, 1, "which the exit status tells")

    place = os.path.join(roots, ".build-id", ids[0][:2], ids[0][2:] + ".debug")
    os.makedirs(os.path.dirname(place))
    for name, command in (("debug file", ["objcopy", "--only-keep-debug", old, place]), ("executable", ["cp", old, place])):
        subprocess.run(command, check=True)
        done = symbolize(executable, text=mine + bare, roots=[roots])
        equal((done.stdout, done.returncode), (symbolize(executable, text=mine).stdout + told, 0), f"that build's {name} is kept: its frames are read from there")
        ok("kept" in done.stderr, f"which is said: {done.stderr.strip()}")
    shutil.copy(executable, place)
    done = symbolize(executable, text=bare, roots=[roots])
    equal((done.stdout, done.returncode), (bare, 1), "a file by that name of yet another build is none")

    for path, file in ((old, source), (executable, newer)):
        make(path, file, "-fsanitize=address", "-Wl,--build-id=none")
    bare = report(old, "freed").replace("fuzz.old", "fuzz")
    ok(f"{executable}+" in bare and not re.search(rf"{executable}.*BuildId", bare), "a report without build IDs", bare)
    done = symbolize(executable, text=bare)
    ok("no build IDs" in done.stderr and "another build" in done.stderr and done.returncode == 1, f"it is told by calls that are not there: {done.stderr.strip()}", done)
    done = symbolize(old, "--module", "fuzz", text=bare)
    ok(done.stderr == "" and done.returncode == 0, "and fits its own build without a word", done)
    main = next(line.split()[0] for line in run("nm", executable).splitlines() if line.endswith(" T main"))
    frame = f"    #0 0x55d0c0ffee00 in main ({executable}+{hex(int(main, 16) - 64)})\n"
    done = symbolize(executable, text=frame + bare)
    ok(done.stdout == frame + bare and done.returncode == 1 and "main" in done.stderr, f"a function that is elsewhere: {done.stderr.strip()}", done)
    frame = f"    #0 0x55d0c0ffee00 in main ({executable}+{hex(int(main, 16) + 4)})\n"
    done = symbolize(executable, text=frame)
    ok(f"in main {newer}:" in done.stdout and done.returncode == 0, "one that is there", done)
    frame = f"    #0 0x7fffffffffff ({executable}+0x7f000000)\n"
    done = symbolize(executable, text=frame)
    ok(done.stdout == frame and done.returncode == 1 and "no code" in done.stderr, f"an address behind all code: {done.stderr.strip()}", done)


def asan_symbolize(executable, source, bare):
    script = shutil.which(SYMBOLIZER.replace("llvm-symbolizer", "asan_symbolize")) or shutil.which("asan_symbolize")
    if not script:
        return note("no asan_symbolize to compare with")
    theirs = run(script, "-d", input=bare, env=dict(os.environ, LLVM_SYMBOLIZER_PATH=shutil.which(SYMBOLIZER)))
    frames = lambda text: [line for line in ours(text, source) if re.match(" +#", line)]
    return equal(frames(symbolize(executable, text=bare).stdout), frames(theirs), f"{len(frames(theirs))} frames as {os.path.basename(script)} tells them")


with scratch() as folder:
    folder = os.path.realpath(folder)
    source = os.path.join(folder, "crash.cc")
    with open(source, "w") as file:
        file.write(PROGRAM)
    sanitizers(folder, source)
    libfuzzer(folder)
    traces(folder)
    rust(folder)
    executable = os.path.join(folder, "AddressSanitizer")
    bare = report(executable, "freed")
    asan_symbolize(executable, source, bare)
    wrapped(executable, source, bare)
    texts(folder, executable, bare)
    dying(folder, executable)
    builds(folder, source)
done()
