/* SPDX-License-Identifier: MIT
 * A child between fork() and its own work; in the supervisor and the runner.
 */
#include "config.h"

#include "child.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "banned.h"

void
child_reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		if (number != SIGKILL && number != SIGSTOP)
			signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void
child_close_all_but(int *keep, size_t len)
{
	unsigned from = 3;

	/* The ranges between them. */
	qsort(keep, len, sizeof(*keep), compare_fds);
	for (size_t i = 0; i < len; i++) {
		if (keep[i] < (int)from)
			continue;
		if ((unsigned)keep[i] > from)
			syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	syscall(SYS_close_range, from, ~0U, 0);
}
