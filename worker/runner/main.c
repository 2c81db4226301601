/* SPDX-License-Identifier: MIT
 * fuzzsupd-runner: runs other people's programs, for now the compiler of the page.
 */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "channel.h"
#include "heritage.h"
#include "log.h"
#include "runner.h"
#include "banned.h"

/* What is run must be nobody's who matters. */
static int
drop_user(const struct heritage *heritage)
{
	if (geteuid() == 0 && heritage->uid != 0 &&
	    (setgroups(0, NULL) != 0 ||
		setresgid(heritage->gid, heritage->gid, heritage->gid) != 0 ||
		setresuid(heritage->uid, heritage->uid, heritage->uid) != 0))
		return -errno;
	/* Another user's process is no longer told when its parent dies. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	return 0;
}

int
main(int argc, char **argv)
{
	struct heritage heritage;
	struct channel *channel;
	int r = heritage_take(argc, argv, "runner", &heritage);

	if (r < 0)
		return EXIT_FAILURE;
	r = channel_new(HERITAGE_CHANNEL, &channel);
	if (r == 0)
		r = drop_user(&heritage);
	if (r < 0) {
		log_err("cannot start: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	r = runner_loop(channel);
	channel_free(channel);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
