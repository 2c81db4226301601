/* SPDX-License-Identifier: MIT
 * Opening and closing what the supervisor holds; in the supervisor.
 */
#include "config.h"

#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "control.h"
#include "archive_feed.h"
#include "coverage_dirs.h"
#include "detached.h"
#include "directory_writer.h"
#include "dispatch.h"
#include "health.h"
#include "jobs.h"
#include "log.h"
#include "make_folder.h"
#include "privs.h"
#include "spawn.h"
#include "table.h"
#include "target.h"
#include "users.h"
#include "worker_log.h"
#include "banned.h"

static struct message message;

static int
open_listeners(struct supervisor *supervisor)
{
	const struct string_list *listen = &supervisor->conf->listen;

	for (size_t i = 0; i < listen->len; i++) {
		struct listener *listener = &supervisor->listeners[i];
		int r;

		if (i == CONF_LISTEN_MAX) {
			log_err("listen: more than %d addresses", CONF_LISTEN_MAX);
			return -E2BIG;
		}
		r = privs_listen(listen->items[i], &listener->fd, listener->text,
		    sizeof(listener->text));
		if (r < 0) {
			log_err("cannot listen on %s: %s%s", listen->items[i],
			    strerror(-r),
			    r == -EADDRINUSE
				? "; set listen to another port, or to port 0 for "
				  "any free one"
				: "");
			return r;
		}
		supervisor->listeners_len++;
	}
	return 0;
}

/* Keeps @state_dir for as long as this process lives: two services would run each job twice in
 * one folder, and count what the other one does. The kernel lets go of it, whatever ends us. */
static int
lock_state(struct supervisor *supervisor, const char *state_dir)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/lock", state_dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	supervisor->state_lock = fd;
	if (fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if (fd < 0 || (errno != EAGAIN && errno != EACCES)) {
		log_warning("%s: %s; another fuzzsupd in this state-dir would not be "
			    "noticed",
		    path, strerror(errno));
		return 0;
	}
	if (fcntl(fd, F_GETLK, &lock) != 0 || lock.l_pid < 0)
		lock.l_pid = 0;
	log_err(
	    "state-dir %s is in use by another fuzzsupd (process %d): end that one, or "
	    "give this one a state-dir of its own",
	    state_dir, (int)lock.l_pid);
	return -EADDRINUSE;
}

static int
open_control(struct supervisor *supervisor)
{
	const struct conf *conf = supervisor->conf;
	char path[PATH_MAX];
	int r = make_folder(conf->state_dir, 0755);

	if (r < 0) {
		log_err(
		    "state-dir %s cannot be made: %s", conf->state_dir, strerror(-r));
		return r;
	}
	r = lock_state(supervisor, conf->state_dir);
	if (r < 0)
		return r;
	privs_control_path(conf, path, sizeof(path));
	r = control_new(supervisor, path, &supervisor->control);
	if (r < 0)
		log_err("control socket %s: %s%s", path, strerror(-r),
		    r == -EADDRINUSE ? "; is another fuzzsupd running?" : "");
	return r;
}

/* Said once, since it decides what a job may spoil. */
static void
tell_users(const struct conf *conf, const struct user *workers)
{
	struct user jobs;
	size_t len = 0;

	for (size_t i = 0; i < conf->targets_len; i++)
		len += conf->targets[i].jobs_len;
	if (len == 0 || users_of_job(NULL, workers->uid, &jobs) < 0)
		return;
	if (geteuid() != 0)
		log_notice("jobs run as user %s, as the service itself does: a job "
			   "could stop it, or read what it keeps; started by root, "
			   "they get a user of their own",
		    jobs.name);
	else
		log_notice("workers run as user %s, jobs as user %s if they name no "
			   "other",
		    workers->name, jobs.name);
}

static int
find_user(struct supervisor *supervisor)
{
	const struct conf *conf = supervisor->conf;
	struct user user;
	int r = users_of_workers(conf->user, &user);

	if (r < 0) {
		log_err(
		    "%s: user %s: %s", conf->user_place, conf->user, users_problem(r));
		return r;
	}
	supervisor->setup.uid = user.uid;
	supervisor->setup.gid = user.gid;
	tell_users(conf, &user);
	return 0;
}

static int
open_memory(struct supervisor *supervisor)
{
	int r = directory_writer_new(0, &supervisor->directory);

	if (r < 0)
		return r;
	supervisor->setup.directory = directory_writer_fd(supervisor->directory);
	supervisor->setup.news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (supervisor->setup.news < 0 ||
	    getrandom(&supervisor->instance, sizeof(supervisor->instance), 0) < 0)
		return -errno;
	r = targets_new(supervisor, &supervisor->targets);
	if (r == 0)
		r = tables_new(supervisor, &supervisor->tables);
	if (r == 0)
		r = jobs_new(supervisor, &supervisor->jobs);
	if (r == 0)
		r = health_new(supervisor, &supervisor->health);
	if (r == 0)
		r = archive_feed_new(supervisor, &supervisor->archive_feed);
	for (unsigned i = 0; i < EDGES_LEN && r == 0; i++)
		r = channel_pair(supervisor->setup.edges[i]);
	return r;
}

