/* SPDX-License-Identifier: MIT
 * fuzzsupctl symbolize: starts the symbolizer for one executable.
 */
#ifndef FUZZSUP_CTL_SYMBOLIZE_H
#define FUZZSUP_CTL_SYMBOLIZE_H

#include "string_list.h"

/* Prints the frames at @addresses (words; none: what standard input asks) of @executable,
 * whose debug files are also looked for below @roots. Returns an exit code: 0, 1 after a
 * line on standard error, or 2 if a word is no address. */
int ctl_symbolize(const char *executable, const struct string_list *roots,
    char *const *addresses, int addresses_len);

#endif
