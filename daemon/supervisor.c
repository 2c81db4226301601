/* SPDX-License-Identifier: MIT
 * Start, loop, reload and end of the service; the supervisor itself.
 */
#include "config.h"

#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archive_feed.h"
#include "clock.h"
#include "control.h"
#include "detached.h"
#include "directory_writer.h"
#include "health.h"
#include "heartbeat.h"
#include "jobs.h"
#include "log.h"
#include "privs.h"
#include "process_tree.h"
#include "service.h"
#include "setup.h"
#include "target.h"
#include "banned.h"

#define COMMIT_DELAY_US 2000
#define COMMIT_BLOCKED_MAX_MS 5000
#define POLL_S 2
#define END_GRACE_MS 1200
#define SWEEP_MS 1000
#define DEAD_MAX_MS \
	60000 /* that a worker may be gone before the watchdog hears of it */

static const struct timeval commit_delay = { .tv_usec = COMMIT_DELAY_US };

/* ---- publishing ---- */

void
supervisor_changed(struct supervisor *supervisor)
{
	if (supervisor->commit != NULL && !evtimer_pending(supervisor->commit, NULL))
		event_add(supervisor->commit, &commit_delay);
}

static void
announce_directory(struct supervisor *supervisor)
{
	struct worker *worker = supervisor_worker(supervisor, WORKER_FRONTEND);
	static struct message message;

	if (!supervisor->announce_directory || !worker_has_room(worker))
		return;
	supervisor->announce_directory = false;
	message_init(&message, MESSAGE_DIRECTORY, 0);
	worker_send(worker, &message, NULL, 0);
}

/* A reader copies for microseconds; one that holds the lock for seconds is stuck. */
static void
commit_blocked(struct supervisor *supervisor)
{
	int64_t now = clock_ms(CLOCK_MONOTONIC);

	if (supervisor->commit_blocked_ms == 0)
		supervisor->commit_blocked_ms = now;
	if (now - supervisor->commit_blocked_ms > COMMIT_BLOCKED_MAX_MS) {
		worker_kill(supervisor_worker(supervisor, WORKER_FRONTEND),
		    "it holds the directory's lock for too long");
		supervisor->commit_blocked_ms = 0;
	}
	event_add(supervisor->commit, &commit_delay);
}

static void
commit_cb(evutil_socket_t fd, short what, void *context)
{
	struct supervisor *supervisor = context;
	int r = targets_commit(supervisor->targets);

	(void)fd;
	(void)what;
	if (r == -EAGAIN) {
		commit_blocked(supervisor);
		return;
	}
	if (r < 0)
		log_err("directory: %s", strerror(-r));
	supervisor->commit_blocked_ms = 0;
	supervisor->announce_directory = true;
	announce_directory(supervisor);
}

/* ---- what workers do ---- */

static void
log_listening(struct supervisor *supervisor)
{
	if (supervisor->listening_logged)
		return;
	supervisor->listening_logged = true;
	for (size_t i = 0; i < supervisor->listeners_len; i++) {
		const char *text = supervisor->listeners[i].text;
		const char *wanted = supervisor->conf->listen.items[i];

		if (strncmp(text, "unix:", 5) == 0)
			log_notice("web interface listening at %s", text);
		else
			log_notice("web interface listening at http://%s/", text);
		if (strcmp(text, wanted) != 0)
			log_notice("to keep this port: listen = { \"%s\" }", text);
	}
	service_notify("READY=1");
}

