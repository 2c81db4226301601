/* SPDX-License-Identifier: MIT
 * What only the supervisor may do for the others: sockets, users, coverage directories.
 */
#ifndef FUZZSUP_PRIVS_H
#define FUZZSUP_PRIVS_H

#include <stddef.h>
#include <sys/types.h>

#include "conf.h"

/* Raises the limit of open files as far as it goes. */
void privs_raise_files(void);

/* Opens a folder to read. The descriptor or a negative errno. */
int privs_open_folder(const char *path);

/* Opens a listening socket for an address in its normal form (conf_check.h). Writes the
 * address with its real port to @ret_text. 0 or a negative errno. */
int privs_listen(const char *address, int *ret_fd, char *ret_text, size_t size);

/* Opens a listening unix socket, with @mode; replaces one that nobody listens on. */
int privs_listen_unix(const char *path, mode_t mode, int *ret_fd);

/* True if somebody listens on that unix socket. */
bool privs_is_listening(const char *path);

/* Path of the control socket. */
void privs_control_path(const struct conf *conf, char *ret_path, size_t size);

struct coverage_place {
	int dir;      /* O_RDONLY directory; the caller's */
	int doorbell; /* FIFO; -1: there can be none */
	char path[4096];
	char file[256]; /* the one file to look at; empty: all */
};

/* Opens a place that coverage comes from: a directory, or a file in one. Makes the
 * doorbell if it is missing. 0 or a negative errno. */
int privs_open_coverage(const char *path, struct coverage_place *ret_place);

#endif
