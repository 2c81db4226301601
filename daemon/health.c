/* SPDX-License-Identifier: MIT
 * What is not well, collected from workers, configuration, disks, targets and jobs; in the
 * supervisor.
 */
#include "config.h"

#include "health.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "archive_feed.h"
#include "clock.h"
#include "disk_room.h"
#include "heartbeat.h"
#include "jobs.h"
#include "log.h"
#include "supervisor.h"
#include "target.h"
#include "banned.h"

#define LINES_MAX (MESSAGE_TEXT_MAX - 1)
#define SHORT_LIVES_MAX 3 /* deaths in a row that are too many */
#define DISKS_EVERY_MS 5000
#define IDLE_AFTER_MS 10000
#define DYING_MS 2000 /* that a killed process may take to end */

/* Collected in one look. */
struct lines {
	size_t len, problems;
	char text[LINES_MAX + 1];
};

struct health {
	struct supervisor *supervisor;
	struct lines now, next;
	bool owed; /* the front-end has not been told */
	char refused[400];
	int64_t refused_ms;
	struct lines disks; /* looked at less often */
	int64_t disks_ms;
	int64_t idle_ms; /* since when no job runs; 0: one does, or none should */
};

/* ---- lines ---- */

/* The user does not want to hear of @word: a check, a target or TARGET/JOB. */
static bool
is_ignored(const struct health *health, const char *word)
{
	const struct string_list *ignored = &health->supervisor->conf->health_ignores;

	for (size_t i = 0; i < ignored->len; i++)
		if (strcmp(ignored->items[i], word) == 0)
			return true;
	return false;
}

/* What comes from elsewhere must not end a line or a column. */
static void
make_plain(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
}

/* Those that do not fit are counted. */
static void __attribute__((format(printf, 6, 7)))
add(const struct health *health, struct lines *lines, enum health_check check,
    const char *subject, int64_t since_ms, const char *format, ...)
{
	char line[1024], about[256], words[640];
	va_list args;
	int len;

	if (is_ignored(health, health_check_name(check)) || is_ignored(health, subject))
		return;
	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	make_plain(words);
	snprintf(about, sizeof(about), "%s", subject);
	make_plain(about);
	len = snprintf(line, sizeof(line), "%s\t%s\t%lld\t%s\n",
	    health_check_name(check), about, (long long)since_ms, words);
	lines->problems++;
	if (len < 0 || (size_t)len >= sizeof(line) ||
	    lines->len + (size_t)len > LINES_MAX)
		return;
	memcpy(lines->text + lines->len, line, (size_t)len + 1);
	lines->len += (size_t)len;
}

static void
clear(struct lines *lines)
{
	lines->len = lines->problems = 0;
	lines->text[0] = '\0';
}

/* ---- workers ---- */

static int64_t
to_unix(int64_t monotonic_ms)
{
	return clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_MONOTONIC) + monotonic_ms;
}

/* Rounded, so that a line stays the same from look to look. */
static int64_t
since_down(const struct worker *worker)
{
	return worker->down_ms != 0 ? to_unix(worker->down_ms) / 1000 * 1000 : 0;
}

static void
look_at_worker(const struct health *health, struct lines *lines, struct worker *worker)
{
	const char *name = worker_name(worker->kind);
	const bool up = worker->state == WORKER_STATE_RUNNING && !worker->doomed;

	/* What it died of before is over. */
	if (up && clock_ms(CLOCK_MONOTONIC) - worker->started_ms >= WORKER_SETTLED_MS)
		worker->short_lives = 0;
	if (up && heartbeat_missed(worker))
		add(health, lines, HEALTH_WORKER, name, 0, "%s does not answer%s", name,
		    worker->beat.was_traced ? ": a debugger holds it"
			: worker->beat.is_blocked
			? ": it waits for a disk or a file server"
			: "; it is replaced soon");
	else if (worker->short_lives >= SHORT_LIVES_MAX)
		add(health, lines, HEALTH_WORKER, name, 0,
		    "%s does not stay alive (%s); see the log", name, worker->trouble);
	else if (worker->state == WORKER_STATE_RUNNING && worker->doomed &&
	    clock_ms(CLOCK_MONOTONIC) - worker->down_ms > DYING_MS)
		add(health, lines, HEALTH_WORKER, name, since_down(worker),
		    "%s was killed and has not ended yet (%s)", name, worker->trouble);
	else if (worker->state == WORKER_STATE_BACK_OFF && worker->starts == 0)
		add(health, lines, HEALTH_WORKER, name, since_down(worker),
		    "%s was never started: it %s", name, worker->trouble);
	else if (worker->state == WORKER_STATE_BACK_OFF)
		add(health, lines, HEALTH_WORKER, name, since_down(worker),
		    "%s is down; it is started again soon (%s)", name, worker->trouble);
}

/* ---- targets and jobs ---- */