static void
started_cb(struct worker *worker, void *context)
{
	struct supervisor *supervisor = context;

	switch (worker->kind) {
	case WORKER_SYMBOLIZER:
		tables_started(supervisor->tables);
		break;
	case WORKER_COLLECTOR:
		targets_resend(supervisor->targets, OUTBOX_COLLECTOR);
		jobs_resend(supervisor->jobs, JOB_OUTBOX_COLLECTOR);
		break;
	case WORKER_FRONTEND:
		health_resend(supervisor->health); /* before anybody can ask */
		setup_frontend(supervisor);
		targets_resend(supervisor->targets, OUTBOX_FRONTEND);
		jobs_resend(supervisor->jobs, JOB_OUTBOX_FRONTEND);
		supervisor->announce_directory = true;
		announce_directory(supervisor);
		log_listening(supervisor);
		break;
	case WORKER_ARCHIVE:
		archive_feed_started(supervisor->archive_feed);
		break;
	default:
		setup_runner(supervisor);
		jobs_resend(supervisor->jobs, JOB_OUTBOX_RUNNER);
		break;
	}
}

static void
drained_cb(struct worker *worker, void *context)
{
	struct supervisor *supervisor = context;

	if (worker->kind == WORKER_SYMBOLIZER)
		tables_started(supervisor->tables);
	if (worker->kind == WORKER_RUNNER)
		jobs_pump(supervisor->jobs, JOB_OUTBOX_RUNNER);
	if (worker->kind == WORKER_COLLECTOR) {
		targets_pump(supervisor->targets, OUTBOX_COLLECTOR);
		jobs_pump(supervisor->jobs, JOB_OUTBOX_COLLECTOR);
	}
	if (worker->kind == WORKER_ARCHIVE)
		archive_feed_pump(supervisor->archive_feed);
	if (worker->kind == WORKER_FRONTEND) {
		targets_pump(supervisor->targets, OUTBOX_FRONTEND);
		jobs_pump(supervisor->jobs, JOB_OUTBOX_FRONTEND);
		health_pump(supervisor->health);
		announce_directory(supervisor);
	}
}

static bool
is_worker(pid_t pid, void *context)
{
	const struct supervisor *supervisor = context;

	for (unsigned i = 0; i < WORKERS_LEN; i++)
		if (supervisor->workers[i].pid == pid)
			return true;
	return pid == detached_helper();
}

/* What a dead runner leaves falls to us, and would otherwise fuzz on beside the jobs that
 * the next one starts. */
static void
sweep(struct supervisor *supervisor)
{
	if (process_tree_end(is_worker, supervisor, SWEEP_MS) < 0)
		log_warning("processes that the runner left do not end");
}

static void
died_cb(struct worker *worker, const char *how, void *context)
{
	struct supervisor *supervisor = context;

	directory_writer_recover(supervisor->directory, (unsigned)worker->kind + 1);
	if (worker->kind == WORKER_RUNNER)
		sweep(supervisor);
	if (supervisor->ending)
		return;
	archive_feed_event(supervisor->archive_feed, FEED_WORKER, "", "",
	    "%s died (%s) and is started again", worker_name(worker->kind), how);
	if (worker->kind == WORKER_SYMBOLIZER)
		tables_died(supervisor->tables, how);
}

static const struct worker_callbacks supervisor_callbacks = {
	.started = started_cb,
	.drained = drained_cb,
	.died = died_cb,
};

/* ---- reload ---- */

struct report {
	conf_error_cb error_cb;
	void *context;
	char first[400]; /* for health */
};

