/* SPDX-License-Identifier: MIT
 * What the control socket is asked, and the replies; in the supervisor.
 */
#include "config.h"

#include "control.h"

#include <ctype.h>
#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control_jobs.h"
#include "health.h"
#include "jobs.h"
#include "live_segment.h"
#include "log.h"
#include "target.h"
#include "banned.h"

struct request {
	struct supervisor *supervisor;
	uid_t peer;
	int words_len;
	char **words;
	struct evbuffer *reply;
};

int
control_split(char *line, char *words[CONTROL_WORDS_MAX])
{
	const char *separator = strchr(line, '\t') != NULL ? "\t" : " ";
	char *rest = NULL, *word;
	int len = 0;

	line[strcspn(line, "\r\n")] = '\0';
	for (word = strtok_r(line, separator, &rest); word != NULL;
	    word = strtok_r(NULL, separator, &rest)) {
		if (len == CONTROL_WORDS_MAX)
			return -E2BIG;
		words[len++] = word;
	}
	return len;
}

bool
control_read_id(const char *word, uint64_t *ret_id)
{
	if (strlen(word) != 16 || strspn(word, "0123456789abcdef") != 16)
		return false;
	*ret_id = strtoull(word, NULL, 16);
	return true;
}

bool
control_read_address(const char *word, uint64_t *ret_address)
{
	size_t len = strlen(word);

	if (len < 3 || len > 18 || strncmp(word, "0x", 2) != 0 ||
	    strspn(word + 2, "0123456789abcdefABCDEF") != len - 2)
		return false;
	*ret_address = strtoull(word, NULL, 16);
	return true;
}

static void
fail(struct request *request, const char *text)
{
	evbuffer_add_printf(request->reply, "error %s\n", text);
}

/* ---- the requests ---- */

static void
do_workers(struct request *request)
{
	const struct supervisor *supervisor = request->supervisor;

	evbuffer_add_printf(request->reply, "ok\n");
	for (unsigned i = 0; i < WORKERS_LEN; i++) {
		const struct worker *worker = &supervisor->workers[i];

		evbuffer_add_printf(request->reply, "%s\t%s\t%d\t%u\n", worker_name(i),
		    worker_state_name(worker->state), (int)worker->pid, worker->starts);
	}
}

/* Reasons hold foreign text: a column stays a column. */
static void
add_column(struct evbuffer *reply, const char *text)
{
	for (; *text != '\0'; text++)
		evbuffer_add(reply, (unsigned char)*text < 0x20 ? " " : text, 1);
}

/* Lines of a known state that were reached, and all of them. */
static void
add_lines(struct evbuffer *reply, const struct target *target)
{
	if (target->table != NULL && target->lines_generation != 0 &&
	    target->lines_generation == target->table->generation)
		evbuffer_add_printf(
		    reply, "%u\t%u\t", target->lines_reached, target->lines);
	else
		evbuffer_add_printf(reply, "-\t-\t");
}

static void
add_numbers(struct evbuffer *reply, const struct target *target)
{
	const struct table *table = target->table;
	uint32_t covered;

	add_lines(reply, target);

	if (target->live_current &&
	    pread(target->live, &covered, sizeof(covered),
		offsetof(struct live_segment, covered)) == (ssize_t)sizeof(covered))
		evbuffer_add_printf(reply, "%u\t", covered);
	else
		evbuffer_add_printf(reply, "-\t");
	if (table == NULL || table->fd < 0) {
		evbuffer_add_printf(reply, "-\t\t");
		return;
	}
	evbuffer_add_printf(reply, "%u\t", table->pcs_len - table->dropped_len);
	for (uint32_t i = 0; i < table->build_id_len; i++)
		evbuffer_add_printf(reply, "%02x", table->build_id[i]);
	evbuffer_add_printf(reply, "\t");
}

/* A line each: name, state, lines reached, lines, PCs covered, PCs, build ID, why there are no
 * lines, reason. */
