/* SPDX-License-Identifier: MIT
 * A user namespace of one's own, in which a user without privileges may change what only
 * itself sees: its root directory, its mounts.
 */
#ifndef FUZZSUP_NAMESPACES_H
#define FUZZSUP_NAMESPACES_H

/* Enters a new user namespace that knows the current user and group alone, by their own
 * numbers, and the namespaces of @more (CLONE_NEWNS, …) with it. Returns 0 or a negative
 * errno: -EPERM, -ENOSPC or -EUSERS where the system does not allow it. */
int namespaces_enter(int more);

#endif