static void
reload_error_cb(const char *message, void *context)
{
	struct report *report = context;

	log_err("%s", message);
	if (report->first[0] == '\0')
		snprintf(report->first, sizeof(report->first),
		    "the last reload was refused: %s", message);
	if (report->error_cb != NULL)
		report->error_cb(message, report->context);
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void remark(const struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What a reload that goes on could not do. */
static void
remark(const struct report *report, const char *format, ...)
{
	char message[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	log_warning("reload: %s", message);
	if (report->error_cb != NULL)
		report->error_cb(message, report->context);
}

/* Sockets and users are for the whole life of the service. */
static void
remark_fixed(
    const struct report *report, const struct conf *old, const struct conf *new)
{
	const struct {
		const char *key;
		bool changed;
	} fixed[] = {
		{ "listen", !string_list_equal(&old->listen, &new->listen) },
		{ "coverage-dir",
		    !string_list_equal(&old->coverage_dirs, &new->coverage_dirs) },
		{ "state-dir", !same_text(old->state_dir, new->state_dir) },
		{ "control", !same_text(old->control, new->control) },
		{ "user", !same_text(old->user, new->user) },
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (fixed[i].changed)
			remark(report,
			    "%s is another one, which is taken over only when the "
			    "service is restarted",
			    fixed[i].key);
}

static void
swap_text(char **a, char **b)
{
	char *text = *a;

	*a = *b;
	*b = text;
}

static void
swap_list(struct string_list *a, struct string_list *b)
{
	struct string_list list = *a;

	*a = *b;
	*b = list;
}

/* What stays as it was is in the new configuration as it was, too. */
static void
keep_fixed(struct conf *old, struct conf *new)
{
	swap_list(&old->listen, &new->listen);
	swap_list(&old->coverage_dirs, &new->coverage_dirs);
	swap_text(&old->state_dir, &new->state_dir);
	swap_text(&old->control, &new->control);
	swap_text(&old->user, &new->user);
	swap_text(&old->user_place, &new->user_place);
}

static void
probe_cb(const char *message, void *context)
{
	remark(context, "%s", message);
}

/* Everything that may fail comes first; from then on the new configuration is in force.
 */
static int
prepare(struct supervisor *supervisor, struct report *report, struct conf **ret_conf,
    struct jobs_plan **ret_plan)
{
	struct jobs_plan *plan = NULL;
	struct conf *conf;
	int r =
	    conf_load(supervisor->options->conf_path, reload_error_cb, report, &conf);

	if (r < 0)
		return r;
	/* It stops all jobs: no slip of an editor, or of a full disk, is to do that. */
	if (conf->is_empty && supervisor->conf->targets_len > 0) {
		reload_error_cb("the configuration is empty, as of a file that is just "
				"being written, or of a full disk; to take all targets "
				"out leave \"listen\" in it",
		    report);
		conf_free(conf);
		return -EINVAL;
	}
	remark_fixed(report, supervisor->conf, conf);
	r = jobs_plan_new(supervisor->jobs, conf, reload_error_cb, report, &plan);
	if (r == 0) {
		keep_fixed(supervisor->conf, conf);
		*ret_conf = conf;
		*ret_plan = plan;
		return 0;
	}
	if (r < 0)
		reload_error_cb(strerror(-r), report);
	jobs_plan_free(plan);
	conf_free(conf);
	return -EINVAL;
}

int
supervisor_reload(struct supervisor *supervisor, conf_error_cb error_cb, void *context)
{
	struct report report = { .error_cb = error_cb, .context = context };
	struct jobs_plan *plan;
	struct conf *conf;
	int r;

	service_reloading();
	r = prepare(supervisor, &report, &conf, &plan);
	if (r < 0) {
		log_err("reload refused; the old configuration stays in force");
		health_set_refused(supervisor->health, report.first);
		archive_feed_event(
		    supervisor->archive_feed, FEED_RELOAD, "", "", "%s", report.first);
		service_notify("READY=1");
		return r;
	}
	health_set_refused(supervisor->health, "");
	jobs_plan_probe(plan, conf, probe_cb, &report);
	conf_free(supervisor->conf);
	supervisor->conf = conf;
	setup_frontend_service(supervisor);
	r = targets_configure(supervisor->targets, conf);
	if (r < 0)
		remark(&report, "not every target was taken over: %s", strerror(-r));
	jobs_configure(supervisor->jobs, conf, plan);
	archive_feed_configure(supervisor->archive_feed);
	health_look(supervisor->health);
	log_notice("reloaded: %zu targets, %zu jobs", supervisor->targets->len,
	    supervisor->jobs->len);
	archive_feed_event(supervisor->archive_feed, FEED_RELOAD, "", "",
	    "the configuration was read again: %zu targets, %zu jobs",
	    supervisor->targets->len, supervisor->jobs->len);
	service_notify("READY=1");
	return 0;
}

/* ---- signals ---- */

static void
hang_up_cb(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	supervisor_reload(context, NULL, NULL);
}

static void
check_ended(struct supervisor *supervisor)
{
	for (unsigned i = 0; i < WORKERS_LEN; i++)
		if (supervisor->workers[i].state != WORKER_STATE_STOPPED)
			return;
	event_base_loopbreak(supervisor->base);
}

/* Also of grandchildren whose worker died: we are their subreaper. */
static void
child_cb(evutil_socket_t fd, short what, void *context)
{
	struct supervisor *supervisor = context;
	siginfo_t info;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < WORKERS_LEN; i++)
		worker_reap(&supervisor->workers[i]);
	do {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		    info.si_pid == 0)
			break;
		for (unsigned i = 0; i < WORKERS_LEN; i++)
			if (supervisor->workers[i].pid == info.si_pid)
				worker_reap(&supervisor->workers[i]);
		waitpid(info.si_pid, NULL, WNOHANG);
	} while (true);
	if (supervisor->ending)
		check_ended(supervisor);
}

static void
end_cb(evutil_socket_t fd, short what, void *context)
{
	struct supervisor *supervisor = context;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < WORKERS_LEN; i++)
		worker_stop(&supervisor->workers[i], SIGKILL);
	check_ended(supervisor);
}

static void
terminate_cb(evutil_socket_t number, short what, void *context)
{
	const struct timeval grace = { .tv_sec = END_GRACE_MS / 1000,
		.tv_usec = END_GRACE_MS % 1000 * 1000 };
	struct supervisor *supervisor = context;

	(void)what;
	if (supervisor->ending)
		return;
	supervisor->ending = true;
	archive_feed_look(supervisor->archive_feed); /* what jobs go on from next time */
	archive_feed_event(
	    supervisor->archive_feed, FEED_SERVICE, "", "", "the service stops");
	log_notice("stopping (%s)", strsignal((int)number));
	service_notify("STOPPING=1");
	for (unsigned i = 0; i < WORKERS_LEN; i++)
		worker_stop(&supervisor->workers[i], SIGTERM);
	event_add(supervisor->end, &grace);
	check_ended(supervisor);
}

static void
poll_cb(evutil_socket_t fd, short what, void *context)
{
	struct supervisor *supervisor = context;

	(void)fd;
	(void)what;
	if (supervisor->ending)
		return;
	targets_poll(supervisor->targets);
	jobs_poll(supervisor->jobs);
}

static void
beat_cb(evutil_socket_t fd, short what, void *context)
{
	struct supervisor *supervisor = context;

	(void)fd;
	(void)what;
	if (supervisor->ending)
		return;
	for (unsigned i = 0; i < WORKERS_LEN && supervisor->heartbeat; i++)
		heartbeat_look(&supervisor->workers[i],
		    i == WORKER_SYMBOLIZER && tables_busy(supervisor->tables));
	archive_feed_look(supervisor->archive_feed);
	health_look(supervisor->health);
}

/* A worker that ran once, and for long cannot be started again or killed: a new service may
 * be able to. One that never ran is not there, which no restart mends. */
static bool
is_beyond_help(const struct worker *worker)
{
	return worker->starts > 0 && worker->down_ms != 0 &&
	    clock_ms(CLOCK_MONOTONIC) - worker->down_ms > DEAD_MAX_MS;
}

/* The loop turns, or we were not here. */
static void
watchdog_cb(evutil_socket_t fd, short what, void *context)
{
	struct supervisor *supervisor = context;
	bool starves = false;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < WORKERS_LEN; i++)
		if (is_beyond_help(&supervisor->workers[i])) {
			starves = true;
			if (!supervisor->watchdog_starves)
				log_err("%s is gone for more than %d s; the service "
					"manager is let restart the service",
				    worker_name(i), DEAD_MAX_MS / 1000);
		}
	supervisor->watchdog_starves = starves;
	if (!starves)
		service_notify("WATCHDOG=1");
}

