/* SPDX-License-Identifier: MIT
 * fuzzsupctl symbolize: whatever reads an executable is another process in a sandbox; what
 * is hostile can end that one alone.
 */
#include "config.h"

#include "symbolize.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "debug_file.h"
#include "heritage.h"
#include "sandbox.h"
#include "banned.h"

#define PROGRAM "fuzzsupd-symbolizer"

/* More builds are asked for by nobody who means well. */
#define BUILDS_MAX 64
#define MODULES_MAX 8

enum { EXIT_DONE, EXIT_FAILED, EXIT_BAD_WORD };

static bool
is_address(const char *word)
{
	size_t len;

	if (word[0] == '0' && (word[1] == 'x' || word[1] == 'X'))
		word += 2;
	len = strspn(word, "0123456789abcdefABCDEF");
	return len > 0 && len <= 16 && word[len] == '\0';
}

/* Puts both where the symbolizer expects them. */
static bool
hand_over(int fd, int questions)
{
	/* Out of the way first: each may have the other's place, and dup2 of one onto
	 * itself would leave it to be closed by exec. */
	fd = fcntl(fd, F_DUPFD_CLOEXEC, HERITAGE_END);
	questions = fcntl(questions, F_DUPFD_CLOEXEC, HERITAGE_END);
	return fd >= 0 && questions >= 0 && dup2(fd, HERITAGE_EXECUTABLE) >= 0 &&
	    dup2(questions, HERITAGE_QUESTIONS) >= 0;
}

/* What is asked of the symbolizer. */
struct order {
	const char *executable;
	char path[PATH_MAX]; /* of it, without links: reports name that one */
	const struct symbolize_wishes *wishes;
	char *const *addresses;
	int addresses_len;
};

/* The symbolizer's words; NULL when out of memory. */
static char **
words_of(const struct order *order)
{
	const struct string_list *modules = &order->wishes->modules;
	char **words =
	    calloc(2 * modules->len + (size_t)order->addresses_len + 8, sizeof(*words));
	size_t len = 0;

	if (words == NULL)
		return NULL;
	words[len++] = (char *)PROGRAM;
	words[len++] = (char *)"frames";
	if (order->wishes->all_addresses)
		words[len++] = (char *)"--addresses";
	for (size_t i = 0; i < modules->len; i++) {
		words[len++] = (char *)"--module";
		words[len++] = modules->items[i];
	}
	words[len++] = (char *)"--module";
	words[len++] = (char *)order->path;
	words[len++] = (char *)order->executable;
	for (int i = 0; i < order->addresses_len; i++)
		words[len++] = order->addresses[i];
	return words;
}

/* In the child: the symbolizer with the executable and whom to ask. */
static void
start(int fd, int questions, const struct order *order)
{
	const char *folder = getenv("FUZZSUPD_LIBEXEC");
	char **words = words_of(order);
	char *path = NULL;

	if (folder == NULL || folder[0] == '\0')
		folder = PKGLIBEXECDIR;
	if (words == NULL || asprintf(&path, "%s/" PROGRAM, folder) < 0) {
		fprintf(stderr, "fuzzsupctl: out of memory\n");
		return;
	}
	if (hand_over(fd, questions))
		execv(path, words);
	fprintf(stderr,
	    "fuzzsupctl: %s: %s; FUZZSUPD_LIBEXEC names the folder that it is in\n",
	    path, strerror(errno));
}

/* ---- debug files ---- */

/* Waits for what the symbolizer asks. */
static int
receive(struct channel *channel, struct message *ret_message)
{
	struct pollfd pollfd = { .fd = channel_fd(channel), .events = POLLIN };
	int fds[MESSAGE_FDS_MAX], r;
	size_t fds_len = 0;

	while ((r = channel_receive(channel, ret_message, fds, &fds_len)) == -EAGAIN)
		if (poll(&pollfd, 1, -1) < 0 && errno != EINTR)
			return -errno;
	while (r == 0 && fds_len > 0)
		close(fds[--fds_len]);
	ret_message->text[MESSAGE_TEXT_MAX - 1] = '\0';
	return r;
}

/* @fd: -1 says that there is no such file. */
static int
answer(struct channel *channel, int fd)
{
	static struct message message;

	message_init(&message, MESSAGE_FILE, 0);
	return channel_send_all(channel, &message, &fd, fd >= 0 ? 1 : 0);
}

/* What was opened so far; -1: not. */
struct opened {
	int debug, alternate, package;
	unsigned builds;
};

/* Whether a file of the kind @what may still be asked for: each once, but those of units
 * and of builds. */
static bool
may_ask(const struct opened *opened, unsigned what)
{
	switch (what) {
	case TABLE_WANTS_DEBUG:
		return opened->debug < 0;
	case TABLE_WANTS_ALTERNATE:
		return opened->alternate < 0;
	case TABLE_WANTS_PACKAGE:
		return opened->package < 0;
	case TABLE_WANTS_BUILD:
		return opened->builds < BUILDS_MAX;
	default:
		return what == TABLE_WANTS_UNIT;
	}
}

