/* SPDX-License-Identifier: MIT
 * Prints share/web/layout.js: where fields of wire.h and client.h lie, for the page's code.
 * t/0805-page-code.t compares; "print_layouts >share/web/layout.js" after a change.
 */
#include "config.h"

#include <stddef.h>
#include <stdio.h>

/* Of its functions none is called. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "client.h"
#include "function_table.h"

/* client.h's are arrays of u32, wire.h's are read byte by byte. */
#define BEGIN(name, type, unit) \
	printf("\nexport const %s = {\n\tsize: %zu,\n", name, sizeof(type) / (unit))
#define FIELD(type, member, unit) \
	do { \
		_Static_assert(offsetof(type, member) % (unit) == 0, "a whole unit"); \
		printf("\t" #member ": %zu,\n", offsetof(type, member) / (unit)); \
	} while (0)
#define WORD(type, member) FIELD(struct type, member, 4)
#define BYTE(type, member) FIELD(struct type, member, 1)
#define VALUE(name, value) printf("\t%s: %ld,\n", name, (long)(value))
#define END() puts("};")

static void
print_client(void)
{
	BEGIN("SUMMARY", struct summary, 4);
	WORD(summary, pcs_len);
	WORD(summary, files_len);
	WORD(summary, nodes_len);
	WORD(summary, covered);
	WORD(summary, nodes);
	WORD(summary, files);
	WORD(summary, lines);
	WORD(summary, places);
	WORD(summary, lines_len);
	WORD(summary, open_file);
	WORD(summary, update);
	WORD(summary, no_line);
	WORD(summary, entries);
	WORD(summary, entries_len);
	WORD(summary, dirty);
	WORD(summary, growth);
	WORD(summary, has_lines);
	WORD(summary, sums);
	WORD(summary, line_counts);
	END();
	BEGIN("NODE", struct node, 4);
	WORD(node, parent);
	WORD(node, first_child);
	WORD(node, next_sibling);
	WORD(node, name);
	WORD(node, name_len);
	WORD(node, file);
	WORD(node, total);
	WORD(node, covered);
	WORD(node, excluded_total);
	WORD(node, excluded_covered);
	WORD(node, newest);
	WORD(node, lines);
	WORD(node, lines_reached);
	WORD(node, excluded_lines);
	WORD(node, excluded_lines_reached);
	END();
	BEGIN("FILE", struct file, 4);
	WORD(file, total);
	WORD(file, covered);
	WORD(file, newest);
	WORD(file, node);
	WORD(file, excluded);
	WORD(file, lines);
	WORD(file, lines_reached);
	WORD(file, lines_partly);
	WORD(file, lines_unknown);
	END();
	BEGIN("PLACE", struct place, 4);
	WORD(place, column);
	WORD(place, pcs);
	WORD(place, reached);
	WORD(place, time);
	END();
	BEGIN("LINE", struct line, 4);
	WORD(line, line);
	WORD(line, place);
	WORD(line, places);
	WORD(line, reached);
	WORD(line, first_time);
	WORD(line, newest_time);
	WORD(line, changed);
	WORD(line, state);
	END();
	BEGIN("LOCATION", struct wire_location, 4);
	WORD(wire_location, file);
	WORD(wire_location, line);
	WORD(wire_location, column);
	END();
	BEGIN("LINE_SUMS", struct line_sums, 4);
	WORD(line_sums, lines);
	WORD(line_sums, reached);
	WORD(line_sums, partly);
	WORD(line_sums, entered);
	END();
	BEGIN("FUNCTION", struct wire_function, 4);
	WORD(wire_function, start);
	WORD(wire_function, name);
	WORD(wire_function, first);
	WORD(wire_function, pcs_len);
	WORD(wire_function, pc);
	END();
}

static void
print_wire(void)
{
	BEGIN("HEADER", struct wire_header, 1);
	BYTE(wire_header, tag);
	BYTE(wire_header, target);
	END();
	BEGIN("HELLO", struct wire_hello, 1);
	BYTE(wire_hello, instance);
	BYTE(wire_hello, now_ms);
	END();
	BEGIN("ALIVE", struct wire_alive, 1);
	BYTE(wire_alive, now_ms);
	END();
	BEGIN("STATS", struct wire_stats, 1);
	BYTE(wire_stats, target);
	BYTE(wire_stats, covered);
	BYTE(wire_stats, n_runs);
	BYTE(wire_stats, unique_runs);
	BYTE(wire_stats, last_find_ms);
	BYTE(wire_stats, last_run_ms);
	BYTE(wire_stats, runs_per_second);
	END();
	BEGIN("FUNCTIONS", struct wire_functions, 1);
	BYTE(wire_functions, magic);
	BYTE(wire_functions, version);
	BYTE(wire_functions, pcs_len);
	BYTE(wire_functions, functions_len);
	BYTE(wire_functions, string_bytes_len);
	BYTE(wire_functions, functions);
	BYTE(wire_functions, owners);
	BYTE(wire_functions, strings);
	END();
}

static void
print_values(void)
{
	puts("\nexport const TAG = {");
	VALUE("HELLO", WIRE_HELLO);
	VALUE("STATS", WIRE_STATS);
	VALUE("COVERAGE_FULL", WIRE_COVERAGE_FULL);
	VALUE("COVERAGE_DELTA", WIRE_COVERAGE_DELTA);
	VALUE("HIT_TIMES", WIRE_HIT_TIMES);
	VALUE("ENTRIES", WIRE_ENTRIES);
	VALUE("ALIVE", WIRE_ALIVE);
	END();
	puts("\nexport const LINE_STATE = {");
	VALUE("NONE", LINE_NONE);
	VALUE("IDLE", LINE_IDLE);
	VALUE("MISSED", LINE_MISSED);
	VALUE("UNKNOWN", LINE_UNKNOWN);
	VALUE("PARTLY", LINE_PARTLY);
	VALUE("REACHED", LINE_REACHED);
	END();
	puts("\nexport const CLIENT_ERROR = {");
	VALUE("SHORT", CLIENT_SHORT);
	VALUE("RANGE", CLIENT_RANGE);
	VALUE("MEMORY", CLIENT_MEMORY);
	VALUE("NO_INDEX", CLIENT_NO_INDEX);
	VALUE("MISMATCH", CLIENT_MISMATCH);
	VALUE("STALE", CLIENT_STALE);
	VALUE("MALFORMED", CLIENT_MALFORMED);
	END();
	printf("\nexport const NONE = 0x%lx;\n", (unsigned long)NONE);
	printf("export const SUBPROTOCOL = \"%s\";\n", WIRE_SUBPROTOCOL);
	printf("export const FUNCTIONS_MAGIC = 0x%lx;\n",
	    (unsigned long)FUNCTION_TABLE_MAGIC);
	printf("export const FUNCTIONS_VERSION = %d;\n", FUNCTION_TABLE_VERSION);
}

int
main(void)
{
	_Static_assert(WIRE_FILE_UNKNOWN == NONE && WIRE_FUNCTION_NONE == NONE,
	    "the page knows one NONE");
	puts("// SPDX-License-Identifier: MIT\n"
	     "// Where the fields of C structs lie, in words of 32 bits (client.h's "
	     "and what is\n"
	     "// read as an array) or bytes. Printed by t/lib/print_layouts: not to be "
	     "changed by hand.");
	print_client();
	puts("\n// In bytes.");
	print_wire();
	print_values();
	return 0;
}
