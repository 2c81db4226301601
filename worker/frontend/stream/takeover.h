/* SPDX-License-Identifier: MIT
 * Takes a socket away from an evhttp connection that is about to be freed.
 */
#ifndef FUZZSUP_TAKEOVER_H
#define FUZZSUP_TAKEOVER_H

/* Leaves /dev/null in the place of @fd, of which no event may be pending, and returns the
 * socket under another number, set up for a long life; or a negative errno, with @fd as
 * it was. */
int takeover_socket(int fd);

#endif
