/* SPDX-License-Identifier: MIT
 * Builds under way and done, one per mode; in the runner.
 */
#include "config.h"

#include "runner.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "shared_memory.h"
#include "wasm_build.h"
#include "banned.h"

#define WAITING_MAX 64
#define LIMIT_MS 30000

/* What was asked for last in one mode: a build under way, or its result. */
struct build {
	uint64_t hash;
	int result; /* sealed memfd; -1: none */
	uint32_t status;
	pid_t pid; /* 0: none under way */
	int pidfd;
	int output, words;
	int64_t deadline_ms;
	uint64_t waiting[WAITING_MAX];
	size_t waiting_len;
};

static struct build builds[2] = { { .result = -1, .pidfd = -1 },
	{ .result = -1, .pidfd = -1 } };
static struct message message;

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
answer(struct channel *channel, uint64_t value, uint32_t status, int fd)
{
	message_init(&message, MESSAGE_WASM, 0);
	message.value = value;
	message.code = status;
	channel_send(channel, &message, &fd, fd >= 0 ? 1 : 0);
}

static void
answer_words(struct channel *channel, uint64_t value, const char *words)
{
	int fd = shared_memory_create("fuzzsupd-words");

	if (fd < 0 || shared_memory_append(fd, words, strlen(words)) < 0 ||
	    shared_memory_seal(fd) < 0)
		answer(channel, value, WASM_NO_COMPILER, -1);
	else
		answer(channel, value, WASM_FAILED, fd);
	if (fd >= 0)
		close(fd);
}

static int
start(struct build *build, const char *folder, const char *compiler, bool debug)
{
	static struct wasm_command command;
	int r = wasm_command_make(folder, compiler, debug, 3, &command);

	if (r < 0)
		return r;
	build->output = shared_memory_create("fuzzsupd-wasm");
	build->words = shared_memory_create("fuzzsupd-words");
	if (build->output < 0 || build->words < 0)
		r = -ENOMEM;
	if (r == 0)
		r = wasm_compile(&command, build->output, build->words, &build->pid);
	if (r == 0) {
		build->pidfd = (int)syscall(SYS_pidfd_open, build->pid, 0);
		build->deadline_ms = now_ms() + LIMIT_MS;
		return 0;
	}
	if (build->output >= 0)
		close(build->output);
	if (build->words >= 0)
		close(build->words);
	return r;
}

static void
finish(struct channel *channel, struct build *build)
{
	struct stat st = { 0 };
	int status = 0, keep, drop;
	bool good;

	waitpid(build->pid, &status, 0);
	close(build->pidfd);
	build->pid = 0;
	build->pidfd = -1;
	good = WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
	    fstat(build->output, &st) == 0 && st.st_size > 0;
	keep = good ? build->output : build->words;
	drop = good ? build->words : build->output;
	if (!good && WIFSIGNALED(status))
		dprintf(keep, "\nthe compiler was ended by signal %d (limit: %d s, %d bytes)\n",
		    WTERMSIG(status), LIMIT_MS / 1000, WASM_MODULE_MAX);
	if (!good && ftruncate(keep, fstat(keep, &st) == 0 && st.st_size > WASM_TEXT_MAX
		      ? WASM_TEXT_MAX
		      : st.st_size) != 0)
		log_warning("wasm: cannot cut the compiler's words: %s", strerror(errno));
	close(drop);
	shared_memory_seal(keep);
	build->result = keep;
	build->status = good ? WASM_BUILT : WASM_FAILED;
	log_notice("wasm: %s", good ? "source changes detected; rebuilt wasm component"
				    : "the compiler refused client.c");
	for (size_t i = 0; i < build->waiting_len; i++)
		answer(channel, build->waiting[i], build->status, keep);
	build->waiting_len = 0;
}

static void
begin(struct channel *channel, struct build *build, const char *folder,
    const char *compiler, bool debug, uint64_t value)
{
	int r;

	if (build->result >= 0)
		close(build->result);
	build->result = -1;
	r = start(build, folder, compiler, debug);
	if (r < 0) {
		build->hash = 0;
		answer_words(channel, value, strerror(-r));
		return;
	}
	build->waiting[build->waiting_len++] = value;
}

static void
request(struct channel *channel, const struct message *wanted)
{
	const char *folder = wanted->text;
	const char *nul = memchr(folder, '\0', wanted->text_len);
	struct build *build = &builds[wanted->code & 1];
	uint64_t hash, value = wanted->value;
	char compiler[PATH_MAX];
	bool debug = wanted->code == 1;

	if (nul == NULL || wanted->text_len == MESSAGE_TEXT_MAX ||
	    wasm_find_compiler(nul + 1, compiler, sizeof(compiler)) < 0 ||
	    wasm_hash(folder, compiler, debug, &hash) < 0 ||
	    (build->pid != 0 &&
		(hash != build->hash || build->waiting_len == WAITING_MAX)))
		answer(channel, value, WASM_NO_COMPILER, -1);
	else if (build->pid != 0)
		build->waiting[build->waiting_len++] = value;
	else if (build->result >= 0 && hash == build->hash)
		answer(channel, value,
		    build->status == WASM_BUILT ? WASM_CACHED : build->status, build->result);
	else {
		build->hash = hash;
		begin(channel, build, folder, compiler, debug, value);
	}
}

static int
receive(struct channel *channel)
{
	static struct message wanted;
	int fds[MESSAGE_FDS_MAX], r;
	size_t fds_len;

	while ((r = channel_receive(channel, &wanted, fds, &fds_len)) == 0) {
		for (size_t i = 0; i < fds_len; i++)
			close(fds[i]);
		if (wanted.type == MESSAGE_BUILD_WASM)
			request(channel, &wanted);
	}
	return r == -EAGAIN ? 0 : r;
}

/* Milliseconds until the first build runs out of time; ends those that did. */
static int
check_deadlines(void)
{
	int64_t left, least = -1;

	for (size_t i = 0; i < 2; i++) {
		if (builds[i].pid == 0)
			continue;
		left = builds[i].deadline_ms - now_ms();
		if (left <= 0) {
			kill(-builds[i].pid, SIGKILL);
			left = 1000;
		}
		least = least < 0 || left < least ? left : least;
	}
	return (int)least;
}

int
runner_loop(struct channel *channel)
{
	int r = 0;

	while (r == 0) {
		struct pollfd polls[3] = { { .fd = channel_fd(channel),
			.events = (short)(POLLIN | (channel_pending(channel) ? POLLOUT : 0)) },
			{ .fd = builds[0].pidfd, .events = POLLIN },
			{ .fd = builds[1].pidfd, .events = POLLIN } };

		if (poll(polls, 3, check_deadlines()) < 0 && errno != EINTR)
			return -errno;
		for (size_t i = 0; i < 2; i++)
			if (builds[i].pid != 0 && (polls[i + 1].revents & POLLIN) != 0)
				finish(channel, &builds[i]);
		if ((polls[0].revents & POLLOUT) != 0)
			r = channel_flush(channel);
		if (r == 0 && (polls[0].revents & (POLLIN | POLLHUP)) != 0)
			r = receive(channel);
	}
	return r == -EPIPE ? 0 : r;
}
