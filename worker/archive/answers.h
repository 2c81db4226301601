/* SPDX-License-Identifier: MIT
 * What the front-end asks for others; in the archive.
 */
#ifndef FUZZSUP_ARCHIVE_ANSWERS_H
#define FUZZSUP_ARCHIVE_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

struct events;
struct finds;
struct all_series;
struct store;
struct targets;

struct answers {
	struct store *store;
	struct all_series *series;
	struct events *events;
	struct targets *targets;
	struct finds *finds;
};

/* Answers @question: words, one a line:
 *   history TARGET JOB FROM TO STEP   (JOB may be empty; Unix seconds; 0: as history.h says; -ENOENT: of no such
 *                                     name anything is known)
 *   events TARGET AFTER BEFORE LIMIT  (ids, not included; TARGET may be empty; 0: no such limit)
 *   first TARGET PC,PC,…              (indexes; -ENOENT: none of them was reached)
 *   input SHA1                        (its bytes, not JSON)
 * Returns a sealed memfd with the answer, which the caller owns; -ENODATA where nothing can be read now,
 * and other negative errnos: -EPROTO for what is no question. */
int answers_give(const struct answers *answers, const char *question);

#endif
