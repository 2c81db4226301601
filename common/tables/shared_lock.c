/* SPDX-License-Identifier: MIT
 * A lock in shared memory that survives the SIGKILL of its users; in the supervisor and
 * in the front-end.
 *
 * The token is taken first, then `owner` by compare-and-swap. Who gets a token but not
 * the owner word had a surplus one and simply drops it: the owner of the moment will
 * post another. Who dies with a token in hand has said WANT before and RELEASING after,
 * so that recovery posts one for it; where that was one too many, it is dropped as
 * above.
 */
#include "config.h"

#include "shared_lock.h"

#include <assert.h>
#include <errno.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "banned.h"

int
shared_lock_init(struct shared_lock *lock)
{
	atomic_init(&lock->owner, 0);
	for (unsigned i = 0; i < SHARED_LOCK_SLOTS; i++)
		atomic_init(&lock->phases[i], SHARED_LOCK_IDLE);
	return sem_init(&lock->token, 1, 1) == 0 ? 0 : -errno;
}

static struct timespec
deadline_after(unsigned ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

int
shared_lock_take(struct shared_lock *lock, unsigned slot, unsigned timeout_ms)
{
	struct timespec at = deadline_after(timeout_ms);
	uint32_t nobody;
	int r;

	assert(slot < SHARED_LOCK_SLOTS);
	atomic_store(&lock->phases[slot], SHARED_LOCK_WANT);
	for (;;) {
		/* Trying never sleeps, nor trusts what sleepers left in the semaphore.
		 */
		r = timeout_ms == 0 ? sem_trywait(&lock->token)
				    : sem_clockwait(&lock->token, CLOCK_MONOTONIC, &at);
		if (r != 0 && errno == EINTR)
			continue;
		if (r != 0)
			break;
		nobody = 0;
		if (atomic_compare_exchange_strong(&lock->owner, &nobody, slot + 1)) {
			atomic_store(&lock->phases[slot], SHARED_LOCK_HELD);
			return 0;
		}
	}
	atomic_store(&lock->phases[slot], SHARED_LOCK_IDLE);
	return -ETIMEDOUT;
}

void
shared_lock_give(struct shared_lock *lock, unsigned slot)
{
	assert(slot < SHARED_LOCK_SLOTS);
	atomic_store(&lock->phases[slot], SHARED_LOCK_RELEASING);
	atomic_store(&lock->owner, 0);
	sem_post(&lock->token);
	atomic_store(&lock->phases[slot], SHARED_LOCK_IDLE);
}

/* The dead may have left the semaphore damaged, and glibc aborts whoever meets that:
 * so a child does it, which can be lost. */
static void
post_by_child(sem_t *token)
{
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0) {
		sem_post(token);
		_exit(0);
	}
	if (pid < 0)
		sem_post(token); /* no process to spare: the risk is the smaller evil */
	else
		while (waitid(P_PID, (id_t)pid, &info, WEXITED) != 0 && errno == EINTR)
			;
}

int
shared_lock_recover(struct shared_lock *lock, unsigned slot)
{
	uint32_t dead = slot + 1;
	uint32_t phase;
	int held;

	assert(slot < SHARED_LOCK_SLOTS);
	phase = atomic_load(&lock->phases[slot]);
	held = atomic_compare_exchange_strong(&lock->owner, &dead, 0);
	atomic_store(&lock->phases[slot], SHARED_LOCK_IDLE);
	if (held || phase != SHARED_LOCK_IDLE)
		post_by_child(&lock->token);
	return held;
}
