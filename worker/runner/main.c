/* SPDX-License-Identifier: MIT
 * fuzzsupd-runner: executes other people's programs; for now the page's compiler.
 */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include "heritage.h"
#include "log.h"
#include "runner.h"
#include "banned.h"

/* No sandbox of its own: what it executes needs the system. It gives up root, and the way
 * back to it. */
static int
drop_user(const struct heritage *heritage)
{
	if (geteuid() == 0 && heritage->uid != 0 &&
	    (setgroups(0, NULL) != 0 ||
		setresgid(heritage->gid, heritage->gid, heritage->gid) != 0 ||
		setresuid(heritage->uid, heritage->uid, heritage->uid) != 0))
		return -errno;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	return 0;
}

int
main(int argc, char **argv)
{
	struct channel *channel = NULL;
	struct runner *runner = NULL;
	struct heritage heritage;
	int r;

	if (heritage_take(argc, argv, "runner", &heritage) < 0)
		return EXIT_FAILURE;
	r = channel_new(HERITAGE_CHANNEL, &channel);
	if (r == 0)
		r = runner_new(channel, &runner);
	if (r == 0)
		r = drop_user(&heritage);
	if (r == 0)
		r = runner_run(runner);
	if (runner != NULL)
		runner_free(runner);
	channel_free(channel);
	if (r < 0)
		log_err("stopping: %s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