/* ---- the loop ---- */

static int
make_events(struct supervisor *supervisor)
{
	struct event_base *base = supervisor->base;
	const struct timeval poll = { .tv_sec = POLL_S };
	const struct timeval beat = { .tv_sec = HEARTBEAT_MS / 1000 };
	unsigned ms = service_watchdog_ms() / 2;
	const struct timeval watchdog = { .tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000 };

	supervisor->commit = evtimer_new(base, commit_cb, supervisor);
	supervisor->end = evtimer_new(base, end_cb, supervisor);
	supervisor->poll = event_new(base, -1, EV_PERSIST, poll_cb, supervisor);
	supervisor->beat = event_new(base, -1, EV_PERSIST, beat_cb, supervisor);
	supervisor->watchdog = event_new(base, -1, EV_PERSIST, watchdog_cb, supervisor);
	supervisor->hang_up = evsignal_new(base, SIGHUP, hang_up_cb, supervisor);
	supervisor->terminate = evsignal_new(base, SIGTERM, terminate_cb, supervisor);
	supervisor->interrupt = evsignal_new(base, SIGINT, terminate_cb, supervisor);
	supervisor->child = evsignal_new(base, SIGCHLD, child_cb, supervisor);
	if (supervisor->commit == NULL || supervisor->end == NULL ||
	    supervisor->poll == NULL || supervisor->beat == NULL ||
	    supervisor->watchdog == NULL || supervisor->hang_up == NULL ||
	    supervisor->terminate == NULL || supervisor->interrupt == NULL ||
	    supervisor->child == NULL)
		return -ENOMEM;
	event_add(supervisor->poll, &poll);
	event_add(supervisor->beat, &beat);
	if (ms > 0)
		event_add(supervisor->watchdog, &watchdog);
	event_add(supervisor->hang_up, NULL);
	event_add(supervisor->terminate, NULL);
	event_add(supervisor->interrupt, NULL);
	event_add(supervisor->child, NULL);
	return 0;
}

