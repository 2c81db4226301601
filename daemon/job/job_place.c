/* SPDX-License-Identifier: MIT
 * Whether a job's folder is the one that workers were sent; in the supervisor.
 */
#include "config.h"

#include "job_place.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "detached.h"
#include "jobs.h"
#include "log.h"
#include "make_folder.h"
#include "privs.h"
#include "banned.h"

int
job_place_open(struct job *job, unsigned outbox)
{
	struct job_place *sent = &job->sent[outbox];
	int fd = privs_open_folder(job->folder);
	struct stat st;

	*sent = (struct job_place){ .inode = 0 };
	if (fd >= 0 && fstat(fd, &st) == 0)
		*sent = (struct job_place){ .device = st.st_dev, .inode = st.st_ino };
	return detached_cut(fd);
}

static int
make_again(struct job *job)
{
	int r = make_folder(job->folder, 0755);

	if (r == 0)
		log_warning("job %s/%s: its folder %s was deleted; it was made again, "
			    "and what lay there is lost",
		    job->target, job->name, job->folder);
	else if (!job->folder_gone)
		log_warning("job %s/%s: its folder %s is gone, and cannot be made "
			    "again: %s",
		    job->target, job->name, job->folder, strerror(-r));
	job->folder_gone = r < 0;
	return r;
}

unsigned
job_place_look(struct job *job)
{
	unsigned moved = 0;
	struct stat st;

	if (stat(job->folder, &st) != 0 &&
	    (make_again(job) < 0 || stat(job->folder, &st) != 0))
		return 0;
	job->folder_gone = false;
	for (unsigned i = 0; i < JOB_OUTBOXES; i++) {
		const struct job_place *sent = &job->sent[i];

		if (sent->inode != 0 &&
		    (sent->inode != st.st_ino || sent->device != st.st_dev))
			moved |= 1U << i;
	}
	return moved;
}
