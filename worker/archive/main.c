/* SPDX-License-Identifier: MIT
 * fuzzsupd-archive: keeps what fuzzers found, and tells of it.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive.h"
#include "edges.h"
#include "heritage.h"
#include "log.h"
#include "sandbox.h"
#include "banned.h"

int
main(int argc, char **argv)
{
	struct channel *supervisor = NULL, *frontend = NULL, *collector = NULL;
	struct archive *archive = NULL;
	struct heritage heritage;
	int r;

	if (heritage_take(argc, argv, "archive", &heritage) < 0)
		return EXIT_FAILURE;
	/* It ends when the supervisor is gone, and then with its last second in the file. */
	signal(SIGTERM, SIG_IGN);
	r = channel_new(HERITAGE_CHANNEL, PARTY_ARCHIVE, PARTY_SUPERVISOR, &supervisor);
	if (r == 0)
		r = channel_new(edge_fd(EDGE_FRONTEND_ARCHIVE), PARTY_ARCHIVE,
		    PARTY_FRONTEND, &frontend);
	if (r == 0)
		r = channel_new(edge_fd(EDGE_COLLECTOR_ARCHIVE), PARTY_ARCHIVE,
		    PARTY_COLLECTOR, &collector);
	if (r == 0 && fchdir(HERITAGE_DIRECTORY) != 0)
		r = -errno;
	if (r == 0)
		r = archive_new(supervisor, frontend, collector, &archive);
	if (r == 0)
		r = sandbox_enter(SANDBOX_ARCHIVE, &heritage);
	if (r == 0)
		r = archive_run(archive);
	if (archive != NULL)
		archive_free(archive);
	channel_free(collector);
	channel_free(frontend);
	channel_free(supervisor);
	if (r < 0)
		log_err("stopping: %s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
