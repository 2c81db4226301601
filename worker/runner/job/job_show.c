/* SPDX-License-Identifier: MIT
 * What is reported of a job: its state and the reason for it; in the runner.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "instance.h"
#include "job.h"
#include "job_probe.h"
#include "log.h"
#include "banned.h"

/* One function changes a state, and logs it. @about: whose end the reason tells, as its
 * last words; NULL: nobody's. */
static void __attribute__((format(printf, 4, 5)))
set_state(struct job *job, enum job_state state, const struct instance *about,
    const char *format, ...)
{
	struct job_report *report = &job->report;
	char reason[JOB_REASON_MAX], quoted[2 * JOB_REASON_MAX];
	const pid_t ended = about != NULL ? about->ended_pid : 0;
	va_list args;
	bool turns; /* nothing to say each time */

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (report->state == state && strcmp(report->reason, reason) == 0 &&
	    report->ended_pid == ended)
		return;
	turns = report->starts > job->spec.instances &&
	    (state == JOB_STATE_QUEUED || report->state == JOB_STATE_QUEUED);
	if (report->state != state || strcmp(report->reason, reason) != 0)
		log_write(state == JOB_STATE_FAILED          ? LOG_LEVEL_WARNING
			: state == JOB_STATE_QUEUED || turns ? LOG_LEVEL_DEBUG
							     : LOG_LEVEL_NOTICE,
		    "job %s/%s: %s%s%s", job->spec.target, job->spec.name,
		    job_state_name(state), reason[0] != '\0' ? ": " : "",
		    reason[0] != '\0'
			? log_quote(reason, strlen(reason), quoted, sizeof(quoted))
			: "");
	if (report->state != state)
		report->since_ms = clock_ms(CLOCK_REALTIME);
	report->state = state;
	report->ended_pid = ended;
	report->ended_instance = ended != 0 ? about->index : 0;
	memcpy(report->reason, reason, sizeof(reason));
	job_changed(job);
}

static const struct instance *
first_in(const struct job *job, enum instance_phase phase)
{
	for (unsigned i = 0; i < job->spec.instances; i++)
		if (job->instances[i].phase == phase)
			return &job->instances[i];
	return NULL;
}

/* The first that ends at once again and again, and what it ended of last. */
static const struct instance *
first_in_loop(const struct job *job, const char **ret_words)
{
	const int64_t now = clock_ms(CLOCK_MONOTONIC);

	for (unsigned i = 0; i < job->spec.instances; i++) {
		const struct instance *instance = &job->instances[i];
		const bool runs = instance->phase == INSTANCE_RUNNING;

		if (instance->fast_ends < LOOP_ENDS ||
		    (!runs && instance->phase != INSTANCE_BACK_OFF) ||
		    (runs && now - instance->started_ms >= FAST_MS))
			continue;
		*ret_words = runs ? instance->past : instance->words;
		return instance;
	}
	return NULL;
}

bool
job_loops(const struct job *job)
{
	const char *words;

	return first_in_loop(job, &words) != NULL;
}

static const struct instance *
first_short(const struct job *job)
{
	for (unsigned i = 0; i < job->spec.instances; i++)
		if (job->instances[i].phase == INSTANCE_BACK_OFF &&
		    job->instances[i].shortages > 0)
			return &job->instances[i];
	return NULL;
}

/* The first that there is. */
static const char *
note_of(const struct job *job)
{
	for (unsigned i = 0; i < job->spec.instances; i++)
		if (job->instances[i].phase == INSTANCE_RUNNING &&
		    job->instances[i].note[0] != '\0')
			return job->instances[i].note;
	return "";
}

