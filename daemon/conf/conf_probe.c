/* SPDX-License-Identifier: MIT
 * Trying what jobs need, before they are started; in the supervisor.
 */
#include "config.h"

#include "conf_probe.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "probe.h"
#include "banned.h"

#define ITEMS_MAX 64

struct item {
	const char *loss; /* what it means if it fails */
	bool is_fatal;    /* for the job, unless there is just no space */
	bool may_come;    /* is waited for if it is not there */
};

struct list {
	struct probe_item probes[ITEMS_MAX];
	struct item items[ITEMS_MAX];
	size_t len;
	char above[PATH_MAX]; /* a folder that is there, where another is to be made */
};

static void
add(struct list *list, enum probe_kind kind, const char *path, bool may_miss,
    bool is_fatal, const char *loss)
{
	if (list->len == ITEMS_MAX)
		return;
	list->probes[list->len] =
	    (struct probe_item){ .kind = kind, .path = path, .may_miss = may_miss };
	list->items[list->len++] = (struct item){ .loss = loss, .is_fatal = is_fatal };
}

/* One into which jobs of other users write, too; made by us when the job starts. */
static void
add_shared(struct list *list, const char *path, const char *loss)
{
	const size_t at = list->len;

	add(list, PROBE_WRITE, path, true, false, loss);
	if (list->len > at)
		list->probes[at].shared = true;
}

/* The folder above @path. */
static void
folder_above(const char *path, char ret_folder[PATH_MAX])
{
	char *slash;

	if (path != ret_folder)
		snprintf(ret_folder, PATH_MAX, "%s", path);
	slash = strrchr(ret_folder, '/');
	if (slash != NULL)
		slash[slash == ret_folder] = '\0';
}

/* One that is not there yet is made by us, for the user. */
static void
add_made(struct list *list, const char *path, bool is_fatal, const char *loss)
{
	struct stat st;

	if (stat(path, &st) == 0 || errno != ENOENT) {
		add(list, PROBE_WRITE, path, false, is_fatal, loss);
		return;
	}
	folder_above(path, list->above);
	add(list, PROBE_WRITE, list->above, false, is_fatal, loss);
	list->probes[list->len - 1].as_we_are = true;
	add(list, PROBE_ENTER, list->above, false, is_fatal, loss);
}

/* As it is begun by us, before the child becomes the user, it stands first. */
static void
sort(struct list *list)
{
	for (size_t i = 1; i < list->len; i++)
		if (list->probes[i].as_we_are) {
			const struct probe_item probe = list->probes[i];
			const struct item item = list->items[i];

			memmove(
			    list->probes + 1, list->probes, i * sizeof(*list->probes));
			memmove(list->items + 1, list->items, i * sizeof(*list->items));
			list->probes[0] = probe;
			list->items[0] = item;
		}
}

/* Where its engine reads inputs that others put there. */
static void
fill_inputs(struct list *list, const struct job_spec *spec)
{
	static const char some[] = "some of its inputs are not read";
	const bool follows = spec->engine == JOB_ENGINE_REPLAY;
	const bool reads = spec->engine == JOB_ENGINE_LIBFUZZER ||
	    spec->engine == JOB_ENGINE_HONGGFUZZ || spec->engine == JOB_ENGINE_AFL;
	const enum probe_kind kind = follows ? PROBE_REPLAY : PROBE_INPUTS;

	for (size_t i = 0; i < spec->seeds.len && list->len < ITEMS_MAX; i++) {
		add(list, PROBE_READ, spec->seeds.items[i], false, true,
		    "its seeds are not read");
		list->items[list->len - 1].may_come = true;
	}
	for (size_t i = 0; i < spec->corpus.len && (follows || reads); i++)
		add(list, kind, spec->corpus.items[i], true, false, some);
	for (size_t i = 0; i < spec->seeds.len; i++)
		add(list, kind, spec->seeds.items[i], true, false, some);
}

static void
fill(struct list *list, const struct job_spec *spec, const char *coverage)
{
	static const char finds[] = "its finds are not kept",
			  inputs[] = "its inputs are not read";
	const bool follows = spec->engine == JOB_ENGINE_REPLAY;
	const char *program =
	    spec->command.len > 0 ? spec->command.items[0] : spec->executable;

	for (size_t i = 0; i < spec->corpus.len; i++) {
		if (spec->engine == JOB_ENGINE_LIBFUZZER ||
		    spec->engine == JOB_ENGINE_HONGGFUZZ)
			add_made(list, spec->corpus.items[i], true, finds);
		else if (follows || spec->engine == JOB_ENGINE_AFL)
			add(list, PROBE_READ, spec->corpus.items[i], true, !follows,
			    inputs);
	}
	if (spec->directory != NULL)
		add(list, PROBE_ENTER, spec->directory, false, true, "it cannot work");
	if (coverage != NULL)
		add_shared(list, coverage, "its coverage is not seen");
	if (strchr(program, '/') != NULL)
		add(list, PROBE_EXECUTE, program, true, true,
		    "its program cannot be run");
	fill_inputs(list, spec);
	sort(list);
}