/* Opens what @question asks for, and answers. */
static int
serve_one(struct channel *channel, const struct string_list *roots, const char *path,
    int fd, const struct message *question, struct opened *opened)
{
	int found = -1, r;

	if (!may_ask(opened, question->table.status))
		return answer(channel, -1);
	switch (question->table.status) {
	case TABLE_WANTS_DEBUG:
		found = opened->debug = debug_file_open(roots, path, question->text);
		break;
	case TABLE_WANTS_ALTERNATE:
		found = opened->alternate = debug_file_open_alternate(
		    roots, opened->debug >= 0 ? opened->debug : fd, question->text);
		break;
	case TABLE_WANTS_PACKAGE:
		found = opened->package = debug_file_open_package(roots, path);
		break;
	case TABLE_WANTS_BUILD:
		found = debug_file_open_build(roots, question->text);
		opened->builds++;
		break;
	default:
		found = debug_file_open_unit(roots, path, question->text);
		break;
	}
	r = answer(channel, found);
	if ((question->table.status == TABLE_WANTS_UNIT ||
		question->table.status == TABLE_WANTS_BUILD) &&
	    found >= 0)
		close(found);
	return r;
}

/* Opens what the symbolizer asks for, until it ends. What it says of these files comes out of
 * executables and reports: it gets no more than debug_file.h opens. */
static void
serve(struct channel *channel, const struct order *order, int fd)
{
	const struct string_list *roots = &order->wishes->roots;
	static struct message question;
	struct opened opened = { -1, -1, -1, 0 };
	int r = 0;

	while (r == 0) {
		r = receive(channel, &question);
		if (r == 0)
			r = serve_one(
			    channel, roots, order->path, fd, &question, &opened);
	}
	if (opened.package >= 0)
		close(opened.package);
	if (opened.alternate >= 0)
		close(opened.alternate);
	if (opened.debug >= 0)
		close(opened.debug);
}

/* ---- the command ---- */

/* Copies what is left of standard input: whoever writes there must not die of the
 * symbolizer, and a report is worth more than its lines. */
static void
pass_rest(void)
{
	char bytes[16384];
	ssize_t n, written;

	while ((n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0 ||
	    (n < 0 && errno == EINTR))
		for (ssize_t at = 0; at < n; at += written) {
			written = write(STDOUT_FILENO, bytes + at, (size_t)(n - at));
			if (written < 0 && errno != EINTR)
				return;
			if (written < 0)
				written = 0;
		}
}

/* The exit code for what became of the symbolizer, after a line on why. */
static int
judge(const struct order *order, int status)
{
	const bool is_report = order->addresses_len == 0;
	const char *rest = is_report ? "; what it had not read follows as it is" : "";

	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 0 ? EXIT_DONE : EXIT_FAILED;
	if (WTERMSIG(status) == SIGPIPE)
		return EXIT_FAILED;
	if (WTERMSIG(status) == SIGXCPU)
		fprintf(stderr,
		    "fuzzsupctl: %s: no answer after %d s of computing: its debug "
		    "information is damaged, or out of all proportion; build it "
		    "again, with -gline-tables-only%s\n",
		    order->executable, SANDBOX_FRAMES_SECONDS, rest);
	else
		fprintf(stderr,
		    "fuzzsupctl: %s: the symbolizer died of it (signal %d: %s): its "
		    "debug information may be damaged; build it again%s\n",
		    order->executable, WTERMSIG(status), strsignal(WTERMSIG(status)),
		    rest);
	if (is_report)
		pass_rest();
	return EXIT_FAILED;
}

/* Starts the symbolizer and serves it until it ends; returns its pid or
 * -1 after a line on standard error. */
static pid_t
run(int fd, const struct order *order)
{
	struct channel *channel = NULL;
	int pair[2], r = channel_pair(pair);
	pid_t pid;

	if (r < 0) {
		fprintf(stderr, "fuzzsupctl: socketpair: %s\n", strerror(-r));
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		start(fd, pair[1], order);
		_exit(EXIT_FAILED);
	}
	if (pid < 0)
		perror("fuzzsupctl: fork");
	close(pair[1]);
	if (pid > 0 && channel_new(pair[0], PARTY_CTL, PARTY_FRAMES, &channel) == 0)
		serve(channel, order, fd);
	else
		close(pair[0]);
	channel_free(channel);
	return pid;
}

static bool
addresses_are_sound(char *const *addresses, int len)
{
	for (int i = 0; i < len; i++)
		if (!is_address(addresses[i])) {
			fprintf(stderr,
			    "fuzzsupctl: \"%s\" is no address: a hexadecimal number, "
			    "with or without 0x\n",
			    addresses[i]);
			return false;
		}
	return true;
}

int
ctl_symbolize(const char *executable, const struct symbolize_wishes *wishes,
    char *const *addresses, int addresses_len)
{
	static struct order order;
	int fd, status;
	pid_t pid;

	if (!addresses_are_sound(addresses, addresses_len))
		return EXIT_BAD_WORD;
	if (wishes->modules.len > MODULES_MAX) {
		fprintf(
		    stderr, "fuzzsupctl: more than %d times --module\n", MODULES_MAX);
		return EXIT_BAD_WORD;
	}
	order.executable = executable;
	order.wishes = wishes;
	order.addresses = addresses;
	order.addresses_len = addresses_len;
	/* A FIFO would have us wait for who writes. */
	fd = open(executable, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || realpath(executable, order.path) == NULL) {
		fprintf(stderr, "fuzzsupctl: %s: %s\n", executable, strerror(errno));
		return EXIT_FAILED;
	}
	pid = run(fd, &order);
	close(fd);
	if (pid < 0)
		return EXIT_FAILED;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) {
			perror("fuzzsupctl: waitpid");
			return EXIT_FAILED;
		}
	return judge(&order, status);
}
