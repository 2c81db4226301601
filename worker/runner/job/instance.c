/* SPDX-License-Identifier: MIT
 * What follows from the end of an instance, and from a start that came to nothing; in the
 * runner.
 */
#include "config.h"

#include "instance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "become.h"
#include "job_folder.h"
#include "job_probe.h"
#include "seeds.h"
#include "banned.h"

#define BACK_OFF_MIN_MS 200
#define BACK_OFF_MAX_MS 30000
#define SHORTAGE_MAX_MS 5000 /* trying costs little, and others end */

int64_t
job_doubled(int64_t ms, unsigned times, int64_t max)
{
	return MIN(ms << MIN(times, 10), max);
}

static void
describe_end(const struct instance *instance, char *ret_text, size_t size)
{
	const struct engine *engine = instance->job->engine;
	const char *text;

	if (!instance->has_ended)
		snprintf(ret_text, size, "its minder was killed");
	else if (instance->words[0] != '\0')
		snprintf(ret_text, size, "ended: %.200s", instance->words);
	else if (WIFSIGNALED(instance->status))
		snprintf(ret_text, size, "killed by signal %d (%s)",
		    WTERMSIG(instance->status), strsignal(WTERMSIG(instance->status)));
	else if (WEXITSTATUS(instance->status) == 0)
		snprintf(ret_text, size, "ended with exit status 0");
	else {
		text = engine->status_text != NULL
		    ? engine->status_text(WEXITSTATUS(instance->status))
		    : NULL;
		snprintf(ret_text, size, "exit status %d%s%s%s",
		    WEXITSTATUS(instance->status), text != NULL ? " (" : "",
		    text != NULL ? text : "", text != NULL ? ")" : "");
	}
}

/* True if the machine has not now what it may have soon. */
bool
instance_is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == EAGAIN ||
	    error == ENOMEM || error == ENOSPC || error == EDQUOT;
}

/* @what could not be done for want of something. */
void
instance_describe_shortage(int error, const char *what, char *ret_text, size_t size)
{
	struct rlimit limit = { 0 };

	if (error == EMFILE) {
		getrlimit(RLIMIT_NOFILE, &limit);
		snprintf(ret_text, size,
		    "no file descriptors left (limit %llu): raise LimitNOFILE= of the "
		    "service, or ulimit -n",
		    (unsigned long long)limit.rlim_cur);
	} else if (error == ENFILE) {
		snprintf(ret_text, size,
		    "the whole machine has no file descriptors left: raise "
		    "fs.file-max");
	} else if (error == EAGAIN) {
		snprintf(ret_text, size,
		    "no more processes: raise TasksMax= of the service, or ulimit -u");
	} else if (error == ENOMEM) {
		snprintf(ret_text, size, "no memory left to start it");
	} else {
		snprintf(ret_text, size, "%.200s: %s", what, strerror(error));
	}
}

/* True if it was to read what others put there. */
static bool
is_reading(const struct instance *instance)
{
	return strncmp(instance->words, SEEDS_READING, strlen(SEEDS_READING)) == 0;
}

static void
describe_refusal(const struct instance *instance, char *ret_text, size_t size)
{
	const char *hint = "";

	if (strcmp(instance->words, BECOME_EXECUTING) == 0) {
		if (instance->refused == ENOENT)
			hint = ": it is there, so its interpreter (of a script, or the "
			       "dynamic linker) is missing";
		else if (instance->refused == ENOEXEC)
			hint = ": neither an executable of this machine nor a script";
		else if (instance->refused == ETXTBSY)
			hint = ": its writer still has it open";
	}
	if (is_reading(instance) && instance->refused == EACCES)
		hint = "; chmod o+r it, or o+rx if it is a folder";
	snprintf(ret_text, size, "%.120s: %s%s", instance->words,
	    strerror(instance->refused), hint);
}

void
instance_fail(struct instance *instance, const char *words)
{
	instance->phase = INSTANCE_FAILED;
	snprintf(instance->words, sizeof(instance->words), "%s", words);
}

static void
wait_for(struct instance *instance, const char *words, int64_t ms)
{
	const struct timeval wait = { .tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000 };

	instance->phase = INSTANCE_BACK_OFF;
	snprintf(instance->words, sizeof(instance->words), "%s", words);
	evtimer_add(instance->timer, &wait);
}

