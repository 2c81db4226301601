#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which function each PC lies in, compared with llvm-nm; coverage per function, compared with
the bits that were set; and targets that have no functions, which go on without."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from fuzzsup import *
from symbolizer import *
from wire import *

NM = SYMBOLIZER.replace("symbolizer", "nm")
OBJCOPY = SYMBOLIZER.replace("symbolizer", "objcopy")
TARGETS = os.path.join(SRC, "t", "targets")
SHAPES = [os.path.join(TARGETS, "functions.cc")]
COMDAT = [os.path.join(TARGETS, name) for name in ("comdat.cc", "comdat_other.cc")]
if not shutil.which(NM) or not shutil.which(OBJCOPY):
    skip_all("llvm-nm and llvm-objcopy are not there (Debian: llvm-19)")


def compile_target(path, sources, *options):
    subprocess.run([CLANG, "-fsanitize=fuzzer", "-g", "-O1", "-w", "-Wl,--build-id=sha1", *options, *sources, "-lstdc++", "-o", path], check=True)
    return path


def nm(executable):
    """[(start, end, [(symbol, demangled)])] by address."""
    found = {}
    for options in ([], ["--demangle"]):
        text = subprocess.run([NM, "--print-size", "--defined-only", *options, executable], text=True, capture_output=True, check=True).stdout
        for line in text.splitlines():
            match = re.fullmatch(r"([0-9a-f]{16}) ([0-9a-f]{16}) ([tTwWiu]) (.*)", line)
            if match and int(match.group(2), 16):
                start, size = int(match.group(1), 16), int(match.group(2), 16)
                found.setdefault((start, start + size), ([], []))[1 if options else 0].append(match.group(4))
    return [(start, end, raw, plain) for (start, end), (raw, plain) in sorted(found.items())]


def owner(functions, pc):
    return next((index for index, (start, end, _, _) in enumerate(functions) if start <= pc < end), None)


def functions_of(worker, executable, debug=None):
    code, text, table = worker.ask(executable, debug=debug)
    assert code == TABLE_OK, text
    pcs = Table(os.dup(table))
    code, text, fd = worker.ask_functions(executable, table, debug=debug)
    os.close(table)
    if code != TABLE_OK:
        return pcs, None, text
    data = os.pread(fd, os.fstat(fd).st_size, 0)
    os.close(fd)
    return pcs, Functions(data), text


def wrong_in(pcs, table, truth):
    """What a function table says that llvm-nm does not."""
    wrong = []
    for index, pc in enumerate(pcs.pcs):
        place, own = owner(truth, pc), table.owners[index]
        if (place is None) != (own is None):
            wrong.append(f"{pc:#x} is of {own}, expected {place}")
        elif own is not None:
            start, end, raw, plain = truth[place]
            function = table.functions[own]
            if (function["start"], function["end"]) != (start, end) or function["symbol"] not in raw or function["name"] not in plain:
                wrong.append(f"{pc:#x}: {function}, expected {truth[place]}")
    return wrong


def test_names(folder):
    worker = Worker(os.path.join(folder, "log"))
    for sources, name in ((SHAPES, "overloads, templates and an alias"), (COMDAT, "functions that two units share")):
        for form in ("-pie", "-no-pie"):
            program = compile_target(os.path.join(folder, "names"), sources, form)
            pcs, table, text = functions_of(worker, program)
            wrong = wrong_in(pcs, table, nm(program))
            ok(not wrong and table.functions, f"{name}, {form}: {len(table.functions)} functions of {len(pcs.pcs)} PCs as llvm-nm says", "\n".join(wrong[:10]))
            equal(sum(function["pcs"] for function in table.functions) + table.unknown_len, len(pcs.pcs), "… and no PC is lost")
            places = [pcs.locations[function["pc"]] for function in table.functions]
            ok(all(line for _, line, _ in places), "… each with a line", places)
    return worker


