/* SPDX-License-Identifier: MIT
 * Trying the folders of jobs; in the runner.
 *
 * What costs finds keeps an instance from starting; coverage that is not seen, or a log
 * that is not kept, is only said. All of it may hang on a file server, so none of it is
 * done here but all in the child.
 */
#include "config.h"

#include "job_probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "instance.h"
#include "job.h"
#include "job_folder.h"
#include "log.h"
#include "make_folder.h"
#include "banned.h"

#define DEADLINE_MS 5000
#define PERIOD_MS 10000
#define PERIOD_BAD_MS 2000
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 10000
#define PERIODIC_PER_SECOND 20 /* of all jobs together: each costs a fork */

/* What is lost if something fails; those before COVERAGE are reason not to start. */
enum loss { FOLDERS, FINDS, WORK, INPUTS, SEEDS, COVERAGE, LOG, FOLLOWED };

static const char *const loss_words[] = {
	[FOLDERS] = "its folders cannot be used",
	[FINDS] = "its finds are not kept",
	[WORK] = "it cannot work",
	[INPUTS] = "its inputs are not read",
	[SEEDS] = "its seeds are not read",
	[COVERAGE] = "its coverage is not seen",
	[LOG] = "its log is not kept",
	[FOLLOWED] = "some of its inputs are not read",
};

struct items {
	struct probe_item items[JOB_PROBE_ITEMS_MAX];
	char paths[JOB_PROBE_ITEMS_MAX][4096];
	unsigned len;
};

/* ---- what there is to try ---- */

static void __attribute__((format(printf, 5, 6)))
add(struct job *job, struct items *items, enum loss loss, enum probe_kind kind,
    const char *format, ...)
{
	const unsigned i = items->len;
	va_list args;

	if (i == JOB_PROBE_ITEMS_MAX)
		return;
	va_start(args, format);
	vsnprintf(items->paths[i], sizeof(items->paths[i]), format, args);
	va_end(args);
	items->items[i] = (struct probe_item){ .kind = kind,
		.path = items->paths[i],
		.as_we_are = loss == LOG,
		/* What others are to make may come later. */
		.may_miss = loss == FOLLOWED,
		.shared = loss == COVERAGE };
	job->folder_probe.losses[i] = (uint8_t)loss;
	items->len++;
}

static void
add_corpus(struct job *job, struct items *items)
{
	const struct job_words *corpus = &job->spec.corpus;
	const bool writes = job->engine->writes_corpus;
	const enum loss loss = writes ? FINDS
	    : job->engine->follows    ? FOLLOWED
				      : INPUTS;

	for (size_t i = 0; i < corpus->len; i++)
		if (writes || job->engine->follows || job->engine->wants_seed)
			add(job, items, loss, writes ? PROBE_WRITE : PROBE_READ, "%s",
			    corpus->items[i]);
}

static void
add_seeds(struct job *job, struct items *items)
{
	const struct job_words *seeds = &job->spec.seeds;

	for (size_t i = 0; i < seeds->len; i++)
		add(job, items, SEEDS, PROBE_READ, "%s", seeds->items[i]);
}

/* Single files, and folders below those above. */
static void
add_unread(struct job *job, struct items *items)
{
	const struct job_spec *spec = &job->spec;
	const bool follows = job->engine->follows;
	const enum probe_kind kind = follows ? PROBE_REPLAY : PROBE_INPUTS;

	for (size_t i = 0; follows && i < spec->corpus.len; i++)
		add(job, items, FOLLOWED, kind, "%s", spec->corpus.items[i]);
	if (job->engine->writes_corpus || job->engine->wants_seed)
		add(job, items, FOLLOWED, kind, "%s", job->corpus_path);
	for (size_t i = 0; i < spec->seeds.len; i++)
		add(job, items, FOLLOWED, kind, "%s", spec->seeds.items[i]);
}

