/* SPDX-License-Identifier: MIT
 * Reading numbers and our own marks out of what fuzz engines print; in the collector.
 *
 * All of it is foreign text: any bytes, no NUL at its end.
 */
#ifndef FUZZSUP_JOB_TEXT_H
#define FUZZSUP_JOB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No engine counts so far; sums of as many as there may be instances fit, too. */
#define JOB_COUNT_MAX (UINT64_C(1) << 53)

struct job_text {
	const char *at;
	size_t len;
};

/* Takes decimal digits from the front of @text. False, and nothing is taken, where there
 * are none or they are beyond JOB_COUNT_MAX. */
bool job_text_number(struct job_text *text, uint64_t *ret_number);

/* Takes a number with or without a fraction, times @scale (a power of ten); digits that
 * are too fine for it are dropped. */
bool job_text_decimal(struct job_text *text, uint64_t scale, uint64_t *ret_number);

/* Takes a number with a unit, "27Mb", as bytes. */
bool job_text_bytes(struct job_text *text, uint64_t *ret_bytes);

/* Takes @prefix if @text begins with it. */
bool job_text_skip(struct job_text *text, const char *prefix);

/* Takes blanks. */
void job_text_blanks(struct job_text *text);

/* Takes the front up to @end, which is taken, too, or all where there is no @end. False
 * at the end of the text. */
bool job_text_until(struct job_text *text, char end, struct job_text *ret_part);

/* True if @text is @word. */
bool job_text_is(const struct job_text *text, const char *word);

enum job_mark_kind { JOB_MARK_NONE, JOB_MARK_START, JOB_MARK_END };

/* What the runner writes into the log of an instance between the engine's lines. */
struct job_mark {
	enum job_mark_kind kind;
	unsigned instance;
	int32_t pid;     /* of a start */
	int64_t time_ms; /* likewise, Unix time */
};

/* Reads a line without its line feed. */
struct job_mark job_mark_parse(struct job_text line);

#endif
