/* SPDX-License-Identifier: MIT
 * One line of a report, as tools print it where they have no symbolizer: which frame it
 * is, and where its code lies; in the symbolizer. Knows lines alone, no executable.
 */
#ifndef FUZZSUP_REPORT_LINE_H
#define FUZZSUP_REPORT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "byte_reader.h"

/* PLACE stands for "(MODULE+0xOFFSET)", with " (BuildId: HEX)" behind it where the tool
 * prints one. */
enum report_form {
	REPORT_TEXT,     /* none of these */
	REPORT_NUMBERED, /* "#N …" that is told already, or says too little */
	REPORT_FRAME, /* "#N 0xPC [in FUNCTION] PLACE": sanitizers, libFuzzer, Centipede,
			    Chromium; "#N pc OFFSET MODULE": Android; "#N 0xPC FUNCTION
			    (MODULE + 0xOFFSET)": systemd; "#N 0xPC[ in ?? ()]": gdb;
			    "#N 0xPC <unknown>": Chromium */
	REPORT_THREAD,  /* "#N FUNCTION <null> PLACE": ThreadSanitizer */
	REPORT_TRACE,   /* "[#N ]MODULE(SYMBOL+0xOFFSET) [0xPC]": backtrace_symbols(),
			    GWP-ASan */
	REPORT_PLACE,   /* PLACE in running text: libFuzzer's NEW_PC and NEW_FUNC,
			    HWAddressSanitizer's histories */
	REPORT_SUMMARY, /* "SUMMARY: … PLACE[ in FUNCTION]" */
	REPORT_NOTE,    /* "PLACE: note: FUNCTION defined here": UBSan */
	REPORT_GLOBAL,  /* "global '<null>' at 0x… PLACE": ThreadSanitizer */
	REPORT_RUST,    /* "N: 0xPC - <unknown>" */
	REPORT_LOGGED, /* "@ 0xPC[ … (unknown)]": Abseil, glog, Folly, TCMalloc's GWP-ASan;
			    "[0xPC]" alone: V8 */
	REPORT_HONGGFUZZ, /* "<0xPC> [func:F file:F line:N module:M]" */
};

/* All text lies in the line. A part that is not there has no length. */
struct report_line {
	enum report_form form;
	struct byte_text
	    head; /* before what is rewritten; a frame's: before its number */
	bool is_numbered;
	unsigned long number;
	int digits;   /* of the number, as it stands there */
	bool is_rust; /* the number has blanks before and ":" behind it, and no "#" */
	struct byte_text gap;      /* between number and PC, function or module */
	struct byte_text pc;       /* "0x…", or Android's digits */
	struct byte_text told;     /* between PC and place */
	struct byte_text function; /* that is named already, as in a symbol table */
	struct byte_text module;
	struct byte_text symbol;   /* that the offset counts from */
	struct byte_text build_id; /* hex digits */
	struct byte_text place;    /* as it stands there, with the build ID */
	struct byte_text tail;     /* behind it, with the line's end */
	uint64_t address;          /* of pc */
	uint64_t offset;
	bool has_offset;
	bool is_from_start; /* the offset counts from the module's first address */
	bool is_return;     /* the PC is where a call returns to, mostly */
};

/* Reads @line, a string in which no terminal's sequences are (report_line_strip()). */
void report_line_read(const char *line, struct report_line *ret_line);

/* Copies @line to @to, which is as large, without escape sequences. */
void report_line_strip(const char *line, char *to);

/* The length of the escape sequence at @at; 0 if there is none. */
size_t report_line_escape(const char *at);

#endif
