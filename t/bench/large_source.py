#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes C sources of a target that is as large as any, for page.py: FILES of LINES lines each, some 40 for each function
of some 20 PCs; a switch over the input's words leads to any of them.

usage: large_source.py FOLDER [FILES [LINES]]; then build.sh there makes FOLDER/large, with all compilers at once."""
import os
import sys

FUNCTION = """static int twice_{n}(int x)
{{
	return x * {a} + {b};
}}

int work_{n}(const unsigned char *data, unsigned long size)
{{
	unsigned long at = 0;
	int sum = {a};

	while (at + 2 < size) {{
		if (data[at] == {b} % 256) {{
			sum += data[at + 1];
			if (sum > {c})
				sum -= twice_{n}(sum);
		}} else if (data[at] == {c} % 256) {{
			sum ^= {a};
		}} else if (data[at] > 200) {{
			sum = sum % 7 == 3 ? sum * 5 : sum / 3;
			if (sum < -{c})
				break;
		}}
		switch (data[at + 2] % 7) {{
		case 0:
			sum += {b};
			break;
		case 3:
			sum *= 3;
			/* fall through */
		case 4:
			sum = twice_{n}(sum) ^ {a};
			break;
		default:
			if (sum & 1 && data[at + 1] > {b} % 256)
				sum >>= 1;
		}}
		at += 1 + (sum & 1);
	}}
	return sum;
}}

"""


def write_unit(path, first, functions):
    with open(path, "w") as file:
        for n in range(first, first + functions):
            file.write(FUNCTION.format(n=n, a=n * 7919 % 1000003, b=n * 104729 % 65537, c=n * 31 % 4099 + 17))


def main(folder, files=5, lines=250000):
    each = int(lines) // FUNCTION.count("\n")
    count = int(files) * each
    os.makedirs(folder, exist_ok=True)
    names = [f"unit_{i}" for i in range(int(files))]
    for i, name in enumerate(names):
        write_unit(os.path.join(folder, name + ".c"), i * each, each)
    with open(os.path.join(folder, "harness.c"), "w") as file:
        file.write("#include <stddef.h>\n#include <string.h>\ntypedef int work(const unsigned char *, unsigned long);\n")
        file.writelines(f"work work_{n};\n" for n in range(count))
        file.write("static work *const all[] = {\n" + "".join(f"\twork_{n},\n" for n in range(count)) + "};\nvolatile int sink;\n")
        file.write("int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)\n{\n\tunsigned which;\n\n\tif (size < 4)\n\t\treturn 0;\n"
                   "\tmemcpy(&which, data, 4);\n\tsink = all[which % (sizeof(all) / sizeof(all[0]))](data + 4, size - 4);\n\treturn 0;\n}\n")
    with open(os.path.join(folder, "build.sh"), "w") as file:
        flags = "-g -O1 -fsanitize-coverage=inline-8bit-counters,pc-table"
        file.write("#!/bin/sh -e\n# usage: build.sh COMPILER [LINKED]\ncd \"$(dirname \"$0\")\"\ncompiler=$1\nshift\n")
        file.writelines(f'"$compiler" {flags} -c {name}.c &\n' for name in [*names, "harness"])
        file.write(f'wait\n"$compiler" -g -fsanitize=fuzzer {" ".join(name + ".o" for name in [*names, "harness"])} "$@" -o large\n')
    os.chmod(os.path.join(folder, "build.sh"), 0o755)
    print(f"{count} functions in {folder}")


main(*sys.argv[1:])
