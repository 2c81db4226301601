/* SPDX-License-Identifier: MIT
 * Talking to the control socket; in fuzzsupctl.
 */
#include "config.h"

#include "client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "plain_text.h"
#include "banned.h"

#define REQUEST_MAX 16384
#define PATIENCE_S 15 /* with a service that is stopped, or stuck */

static int
connect_to(const char *path)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		fprintf(stderr, "fuzzsupctl: %s: too long for a socket\n", path);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	}
	if (fd >= 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	fprintf(stderr,
	    "fuzzsupctl: %s: %s; is fuzzsupd running? -s names its socket\n", path,
	    strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Words, separated by tabs, ended by a newline; false if one holds either. */
static bool
send_request(int fd, char *const *words, int len)
{
	char request[REQUEST_MAX];
	size_t used = 0, done = 0;

	for (int i = 0; i < len; i++) {
		size_t word = strlen(words[i]);

		if (strpbrk(words[i], "\t\n") != NULL ||
		    used + word + 2 > sizeof(request)) {
			fprintf(stderr, "fuzzsupctl: cannot send \"%s\"\n", words[i]);
			return false;
		}
		memcpy(request + used, words[i], word);
		used += word;
		request[used++] = i + 1 < len ? '\t' : '\n';
	}
	while (done < used) {
		ssize_t n = send(fd, request + done, used - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR) {
			perror("fuzzsupctl: send");
			return false;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* The whole answer, for free(); NULL after a message. */
static char *
receive_answer(int fd)
{
	size_t used = 0, size = 0;
	char *text = NULL, *larger;
	ssize_t n;

	do {
		if (size - used < 4096) {
			larger = realloc(text, size += 65536);
			if (larger == NULL) {
				free(text);
				return NULL;
			}
			text = larger;
		}
		n = read(fd, text + used, size - used - 1);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	text[used] = '\0';
	if (n == 0 && used > 0)
		return text;
	if (n < 0)
		fprintf(stderr,
		    "fuzzsupctl: the service did not answer within %d s: it is stopped "
		    "or stuck\n",
		    PATIENCE_S);
	else
		fprintf(stderr,
		    "fuzzsupctl: the service closed the connection without an "
		    "answer\n");
	free(text);
	return NULL;
}

char *
client_ask(const char *path, char *const *words, int len)
{
	int fd = connect_to(path);
	char *answer = NULL;

	if (fd < 0)
		return NULL;
	if (send_request(fd, words, len))
		answer = receive_answer(fd);
	close(fd);
	return answer;
}

/* A line of an answer that is not ok, for who reads it: the word by which it begins is the
 * protocol's. */
static void
say_error(const char *line)
{
	static const char word[] = "error ";

	if (strncmp(line, word, sizeof(word) - 1) == 0)
		line += sizeof(word) - 1;
	fprintf(stderr, "fuzzsupctl: %s\n", line);
}

char *
client_lines(char *answer)
{
	char *rest = strchr(answer, '\n'), *line;

	if (rest != NULL)
		*rest++ = '\0';
	if (strcmp(answer, "ok") == 0)
		return rest != NULL ? rest : answer + strlen(answer);
	say_error(plain_string(answer));
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			say_error(plain_string(line));
	return NULL;
}
