/* SPDX-License-Identifier: MIT
 * libfuzzsup_replay: main() of a target that runs the inputs that any fuzzer finds, so that
 * the coverage of one that has no PC table can be seen. Linked with the runtime, which
 * carries over what each run reaches. libc alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "replay_child.h"
#include "replay_seen.h"
#include "replay_watch.h"
#include "rt_engine.h"

#define REPORT_MS 1000
#define UNREAD_SAID_MAX 10
#define TICK_MS 1000
#define SIZE_MAX_DEFAULT (UINT64_C(1) << 20) /* libFuzzer's */
#define TIMEOUT_DEFAULT 10                   /* seconds */
#define TIMEOUT_MAX 86400
#define MEMORY_DEFAULT 2048 /* MB */
#define MEMORY_MAX (UINT64_C(1) << 30)

#define EXIT_USAGE 2
#define EXIT_BROKEN 3 /* the target ends before its first input */

const char fuzzsup_replay_is_linked = 1;

struct replay {
	struct replay_child child;
	struct replay_seen seen;
	struct replay_watch *watch;
	uint64_t runs, bytes, crashes, hangs, skipped;
	unsigned unread_said;
	uint64_t finds; /* as the runtime counts them */
	uint64_t reported_runs, reported_finds, rate;
	int64_t reported_ms;
	bool reported_all;
	const char **folders;
	size_t folders_len;
	bool reads_paths; /* from standard input */
	bool once;        /* -once: end when all is run */
	bool broken;      /* no process can be had */
};

static volatile sig_atomic_t stop;

