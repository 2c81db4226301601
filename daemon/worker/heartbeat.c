/* SPDX-License-Identifier: MIT
 * Whether a worker still answers; in the supervisor.
 */
#include "config.h"

#include "heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

#include "log.h"
#include "banned.h"

/* ---- what a process does ---- */

static bool
read_file(pid_t pid, const char *name, char *ret_text, size_t size)
{
	char path[48];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, ret_text, size - 1);
	close(fd);
	ret_text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

#define DEPTH_MAX 256 /* of a process below us */

/* True if @pid is a process of a job, and thus no developer's debugger. */
static bool
is_below_us(pid_t pid)
{
	char text[4096], *rest;
	int parent = (int)pid;

	for (int i = 0; i < DEPTH_MAX && parent > 1; i++) {
		if (parent == (int)getpid())
			return true;
		if (!read_file(parent, "stat", text, sizeof(text)) ||
		    (rest = strrchr(text, ')')) == NULL ||
		    sscanf(rest + 1, " %*c %d", &parent) != 1)
			return false;
	}
	return false;
}

/* Of the debugger that holds @pid; 0: none does. */
static pid_t
tracer_of(pid_t pid)
{
	static const char key[] = "\nTracerPid:";
	char text[4096], *tracer;

	if (!read_file(pid, "status", text, sizeof(text)) ||
	    (tracer = strstr(text, key)) == NULL)
		return 0;
	return (pid_t)strtol(tracer + strlen(key), NULL, 10);
}

/* "PID (NAME) STATE …", utime and stime being the 14th and 15th field. */
static bool
look_at(pid_t pid, struct process_look *ret_look)
{
	unsigned long long user, system;
	char text[4096], *rest;
	pid_t tracer;

	if (!read_file(pid, "stat", text, sizeof(text)) ||
	    (rest = strrchr(text, ')')) == NULL ||
	    sscanf(rest + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
		&ret_look->state, &user, &system) != 3)
		return false;
	ret_look->cpu_ms =
	    (user + system) * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK);
	tracer = tracer_of(pid);
	ret_look->traced = tracer != 0 && !is_below_us(tracer);
	ret_look->holder = ret_look->traced ? 0 : tracer;
	if (ret_look->holder != 0 && ret_look->state == 't')
		ret_look->state = 'T'; /* stopped is stopped, whoever did it */
	return true;
}

/* ---- what follows from it ---- */

static void
begin(struct beat *beat, uint64_t cpu_ms)
{
	beat->looks = beat->idle_looks = 0;
	beat->cpu_ms = beat->first_cpu_ms = cpu_ms;
}

const char *
heartbeat_judge(struct beat *beat, const struct process_look *look, bool computes)
{
	const unsigned looks = MIN(beat->looks + 1, HEARTBEAT_LOOKS);
	const bool stopped = look->state == 'T';

	beat->is_blocked =
	    !computes && look->state == 'D' && look->cpu_ms == beat->cpu_ms;
	/* Its successor would wait for the same disk, and a runner's jobs would end. */
	if (look->traced || beat->is_blocked) {
		begin(beat, look->cpu_ms);
		beat->looks = looks;
		return NULL;
	}
	if (computes && !stopped) {
		begin(beat, look->cpu_ms);
		return NULL;
	}
	beat->looks++;
	beat->idle_looks = look->state == 'S' && look->cpu_ms == beat->cpu_ms
	    ? beat->idle_looks + 1
	    : 0;
	beat->cpu_ms = look->cpu_ms;
	if (stopped && beat->looks >= HEARTBEAT_LOOKS)
		return "it does not answer: it is stopped";
	if (beat->idle_looks >= HEARTBEAT_LOOKS)
		return "it does not answer: it waits for something else";
	if (beat->looks >= HEARTBEAT_LOOKS &&
	    look->cpu_ms - beat->first_cpu_ms >= HEARTBEAT_SPIN_MS)
		return "it does not answer: it computes without end";
	if (beat->looks >= HEARTBEAT_STARVED_LOOKS)
		return "it does not answer";
	return NULL;
}

static void
send_ping(struct worker *worker)
{
	static struct message message;
	struct process_look look = { 0 };

	look_at(worker->pid, &look);
	begin(&worker->beat, look.cpu_ms);
	worker->beat.was_traced = worker->beat.was_blocked = false;
	worker->beat.is_blocked = false;
	worker->beat.is_out = true;
	message_init(&message, MESSAGE_PING, 0);
	message.beat.number = ++worker->beat.number;
	worker_send(worker, &message, NULL, 0);
}

static void
say_traced(struct worker *worker)
{
	if (!worker->beat.was_traced)
		log_notice("%s: a debugger holds it; it may be silent for as long",
		    worker_name(worker->kind));
	worker->beat.was_traced = true;
}

static void
say_blocked(struct worker *worker)
{
	if (!worker->beat.was_blocked)
		log_warning(
		    "%s does not answer: it waits for a disk or a file server; it "
		    "may wait for as long",
		    worker_name(worker->kind));
	worker->beat.was_blocked = true;
}

void
heartbeat_look(struct worker *worker, bool computes)
{
	struct process_look look = { .state = '?' };
	const char *why;
	char text[160];

	if (worker->state != WORKER_STATE_RUNNING || worker->doomed)
		return;
	/* What it said while we did not look is no silence. */
	if (!worker_receive(worker) || worker->doomed)
		return;
	if (!worker->beat.is_out) {
		send_ping(worker);
		return;
	}
	look_at(worker->pid, &look);
	if (look.traced)
		say_traced(worker);
	why = heartbeat_judge(&worker->beat, &look, computes);
	if (worker->beat.is_blocked && heartbeat_missed(worker))
		say_blocked(worker);
	if (why == NULL)
		return;
	snprintf(text, sizeof(text), "%s%s", why,
	    worker->kind == WORKER_RUNNER ? "; its jobs end with it, and start again"
					  : "");
	worker_kill(worker, text);
	if (look.holder == 0)
		return;
	/* Dead, it would be the holder's to reap, and not ours. */
	log_err("%s: process %d of a job held it; it is killed, too",
	    worker_name(worker->kind), (int)look.holder);
	kill(look.holder, SIGKILL);
}

int
heartbeat_answered(struct worker *worker, uint64_t number)
{
	if (!worker->beat.is_out || number != worker->beat.number)
		return -EPROTO;
	worker->beat.is_out = false;
	return 0;
}

bool
heartbeat_missed(const struct worker *worker)
{
	return worker->beat.is_out && worker->beat.looks >= HEARTBEAT_LOOKS;
}
