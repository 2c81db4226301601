/* SPDX-License-Identifier: MIT
 * A request to the service's control socket, and its answer; in fuzzsupctl.
 */
#ifndef FUZZSUP_CTL_CLIENT_H
#define FUZZSUP_CTL_CLIENT_H

/* Sends @len @words to the socket at @path. Returns the whole answer, for free(), or NULL
 * after a message. */
char *client_ask(const char *path, char *const *words, int len);

/* The lines behind an answer's first, which is cut off; NULL after a message if that says
 * that the request failed. */
char *client_lines(char *answer);

#endif
