/* SPDX-License-Identifier: MIT
 * fuzzsupctl symbolize: whatever reads an executable is another process in a sandbox; what
 * is hostile can end that one alone.
 */
#include "config.h"

#include "symbolize.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heritage.h"
#include "sandbox.h"
#include "banned.h"

#define PROGRAM "fuzzsupd-symbolizer"

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

/* In the child: the symbolizer with the executable where it expects it. */
static void
start(int fd, const char *executable, char *const *addresses, int addresses_len)
{
	const char *folder = getenv("FUZZSUPD_LIBEXEC");
	char **words = calloc((size_t)addresses_len + 4, sizeof(*words));
	char *path = NULL;

	if (folder == NULL || folder[0] == '\0')
		folder = PKGLIBEXECDIR;
	if (words == NULL || asprintf(&path, "%s/" PROGRAM, folder) < 0) {
		fprintf(stderr, "fuzzsupctl: out of memory\n");
		return;
	}
	words[0] = (char *)PROGRAM;
	words[1] = (char *)"frames";
	words[2] = (char *)executable;
	for (int i = 0; i < addresses_len; i++)
		words[3 + i] = addresses[i];
	/* dup2 of one onto itself would leave it to be closed by exec. */
	if (fd == HERITAGE_EXECUTABLE ? fcntl(fd, F_SETFD, 0) == 0
				      : dup2(fd, HERITAGE_EXECUTABLE) >= 0)
		execv(path, words);
	fprintf(stderr,
	    "fuzzsupctl: %s: %s; FUZZSUPD_LIBEXEC names the folder that it is in\n",
	    path, strerror(errno));
}

/* The exit code for what became of the symbolizer, after a line on why. */
static int
judge(const char *executable, int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 0 ? EXIT_DONE : EXIT_FAILED;
	if (WTERMSIG(status) == SIGXCPU)
		fprintf(stderr,
		    "fuzzsupctl: %s: not done after %d s of computing: its debug "
		    "information is damaged or very large; build it again, with "
		    "-gline-tables-only\n",
		    executable, SANDBOX_FRAMES_SECONDS);
	else if (WTERMSIG(status) != SIGPIPE)
		fprintf(stderr,
		    "fuzzsupctl: %s: the symbolizer died of it (signal %d: %s): its "
		    "debug information may be damaged; build it again\n",
		    executable, WTERMSIG(status), strsignal(WTERMSIG(status)));
	return EXIT_FAILED;
}

int
ctl_symbolize(const char *executable, char *const *addresses, int addresses_len)
{
	int fd, status;
	pid_t pid;

	for (int i = 0; i < addresses_len; i++)
		if (!is_address(addresses[i])) {
			fprintf(stderr,
			    "fuzzsupctl: \"%s\" is no address: a hexadecimal number, "
			    "with or without 0x\n",
			    addresses[i]);
			return EXIT_BAD_WORD;
		}
	/* A FIFO would have us wait for who writes. */
	fd = open(executable, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		fprintf(stderr, "fuzzsupctl: %s: %s\n", executable, strerror(errno));
		return EXIT_FAILED;
	}
	pid = fork();
	if (pid == 0) {
		start(fd, executable, addresses, addresses_len);
		_exit(EXIT_FAILED);
	}
	close(fd);
	if (pid < 0) {
		perror("fuzzsupctl: fork");
		return EXIT_FAILED;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) {
			perror("fuzzsupctl: waitpid");
			return EXIT_FAILED;
		}
	return judge(executable, status);
}
