/* SPDX-License-Identifier: MIT
 * Folders with a fuzzer_stats; in the collector.
 */
#include "config.h"

#include "job_attached.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "banned.h"

#define LIST_MS 2000
#define ENTRIES_MAX 4096 /* of a folder that is none of AFL++'s */

static bool
is_known(const struct job *job, const char *name)
{
	for (unsigned i = 0; i < job->instances_len; i++)
		if (strcmp(job->attached->names[i], name) == 0)
			return true;
	return false;
}

/* Takes the folder @name for an instance, if it is one. */
static void
consider(struct job *job, const char *name)
{
	char path[JOB_ATTACHED_NAME_MAX + 16];
	struct job_file_id id;
	int fd;

	if (job->instances_len == JOB_INSTANCES_MAX ||
	    strlen(name) >= JOB_ATTACHED_NAME_MAX || is_known(job, name))
		return;
	snprintf(path, sizeof(path), "%s/fuzzer_stats", name);
	fd = job_file_open(job->fd, path, &id);
	if (fd < 0)
		return;
	close(fd);
	snprintf(job->attached->names[job->instances_len++], JOB_ATTACHED_NAME_MAX,
	    "%s", name);
}

void
job_attached_look(struct job *job)
{
	const struct dirent *entry;
	DIR *listing;
	int fd;

	if (job->now_ms < job->attached->next_ms)
		return;
	job->attached->next_ms = job->now_ms + LIST_MS;
	consider(job, "."); /* an instance's own folder was named */
	fd = job_open_below(job->fd, ".", O_DIRECTORY);
	listing = fd >= 0 ? fdopendir(fd) : NULL;
	if (listing == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (int i = 0; i < ENTRIES_MAX && (entry = readdir(listing)) != NULL; i++)
		if (entry->d_name[0] != '.' &&
		    (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
			consider(job, entry->d_name);
	closedir(listing);
}

void
job_attached_heard(
    struct job *job, unsigned number, uint64_t pid, const struct job_file_id *file)
{
	struct job_fuzzer *fuzzer = &job->attached->fuzzers[number];

	/* By our own clock, but for what was there before us. */
	fuzzer->moved = fuzzer->changed_ms != 0;
	fuzzer->changed_ms = fuzzer->moved ? job->wall_ms : file->changed_ns / 1000000;
	fuzzer->pid = pid;
}

/* The part behind the last slash. */
static struct job_text
file_name(struct job_text word)
{
	for (size_t i = word.len; i > 0; i--)
		if (word.at[i - 1] == '/')
			return (struct job_text){ word.at + i, word.len - i };
	return word;
}

bool
job_attached_runs_target(const struct job_attached *attached, struct job_text command)
{
	struct job_text word, name;

	while (command.len > 0) {
		job_text_blanks(&command);
		if (!job_text_until(&command, ' ', &word)) {
			word = command;
			command.len = 0;
		}
		name = file_name(word);
		if (job_text_is(&name, attached->executable))
			return true;
	}
	return false;
}
