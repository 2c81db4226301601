/* SPDX-License-Identifier: MIT
 * Attached jobs; in the supervisor.
 *
 * An instance of AFL++ says its process ID in its stats. While that is an afl-fuzz, it runs;
 * where it is none, as of one in a container, its stats must change before our eyes.
 */
#include "config.h"

#include "job_attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privs.h"
#include "banned.h"

#define SILENCE_MS 150000 /* it writes every minute, or more often */

int
job_attach_new(const char *path, struct job_attach **ret_attach)
{
	struct job_attach *attach = calloc(1, sizeof(*attach));

	if (attach == NULL)
		return -ENOMEM;
	attach->path = strdup(path);
	if (attach->path == NULL) {
		free(attach);
		return -ENOMEM;
	}
	*ret_attach = attach;
	return 0;
}

void
job_attach_free(struct job_attach *attach)
{
	if (attach == NULL)
		return;
	free(attach->path);
	free(attach);
}

int
job_attach_open(struct job_attach *attach)
{
	int fd = privs_open_folder(attach->path);
	struct stat st;

	attach->error = fd < 0 ? -fd : 0;
	if (fd < 0 || fstat(fd, &st) != 0)
		return fd;
	/* What is known of another folder is nothing of this one; a new collector says the
	 * same again. */
	if (attach->inode != st.st_ino || attach->device != st.st_dev)
		attach->len = 0;
	attach->device = st.st_dev;
	attach->inode = st.st_ino;
	return fd;
}

bool
job_attach_moved(struct job_attach *attach)
{
	struct stat st;

	if (stat(attach->path, &st) != 0) {
		attach->error = errno;
		return false;
	}
	if (!S_ISDIR(st.st_mode)) {
		attach->error = ENOTDIR;
		return false;
	}
	return attach->error != 0 || attach->inode != st.st_ino ||
	    attach->device != st.st_dev;
}

int
job_attach_take(struct job_attach *attach, const struct message *message)
{
	const size_t len = message->text_len / sizeof(struct job_fuzzer);

	if (message->text_len % sizeof(struct job_fuzzer) != 0 ||
	    len > JOB_INSTANCES_MAX)
		return -EPROTO;
	for (size_t i = 0; i < len; i++) {
		struct job_fuzzer fuzzer;

		memcpy(&fuzzer, message->text + i * sizeof(fuzzer), sizeof(fuzzer));
		if (i >= attach->len || fuzzer.pid != attach->fuzzers[i].pid)
			attach->seen[i] = false;
		attach->fuzzers[i] = fuzzer;
	}
	attach->len = len;
	return 0;
}

/* Whether process @pid is an afl-fuzz that has not ended. */
static bool
is_fuzzer(uint64_t pid)
{
	char path[48], text[64] = "";
	const char *name, *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%llu/stat", (unsigned long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	name = strchr(text, '(');
	end = strrchr(text, ')');
	return name != NULL && end != NULL && strncmp(name + 1, "afl-fuzz", 8) == 0 &&
	    strncmp(end, ") Z", 3) != 0 && strncmp(end, ") X", 3) != 0;
}

static bool
runs(struct job_attach *attach, size_t number, int64_t now_ms)
{
	const struct job_fuzzer *fuzzer = &attach->fuzzers[number];

	if (fuzzer->pid != 0 && is_fuzzer(fuzzer->pid)) {
		attach->seen[number] = true;
		return true;
	}
	return !attach->seen[number] && fuzzer->moved != 0 &&
	    now_ms - fuzzer->changed_ms < SILENCE_MS;
}

static void
judge(const struct job_attach *attach, struct job_report *report)
{
	char *reason = report->reason;
	const size_t size = sizeof(report->reason);

	reason[0] = '\0';
	if (attach->error != 0) {
		report->state = JOB_STATE_WAITING;
		snprintf(reason, size, "waiting for %.200s: %s", attach->path,
		    strerror(attach->error));
	} else if (attach->len == 0) {
		report->state = JOB_STATE_WAITING;
		snprintf(reason, size,
		    "waiting for an afl-fuzz: none has written its stats below %.200s",
		    attach->path);
	} else if (report->running == 0) {
		report->state = JOB_STATE_STOPPED;
		snprintf(reason, size,
		    "its afl-fuzz ended; it is attached: start it where it was "
		    "started");
	} else {
		report->state = JOB_STATE_RUNNING;
		if (report->running < attach->len)
			snprintf(reason, size, "%zu of %zu afl-fuzz do not run",
			    attach->len - report->running, attach->len);
	}
}

bool
job_attach_report(struct job_attach *attach, int64_t now_ms, struct job_report *report)
{
	const struct job_report before = *report;

	if (attach->error != 0)
		attach->len = 0;
	report->instances = (uint32_t)attach->len;
	report->running = 0;
	report->pid = 0;
	for (size_t i = 0; i < attach->len; i++) {
		if (!runs(attach, i, now_ms))
			continue;
		report->running++;
		if (report->pid == 0 && attach->seen[i])
			report->pid = (int32_t)attach->fuzzers[i].pid;
	}
	judge(attach, report);
	if (report->state != before.state || before.since_ms == 0)
		report->since_ms = now_ms;
	return memcmp(&before, report, sizeof(before)) != 0;
}