int
setup_open(struct supervisor *supervisor, const struct worker_callbacks *callbacks)
{
	int r;

	supervisor->state_lock = -1;
	supervisor->base = event_base_new();
	if (supervisor->base == NULL)
		return -ENOMEM;
	supervisor->setup = (struct worker_setup){ .base = supervisor->base,
		.callbacks = callbacks,
		.handlers = dispatch_handlers,
		.handlers_len = dispatch_handlers_len,
		.context = supervisor,
		.news = -1,
		.archive = -1,
		.sandbox = supervisor->options->sandbox };
	for (unsigned i = 0; i < EDGES_LEN; i++)
		supervisor->setup.edges[i][0] = supervisor->setup.edges[i][1] = -1;
	r = find_user(supervisor);
	if (r == 0)
		r = open_listeners(supervisor);
	if (r == 0)
		r = open_memory(supervisor);
	if (r == 0)
		r = coverage_dirs_make(supervisor->conf, &supervisor->coverage_dirs);
	if (r == 0)
		r = open_control(supervisor);
	if (r == 0)
		detached_open(
		    supervisor->conf->state_dir, supervisor->options->sandbox);
	if (r == 0)
		archive_feed_look(supervisor->archive_feed);
	supervisor->setup.cut_off = detached_available();
	return r;
}

static void
close_listeners(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->listeners_len; i++) {
		const char *text = supervisor->listeners[i].text;

		close(supervisor->listeners[i].fd);
		if (strncmp(text, "unix:", 5) == 0)
			unlink(text + 5);
	}
}

void
setup_close(struct supervisor *supervisor)
{
	struct event *events[] = { supervisor->commit, supervisor->poll,
		supervisor->beat, supervisor->watchdog, supervisor->hang_up,
		supervisor->terminate, supervisor->interrupt, supervisor->child,
		supervisor->end };

	control_free(supervisor->control);
	for (unsigned i = 0; i < WORKERS_LEN; i++)
		worker_close(&supervisor->workers[i]);
	worker_log_close_all();
	tables_free(supervisor->tables);
	targets_free(supervisor->targets);
	jobs_free(supervisor->jobs);
	health_free(supervisor->health);
	archive_feed_free(supervisor->archive_feed);
	detached_close();
	directory_writer_free(supervisor->directory);
	for (unsigned i = 0; i < EDGES_LEN; i++)
		for (unsigned k = 0; k < 2; k++)
			if (supervisor->setup.edges[i][k] >= 0)
				close(supervisor->setup.edges[i][k]);
	close_listeners(supervisor);
	string_list_clear(&supervisor->coverage_dirs);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (supervisor->setup.news >= 0)
		close(supervisor->setup.news);
	if (supervisor->setup.archive >= 0)
		close(supervisor->setup.archive);
	if (supervisor->state_lock >= 0)
		close(supervisor->state_lock);
	if (supervisor->base != NULL)
		event_base_free(supervisor->base);
	conf_free(supervisor->conf);
}

/* ---- for the front-end ---- */

/* The folder with the page's files; the runner also learns which compiler it may use.
 */
static void
send_share(struct worker *worker, const char *compiler)
{
	const char *folder = spawn_web_folder();
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t used, len = compiler != NULL ? strlen(compiler) : 0;

	if (fd < 0) {
		log_err("the page's files %s: %s; install them, or set FUZZSUPD_WEB",
		    folder, strerror(errno));
		return;
	}
	if (worker->kind != WORKER_RUNNER)
		fd = detached_cut(fd);
	if (fd < 0) {
		log_err("the page's files %s: %s", folder, strerror(-fd));
		return;
	}
	message_init(&message, MESSAGE_SHARE, 0);
	message_printf(&message, "%s", folder);
	used = message.text_len;
	if (len > 0 && used + 1 + len < MESSAGE_TEXT_MAX) {
		message.text[used++] = '\0';
		memcpy(message.text + used, compiler, len);
		message.text_len = (uint32_t)(used + len);
	}
	worker_send(worker, &message, &fd, 1);
	close(fd);
}

void
setup_runner(struct supervisor *supervisor)
{
	const char *compiler = supervisor->conf->wasm_compiler;

	send_share(supervisor_worker(supervisor, WORKER_RUNNER),
	    compiler != NULL && compiler[0] == '\0' ? "none" : compiler);
}

void
setup_frontend_service(struct supervisor *supervisor)
{
	const struct string_list *hosts = &supervisor->conf->allowed_hosts;
	size_t used = 0;

	message_init(&message, MESSAGE_SERVICE, 0);
	message.service.instance = supervisor->instance;
	for (size_t i = 0; i < hosts->len; i++) {
		size_t len = strlen(hosts->items[i]);

		if (used + len + 2 > MESSAGE_TEXT_MAX)
			break;
		memcpy(message.text + used, hosts->items[i], len);
		used += len;
		message.text[used++] = '\n';
	}
	message.text_len = (uint32_t)used;
	worker_send(supervisor_worker(supervisor, WORKER_FRONTEND), &message, NULL, 0);
}

void
setup_frontend(struct supervisor *supervisor)
{
	struct worker *worker = supervisor_worker(supervisor, WORKER_FRONTEND);

	setup_frontend_service(supervisor);
	send_share(worker, NULL);
	for (size_t i = 0; i < supervisor->listeners_len; i++) {
		message_init(&message, MESSAGE_LISTENER, 0);
		message_printf(&message, "%s", supervisor->listeners[i].text);
		worker_send(worker, &message, &supervisor->listeners[i].fd, 1);
	}
}