static void
do_status(struct request *request)
{
	const struct targets *targets = request->supervisor->targets;

	evbuffer_add_printf(request->reply, "ok\n");
	for (size_t i = 0; i < targets->len; i++) {
		const struct target *target = targets->by_name[i];

		evbuffer_add_printf(request->reply, "%s\t%s\t", target->conf.name,
		    target_state_name(target->state));
		add_numbers(request->reply, target);
		if (target->table != NULL)
			add_column(
			    request->reply, target->table->more[MORE_BLOCKS].reason);
		evbuffer_add_printf(request->reply, "\t");
		add_column(request->reply, target->reason);
		evbuffer_add_printf(request->reply, "\n");
	}
}

/* Of the executable's name what a target's name may hold, and a number if it is taken.
 */
static void
derive_name(
    const struct targets *targets, const char *executable, char *ret_name, size_t size)
{
	const char *slash = strrchr(executable, '/');
	char base[48];
	size_t len = 0;

	for (const char *c = slash + 1; *c != '\0' && len + 1 < sizeof(base); c++)
		if (isalnum((unsigned char)*c) ||
		    (len > 0 && strchr("._-", *c) != NULL))
			base[len++] = *c;
	base[len] = '\0';
	snprintf(ret_name, size, "%s", len > 0 ? base : "target");
	for (unsigned i = 2; targets_find(targets, ret_name) != NULL; i++)
		snprintf(ret_name, size, "%s-%u", len > 0 ? base : "target", i);
}

/* Adds a target until the service ends, named after @executable where @name is NULL, and
 * replies. @coverage and its @id may be NULL. */
static void
add_target(struct request *request, char *executable, char *coverage,
    const uint64_t *id, const char *name)
{
	struct targets *targets = request->supervisor->targets;
	char derived[64];
	struct conf_target conf = {
		.name = derived, .executable = executable, .coverage = coverage
	};
	struct target *target;
	int r;

	if (name == NULL)
		derive_name(targets, executable, derived, sizeof(derived));
	else
		snprintf(derived, sizeof(derived), "%s", name);
	r = targets_add(targets, &conf, &target);
	if (r < 0) {
		fail(request,
		    r == -EEXIST       ? "a target of that name exists"
			: r == -ENOSPC ? "there are too many targets"
				       : strerror(-r));
		return;
	}
	target->announced = true;
	if (id != NULL) {
		target->has_coverage_id = true;
		target->coverage_id = *id;
	}
	if (request->peer != 0)
		target->owner = request->peer;
	targets_poll(targets);
	evbuffer_add_printf(request->reply, "ok\n%s\n", derived);
}

/* A target like those of the configuration. */
static void
do_attach(struct request *request)
{
	char *const *words = request->words;
	const char *name = request->words_len > 2 ? words[2] : NULL;

	if (request->words_len < 2 || request->words_len > 3 || words[1][0] != '/' ||
	    strlen(words[1]) > 4000 || (name != NULL && !conf_name_valid(name)))
		fail(request,
		    "expected: attach EXECUTABLE [NAME], with an absolute path, and a "
		    "name of at most 63 letters, digits, '.', '_' and '-'");
	else
		add_target(request, words[1], NULL, NULL, name);
}

static void
do_detach(struct request *request)
{
	struct targets *targets = request->supervisor->targets;
	struct target *target =
	    request->words_len == 2 ? targets_find(targets, request->words[1]) : NULL;

	if (target == NULL) {
		fail(request, "expected the name of a target");
	} else if (!target->announced) {
		fail(request,
		    "this target is in the configuration; take it out there, and "
		    "reload");
	} else {
		targets_remove(targets, target);
		evbuffer_add_printf(request->reply, "ok\n");
	}
}

