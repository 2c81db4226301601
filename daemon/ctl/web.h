/* SPDX-License-Identifier: MIT
 * The web interface as a source; in fuzzsupctl.
 */
#ifndef FUZZSUP_CTL_WEB_H
#define FUZZSUP_CTL_WEB_H

#include <stdio.h>

/* Asks for @path (complete, with its query) at one of @addresses (lines, as "listen" has them), and
 * writes the answer to @to. Returns 0, or -1 after a message, which names @of: nothing, or not all of it, was
 * written. */
int web_fetch(const char *addresses, const char *of, const char *path, FILE *to);

/* Writes @text to @to as a part of a path. */
void web_quote(FILE *to, const char *text);

#endif
