/* SPDX-License-Identifier: MIT
 * fuzzsupd-runner: executes other people's programs: jobs, and the page's compiler.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include "heritage.h"
#include "log.h"
#include "runner.h"
#include "banned.h"

/* No sandbox of its own, and no drop of root: jobs have users of their own, and what it
 * executes drops to one before it runs. It parses nothing that they say. */
static int
prepare(void)
{
	if (prctl(PR_SET_PDEATHSIG, SIGHUP, 0, 0, 0) != 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	/* The channel is closed as well: fuzzers end in their own way first. */
	signal(SIGTERM, SIG_IGN);
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
	r = channel_new(HERITAGE_CHANNEL, PARTY_RUNNER, PARTY_SUPERVISOR, &channel);
	if (r == 0)
		r = prepare();
	if (r == 0)
		r = runner_new(channel, &heritage, &runner);
	if (r == 0)
		r = runner_run(runner);
	if (runner != NULL)
		runner_free(runner);
	channel_free(channel);
	if (r < 0)
		log_err("stopping: %s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
