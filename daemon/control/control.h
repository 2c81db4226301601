/* SPDX-License-Identifier: MIT
 * The control socket: one request line, one reply, on a unix socket of mode 0600.
 *
 * Request: words separated by tabs, or by spaces if there is no tab. Reply: a line "ok"
 * or "error REASON", then the lines that were asked for, columns separated by tabs.
 */
#ifndef FUZZSUP_CONTROL_H
#define FUZZSUP_CONTROL_H

#include "supervisor.h"

#define CONTROL_LINE_MAX 16384
#define CONTROL_WORDS_MAX 8

struct control;
struct evbuffer;

int control_new(
    struct supervisor *supervisor, const char *path, struct control **ret_control);
void control_free(struct control *control);

/* Splits @line in place. Returns the number of words, or -E2BIG. */
int control_split(char *line, char *words[CONTROL_WORDS_MAX]);

/* Reads exactly 16 hex digits, or 0x and 1 to 16 of them. */
bool control_read_id(const char *word, uint64_t *ret_id);
bool control_read_address(const char *word, uint64_t *ret_address);

/* Carries out @line and adds the whole reply to @reply. */
void control_request(
    struct supervisor *supervisor, uid_t peer, char *line, struct evbuffer *reply);

#endif