static void
do_announce(struct request *request)
{
	char *const *words = request->words;
	const char *name = request->words_len > 4 ? words[4] : NULL;
	struct target *known;
	uint64_t id;

	if (request->words_len < 4 || request->words_len > 5 ||
	    !control_read_id(words[1], &id)) {
		fail(request,
		    "expected: announce COVERAGE-ID EXECUTABLE COVERAGE-FILE "
		    "[NAME], the "
		    "id being 16 hex digits");
		return;
	}
	if (words[2][0] != '/' || words[3][0] != '/' || strlen(words[2]) > 4000 ||
	    strlen(words[3]) > 4000) {
		fail(
		    request, "expected absolute paths of executable and coverage file");
		return;
	}
	if (name != NULL && !conf_name_valid(name)) {
		fail(request,
		    "expected a name of at most 63 letters, digits, '.', '_' and '-'");
		return;
	}
	/* What the configuration names already only learns its id. */
	known =
	    targets_looking_at(request->supervisor->targets, words[2], words[3], name);
	if (known == NULL) {
		add_target(request, words[2], words[3], &id, name);
		return;
	}
	known->has_coverage_id = true;
	known->coverage_id = id;
	evbuffer_add_printf(request->reply, "ok\n%s\n", known->conf.name);
}

static void
do_entry(struct request *request)
{
	struct targets *targets = request->supervisor->targets;
	struct target *target;
	uint64_t id, address;
	int r;

	if (request->words_len != 3 || !control_read_id(request->words[1], &id) ||
	    !control_read_address(request->words[2], &address)) {
		fail(request, "expected: entry COVERAGE-ID 0xADDRESS");
		return;
	}
	target = targets_by_coverage(targets, id);
	if (target == NULL) {
		fail(request, "no target has this coverage id; announce it first");
		return;
	}
	r = target_entry(targets, target, address);
	if (r < 0)
		fail(request,
		    r == -ENOSPC ? "the target has too many entry points"
				 : strerror(-r));
	else
		evbuffer_add_printf(request->reply, "ok\n");
}

static void
collect_cb(const char *message, void *context)
{
	evbuffer_add_printf(context, "%s\n", message);
}

/* Of a word that says how grave it is alone: whether it was refused decides that here. */
static const char *
without_grade(const char *line)
{
	static const char *const grades[] = { "error: ", "warning: " };

	for (size_t i = 0; i < sizeof(grades) / sizeof(grades[0]); i++)
		if (strncmp(line, grades[i], strlen(grades[i])) == 0)
			return line + strlen(grades[i]);
	return line;
}

/* Answers what @work, which returns 0 or a negative errno, says: as errors, or behind its
 * "ok" as warnings. */
static void
answer_said(struct request *request,
    int (*work)(struct supervisor *supervisor, conf_error_cb error_cb, void *context))
{
	struct evbuffer *said = evbuffer_new();
	char *line;
	int r;

	if (said == NULL) {
		fail(request, strerror(ENOMEM));
		return;
	}
	r = work(request->supervisor, collect_cb, said);
	if (r == 0)
		evbuffer_add_printf(request->reply, "ok\n");
	while ((line = evbuffer_readln(said, NULL, EVBUFFER_EOL_LF)) != NULL) {
		evbuffer_add_printf(request->reply, "%s %s\n",
		    r == 0 ? "warning:" : "error", without_grade(line));
		free(line);
	}
	evbuffer_free(said);
}

static void
do_reload(struct request *request)
{
	answer_said(request, supervisor_reload);
}

static int
check_conf(struct supervisor *supervisor, conf_error_cb error_cb, void *context)
{
	struct jobs_plan *plan = NULL;
	struct conf *conf;
	int r = conf_load(supervisor->options->conf_path, error_cb, context, &conf);

	if (r < 0)
		return r;
	r = jobs_plan_new(supervisor->jobs, conf, error_cb, context, &plan);
	jobs_plan_free(plan);
	conf_free(conf);
	return r > 0 ? -EINVAL : r;
}