static void
problem_cb(const char *message, void *context)
{
	(void)context;
	log_err("%s; the job is shown as failed", message);
}

/* Unlike a reload, a start goes on with what can be run: there is nothing to keep. */
static int
start(struct supervisor *supervisor)
{
	struct jobs_plan *plan;
	int r;

	for (unsigned i = 0; i < WORKERS_LEN; i++)
		worker_init(&supervisor->workers[i], i, &supervisor->setup);
	targets_configure(supervisor->targets, supervisor->conf);
	r = jobs_plan_new(supervisor->jobs, supervisor->conf, problem_cb, NULL, &plan);
	if (r < 0)
		return r;
	jobs_configure(supervisor->jobs, supervisor->conf, plan);
	archive_feed_event(
	    supervisor->archive_feed, FEED_SERVICE, "", "", "the service started");
	for (unsigned i = 0; i < WORKERS_LEN; i++)
		worker_start(&supervisor->workers[i]);
	return 0;
}

int
supervisor_run(const struct supervisor_options *options, struct conf *conf)
{
	static struct supervisor supervisor;
	int r;

	supervisor.options = options;
	supervisor.conf = conf;
	supervisor.heartbeat = getenv("FUZZSUPD_NO_HEARTBEAT") == NULL;
	if (!supervisor.heartbeat)
		log_warning("FUZZSUPD_NO_HEARTBEAT is set: a worker that does not "
			    "answer is not replaced");
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	privs_raise_files();
	r = setup_open(&supervisor, &supervisor_callbacks);
	if (r == 0)
		r = make_events(&supervisor);
	if (r == 0)
		r = start(&supervisor);
	if (r == 0)
		event_base_dispatch(supervisor.base);
	setup_close(&supervisor);
	return r == 0 && supervisor.ending ? EXIT_SUCCESS : EXIT_FAILURE;
}