def without_sizes(path):
    """Takes all sizes out of the symbol table, as assembler without .size leaves it."""
    text = subprocess.run(["readelf", "-SW", path], text=True, capture_output=True, check=True).stdout
    words = next(line.split("]", 1)[1].split() for line in text.splitlines() if " .symtab " in line)
    with open(path, "r+b") as file:
        for at in range(int(words[3], 16), int(words[3], 16) + int(words[4], 16), 24):
            file.seek(at + 16)
            file.write(bytes(8))
    return path


def strip_symbols(path, output):
    """Lines stay, symbols go."""
    keep = ["--keep-section=" + name for name in (".debug_line", ".debug_line_str", ".debug_info", ".debug_abbrev", ".debug_str", ".debug_str_offsets")]
    subprocess.run([OBJCOPY, "--strip-all", *keep, path, output], check=True)
    return output


def hostile_source(folder):
    """Names that unfold to 2^60 characters, that are long, that are no text."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    number = lambda value: (number(value // 36) if value >= 36 else "") + digits[value % 36]
    bomb = "_Z1f1A4pairIS_S_E" + "".join(f"S0_IS{number(i)}_S{number(i)}_E" for i in range(1, 61))
    path = os.path.join(folder, "hostile.c")
    lines = [f'__attribute__((noinline)) int f{i}(const unsigned char *d) __asm__("{name}");\nint f{i}(const unsigned char *d) {{ return d[{i}] > 3 ? d[0] : d[1]; }}'
             for i, name in enumerate((bomb, "a" * 20000, "_Z" + "N" * 10000, "bad\\377\\376name", "one\\001two"))]
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\nint LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return n < 5 ? 0 : f0(d) + f1(d) + f2(d) + f3(d) + f4(d) == 9999; }\n")
    return path, bomb


def test_odd_ones(folder, worker):
    program = compile_target(os.path.join(folder, "sized"), SHAPES)
    _, sized, _ = functions_of(worker, program)
    _, table, _ = functions_of(worker, without_sizes(program))
    names = lambda table: [table.functions[own]["start"] if own is not None else None for own in table.owners]
    equal(names(table), names(sized), "symbols without a size end at the next one")
    ends = [one["end"] <= two["start"] for one, two in zip(table.functions, table.functions[1:])]
    ok(all(ends), "… and do not overlap")

    program = compile_target(os.path.join(folder, "whole"), SHAPES)
    _, table, text = functions_of(worker, strip_symbols(program, os.path.join(folder, "stripped")))
    ok(table is None and "strip" in text, f"without symbols there is no table: {text}")
    _, table, text = functions_of(worker, os.path.join(folder, "stripped"), debug=program)
    ok(table and len(table.functions) == len(sized.functions), "but with those of a separate debug file", text)

    source, bomb = hostile_source(folder)
    program = compile_target(os.path.join(folder, "hostile"), [source])
    began = time.monotonic()
    _, table, text = functions_of(worker, program)
    names = [function["name"] for function in table.functions]
    ok(bomb in names, f"a name that would unfold to 2^60 characters stays as it is ({time.monotonic() - began:.2f} s)", text)
    equal(max(len(name) for name in names), 8192, "long names are cut")
    ok(any(name == "one?two" for name in names), "control characters are none", names[-2:])
    equal(worker.stop(), 0, "the symbolizer ends with 0")
    return program


def count_truth(truth, pcs, bits):
    """{symbol's start: [pcs, covered]}"""
    counts = {}
    for index, pc in enumerate(pcs):
        place = owner(truth, pc)
        if place is not None:
            count = counts.setdefault(truth[place][0], [0, 0])
            count[0] += 1
            count[1] += index in bits
    return counts


def state_of(one):
    """By lines, or where none are known by PCs; but what never ran was never entered, though another instance of its template has run its lines."""
    if not one["covered"]:
        return "uncovered"
    whole = one["lines_reached"] == one["lines"] and not one["lines_partly"] if one["lines"] else one["covered"] == one["pcs"]
    return "covered" if whole else "partial"


def told(service, name, query=""):
    answer = service.get(f"/t/{name}/functions.json{query}").json()
    return {int(one["address"], 16): [one["pcs"], one["covered"]] for one in answer["functions"]}, answer


def wait_functions(service, name):
    return wait_until(lambda: (lambda t: t if t and (t["functions"] is not None or t["functions_reason"]) else None)(service.target(name)), f"functions of {name}")


def drop_pcs(path, count):
    """Makes the last @count PCs of an executable that is not position-independent what linkers leave of dropped code."""
    with open(path, "rb") as file:
        place, offset, size = elf_headers(file.read())["__sancov_pcs"]
    with open(path, "r+b") as file:
        for i in range(count):
            file.seek(offset + size - 16 * (i + 1))
            file.write(struct.pack("=Q", i % 2))
    return path, size // 16


def test_dropped(service, pcs):
    """PCs whose code the linker dropped are in no total, which is told."""
    entry = wait_functions(service, "dropped")
    equal((entry["pcs"], entry["dropped"]), (pcs - 3, 3), f"{pcs} PCs, of which the linker dropped 3: those are not counted")
    totals = told(service, "dropped")[1]["totals"]
    equal(totals["pcs"] + totals["pcs_elsewhere"], pcs - 3, "… nor in functions")
    equal((service.target("shapes")["dropped"], service.log().count("are not counted")), (0, 1), "which the log says once")
    equal(next(one["pcs"] for one in json.loads(service.ctl("targets", "--json").stdout)["targets"] if one["name"] == "dropped"), pcs - 3, "fuzzsupctl counts the rest")


def test_coverage(folder, hostile):
    coverage = os.path.join(folder, "coverage")
    os.mkdir(coverage)
    program = build(os.path.join(folder, "shapes"), SHAPES, "-O1", "-lstdc++")
    subprocess.run([program, "-runs=3000", "-seed=1"], env=dict(os.environ, FUZZSUP_DIR=coverage), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = next(os.path.join(coverage, name) for name in sorted(os.listdir(coverage)) if re.fullmatch(r"[0-9a-f]{16}", name))
    _, _, bits, pcs = CoverageFile.read(path)
    wanted = count_truth(nm(program), pcs, set(set_bits(bits)))
    stripped = strip_symbols(compile_target(os.path.join(folder, "plain"), SHAPES), os.path.join(folder, "stripped"))
    dropped, dropped_pcs = drop_pcs(compile_target(os.path.join(folder, "dropped"), SHAPES, "-no-pie"), 3)
    targets = {"shapes": Target(program, coverage, [TARGETS]), "stripped": Target(stripped, folder), "hostile": Target(hostile, folder),
               "dropped": Target(dropped, folder)}
    with Service(folder, targets) as service:
        equal(wait_functions(service, "shapes")["functions"], len(wanted), "the list of targets says how many functions there are")
        wait_until(lambda: service.target("shapes").get("covered") == len(set_bits(bits)), "the coverage")
        counts, answer = told(service, "shapes")
        equal(counts, wanted, f"coverage of {len(wanted)} functions is that of the bits")
        wait_until(lambda: service.target("shapes")["lines"], "its lines")
        counts, answer = told(service, "shapes")
        equal(counts, wanted, "… also when lines are known")
        states = [state_of(one) for one in answer["functions"]]
        equal([one["state"] for one in answer["functions"]], states, "each is told by its lines")
        by_state = {int(one["address"], 16): one["state"] for one in answer["functions"]}
        totals = answer["totals"]
        equal([totals[state] for state in ("uncovered", "partial", "covered")], [states.count(state) for state in ("uncovered", "partial", "covered")], "totals count them")
        ok(all(states.count(state) for state in ("uncovered", "partial", "covered")), "… and there are some of each", states)
        equal(totals["covered_pcs"], sum(covered for _, covered in wanted.values()), "… and their PCs")
        by_name = {one["name"]: one for one in answer["functions"]}
        never = by_name.get("never_reached") or by_name["another_name"]
        equal((never["file"], never["covered"], never["line"] > 0), ("targets/functions.cc", 0, True), "a function that was never entered, and where it is")
        ok("shapes::Sum<shapes::Square, 3>::add(shapes::Square const&)" in by_name, "a template's method by its name", list(by_name))
        for state in ("uncovered", "partial", "covered"):
            counts, answer = told(service, "shapes", f"?state={state}")
            ok(counts == {at: count for at, count in wanted.items() if by_state[at] == state} and answer["totals"] == totals, f"?state={state} tells those alone")
        equal(len(told(service, "shapes", "?limit=2")[0]), 2, "?limit=2 tells two")
        equal([service.get("/t/shapes/functions.json?" + query).status for query in ("state=all", "limit=x", "limit=-1", "limit=", "limit=99999999999999999999")], [400] * 5, "other questions are refused")

        reply = service.get("/t/shapes/functions.bin")
        equal([function["start"] for function in Functions(reply.body).functions], sorted(wanted), "functions.bin tells the same functions")
        again = service.get("/t/shapes/functions.bin", {"If-None-Match": reply.headers["etag"]})
        equal((again.status, len(again.body)), (304, 0), "… once")

        test_dropped(service, dropped_pcs)
        entry = wait_functions(service, "stripped")
        ok(entry["state"] == "ready" and entry["functions"] is None and "strip" in entry["functions_reason"], f"a stripped one is {entry['state']}: {entry.get('functions_reason')}")
        reply = service.get("/t/stripped/functions.json")
        ok(reply.status == 404 and "strip" in reply.text, "… and has no list", reply.text)
        wait_functions(service, "hostile")
        ok(any(one["name"] == "bad??name" for one in told(service, "hostile")[1]["functions"]), "names that are no text make no broken JSON")

        os.kill(service.worker("frontend"), signal.SIGKILL)
        def after():
            try:
                entry = service.target("shapes")
                return entry and entry["functions"]
            except (OSError, http.client.HTTPException):
                return None
        equal(wait_until(after, "functions after the front-end's death"), len(wanted), "a new front-end has them, too")


@contextlib.contextmanager
def mortal(folder, end, extra=""):
    """A service whose symbolizer does @end when it is asked for functions; yields it with the first target's entry."""
    workers = symbolizer_stand_in(os.path.join(folder, "libexec"), SYMBOLIZE_TABLE, end)
    program = compile_target(os.path.join(folder, "program"), SHAPES)
    with Service(folder, {"shapes": Target(program, folder)}, extra=extra, environment={"FUZZSUPD_LIBEXEC": workers}) as service:
        yield service, wait_functions(service, "shapes")
        equal(service.get("/t/shapes/index.bin").status, 200, "… and has its lines")
        service.targets["other"] = Target(compile_target(os.path.join(folder, "other"), SHAPES, "-O2"), folder)
        service.reload()
        equal(service.wait_state("other", "ready", "failed")["state"], "ready", "… and the next one gets its table")


def test_deaths(folder):
    with mortal(os.path.join(folder, "dies"), "os.abort()") as (_, entry):
        ok(entry["state"] == "ready" and "died 3 times" in entry["functions_reason"], f"where the symbolizer dies of it a target is {entry['state']}: {entry['functions_reason']}")
    with mortal(os.path.join(folder, "hangs"), "signal.pause()", "symbolize-timeout = 1") as (_, entry):
        ok(entry["state"] == "ready" and "longer than 1 s" in entry["functions_reason"], f"where it takes too long a target is {entry['state']}: {entry['functions_reason']}")


with scratch() as folder:
    def place(name):
        os.mkdir(os.path.join(folder, name))
        return os.path.join(folder, name)
    worker = test_names(place("names"))
    hostile = test_odd_ones(place("odd"), worker)
    test_coverage(place("coverage"), hostile)
    test_deaths(place("deaths"))
done()
