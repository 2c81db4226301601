/* SPDX-License-Identifier: MIT
 * fuzzsupd-collector: reads what fuzzers reached, and publishes what is new.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "collector.h"
#include "edges.h"
#include "heritage.h"
#include "log.h"
#include "sandbox.h"
#include "banned.h"

/* Two descriptors a target, and one a file: more than the usual 1,024. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warning("the limit of open files stays low: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
	struct collector_loop *loop = NULL;
	struct channel *channel = NULL, *archive = NULL;
	struct heritage heritage;
	int r;

	if (heritage_take(argc, argv, "collector", &heritage) < 0)
		return EXIT_FAILURE;
	raise_descriptor_limit();
	r = channel_new(HERITAGE_CHANNEL, PARTY_COLLECTOR, PARTY_SUPERVISOR, &channel);
	if (r == 0)
		r = channel_new(edge_fd(EDGE_COLLECTOR_ARCHIVE), PARTY_COLLECTOR,
		    PARTY_ARCHIVE, &archive);
	if (r == 0)
		r = collector_loop_new(channel, archive, HERITAGE_NEWS, &loop);
	if (r == 0)
		r = sandbox_enter(SANDBOX_COLLECTOR, &heritage);
	if (r == 0)
		r = collector_loop_run(loop);
	if (loop != NULL)
		collector_loop_free(loop);
	channel_free(archive);
	channel_free(channel);
	if (r < 0)
		log_err("stopping: %s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
