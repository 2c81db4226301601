/* SPDX-License-Identifier: MIT
 * Directories for workers, each as a mount of its own that hangs nowhere (open_tree): ".."
 * ends at its root, so that who holds its descriptor reads below it and nowhere else.
 * Read-only, without devices and set-user-ID, with all that is mounted below it now.
 *
 * Root does this itself. For any other user a helper does it, a child of the supervisor in
 * a user and a mount namespace of its own; it sees the mounts of the time when it was
 * started, and is started anew when they change.
 */
#ifndef FUZZSUP_DETACHED_H
#define FUZZSUP_DETACHED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Finds out, with a directory that exists, whether it can be done here, and says so if it
 * cannot. Without a call, or with @wanted false, directories are handed out as they are. */
void detached_open(const char *directory, bool wanted);
void detached_close(void);

/* True if directories are cut off from what lies above them. */
bool detached_available(void);

/* Takes @fd, a directory, and returns a descriptor of it that is cut off (O_PATH), or a
 * negative errno. Where that cannot be done here it returns @fd. */
int detached_cut(int fd);

/* True if something was mounted or unmounted since the last call. A detached mount does not
 * learn of that. */
bool detached_mounts_changed(void);

/* Which mounts lie on @path's way and below it, as a number. */
uint64_t detached_mounts_at(const char *path);

/* The helper's pid, or 0. */
pid_t detached_helper(void);

#endif
