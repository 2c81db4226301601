/* SPDX-License-Identifier: MIT
 * History, events and inputs, as the archive keeps them; in fuzzsupctl.
 */
#ifndef FUZZSUP_CTL_PAST_H
#define FUZZSUP_CTL_PAST_H

#include <stdbool.h>

struct past_wishes {
	const char *from, *to, *step; /* NULL: as the archive likes */
	const char *output;           /* NULL: standard output */
	bool json, follow;
};

/* @addresses: lines, as "listen" has them. Each returns 0, 1 after a message, or 2 after one about how it
 * was called. */
int ctl_history(
    const char *addresses, const char *name, const struct past_wishes *wishes);
/* @line: FILE:LINE. Writes the input that reached it first. */
int ctl_input(const char *addresses, const char *target, const char *line,
    const struct past_wishes *wishes);
int ctl_events(
    const char *addresses, const char *name, const struct past_wishes *wishes);

#endif
