/* SPDX-License-Identifier: MIT
 * The same rows as decode.c runs over by elfutils' decoder, dwarf_getsrclines() of all
 * units, which keeps and sorts them.
 *
 *   t/bench/decode_libdw EXECUTABLE
 */
#include "config.h"

#include <elfutils/libdw.h>
#include <fcntl.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	Dwarf *dwarf = fd >= 0 ? dwarf_begin(fd, DWARF_C_READ) : NULL;
	size_t header, len, rows = 0;
	Dwarf_Off at = 0, next;
	Dwarf_Lines *lines;
	Dwarf_Die die;

	if (dwarf == NULL)
		return 2;
	for (; dwarf_nextcu(dwarf, at, &next, &header, NULL, NULL, NULL) == 0;
	    at = next)
		if (dwarf_offdie(dwarf, at + header, &die) != NULL &&
		    dwarf_getsrclines(&die, &lines, &len) == 0)
			rows += len;
	printf("%zu rows\n", rows);
	dwarf_end(dwarf);
	return rows == 0;
}