static void
look_at_targets(const struct health *health, struct lines *lines)
{
	const struct targets *targets = health->supervisor->targets;

	for (size_t i = 0; i < targets->len; i++) {
		const struct target *target = targets->by_name[i];

		if (target->state == TARGET_FAILED)
			add(health, lines, HEALTH_TARGET_FAILED, target->conf.name, 0,
			    "target %s failed: %s", target->conf.name, target->reason);
		else if (target->conf.coverage != NULL && target->place_gone[0] != '\0')
			add(health, lines, HEALTH_COVERAGE, target->conf.name, 0,
			    "target %s: %s", target->conf.name, target->place_gone);
	}
}

/* Default ones: once for all targets. */
static void
look_at_coverage_dirs(const struct health *health, struct lines *lines)
{
	const struct targets *targets = health->supervisor->targets;
	const struct string_list *list = &health->supervisor->coverage_dirs;

	for (size_t i = 0; i < list->len; i++)
		if (targets_default_is_gone(targets, i))
			add(health, lines, HEALTH_COVERAGE, list->items[i], 0,
			    "coverage directory %.300s is gone and cannot be made "
			    "again; "
			    "see the log",
			    list->items[i]);
}

static void
look_at_job(const struct health *health, struct lines *lines, const struct job *job)
{
	const int64_t now_ms = clock_ms(CLOCK_REALTIME);
	const struct job_report *report = &job->report;
	enum job_health state;
	char name[2 * JOB_NAME_MAX];
	int64_t since_ms = 0;

	if (!job->has_report || is_ignored(health, job->target))
		return;
	snprintf(name, sizeof(name), "%s/%s", job->target, job->name);
	state = job_health(report, &job->stats, now_ms, &since_ms);
	if (report->state == JOB_STATE_FAILED)
		add(health, lines, HEALTH_JOB_FAILED, name, report->since_ms,
		    "job %s failed: %s", name, report->reason);
	else if (report->loops != 0)
		add(health, lines, HEALTH_JOB_LOOPING, name, 0,
		    "job %s ends within seconds of its start, again and again; its "
		    "log says of what",
		    name);
	else if (state == JOB_HEALTH_LOSING)
		add(health, lines, HEALTH_JOB_LOSING, name, report->since_ms,
		    "job %s: %s", name, report->reason);
	else if ((report->state == JOB_STATE_WAITING ||
		     report->state == JOB_STATE_BACK_OFF) &&
	    now_ms - report->since_ms >
		(int64_t)health->supervisor->conf->health_patience_ms)
		add(health, lines, HEALTH_JOB_WAITING, name, report->since_ms,
		    "job %s does not run: %s", name, report->reason);
	else if (state == JOB_HEALTH_STALE)
		add(health, lines, HEALTH_JOB_STALE, name, since_ms,
		    "job %s is stale: its engine says nothing any more", name);
	else if (state == JOB_HEALTH_STUCK)
		add(health, lines, HEALTH_JOB_STUCK, name, since_ms,
		    "job %s is stuck: its executions stand still", name);
}

/* How many jobs are wanted, and how many of them fail or wait; what a user stopped and what
 * is done is not wanted. */
struct counts {
	unsigned wanted, failed, waiting;
};

static struct counts
count_jobs(const struct health *health)
{
	const struct jobs *jobs = health->supervisor->jobs;
	struct counts counts = { 0 };

	for (size_t i = 0; i < jobs->len; i++) {
		const struct job *job = jobs->list[i];
		const unsigned state = job->report.state;

		if (!job->wanted || is_ignored(health, job->target) ||
		    (job->has_report &&
			(state == JOB_STATE_DONE || state == JOB_STATE_STOPPED)))
			continue;
		counts.wanted++;
		counts.failed += job->has_report && state == JOB_STATE_FAILED;
		counts.waiting += job->has_report && state == JOB_STATE_WAITING;
	}
	return counts;
}

static void
look_whether_idle(struct health *health, struct lines *lines)
{
	const int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	const struct counts counts = count_jobs(health);

	if (counts.wanted == 0 || counts.failed + counts.waiting < counts.wanted)
		health->idle_ms = 0;
	else if (health->idle_ms == 0)
		health->idle_ms = now_ms;
	if (health->idle_ms != 0 &&
	    now_ms - health->idle_ms >=
		MIN(IDLE_AFTER_MS,
		    (int64_t)health->supervisor->conf->health_patience_ms))
		add(health, lines, HEALTH_IDLE, "jobs",
		    to_unix(health->idle_ms) / 1000 * 1000,
		    "nothing fuzzes: jobs that should run: %u; failed: %u; waiting for "
		    "their program: %u",
		    counts.wanted, counts.failed, counts.waiting);
}

static void
look_at_jobs(struct health *health, struct lines *lines)
{
	const struct jobs *jobs = health->supervisor->jobs;

	look_whether_idle(health, lines);
	for (size_t i = 0; i < jobs->len; i++)
		look_at_job(health, lines, jobs->list[i]);
}

