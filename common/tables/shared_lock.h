/* SPDX-License-Identifier: MIT
 * A lock in shared memory that survives the SIGKILL of whoever holds or waits for it.
 *
 * The POSIX semaphore is only the token that wakes waiters; the authority is `owner`,
 * which is taken by compare-and-swap, so that a surplus post is harmless. Each process
 * has a slot, given to it before it is forked, in which it says what it is doing. When a
 * process has died, and before it is reaped (so that its pid cannot be another's), the
 * supervisor calls shared_lock_recover() with its slot.
 */
#ifndef FUZZSUP_SHARED_LOCK_H
#define FUZZSUP_SHARED_LOCK_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

#define SHARED_LOCK_SLOTS 16

enum shared_lock_phase {
	SHARED_LOCK_IDLE,
	SHARED_LOCK_WANT,
	SHARED_LOCK_HELD,
	SHARED_LOCK_RELEASING,
};

struct shared_lock {
	_Alignas(64) sem_t token;
	_Alignas(64) _Atomic uint32_t owner; /* slot + 1; 0: free */
	_Atomic uint32_t phases[SHARED_LOCK_SLOTS];
};

/* Prepares @lock, in memory that will be shared, as free. Returns 0 or -errno. */
int shared_lock_init(struct shared_lock *lock);

/* Takes the lock as @slot. Waits at most @timeout_ms (0: tries once). Returns 0, or
 * -ETIMEDOUT; then the caller reads a validated copy instead, or tries later. */
int shared_lock_take(struct shared_lock *lock, unsigned slot, unsigned timeout_ms);

/* Gives back what shared_lock_take() gave. */
void shared_lock_give(struct shared_lock *lock, unsigned slot);

/* For the supervisor alone, when the process of @slot is dead and not yet reaped: frees
 * the lock if it was held there, and posts a token if one may have been lost. Returns 1
 * if the dead process held the lock, else 0. */
int shared_lock_recover(struct shared_lock *lock, unsigned slot);

#endif
