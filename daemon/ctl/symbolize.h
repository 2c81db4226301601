/* SPDX-License-Identifier: MIT
 * fuzzsupctl symbolize: starts the symbolizer for one executable.
 */
#ifndef FUZZSUP_CTL_SYMBOLIZE_H
#define FUZZSUP_CTL_SYMBOLIZE_H

#include <stdbool.h>

#include "string_list.h"

struct symbolize_wishes {
	struct string_list roots;   /* below which debug files and other builds lie */
	struct string_list modules; /* what reports call the executable besides */
	bool all_addresses;         /* standard input is addresses alone */
};

/* Prints the frames at @addresses (words; none: what standard input asks) of @executable.
 * Returns an exit code: 0, 1 after a line on standard error, or 2 if a word is no
 * address, or there are too many names. */
int ctl_symbolize(const char *executable, const struct symbolize_wishes *wishes,
    char *const *addresses, int addresses_len);

#endif