static void
list_items(struct job *job, struct items *items)
{
	const struct job_spec *spec = &job->spec;

	items->len = 0;
	add(job, items, LOG, PROBE_WRITE, "%s", job->folder_path);
	if (!job->engine->follows)
		add_corpus(job, items);
	add_seeds(job, items);
	for (size_t i = 0; job->engine->folders[i] != NULL; i++)
		if (spec->corpus.len == 0 ||
		    strcmp(job->engine->folders[i], "corpus") != 0)
			add(job, items, FINDS, PROBE_WRITE, "%s/%s", job->folder_path,
			    job->engine->folders[i]);
	add(job, items, WORK, PROBE_WRITE, "%s/work", job->folder_path);
	if (spec->directory != NULL)
		add(job, items, WORK, PROBE_ENTER, "%s", spec->directory);
	if (spec->coverage_dir != NULL)
		add(job, items, COVERAGE, PROBE_WRITE, "%s", spec->coverage_dir);
	/* They may be many, and are no reason to try less of the rest. */
	if (job->engine->follows)
		add_corpus(job, items);
	add_unread(job, items);
	job->folder_probe.items_len = items->len;
}

/* ---- what was found ---- */

/* Since when and until when is known by looks, and of what ran between. */
static void
note_losses(struct job *job)
{
	struct job_probe *probe = &job->folder_probe;
	const bool loses = probe->now_loses && job->running > 0;
	const int64_t now = clock_ms(CLOCK_REALTIME);

	if (loses && !probe->loses && probe->kept_ms == 0)
		probe->lost_ms = now;
	if (loses || probe->loses)
		probe->kept_ms = now;
	if (probe->loses && !loses && job_probe_past(job)[0] != '\0')
		log_notice("job %s/%s: its finds are kept again; %s", job->spec.target,
		    job->spec.name, job_probe_past(job));
	probe->loses = loses;
}

static void
finish(struct job *job, int64_t now)
{
	struct job_probe *probe = &job->folder_probe;
	const bool same = probe->refuses == probe->now_refuses &&
	    strcmp(probe->words, probe->now) == 0;
	const bool well = probe->now[0] == '\0';

	if (probe->readable != NULL)
		event_free(probe->readable);
	probe->readable = NULL;
	if (probe->probe.pid != 0) {
		const pid_t pid = probe->probe.pid;

		probe->stuck = probe_end(&probe->probe) ? 0 : pid;
	}
	note_losses(job);
	memcpy(probe->words, probe->now, sizeof(probe->words));
	probe->refuses = probe->now_refuses;
	probe->waits = probe->now_waits;
	probe->failures = probe->refuses ? probe->failures + 1 : 0;
	probe->good_until_ms = probe->refuses ? 0 : now + PERIOD_MS;
	probe->next_ms = now +
	    (well ? PERIOD_MS
		    : job->running > 0
		    ? PERIOD_BAD_MS
		    : MIN(RETRY_MIN_MS << MIN(probe->failures - 1, 4), RETRY_MAX_MS));
	if (!same || job->running == 0)
		job->changed(job, job->context);
}

/* The gravest is told; of what is not there yet only if there is nothing else. */
static void
note(struct job_probe *probe, enum loss loss, int error, const char *text)
{
	const bool refuses = loss < COVERAGE, waits = loss == SEEDS && error == ENOENT;

	probe->now_loses = probe->now_loses || loss == FINDS;
	if (probe->now[0] != '\0' && !(refuses && !probe->now_refuses) &&
	    !(refuses && !waits && probe->now_waits))
		return;
	snprintf(probe->now, sizeof(probe->now), "%s: %.256s", loss_words[loss], text);
	probe->now_refuses = refuses;
	probe->now_waits = waits;
}

