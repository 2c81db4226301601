/* SPDX-License-Identifier: MIT
 * Jobs over HTTP; in the front-end.
 */
#include "config.h"

#include "jobs.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "job_types.h"
#include "json_text.h"
#include "open_below.h"
#include "plain_text.h"
#include "query.h"
#include "reply.h"
#include "request_check.h"
#include "banned.h"

#define LOG_BYTES_MAX (256 << 10)
#define WISHES_WAITING_MAX 1024 /* for a supervisor that does not read */

struct served_job {
	uint32_t id, target;
	enum job_engine engine;
	int folder;
	char name[JOB_NAME_MAX];
	char *attached; /* path of its output folder; NULL: we run it */
	bool has_report, has_stats;
	struct job_report report;
	struct job_stats stats;
};

struct job_list {
	struct channel *channel;
	struct served_job *items; /* by id */
	size_t len, size;
};

struct job_list *
job_list_new(struct channel *channel)
{
	struct job_list *list = calloc(1, sizeof(*list));

	if (list != NULL)
		list->channel = channel;
	return list;
}

void
job_list_free(struct job_list *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->len; i++) {
		close(list->items[i].folder);
		free(list->items[i].attached);
	}
	free(list->items);
	free(list);
}

/* ---- what the supervisor says ---- */

