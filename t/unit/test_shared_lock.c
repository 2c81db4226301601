/* SPDX-License-Identifier: MIT
 * The lock: exclusion, time limits, and thousands of SIGKILLs of holders and waiters.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "shared_lock.h"

#define KILLS 3000
#define CHILDREN 4

/* What the lock guards: two words that differ only while somebody holds it, and who
 * that is. A dead holder's rubbish is mended by whoever recovers it. */
struct guarded {
	struct shared_lock lock;
	_Atomic uint64_t left, right;
	_Atomic uint64_t torn, rounds[CHILDREN + 1];
};

static struct guarded *
shared(void)
{
	struct guarded *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	assert_int_equal(shared_lock_init(&page->lock), 0);
	return page;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
test_exclusion(void **state)
{
	struct guarded *page = shared();
	int64_t before;

	(void)state;
	assert_int_equal(shared_lock_take(&page->lock, 0, 0), 0);
	assert_int_equal(page->lock.phases[0], SHARED_LOCK_HELD);
	assert_int_equal(shared_lock_take(&page->lock, 1, 0), -ETIMEDOUT);
	before = now_ms();
	assert_int_equal(shared_lock_take(&page->lock, 1, 20), -ETIMEDOUT);
	assert_true(now_ms() - before >= 19);
	assert_int_equal(page->lock.phases[1], SHARED_LOCK_IDLE);
	shared_lock_give(&page->lock, 0);
	assert_int_equal(shared_lock_take(&page->lock, 1, 0), 0);
	shared_lock_give(&page->lock, 1);
	munmap(page, sizeof(*page));
}

static void
test_surplus_tokens(void **state)
{
	struct guarded *page = shared();

	(void)state;
	for (int i = 0; i < 5; i++)
		sem_post(&page->lock.token);
	assert_int_equal(shared_lock_take(&page->lock, 0, 0), 0);
	assert_int_equal(shared_lock_take(&page->lock, 1, 1), -ETIMEDOUT);
	shared_lock_give(&page->lock, 0);
	assert_int_equal(shared_lock_take(&page->lock, 1, 0), 0);
	assert_int_equal(shared_lock_take(&page->lock, 0, 0), -ETIMEDOUT);
	munmap(page, sizeof(*page));
}

/* Each point at which a process may die, made by hand. */
static void
test_recovery_by_phase(void **state)
{
	struct guarded *page = shared();
	struct shared_lock *lock = &page->lock;

	(void)state;
	/* with the lock held */
	assert_int_equal(shared_lock_take(lock, 2, 0), 0);
	assert_int_equal(shared_lock_recover(lock, 2), 1);
	assert_int_equal(shared_lock_take(lock, 1, 0), 0);
	/* another one's death frees nothing that is mine */
	assert_int_equal(shared_lock_recover(lock, 2), 0);
	assert_int_equal(shared_lock_take(lock, 2, 0), -ETIMEDOUT);
	shared_lock_give(lock, 1);
	/* between token and owner */
	lock->phases[3] = SHARED_LOCK_WANT;
	assert_int_equal(sem_trywait(&lock->token), 0);
	assert_int_equal(shared_lock_take(lock, 1, 0), -ETIMEDOUT);
	assert_int_equal(shared_lock_recover(lock, 3), 0);
	assert_int_equal(shared_lock_take(lock, 1, 0), 0);
	/* between owner and post */
	lock->phases[1] = SHARED_LOCK_RELEASING;
	lock->owner = 0;
	assert_int_equal(shared_lock_recover(lock, 1), 0);
	assert_int_equal(shared_lock_take(lock, 2, 0), 0);
	/* between the swap and the note of it */
	lock->phases[2] = SHARED_LOCK_WANT;
	assert_int_equal(shared_lock_recover(lock, 2), 1);
	assert_int_equal(shared_lock_take(lock, 2, 0), 0);
	munmap(page, sizeof(*page));
}

static void
work(struct guarded *page, unsigned slot)
{
	volatile unsigned delay;

	if (shared_lock_take(&page->lock, slot, 2) != 0)
		return;
	if (page->left != page->right)
		page->torn++;
	page->left++;
	for (delay = 0; delay < 200; delay++)
		;
	page->right++;
	page->rounds[slot]++;
	shared_lock_give(&page->lock, slot);
}

static pid_t
start(struct guarded *page, unsigned slot)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (;;)
		work(page, slot);
}

static void
pause_ns(long ns)
{
	struct timespec pause = { .tv_nsec = ns };

	nanosleep(&pause, NULL);
}

/* Kills the child of @slot and does what the supervisor does. Returns 1 if it held. */
static int
kill_and_recover(struct guarded *page, pid_t pid, unsigned slot)
{
	siginfo_t info;
	int held = 0;

	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	if (atomic_load(&page->lock.owner) == slot + 1) {
		page->right = page->left;
		held = 1;
	}
	assert_int_equal(shared_lock_recover(&page->lock, slot), held);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return held;
}

static void
test_thousands_of_kills(void **state)
{
	struct guarded *page = shared();
	unsigned seed = 20250101, held = 0, victim;
	pid_t pids[CHILDREN + 1];
	uint64_t before;
	int64_t end;

	(void)state;
	for (unsigned i = 1; i <= CHILDREN; i++)
		pids[i] = start(page, i);
	for (unsigned i = 0; i < KILLS; i++) {
		pause_ns((long)(rand_r(&seed) % 300) * 1000);
		victim = 1 + (unsigned)rand_r(&seed) % CHILDREN;
		held += (unsigned)kill_and_recover(page, pids[victim], victim);
		pids[victim] = start(page, victim);
		if (i % 100 != 0)
			continue;
		/* Never a stall: somebody gets the lock, and gets on. */
		before = page->left;
		end = now_ms() + 120000;
		while (atomic_load(&page->left) == before && now_ms() < end)
			pause_ns(100000);
		assert_true(page->left != before);
	}
	for (unsigned i = 1; i <= CHILDREN; i++)
		kill_and_recover(page, pids[i], i);
	assert_int_equal(page->torn, 0);
	print_message("# %u of %d victims held the lock\n", held, KILLS);
	assert_true(held > 0);
	assert_int_equal(shared_lock_take(&page->lock, 0, 0), 0);
	shared_lock_give(&page->lock, 0);
	munmap(page, sizeof(*page));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exclusion),
		cmocka_unit_test(test_surplus_tokens),
		cmocka_unit_test(test_recovery_by_phase),
		cmocka_unit_test(test_thousands_of_kills),
	};

	return cmocka_run_group_tests_name("shared_lock", tests, NULL, NULL);
}