static void
readable_cb(evutil_socket_t fd, short what, void *context)
{
	struct job *job = context;
	struct job_probe *probe = &job->folder_probe;
	struct probe_answer answer;
	int r;

	(void)fd;
	(void)what;
	while ((r = probe_read(&probe->probe, &answer)) == 0) {
		if (answer.item == PROBE_DONE) {
			if (answer.error != 0)
				note(probe, FOLDERS, answer.error, answer.text);
			finish(job, clock_ms(CLOCK_MONOTONIC));
			return;
		}
		if (answer.error != 0 && answer.item < probe->items_len)
			note(probe, probe->losses[answer.item], answer.error,
			    answer.text);
		probe->answers = answer.item + 1;
	}
	if (r == -EAGAIN)
		return;
	note(probe, FOLDERS, EIO, "what tries its folders was killed");
	finish(job, clock_ms(CLOCK_MONOTONIC));
}

/* ---- beginning ---- */

static int
prepare_cb(void *context, char *ret_text, size_t size)
{
	const struct job *job = context;
	/* The supervisor made it, but somebody may have cleared state-dir since. */
	int folder = -1, r = make_folder(job->folder_path, 0755);

	if (r == 0)
		r = job_folder_open(job->folder_path, &folder);
	if (r < 0) {
		snprintf(ret_text, size, "%.200s: %s", job->folder_path, strerror(-r));
		return r;
	}
	r = job_folder_prepare(
	    folder, job->folder_path, job->engine, &job->spec, ret_text, size);
	close(folder);
	return r;
}

/* There is no child to ask. What is known of a job that runs stays so; one that is to start
 * waits, as for anything that the machine lacks. */
static void
lack(struct job *job, int error, int64_t now)
{
	struct job_probe *probe = &job->folder_probe;

	if (job->running > 0) {
		probe->next_ms = now + PERIOD_MS;
		return;
	}
	if (instance_is_shortage(error))
		instance_describe_shortage(
		    error, "trying its folders", probe->now, sizeof(probe->now));
	else
		snprintf(probe->now, sizeof(probe->now),
		    "its folders cannot be tried: %s", strerror(error));
	probe->now_refuses = true;
	probe->now_waits = false;
	finish(job, now);
}

static void
begin(struct job *job, int64_t now)
{
	static struct items items;
	struct job_probe *probe = &job->folder_probe;
	const struct probe_user user = job_spec_user(&job->spec);
	int r;

	list_items(job, &items);
	probe->now[0] = '\0';
	probe->now_refuses = probe->now_waits = probe->now_loses = false;
	probe->answers = 0;
	probe->begun_ms = now;
	r = probe_start(
	    &user, items.items, items.len, prepare_cb, job, -1, &probe->probe);
	if (r == 0) {
		probe->readable = event_new(
		    job->base, probe->probe.fd, EV_READ | EV_PERSIST, readable_cb, job);
		if (probe->readable != NULL) {
			event_add(probe->readable, NULL);
			return;
		}
		probe_end(&probe->probe);
		r = -ENOMEM;
	}
	lack(job, -r, now);
}

bool
job_probe_allows(struct job *job, int64_t now)
{
	struct job_probe *probe = &job->folder_probe;

	if (probe->good_until_ms > now)
		return true;
	/* While the kernel holds the last one, what that has found is all that is known. */
	if (probe->stuck != 0)
		return !probe->refuses;
	if (probe->probe.pid == 0 && now >= probe->next_ms)
		begin(job, now);
	return probe->good_until_ms > now;
}

/* One that takes too long has found something, too. */
static void
give_up(struct job *job, int64_t now)
{
	struct job_probe *probe = &job->folder_probe;
	static struct items items;
	char text[256];
	const unsigned at = MIN(probe->answers, JOB_PROBE_ITEMS_MAX - 1);

	list_items(job, &items);
	snprintf(text, sizeof(text), "%.200s: its file system does not answer",
	    at < items.len ? items.paths[at] : job->folder_path);
	note(probe, at < items.len ? probe->losses[at] : FOLDERS, ETIMEDOUT, text);
	finish(job, now);
}

/* Of jobs that wait, and likewise of those that run, so many in a second. They come by
 * their ids, and the first must not have all turns. */