static void
take_stop(int unused)
{
	(void)unused;
	stop = 1;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* ---- what is said ---- */

/* One line, as libFuzzer's are, for people and for fuzzsupd. */
static void
report(struct replay *replay, const char *event)
{
	const int64_t now = now_ms(), passed = now - replay->reported_ms;
	const uint64_t left =
	    replay->watch != NULL ? replay_watch_left(replay->watch) : 0;
	const uint64_t skipped = replay->skipped +
	    (replay->watch != NULL ? replay_watch_skipped(replay->watch) : 0);
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	if (passed > 0)
		replay->rate =
		    (replay->runs - replay->reported_runs) * 1000 / (uint64_t)passed;
	fprintf(stderr,
	    "#%llu\t%s corp: %zu/%llub left: %llu crashes: %llu hangs: %llu skipped: "
	    "%llu exec/s: %llu rss: %ldMb\n",
	    (unsigned long long)replay->runs, event, replay->seen.len,
	    (unsigned long long)replay->bytes, (unsigned long long)left,
	    (unsigned long long)replay->crashes, (unsigned long long)replay->hangs,
	    (unsigned long long)skipped, (unsigned long long)replay->rate,
	    usage.ru_maxrss / 1024);
	replay->reported_ms = now;
	replay->reported_runs = replay->runs;
	replay->reported_finds = replay->finds;
	replay->reported_all = left == 0;
}

static void
report_in_time(struct replay *replay)
{
	if (now_ms() - replay->reported_ms >= REPORT_MS &&
	    (replay->runs != replay->reported_runs || !replay->reported_all ||
		replay->rate > 0))
		report(
		    replay, replay->finds != replay->reported_finds ? "NEW" : "replay");
}

static void
say_end(const char *name, enum replay_end end, int status)
{
	fputs("fuzzsup-replay: ", stderr);
	replay_watch_say(name);
	if (end == REPLAY_HANG)
		fputs(": takes too long\n", stderr);
	else if (WIFSIGNALED(status))
		fprintf(stderr, ": ends with signal %d (%s)\n", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		fprintf(
		    stderr, ": ends the process with status %d\n", WEXITSTATUS(status));
}

/* ---- inputs ---- */

/* Reads all of @fd, a regular file, into the child's input. Returns its size or a
 * negative errno. */
static ssize_t
read_input(struct replay *replay, int fd)
{
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < replay->child.size_max) {
		n = pread(fd, replay->child.input + len, replay->child.size_max - len,
		    (off_t)len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	return n < 0 ? -errno : (ssize_t)len;
}

static void
run(struct replay *replay, const char *name, size_t len)
{
	int status;
	enum replay_end end = replay_child_run(&replay->child, len, &status);

	if (end != REPLAY_OK && stop)
		return; /* what ends us may have ended it */
	if (end == REPLAY_BROKEN) {
		replay->broken = true;
		if (errno == ECHILD)
			say_end("before any input", REPLAY_CRASH, status);
		else
			fprintf(stderr, "fuzzsup-replay: cannot start a process: %s\n",
			    strerror(errno));
		return;
	}
	replay->runs++;
	replay->bytes += len;
	replay->crashes += end == REPLAY_CRASH;
	replay->hangs += end == REPLAY_HANG;
	replay->finds = fuzzsup_rt_finds();
	if (end != REPLAY_OK)
		say_end(name, end, status);
}

/* Runs what is in @fd, or says why not. */
static void
run_file(struct replay *replay, const char *name, int fd, uint64_t size)
{
	ssize_t len = read_input(replay, fd);

	if (len >= 0 && size <= replay->child.size_max) {
		run(replay, name, (size_t)len);
		return;
	}
	replay->skipped++;
	fputs("fuzzsup-replay: ", stderr);
	replay_watch_say(name);
	fprintf(stderr, ": left out: %s\n",
	    len < 0 ? strerror((int)-len) : "it is larger than -max_len");
}

/* The same input under another name is the same; what was written anew is another. */
static bool
is_new(struct replay *replay, const struct stat *st)
{
	const uint64_t fields[] = { st->st_dev, st->st_ino, (uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec };

	return replay_seen_add(
	    &replay->seen, fields, sizeof(fields) / sizeof(fields[0]));
}

static void
say_unread(struct replay *replay, const char *name, int error)
{
	if (replay->unread_said == UNREAD_SAID_MAX)
		return;
	replay->unread_said++;
	fputs("fuzzsup-replay: ", stderr);
	replay_watch_say(name);
	fprintf(stderr, ": left out: %s%s\n", strerror(error),
	    replay->unread_said == UNREAD_SAID_MAX ? "; of others no more is said"
						   : "");
}

/* What is no regular file is no input. */
static enum replay_take
take(void *context, int folder, const char *name)
{
	enum replay_take result = REPLAY_TAKEN;
	struct replay *replay = context;
	struct stat st;
	int fd;

	if (stop || replay->broken)
		return REPLAY_TAKEN;
	fd = openat(
	    folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	/* A fuzzer that removed it meanwhile has its reasons. */
	if (fd < 0 && errno == ENOENT)
		return REPLAY_TAKEN;
	if (fd < 0 && errno != ELOOP && errno != ENXIO) {
		say_unread(replay, name, errno);
		result = REPLAY_UNREAD;
	} else if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		result = REPLAY_LEFT_OUT;
	} else if (is_new(replay, &st)) {
		run_file(replay, name, fd, (uint64_t)st.st_size);
	}
	if (fd >= 0)
		close(fd);
	report_in_time(replay);
	return result;
}

/* Paths, a line each; false at their end. */
static bool
take_paths(struct replay *replay)
{
	static char text[8192];
	static size_t used;
	char *line = text, *end;
	ssize_t n = read(STDIN_FILENO, text + used, sizeof(text) - 1 - used);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n == 0 && used > 0)
		text[used++] = '\n'; /* the last one may lack its end */
	used += (size_t)n;
	while ((end = memchr(line, '\n', used - (size_t)(line - text))) != NULL) {
		*end = '\0';
		if (end != line)
			replay->skipped += take(replay, AT_FDCWD, line) != REPLAY_TAKEN;
		line = end + 1;
	}
	used -= (size_t)(line - text);
	memmove(text, line, used);
	if (used == sizeof(text) - 1)
		used = 0; /* no path is that long */
	return n > 0;
}

/* ---- the program ---- */

static void
work(struct replay *replay)
{
	struct pollfd fds[2] = {
		{ .fd = replay->watch != NULL ? replay_watch_fd(replay->watch) : -1,
		    .events = POLLIN },
		{ .fd = replay->reads_paths ? STDIN_FILENO : -1, .events = POLLIN }
	};
	bool more = replay->watch != NULL;
	int64_t ticked = now_ms();

	replay->finds = fuzzsup_rt_finds();
	report(replay, "INITED");
	while (!stop && !replay->broken) {
		if (replay->watch != NULL) {
			replay_watch_news(replay->watch);
			more = replay_watch_list(replay->watch);
		}
		report_in_time(replay);
		if (!more && replay->once && fds[1].fd < 0)
			break;
		if (replay->watch != NULL && now_ms() - ticked >= TICK_MS) {
			replay_watch_tick(replay->watch);
			ticked = now_ms();
		}
		if (poll(fds, 2, more ? 0 : TICK_MS) > 0 && fds[1].revents != 0 &&
		    !take_paths(replay)) {
			fds[1].fd = -1;
			if (replay->watch == NULL)
				break;
		}
	}
	report(replay, "DONE");
}

static const char usage[] =
    "usage: %s [-timeout=SECONDS] [-max_len=BYTES] [-rss_limit_mb=N] [-once] "
    "[FOLDER… | -]\n"
    "Runs each input in the folders, and each that comes, once, in a process that "
    "may die;\n"
    "with - those whose paths stand on standard input, a line each.\n"
    "  -timeout=SECONDS  of one input (10)\n"
    "  -max_len=BYTES    larger ones are left out (1048576)\n"
    "  -rss_limit_mb=N   of the process that runs them (2048); 0: none\n"
    "  -once             end when all inputs have been run\n";

/* Outputs the value of @word if it is @flag; false if it is another, or no number. */
static bool
read_flag(const char *word, const char *flag, uint64_t *ret_value)
{
	const size_t len = strlen(flag);
	char *end;

	if (strncmp(word, flag, len) != 0 || word[len] < '0' || word[len] > '9')
		return false;
	errno = 0;
	*ret_value = strtoull(word + len, &end, 10);
	return errno == 0 && *end == '\0';
}

/* Symbols cost a sanitizer's report a hundred times the crash itself. Sanitizers read their
 * options before main(), hence another start; the word of a user counts. */
static void
leave_symbols_out(char **argv)
{
	static const char *const variables[] = { "ASAN_OPTIONS", "MSAN_OPTIONS",
		"TSAN_OPTIONS", "UBSAN_OPTIONS" };
	bool changed = false;
	const char *before;
	char text[4096];
	ssize_t n;

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		before = getenv(variables[i]);
		if (before != NULL && strstr(before, "symbolize=") != NULL)
			continue;
		if (snprintf(text, sizeof(text), "symbolize=0:%s",
			before != NULL ? before : "") >= (int)sizeof(text) ||
		    setenv(variables[i], text, 1) != 0)
			return;
		changed = true;
	}
	n = readlink("/proc/self/exe", text, sizeof(text) - 1);
	if (n <= 0 || !changed)
		return;
	text[n] = '\0';
	execv(text, argv);
}

static void
handle_signals(void)
{
	struct sigaction action = { .sa_handler = take_stop };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

/* False: the usage is due. */
static bool
read_arguments(struct replay *replay, int argc, char **argv)
{
	uint64_t timeout = TIMEOUT_DEFAULT, size_max = SIZE_MAX_DEFAULT,
		 memory = MEMORY_DEFAULT;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-") == 0)
			replay->reads_paths = true;
		else if (strcmp(argv[i], "-once") == 0)
			replay->once = true;
		else if (argv[i][0] != '-')
			replay->folders[replay->folders_len++] = argv[i];
		else if (!read_flag(argv[i], "-timeout=", &timeout) &&
		    !read_flag(argv[i], "-max_len=", &size_max) &&
		    !read_flag(argv[i], "-rss_limit_mb=", &memory))
			return false;
	}
	replay->child.size_max = size_max;
	replay->child.timeout_ms = (unsigned)timeout * 1000;
	replay->child.memory_max = memory << 20;
	return timeout > 0 && timeout <= TIMEOUT_MAX && size_max > 0 &&
	    size_max <= UINT32_MAX && memory <= MEMORY_MAX &&
	    (replay->folders_len > 0 || replay->reads_paths);
}

static int
run_all(struct replay *replay)
{
	int r = replay_child_begin(&replay->child);

	if (r == 0 && replay->folders_len > 0) {
		replay->watch = replay_watch_new(
		    replay->folders, replay->folders_len, take, replay);
		r = replay->watch == NULL ? -errno : 0;
	}
	if (r < 0) {
		fprintf(stderr, "fuzzsup-replay: %s\n", strerror(-r));
		return EXIT_BROKEN;
	}
	work(replay);
	replay_child_end(&replay->child);
	return replay->broken ? EXIT_BROKEN : 0;
}

int
main(int argc, char **argv)
{
	struct replay replay = { .child = {
				     .argc = &argc, .argv = &argv, .stop = &stop } };
	int status = EXIT_USAGE;

	replay.folders = calloc((size_t)argc + 1, sizeof(*replay.folders));
	if (replay.folders == NULL)
		return EXIT_BROKEN;
	if (read_arguments(&replay, argc, argv)) {
		if (__sanitizer_set_death_callback != NULL)
			leave_symbols_out(argv);
		handle_signals();
		status = run_all(&replay);
	} else {
		fprintf(stderr, usage, argv[0]);
	}
	/* A target's leak sanitizer looks at what is left. */
	replay_watch_free(replay.watch);
	free(replay.seen.slots);
	free(replay.folders);
	return status;
}
