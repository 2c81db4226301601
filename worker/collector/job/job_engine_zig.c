/* SPDX-License-Identifier: MIT
 * Zig: the run counts in its coverage files, and the inputs that its minder keeps of
 * crashes; in the collector.
 *
 * All instances count in one file for each build, and go on there when they are started
 * again. Where the target names the cache, it is not in the job's folder, and the job's
 * executions are not known; those of the target are.
 */
#include "config.h"

#include "job_engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "coverage_file.h"
#include "coverage_map.h"
#include "banned.h"

#define COVERAGE "cache/v"
#define NAMES_MAX 256 /* builds; what lies there else is none of Zig's */

static uint64_t
runs_in(int folder, const char *name)
{
	struct coverage_map_header header;
	struct job_file_id id;
	int fd = job_file_open(folder, name, &id);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = pread(fd, &header, sizeof(header), 0);
	close(fd);
	return n == sizeof(header) && header.n_runs <= JOB_COUNT_MAX ? header.n_runs
								     : 0;
}

/* Of all builds. */
static uint64_t
count_runs(struct job *job)
{
	int fd = job_open_below(job->fd, COVERAGE, O_DIRECTORY);
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	uint64_t runs = 0;

	if (listing == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	for (int i = 0; i < NAMES_MAX && (entry = readdir(listing)) != NULL; i++)
		if (coverage_file_is_name(entry->d_name))
			runs = job_add(runs, runs_in(fd, entry->d_name));
	closedir(listing);
	return runs;
}

static void
look(struct job *job)
{
	struct job_instance *instance = &job->instances[0];
	const uint64_t runs = count_runs(job);

	/* The minders of older ones keep nothing. */
	if ((job->known & JOB_STATS_CRASHES) != 0)
		job_look_at_artifacts(job, JOB_STATS_CRASHES);
	if (runs == instance->run.executions)
		return;
	/* Its cache was emptied. */
	if (runs < instance->run.executions)
		job_instance_restart(instance, instance->started_ms);
	instance->run.executions = runs;
	instance->run.known |= JOB_STATS_EXECUTIONS | JOB_STATS_RATE;
	instance->heard = true;
	job_heard(job, job->wall_ms);
}

/* "fuzzsupd: Zig 0.17.1; fuzzes test …", as the minder says. */
static void
take_line(struct job *job, struct job_instance *instance, struct job_text line)
{
	uint64_t minor;

	(void)instance;
	if (job_text_skip(&line, "fuzzsupd: Zig 0.") &&
	    job_text_number(&line, &minor) && minor >= 16)
		job->known |= JOB_STATS_CRASHES;
}

/* Every run is counted. */
static int64_t
silence_ms(const struct job *job)
{
	return job->instances[0].heard ? JOB_SILENCE_MS : 0;
}

const struct job_engine_ops job_engine_zig = {
	.resumes = true,
	.look = look,
	.line = take_line,
	.silence_ms = silence_ms,
};