/* Place of @id, or where it belongs. */
static size_t
place_of(const struct job_list *list, uint32_t id)
{
	size_t low = 0, high = list->len, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (list->items[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct served_job *
find(const struct job_list *list, uint32_t id)
{
	size_t place = place_of(list, id);

	return place < list->len && list->items[place].id == id ? &list->items[place]
								: NULL;
}

static int
make_room(struct job_list *list)
{
	struct served_job *larger;

	if (list->len < list->size)
		return 0;
	if (list->len == JOBS_MAX)
		return -ENOSPC;
	larger = reallocarray(list->items, 2 * list->size + 16, sizeof(*larger));
	if (larger == NULL)
		return -ENOMEM;
	list->items = larger;
	list->size = 2 * list->size + 16;
	return 0;
}

static int
serve(struct job_list *list, const struct message *message, int fd)
{
	struct served_job *job = find(list, message->id);
	const size_t name = strnlen(message->text, message->text_len);
	char *attached = NULL;
	size_t place;
	int r;

	if (message->job.engine >= JOB_ENGINES_LEN || name >= JOB_NAME_MAX)
		return -EPROTO;
	if (name < message->text_len) {
		attached =
		    strndup(message->text + name + 1, message->text_len - name - 1);
		if (attached == NULL)
			return -ENOMEM;
	}
	if (job == NULL) {
		r = make_room(list);
		if (r < 0) {
			free(attached);
			return r;
		}
		place = place_of(list, message->id);
		job = &list->items[place];
		memmove(job + 1, job, (list->len - place) * sizeof(*job));
		*job = (struct served_job){ .id = message->id, .folder = -1 };
		list->len++;
	}
	if (job->folder >= 0)
		close(job->folder);
	job->folder = fd;
	free(job->attached);
	job->attached = attached;
	job->engine = message->job.engine;
	job->target = message->job.target;
	memcpy(job->name, message->text, name);
	job->name[name] = '\0';
	return 0;
}

static void
forget(struct job_list *list, uint32_t id)
{
	struct served_job *job = find(list, id);

	if (job == NULL)
		return;
	if (job->folder >= 0)
		close(job->folder);
	free(job->attached);
	list->len--;
	memmove(job, job + 1, (list->len - (size_t)(job - list->items)) * sizeof(*job));
}

int
job_list_take(struct job_list *list, const struct message *message, int fd)
{
	struct served_job *job = find(list, message->id);
	int r = 0;

	if (message->type == MESSAGE_SERVE_JOB) {
		r = serve(list, message, fd);
		if (r < 0 && fd >= 0)
			close(fd);
		return r;
	}
	if (fd >= 0)
		close(fd);
	if (message->type == MESSAGE_FORGET_JOB) {
		forget(list, message->id);
	} else if (message->type == MESSAGE_SERVE_JOB_STATE) {
		if (message->text_len != sizeof(job->report))
			return -EPROTO;
		if (job != NULL) {
			memcpy(&job->report, message->text, sizeof(job->report));
			job->report.reason[JOB_REASON_MAX - 1] = '\0';
			job->has_report = true;
		}
	} else if (message->text_len != sizeof(job->stats)) {
		return -EPROTO;
	} else if (job != NULL) {
		memcpy(&job->stats, message->text, sizeof(job->stats));
		job->has_stats = true;
	}
	return 0;
}

/* ---- JSON ---- */

static json_t *
known(const struct served_job *job, enum job_stats_known what, uint64_t value)
{
	return job->has_stats && (job->stats.known & what) != 0
	    ? json_integer((json_int_t)value)
	    : json_null();
}

static void
add_stats(json_t *object, const struct served_job *job)
{
	const struct job_stats *stats = &job->stats;
	const struct {
		const char *key;
		enum job_stats_known what;
		uint64_t value;
	} numbers[] = {
		{ "executions", JOB_STATS_EXECUTIONS, stats->executions },
		{ "executions_per_second", JOB_STATS_RATE, stats->rate_milli / 1000 },
		{ "corpus", JOB_STATS_CORPUS, stats->corpus },
		{ "corpus_bytes", JOB_STATS_CORPUS_BYTES, stats->corpus_bytes },
		{ "last_find_ms", JOB_STATS_LAST_FIND, (uint64_t)stats->last_find_ms },
		{ "crashes", JOB_STATS_CRASHES, stats->crashes },
		{ "hangs", JOB_STATS_HANGS, stats->hangs },
		{ "ooms", JOB_STATS_OOMS, stats->ooms },
		{ "stability", JOB_STATS_STABILITY, stats->stability },
		{ "edges", JOB_STATS_EDGES, stats->edges },
		{ "pending", JOB_STATS_PENDING, stats->pending },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(object, numbers[i].key,
		    known(job, numbers[i].what, numbers[i].value));
	json_object_set_new(object, "updated_ms",
	    stats->updated_ms > 0 ? json_integer(stats->updated_ms) : json_null());
	json_object_set_new(object, "moved_ms",
	    stats->moved_ms > 0 ? json_integer(stats->moved_ms) : json_null());
}

static void
add_health(json_t *object, const struct served_job *job, int64_t now_ms)
{
	int64_t since_ms = 0;
	enum job_health health =
	    job_health(&job->report, &job->stats, now_ms, &since_ms);

	json_object_set_new(object, "health",
	    health != JOB_HEALTH_UNKNOWN ? json_string(job_health_name(health))
					 : json_null());
	json_object_set_new(object, "health_since_ms",
	    health != JOB_HEALTH_UNKNOWN ? json_integer(since_ms) : json_null());
	json_object_set_new(object, "heard",
	    health != JOB_HEALTH_UNKNOWN
		? json_boolean(job_was_heard(&job->report, &job->stats))
		: json_null());
}

static json_t *
describe(const struct served_job *job, const char *target, int64_t now_ms)
{
	const struct job_report *report = &job->report;
	json_t *object = json_object();

	json_object_set_new(object, "target", json_string(target));
	json_object_set_new(object, "name", json_string(job->name));
	json_object_set_new(
	    object, "engine", json_string(job_engine_name(job->engine)));
	json_object_set_new(object, "attached",
	    job->attached != NULL ? json_text(job->attached) : json_null());
	json_object_set_new(object, "state",
	    json_string(job->has_report ? job_state_name(report->state) : "starting"));
	json_object_set_new(object, "reason", json_text(report->reason));
	json_object_set_new(object, "instances", json_integer(report->instances));
	json_object_set_new(object, "running", json_integer(report->running));
	json_object_set_new(object, "starts", json_integer(report->starts));
	json_object_set_new(object, "since_ms", json_integer(report->since_ms));
	json_object_set_new(object, "ran_ms", json_integer((json_int_t)report->ran_ms));
	json_object_set_new(object, "memory", json_integer((json_int_t)report->memory));
	json_object_set_new(object, "pid", json_integer(report->pid));
	add_stats(object, job);
	add_health(object, job, now_ms);
	return object;
}

/* What the jobs of one target are, in one line. */
struct job_sum {
	const struct target *target;
	unsigned len, states[JOB_STATES_LEN], starting, troubled;
	uint64_t rate_milli, crashes;
	/* The first of each, or NULL. */
	const struct served_job *failed, *in_trouble, *restarting;
};

static int
compare_ids(const void *a, const void *b)
{
	uint32_t x = ((const struct job_sum *)a)->target->id,
		 y = ((const struct job_sum *)b)->target->id;

	return (x > y) - (x < y);
}

/* One for each target, by id; NULL without memory. */
static struct job_sum *
sums_new(const struct targets *targets)
{
	struct job_sum *sums = calloc(targets->len + 1, sizeof(*sums));

	for (size_t i = 0; i < targets->len && sums != NULL; i++)
		sums[i].target = targets->sorted[i];
	if (sums != NULL)
		qsort(sums, targets->len, sizeof(*sums), compare_ids);
	return sums;
}

static struct job_sum *
sum_of(struct job_sum *sums, const struct targets *targets, uint32_t id)
{
	const struct target target = { .id = id };
	const struct job_sum key = { .target = &target };

	return bsearch(&key, sums, targets->len, sizeof(*sums), compare_ids);
}

/* All, or those of the target that the query names: what a page asks for again and again
 * is no larger than what it shows. */
static json_t *
describe_all(const struct job_list *list, const struct targets *targets,
    struct job_sum *sums, const char *only_target)
{
	const int64_t now_ms = clock_ms(CLOCK_REALTIME);
	json_t *array = json_array();

	for (size_t i = 0; i < list->len; i++) {
		const struct job_sum *sum =
		    sum_of(sums, targets, list->items[i].target);

		if (sum != NULL &&
		    (only_target == NULL ||
			strcmp(sum->target->entry.name, only_target) == 0))
			json_array_append_new(array,
			    describe(&list->items[i], sum->target->entry.name, now_ms));
	}
	return array;
}

static void
add_to_sum(struct job_sum *sum, const struct served_job *job, int64_t now_ms)
{
	enum job_health health = job_health(&job->report, &job->stats, now_ms, NULL);

	sum->len++;
	if (!job->has_report)
		sum->starting++;
	else if (job->report.state < JOB_STATES_LEN)
		sum->states[job->report.state]++;
	if (job->has_report && job->report.state == JOB_STATE_RUNNING)
		sum->rate_milli += job->stats.rate_milli;
	sum->crashes += job->stats.crashes;
	if (job->has_report && job->report.state == JOB_STATE_FAILED &&
	    sum->failed == NULL)
		sum->failed = job;
	if (job->has_report && job->report.state == JOB_STATE_BACK_OFF &&
	    sum->restarting == NULL)
		sum->restarting = job;
	if (health == JOB_HEALTH_STALE || health == JOB_HEALTH_STUCK ||
	    health == JOB_HEALTH_LOSING) {
		sum->troubled++;
		if (sum->in_trouble == NULL)
			sum->in_trouble = job;
	}
}

static json_t *
describe_worst(const struct job_sum *sum, int64_t now_ms)
{
	const struct served_job *worst = sum->failed != NULL ? sum->failed
	    : sum->in_trouble != NULL                        ? sum->in_trouble
							     : sum->restarting;
	json_t *object;

	if (worst == NULL)
		return json_null();
	object = json_object();
	json_object_set_new(object, "name", json_string(worst->name));
	json_object_set_new(object, "reason", json_text(worst->report.reason));
	add_health(object, worst, now_ms);
	return object;
}

static json_t *
describe_sum(const struct job_sum *sum, int64_t now_ms)
{
	json_t *object = json_object(), *states = json_object();

	for (unsigned i = 0; i < JOB_STATES_LEN; i++)
		if (sum->states[i] > 0)
			json_object_set_new(
			    states, job_state_name(i), json_integer(sum->states[i]));
	if (sum->starting > 0)
		json_object_set_new(states, "starting", json_integer(sum->starting));
	json_object_set_new(object, "target", json_text(sum->target->entry.name));
	json_object_set_new(object, "jobs", json_integer(sum->len));
	json_object_set_new(object, "states", states);
	json_object_set_new(object, "troubled", json_integer(sum->troubled));
	json_object_set_new(object, "executions_per_second",
	    json_integer((json_int_t)(sum->rate_milli / 1000)));
	json_object_set_new(object, "crashes", json_integer((json_int_t)sum->crashes));
	json_object_set_new(object, "worst", describe_worst(sum, now_ms));
	return object;
}

/* A line for each target that has jobs: a page of all targets needs no more. */
static json_t *
describe_sums(
    const struct job_list *list, const struct targets *targets, struct job_sum *sums)
{
	const int64_t now_ms = clock_ms(CLOCK_REALTIME);
	json_t *array = json_array();
	struct job_sum *sum;

	for (size_t i = 0; i < list->len; i++) {
		sum = sum_of(sums, targets, list->items[i].target);
		if (sum != NULL)
			add_to_sum(sum, &list->items[i], now_ms);
	}
	for (size_t i = 0; i < targets->len; i++)
		if (sums[i].len > 0)
			json_array_append_new(array, describe_sum(&sums[i], now_ms));
	return array;
}

static json_t *
answer(const struct job_list *list, const struct targets *targets,
    struct evhttp_request *request)
{
	struct job_sum *sums = sums_new(targets);
	json_t *root = json_object();
	struct evkeyvalq pairs;
	const char *by = NULL;

	if (sums == NULL) {
		json_decref(root);
		return NULL;
	}
	query_parse(request, &pairs);
	by = evhttp_find_header(&pairs, "by");
	if (by != NULL && strcmp(by, "target") == 0)
		json_object_set_new(
		    root, "targets", describe_sums(list, targets, sums));
	else
		json_object_set_new(root, "jobs",
		    describe_all(
			list, targets, sums, evhttp_find_header(&pairs, "target")));
	evhttp_clear_headers(&pairs);
	free(sums);
	return root;
}

static void
serve_all(const struct job_list *list, const struct targets *targets,
    struct evhttp_request *request)
{
	json_t *root = answer(list, targets, request);
	char *dump = json_dumps(root, JSON_COMPACT);

	reply_bytes(
	    request, "application/json", NULL, dump, dump != NULL ? strlen(dump) : 0);
	json_decref(root);
}

/* ---- the log ---- */

static unsigned
instance_of(struct evhttp_request *request)
{
	struct evkeyvalq pairs;
	const char *value;
	unsigned instance = 0;

	if (!query_parse(request, &pairs))
		return 0;
	value = evhttp_find_header(&pairs, "instance");
	if (value != NULL)
		instance = (unsigned)strtoul(value, NULL, 10);
	evhttp_clear_headers(&pairs);
	return instance;
}

/* Up to @size bytes from the end of the log @name; outputs which file that was. Returns
 * how many, 0 if there is no such log, -EMFILE or -ENFILE. */
static ssize_t
read_tail(const struct served_job *job, const char *name, char *text, size_t size,
    struct stat *ret_file)
{
	int fd = open_below(job->folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	ssize_t n = -1;

	*ret_file = (struct stat){ 0 };
	if (fd == -EMFILE || fd == -ENFILE)
		return fd;
	if (fd >= 0 && fstat(fd, ret_file) == 0 && S_ISREG(ret_file->st_mode))
		n = pread(fd, text, size,
		    ret_file->st_size > (off_t)size ? ret_file->st_size - (off_t)size
						    : 0);
	if (fd >= 0)
		close(fd);
	return n > 0 ? n : 0;
}

/* The end of the log of @instance into @tail; right after it was renamed that is in the
 * older one. Returns its length, -ENOENT if there is none, -EMFILE or -ENFILE. */
static ssize_t
read_log(const struct served_job *job, unsigned instance, char tail[LOG_BYTES_MAX])
{
	struct stat file, older_file = { 0 };
	char name[32], older[40];
	ssize_t n, before = 0;

	snprintf(name, sizeof(name), "%u.log", instance);
	snprintf(older, sizeof(older), "%s.1", name);
	n = read_tail(job, name, tail, LOG_BYTES_MAX, &file);
	if (n >= 0 && n < LOG_BYTES_MAX) {
		memmove(tail + LOG_BYTES_MAX - n, tail, (size_t)n);
		before = read_tail(
		    job, older, tail, (size_t)(LOG_BYTES_MAX - n), &older_file);
	}
	if (n < 0 || before < 0)
		return n < 0 ? n : before;
	if (!S_ISREG(file.st_mode) && before == 0)
		return -ENOENT;
	if (before > 0 && older_file.st_ino == file.st_ino)
		before = 0; /* renamed just now: both are one */
	if (n < LOG_BYTES_MAX)
		memmove(tail + before, tail + LOG_BYTES_MAX - n, (size_t)n);
	return before + n;
}

static void
serve_log(const struct served_job *job, struct evhttp_request *request)
{
	static char tail[LOG_BYTES_MAX]; /* one thread, and nothing stays in it */
	const ssize_t n = read_log(job, instance_of(request), tail);
	struct plain_text plain = { 0 };
	char *text = NULL;
	size_t len = 0;

	if (n == -ENOENT) {
		reply_text(request, 404,
		    job->attached != NULL
			? "it is attached: its afl-fuzz writes where it was started\n"
			: "this instance has no log yet\n");
		return;
	}
	if (n < 0) {
		reply_text(request, 503, REPLY_NO_DESCRIPTORS);
		return;
	}
	text = malloc((size_t)n + PLAIN_TEXT_HELD);
	if (text != NULL) {
		len = plain_text(&plain, tail, (size_t)n, text);
		len += plain_text_end(&plain, text + len);
	}
	reply_bytes(request, "text/plain; charset=utf-8", NULL, text, len);
}

/* ---- wishes ---- */

static void
serve_wish(struct job_list *list, const struct served_job *job, enum job_wish wish,
    struct evhttp_request *request)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	struct message message;

	if (!request_origin_same(evhttp_find_header(headers, "origin"),
		evhttp_find_header(headers, "host"))) {
		reply_text(request, 403,
		    "only the page that this service serves may ask for it; "
		    "fuzzsupctl does it from a shell\n");
		return;
	}
	if (job->attached != NULL) {
		reply_text(request, 409,
		    "it is attached: start and stop its afl-fuzz where it was "
		    "started\n");
		return;
	}
	message_init(&message, MESSAGE_ASK_JOB, job->id);
	message.wish.wish = wish;
	if (channel_waiting(list->channel) >= WISHES_WAITING_MAX ||
	    channel_send(list->channel, &message, NULL, 0) < 0) {
		evhttp_add_header(
		    evhttp_request_get_output_headers(request), "retry-after", "2");
		reply_text(
		    request, 503, "the supervisor does not take this now; try again\n");
	} else {
		reply_text(request, 202, "asked for\n");
	}
}

/* ---- routes ---- */

static struct served_job *
find_named(const struct job_list *list, const struct targets *targets, const char *path,
    const char **ret_action)
{
	const char *slash = strchr(path, '/'), *end;
	const struct target *target;

	if (slash == NULL)
		return NULL;
	end = strchr(slash + 1, '/');
	target = targets_by_name(targets, path, (size_t)(slash - path));
	if (target == NULL || end == NULL)
		return NULL;
	*ret_action = end + 1;
	for (size_t i = 0; i < list->len; i++) {
		struct served_job *job = &list->items[i];

		if (job->target == target->id &&
		    strlen(job->name) == (size_t)(end - slash - 1) &&
		    strncmp(job->name, slash + 1, strlen(job->name)) == 0)
			return job;
	}
	return NULL;
}

void
job_list_serve(struct job_list *list, const struct targets *targets,
    struct evhttp_request *request, const char *rest)
{
	static const char *const wishes[JOB_WISHES_LEN] = {
		[JOB_STOP] = "stop", [JOB_START] = "start", [JOB_RESTART] = "restart"
	};
	const struct served_job *job;
	const char *action = "";

	if (rest[0] == '\0') {
		serve_all(list, targets, request);
		return;
	}
	job = find_named(list, targets, rest, &action);
	if (job != NULL && strcmp(action, "log") == 0) {
		serve_log(job, request);
		return;
	}
	for (unsigned i = 0; i < JOB_WISHES_LEN && job != NULL; i++)
		if (strcmp(action, wishes[i]) == 0) {
			serve_wish(list, job, i, request);
			return;
		}
	reply_not_found(request);
}
