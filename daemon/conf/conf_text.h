/* SPDX-License-Identifier: MIT
 * The text of a configuration file before libconfuse reads it: what that would not say, or
 * would not leave alone.
 */
#ifndef FUZZSUP_CONF_TEXT_H
#define FUZZSUP_CONF_TEXT_H

#include <stddef.h>

/* Takes the place of the "$" of "${", which libconfuse would replace by a variable of the
 * service's own environment: secrets stand there, and a file that reads otherwise in a
 * terminal than in a service cannot be checked. */
#define CONF_DOLLAR '\x01'

/* Line of the first byte that no editor shows, as NUL, and in @ret_byte that byte; 0: there
 * is none. */
int conf_text_odd_byte(const char *text, size_t len, unsigned *ret_byte);

/* Puts CONF_DOLLAR in its place, where conf_text_odd_byte() has found no such byte. */
void conf_text_hide_variables(char *text);

/* Line at which a string begins that never ends; or, since it may be a later one's quote
 * that ended it, the first that goes on over its line. 0: there is none. */
int conf_text_open_string(const char *text);

#endif