/* ---- asking ---- */

typedef void (*answer_cb)(const struct probe_answer *answer, void *context);

/* Returns how many answers came until all were given, or @deadline_ms. */
static size_t
ask(const struct probe_user *user, const struct probe_item *items, size_t len,
    int64_t deadline_ms, answer_cb cb, void *context)
{
	struct probe_answer answer;
	struct probe probe;
	size_t answers = 0;
	int r = probe_start(user, items, len, NULL, NULL, -1, &probe);

	if (r < 0) {
		answer = (struct probe_answer){ .item = PROBE_DONE, .error = -r };
		snprintf(answer.text, sizeof(answer.text), "%s", strerror(-r));
		cb(&answer, context);
		return len;
	}
	for (;;) {
		const int64_t left = deadline_ms - clock_ms(CLOCK_MONOTONIC);
		struct pollfd wait = { .fd = probe.fd, .events = POLLIN };

		r = probe_read(&probe, &answer);
		if (r == 0) {
			cb(&answer, context);
			if (answer.item == PROBE_DONE)
				break;
			answers++;
		} else if (r != -EAGAIN || left <= 0 || poll(&wait, 1, (int)left) < 0) {
			break;
		}
	}
	probe_end(&probe);
	return r == 0 ? len : answers;
}

struct report {
	const struct job_spec *spec;
	const char *place;
	const struct list *list;
	conf_error_cb report_cb;
	void *context;
	size_t errors;
};

static void
say(struct report *report, const struct item *item, bool is_fatal, const char *text)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s: %s: job %s/%s: %s%s%.700s",
	    is_fatal ? "error" : "warning", report->place, report->spec->target,
	    report->spec->name, item != NULL ? item->loss : "",
	    item != NULL ? ": " : "", text);
	report->report_cb(line, report->context);
	report->errors += is_fatal;
}

static void
job_answer_cb(const struct probe_answer *answer, void *context)
{
	struct report *report = context;
	const struct item *item = answer->item < report->list->len
	    ? &report->list->items[answer->item]
	    : NULL;
	const bool waits = item != NULL && item->may_come && answer->error == ENOENT;
	const bool passes = answer->error == ENOSPC || answer->error == EDQUOT || waits;
	char text[sizeof(answer->text) + 32];

	if (answer->error == 0)
		return;
	snprintf(text, sizeof(text), "%s%s", answer->text,
	    waits ? "; it will be waited for" : "");
	say(report, item, item != NULL && item->is_fatal && !passes, text);
}

size_t
conf_probe_job(const struct job_spec *spec, const char *place,
    const struct probe_user *user, const char *coverage, int64_t deadline_ms,
    conf_error_cb report_cb, void *context)
{
	struct list list = { .len = 0 };
	struct report report = { .spec = spec,
		.place = place,
		.list = &list,
		.report_cb = report_cb,
		.context = context };
	char text[PATH_MAX + 64];
	size_t answered;

	fill(&list, spec, coverage);
	answered =
	    ask(user, list.probes, list.len, deadline_ms, job_answer_cb, &report);
	if (answered < list.len) {
		snprintf(text, sizeof(text), "%.200s: its file system does not answer",
		    list.probes[answered].path);
		say(&report, &list.items[answered], false, text);
	}
	return report.errors;
}

/* ---- for the service itself ---- */

static void
own_answer_cb(const struct probe_answer *answer, void *context)
{
	struct probe_answer *first = context;

	if (answer->error != 0 && first->error == 0)
		*first = *answer;
}

int
conf_probe_own(const char *path, int64_t deadline_ms, char *ret_why, size_t why_size)
{
	const struct probe_user user = { .uid = geteuid(), .gid = getegid() };
	struct probe_answer found = { 0 };
	struct probe_item item = { .kind = PROBE_WRITE, .as_we_are = true };
	char folder[PATH_MAX];
	struct stat st;

	snprintf(folder, sizeof(folder), "%s", path);
	while (strcmp(folder, "/") != 0 && stat(folder, &st) != 0 && errno == ENOENT)
		folder_above(folder, folder);
	item.path = folder;
	if (ask(&user, &item, 1, deadline_ms, own_answer_cb, &found) == 0) {
		found.error = ETIMEDOUT;
		snprintf(found.text, sizeof(found.text),
		    "%.200s: its file system does not answer", folder);
	}
	if (found.error != 0)
		snprintf(ret_why, why_size, "%s", found.text);
	return -found.error;
}