/* ---- disks ---- */

static void
look_at_folder(const struct health *health, struct disk_room *room, struct lines *lines,
    const char *path)
{
	char words[200];

	if (disk_room_is_scarce(room, path, words, sizeof(words)))
		add(health, lines, HEALTH_DISK, path, 0, "%.300s: %s", path, words);
}

/* Where a job writes: its own folder, and what it was told to find its inputs in. */
static void
look_at_folders(const struct health *health, struct disk_room *room,
    struct lines *lines, const struct job *job)
{
	look_at_folder(health, room, lines, job->folder);
	for (size_t i = 0; i < job->corpus.len; i++)
		look_at_folder(health, room, lines, job->corpus.items[i]);
}

static void
look_at_disks(struct health *health)
{
	const struct supervisor *supervisor = health->supervisor;
	const int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	struct disk_room room = { .seen_len = 0 };

	if (health->disks_ms != 0 && now_ms - health->disks_ms < DISKS_EVERY_MS)
		return;
	health->disks_ms = now_ms;
	clear(&health->disks);
	look_at_folder(health, &room, &health->disks, supervisor->conf->state_dir);
	for (size_t i = 0; i < supervisor->jobs->len; i++)
		look_at_folders(
		    health, &room, &health->disks, supervisor->jobs->list[i]);
}

static void
append(struct lines *lines, const struct lines *more)
{
	lines->problems += more->problems;
	if (lines->len + more->len > LINES_MAX)
		return;
	memcpy(lines->text + lines->len, more->text, more->len + 1);
	lines->len += more->len;
}

/* ---- telling ---- */

/* True if @lines has a line of that check about the same, whatever it says. */
static bool
holds(const struct lines *lines, const char *line)
{
	const char *end = strchr(strchr(line, '\t') + 1, '\t');
	const size_t len = (size_t)(end - line) + 1;

	for (const char *at = lines->text; *at != '\0'; at = strchr(at, '\n') + 1)
		if (strncmp(at, line, len) == 0)
			return true;
	return false;
}

/* Once for each problem; most were logged where they came up, but none of all is lost. */
static void
log_new(const struct health *health)
{
	const char *words, *end;

	for (const char *line = health->next.text; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		words = memrchr(line, '\t', (size_t)(end - line));
		if (!holds(&health->now, line))
			log_warning(
			    "not well: %.*s", (int)(end - words - 1), words + 1);
	}
	if (health->now.problems > 0 && health->next.problems == 0)
		log_notice("all is well again");
}

void
health_look(struct health *health)
{
	struct supervisor *supervisor = health->supervisor;
	struct lines *lines = &health->next;

	if (supervisor->ending)
		return;
	clear(lines);
	for (unsigned i = 0; i < WORKERS_LEN; i++)
		look_at_worker(health, lines, &supervisor->workers[i]);
	if (health->refused[0] != '\0')
		add(health, lines, HEALTH_CONFIGURATION, supervisor->options->conf_path,
		    health->refused_ms, "%s", health->refused);
	look_at_disks(health);
	append(lines, &health->disks);
	if (archive_feed_words(supervisor->archive_feed)[0] != '\0')
		add(health, lines, HEALTH_ARCHIVE, "archive", 0, "%s",
		    archive_feed_words(supervisor->archive_feed));
	look_at_jobs(health, lines);
	look_at_coverage_dirs(health, lines);
	look_at_targets(health, lines);
	if (lines->problems == health->now.problems && lines->len == health->now.len &&
	    memcmp(lines->text, health->now.text, lines->len) == 0)
		return;
	log_new(health);
	health->now = *lines;
	health_resend(health);
}

void
health_set_refused(struct health *health, const char *why)
{
	snprintf(health->refused, sizeof(health->refused), "%s", why);
	health->refused_ms = clock_ms(CLOCK_REALTIME);
}

void
health_pump(struct health *health)
{
	struct worker *worker = supervisor_worker(health->supervisor, WORKER_FRONTEND);
	static struct message message;

	if (!health->owed || !worker_has_room(worker))
		return;
	health->owed = false;
	message_init(&message, MESSAGE_HEALTH, 0);
	message.health.problems = (uint32_t)health->now.problems;
	memcpy(message.text, health->now.text, health->now.len);
	message.text_len = (uint32_t)health->now.len;
	worker_send(worker, &message, NULL, 0);
}

void
health_resend(struct health *health)
{
	health->owed = true;
	health_pump(health);
}

size_t
health_count(const struct health *health)
{
	return health->now.problems;
}

const char *
health_lines(const struct health *health)
{
	return health->now.text;
}

int
health_new(struct supervisor *supervisor, struct health **ret_health)
{
	struct health *health = calloc(1, sizeof(*health));

	if (health == NULL)
		return -ENOMEM;
	health->supervisor = supervisor;
	*ret_health = health;
	return 0;
}

void
health_free(struct health *health)
{
	free(health);
}