static bool
has_turn(const struct job *job, int64_t now)
{
	static struct turns {
		int64_t second;
		unsigned begun;
		uint32_t from, next; /* ids: where this second begins, and the next */
	} both[2];
	struct turns *turns = &both[job->running > 0];

	if (turns->second != now / 1000)
		*turns = (struct turns){ .second = now / 1000, .from = turns->next };
	if (job->id < turns->from)
		return false;
	if (turns->begun == PERIODIC_PER_SECOND) {
		turns->next = turns->next == 0 ? job->id : turns->next;
		return false;
	}
	turns->begun++;
	return true;
}

void
job_probe_tick(struct job *job, int64_t now)
{
	struct job_probe *probe = &job->folder_probe;

	if (probe->stuck != 0 && probe_reap(probe->stuck))
		probe->stuck = 0;
	if (probe->probe.pid != 0) {
		if (now - probe->begun_ms > DEADLINE_MS)
			give_up(job, now);
		return;
	}
	if (probe->stuck != 0 || now < probe->next_ms ||
	    (job->running == 0 && (!probe->refuses || !job->wanted || job->is_over)))
		return;
	if (has_turn(job, now))
		begin(job, now);
}

bool
job_probe_refuses(const struct job *job)
{
	return job->folder_probe.refuses;
}

bool
job_probe_waits(const struct job *job)
{
	return job->folder_probe.refuses && job->folder_probe.waits;
}

/* A log that a minder could not write counts for as much as one that we could not. */
const char *
job_probe_words(const struct job *job)
{
	static char words[JOB_PROBE_WORDS_MAX];

	if (job->folder_probe.words[0] != '\0')
		return job->folder_probe.words;
	for (unsigned i = 0; i < job->spec.instances; i++)
		if (job->instances[i].phase == INSTANCE_RUNNING &&
		    job->instances[i].log_error != 0) {
			snprintf(words, sizeof(words), "%s: %.180s/%u.log: %s",
			    loss_words[LOG], job->folder_path, i,
			    strerror(job->instances[i].log_error));
			return words;
		}
	return "";
}

static const char *
clock_time(int64_t ms, char *text, size_t size)
{
	const time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL || strftime(text, size, "%H:%M", &tm) == 0)
		text[0] = '\0';
	return text;
}

/* A fuzzer does not try again to write what it has in memory; one that is started anew finds
 * it again, since it is not in the corpus. */
const char *
job_probe_past(const struct job *job)
{
	static char words[JOB_PROBE_WORDS_MAX];
	const struct job_probe *probe = &job->folder_probe;
	char from[16], to[16];

	for (unsigned i = 0; probe->kept_ms != 0 && i < job->spec.instances; i++) {
		if (job->instances[i].phase != INSTANCE_RUNNING ||
		    job->instances[i].started_wall_ms >= probe->kept_ms)
			continue;
		snprintf(words, sizeof(words),
		    "what it found from %s to %s UTC may be lost; restart it to find "
		    "that again",
		    clock_time(probe->lost_ms, from, sizeof(from)),
		    clock_time(probe->kept_ms, to, sizeof(to)));
		return words;
	}
	return "";
}

bool
job_loses(const struct job *job)
{
	const bool runs = job->report.state == JOB_STATE_RUNNING,
		   backs_off = job->report.state == JOB_STATE_BACK_OFF;

	/* In the other states the reason tells something else. */
	if (!runs && !backs_off)
		return false;
	return job->lacks ||
	    ((runs || job_probe_refuses(job)) && job_probe_words(job)[0] != '\0');
}

void
job_probe_forget(struct job *job)
{
	job->folder_probe.next_ms = 0;
	job->folder_probe.good_until_ms = 0;
	job->folder_probe.failures = 0;
}

void
job_probe_close(struct job *job)
{
	if (job->folder_probe.readable != NULL)
		event_free(job->folder_probe.readable);
	job->folder_probe.readable = NULL;
	probe_end(&job->folder_probe.probe);
}
