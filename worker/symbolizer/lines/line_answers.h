/* SPDX-License-Identifier: MIT
 * Questions of the line-program decoder and what it finds on its way; in the symbolizer.
 */
#ifndef FUZZSUP_LINE_ANSWERS_H
#define FUZZSUP_LINE_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line_row {
	uint64_t address;
	uint32_t file;
	uint32_t line;
	uint32_t column;
};

/* PCs that are asked about, sorted, and what is found of them on the way. Most rows pass
 * few PCs, whose next one nobody has claimed: such answers are gathered here without an
 * event. */
struct line_answers {
	const uint64_t *pcs;
	const uint32_t *claimed; /* not 0: somebody has answered that place already */
	uint32_t pcs_len;
	uint32_t place; /* the next question; moves on with each answer */
	uint32_t len;
	struct line_answer {
		uint32_t place;
		struct line_row row;
	} answers[64];
};

/* The address up to which rows need not be told. */
static inline uint64_t
line_answers_question(const struct line_answers *answers)
{
	return answers->place < answers->pcs_len ? answers->pcs[answers->place]
						 : UINT64_MAX;
}

/* Answers the question, which lies below @end, and all others there, with @row, which
 * ends at @end; false, and nothing is done, if there is more to it than that. */
static inline __attribute__((always_inline)) bool
line_answers_give(
    struct line_answers *answers, const struct line_row *row, uint64_t end)
{
	const uint32_t room =
	    (uint32_t)(sizeof(answers->answers) / sizeof(answers->answers[0]));
	uint32_t next = answers->place;

	do {
		next++;
		if (next >= answers->pcs_len || answers->claimed[next] != 0 ||
		    next - answers->place > room - answers->len)
			return false;
	} while (answers->pcs[next] < end);
	for (uint32_t place = answers->place; place < next; place++)
		answers->answers[answers->len++] = (struct line_answer){ place, *row };
	answers->place = next;
	return true;
}

#endif