static void
back_off(struct instance *instance, const char *words)
{
	wait_for(instance, words,
	    instance->fast_ends == 0 ? BACK_OFF_MIN_MS / 4
				     : job_doubled(BACK_OFF_MIN_MS,
					   instance->fast_ends - 1, BACK_OFF_MAX_MS));
}

/* It could not be started, which is nothing that it did. */
void
instance_lack(struct instance *instance, int error, const char *what)
{
	char words[INSTANCE_WORDS_MAX];

	instance_describe_shortage(error, what, words, sizeof(words));
	wait_for(instance, words,
	    job_doubled(BACK_OFF_MIN_MS, instance->shortages++, SHORTAGE_MAX_MS));
}

/* What follows where it could not be executed. A program that somebody writes, or that
 * changed since it was looked at, is one that may be good soon. */
static void
follow_refusal(struct instance *instance)
{
	struct job *job = instance->job;
	const bool executing = strcmp(instance->words, BECOME_EXECUTING) == 0;
	const struct program now = job_look_at_program(job);
	char words[256];

	describe_refusal(instance, words, sizeof(words));
	if (instance_is_shortage(instance->refused) &&
	    (!executing || instance->refused != EMFILE)) {
		instance_lack(instance, instance->refused, words);
	} else if (executing &&
	    (instance->refused == ETXTBSY || !program_same(&now, &job->program))) {
		instance->fast_ends++;
		back_off(instance, words);
	} else if (is_reading(instance)) {
		/* Others may mend it; what the last probe found holds no more. */
		instance->fast_ends++;
		back_off(instance, words);
		job_probe_forget(job);
	} else {
		instance_fail(instance, words);
	}
}

/* True if its end is what its engine does when it finds something. */
static bool
ended_by_find(const struct instance *instance)
{
	const struct job *job = instance->job;
	enum engine_end end;
	bool found;
	int folder;

	if (!instance->has_ended || instance->words[0] != '\0' ||
	    job->engine->end == NULL)
		return false;
	end = job->engine->end(instance->status);
	if (end != ENGINE_END_UNSURE || job_folder_open(job->folder_path, &folder) < 0)
		return end == ENGINE_END_FIND;
	found = job_folder_has_since(folder, "artifacts", instance->started_wall_ms);
	close(folder);
	return found;
}

/* What is said where it ends again and again soon after its start. */
static void
describe_loop(const struct instance *instance, bool found, const char *words,
    char *ret_text, size_t size)
{
	const struct engine *engine = instance->job->engine;

	if (found)
		snprintf(ret_text, size,
		    "%s; %u times within %d s of its start: %.100s",
		    engine->way_out(instance->status), instance->fast_ends,
		    FAST_MS / 1000, words);
	else
		snprintf(ret_text, size, "%u times within %d s of its start: %.200s",
		    instance->fast_ends, FAST_MS / 1000, words);
}

/* What follows from the end of an instance that nobody asked for. */
void
instance_follow_end(struct instance *instance, int64_t ran)
{
	const struct job_spec *spec = &instance->job->spec;
	bool well = instance->has_ended && WIFEXITED(instance->status) &&
	    WEXITSTATUS(instance->status) == 0 && instance->words[0] == '\0';
	bool found = !well && ended_by_find(instance);
	char words[256], why[INSTANCE_WORDS_MAX];

	if (instance->refused != 0) {
		follow_refusal(instance);
		return;
	}
	if (instance->is_unfit) {
		instance->phase = INSTANCE_FAILED;
		return;
	}
	instance->shortages = 0;
	/* Its folders may be why, whatever was found before. */
	if (!well)
		job_probe_forget(instance->job);
	describe_end(instance, words, sizeof(words));
	if (well && spec->restart != JOB_RESTART_ALWAYS) {
		instance->phase = INSTANCE_DONE;
		snprintf(instance->words, sizeof(instance->words), "%s", words);
		return;
	}
	if (spec->restart == JOB_RESTART_NEVER) {
		instance_fail(instance, words);
		return;
	}
	instance->fast_ends = ran < FAST_MS ? instance->fast_ends + 1 : 0;
	instance->fruitless_ends =
	    ran < FAST_MS && !found ? instance->fruitless_ends + 1 : 0;
	describe_loop(instance, found, words, why, sizeof(why));
	if (spec->start_limit > 0 && instance->fruitless_ends >= spec->start_limit)
		instance_fail(instance, why);
	else
		back_off(instance, instance->fast_ends >= LOOP_ENDS ? why : words);
}