/* The sentences of what is not well. */
static int
check_health(struct supervisor *supervisor, conf_error_cb error_cb, void *context)
{
	char *copy, *rest, *line;

	health_look(supervisor->health);
	copy = rest = strdup(health_lines(supervisor->health));
	if (copy == NULL)
		return -ENOMEM;
	while ((line = strsep(&rest, "\n")) != NULL && line[0] != '\0')
		error_cb(strrchr(line, '\t') + 1, context);
	free(copy);
	return health_count(supervisor->health) > 0 ? -EIO : 0;
}

static int
check_all(struct supervisor *supervisor, conf_error_cb error_cb, void *context)
{
	int health = check_health(supervisor, error_cb, context);
	int conf = check_conf(supervisor, error_cb, context);

	return health < 0 ? health : conf;
}

/* Is all well, and what would a reload say of the configuration? */
static void
do_check(struct request *request)
{
	answer_said(request, check_all);
}

/* A line for each problem, as in health.h. */
static void
do_health(struct request *request)
{
	health_look(request->supervisor->health);
	evbuffer_add_printf(
	    request->reply, "ok\n%s", health_lines(request->supervisor->health));
}

static void
do_jobs(struct request *request)
{
	if (request->words_len > 2)
		fail(request, "expected one name: TARGET/JOB, JOB or TARGET");
	else
		control_jobs(request->supervisor,
		    request->words_len == 2 ? request->words[1] : NULL, request->reply);
}

static void
do_wish(struct request *request, enum job_wish wish)
{
	if (request->words_len != 2)
		fail(request, "expected one name: TARGET/JOB, JOB or TARGET");
	else
		control_wish(
		    request->supervisor, request->words[1], wish, request->reply);
}

static void
do_start(struct request *request)
{
	do_wish(request, JOB_START);
}

static void
do_stop(struct request *request)
{
	do_wish(request, JOB_STOP);
}

static void
do_restart(struct request *request)
{
	do_wish(request, JOB_RESTART);
}

static void
do_logs(struct request *request)
{
	if (request->words_len != 2)
		fail(request, "expected one name: TARGET/JOB, JOB or TARGET");
	else
		control_logs(request->supervisor, request->words[1], request->reply);
}

/* Where the web interface listens, as fuzz.conf has it, with the ports that there are. */
static void
do_addresses(struct request *request)
{
	const struct supervisor *supervisor = request->supervisor;

	evbuffer_add_printf(request->reply, "ok\n");
	for (size_t i = 0; i < supervisor->listeners_len; i++)
		evbuffer_add_printf(
		    request->reply, "%s\n", supervisor->listeners[i].text);
}

static const struct {
	const char *name;
	void (*handler)(struct request *request);
} requests[] = {
	{ "status", do_status },
	{ "addresses", do_addresses },
	{ "workers", do_workers },
	{ "announce", do_announce },
	{ "attach", do_attach },
	{ "detach", do_detach },
	{ "entry", do_entry },
	{ "reload", do_reload },
	{ "check", do_check },
	{ "health", do_health },
	{ "jobs", do_jobs },
	{ "start", do_start },
	{ "stop", do_stop },
	{ "restart", do_restart },
	{ "logs", do_logs },
};

void
control_request(
    struct supervisor *supervisor, uid_t peer, char *line, struct evbuffer *reply)
{
	char *words[CONTROL_WORDS_MAX];
	struct request request = {
		.supervisor = supervisor, .peer = peer, .reply = reply
	};
	int len = control_split(line, words);

	request.words = words;
	request.words_len = len;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]) && len > 0; i++)
		if (strcmp(request.words[0], requests[i].name) == 0) {
			requests[i].handler(&request);
			return;
		}
	fail(&request,
	    "unknown request; expected status, addresses, workers, attach, detach, "
	    "announce, "
	    "entry, reload, "
	    "check, health, jobs, start, stop, restart or logs");
}