static void
show_running(struct job *job)
{
	const struct instance *failed = first_in(job, INSTANCE_FAILED),
			      *in_need = first_short(job), *loops;
	const unsigned all = job->spec.instances;
	const char *words = "", *lost = job_probe_words(job);

	if (lost[0] != '\0')
		set_state(job, JOB_STATE_RUNNING, NULL, "%s", lost);
	else if (failed != NULL)
		set_state(job, JOB_STATE_RUNNING, failed,
		    "%u of %u instances failed: %s",
		    job_count_phase(job, INSTANCE_FAILED), all, failed->words);
	else if (!job->seen.is_there)
		set_state(job, JOB_STATE_RUNNING, NULL,
		    "its program %.200s was deleted; what runs goes on",
		    job->program.path);
	else if (!job_runs_newest(job))
		set_state(job, JOB_STATE_RUNNING, NULL,
		    "its program %.200s was replaced%s%s; what runs goes on",
		    job->seen.path,
		    job->probe_words[0] != '\0' ? " and cannot be executed yet: " : "",
		    job->probe_words);
	else if (in_need != NULL) {
		job->lacks = true;
		set_state(job, JOB_STATE_RUNNING, NULL, "%u of %u instances wait: %s",
		    all - job->running, all, in_need->words);
	} else if ((loops = first_in_loop(job, &words)) != NULL)
		set_state(job, JOB_STATE_RUNNING, loops, "%s", words);
	else if ((lost = job_probe_past(job))[0] != '\0')
		set_state(job, JOB_STATE_RUNNING, NULL, "%s", lost);
	else
		set_state(job, JOB_STATE_RUNNING, NULL, "%s", note_of(job));
}

/* Nothing runs, and nobody wants that. */
static void
show_idle(struct job *job)
{
	const struct instance *backs_off = first_in(job, INSTANCE_BACK_OFF),
			      *failed = first_in(job, INSTANCE_FAILED);
	/* Else there is nothing that would be started. */
	const bool waits = backs_off != NULL || first_in(job, INSTANCE_IDLE) != NULL;

	if (!job->seen.is_there)
		set_state(job, JOB_STATE_WAITING, NULL,
		    "waiting for its program %.250s", job->seen.path);
	else if (!job->stands)
		set_state(job, JOB_STATE_WAITING, NULL,
		    "waiting for its program %.250s, which changes", job->seen.path);
	else if (waits && job_probe_refuses(job))
		set_state(job,
		    job_probe_waits(job) ? JOB_STATE_WAITING : JOB_STATE_BACK_OFF, NULL,
		    "%s", job_probe_words(job));
	else if (backs_off != NULL) {
		job->lacks = backs_off->shortages > 0;
		set_state(job, JOB_STATE_BACK_OFF, backs_off, "%s", backs_off->words);
	} else if (failed != NULL)
		set_state(job, JOB_STATE_FAILED, failed, "%s", failed->words);
	else if (job_count_phase(job, INSTANCE_DONE) == job->spec.instances)
		set_state(job, JOB_STATE_DONE, NULL, "%s",
		    first_in(job, INSTANCE_DONE)->words);
	else if (job->waits_for != 0)
		set_state(job, JOB_STATE_QUEUED, NULL,
		    "what runs with its former settings is ending");
	else if (!job->has_turn)
		set_state(job, JOB_STATE_QUEUED, NULL, "%s", "");
}

/* Works out the state from all that it follows from. */
void
job_show(struct job *job)
{
	if (job->is_leaving)
		return;
	job->lacks = false;
	if (job->is_over || !job->wanted) {
		if (job->running > 0)
			set_state(job, JOB_STATE_STOPPING, NULL, "%s",
			    job->is_over ? job->report.reason : "on request");
		else if (job->is_over)
			set_state(job, JOB_STATE_DONE, NULL, "%s", job->report.reason);
		else
			set_state(job, JOB_STATE_STOPPED, NULL, "on request");
	} else if (job->running > 0 && job->has_turn && !job->is_new_build) {
		show_running(job);
	} else if (job->running > 0) {
		set_state(job, JOB_STATE_STOPPING, NULL,
		    job->is_new_build ? "to start the new build"
				      : "others have their turn");
	} else {
		show_idle(job);
	}
}
