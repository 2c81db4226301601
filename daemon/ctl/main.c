/* SPDX-License-Identifier: MIT
 * fuzzsupctl: sends one request to the control socket and prints the reply.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "banned.h"

#define DEFAULT_SOCKET "/run/fuzzsupd/control"
#define LINE_MAX_BYTES 16384
#define EXIT_USAGE 2

static void
usage(FILE *stream)
{
	fprintf(stream,
	    "usage: fuzzsupctl [-s SOCKET] [--json] COMMAND\n"
	    "  status    the workers and addresses\n"
	    "  targets   the targets and their states\n"
	    "  announce COVERAGE-ID EXECUTABLE COVERAGE-FILE [NAME]\n"
	    "  entry COVERAGE-ID 0xADDRESS\n"
	    "  reload    read the configuration again\n"
	    "  check     look for errors in it\n");
}

static int
open_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path) + 1);
		if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
			return fd;
	} else
		errno = fd >= 0 ? ENAMETOOLONG : errno;
	fprintf(stderr, "fuzzsupctl: %s: %s; is fuzzsupd running? name its socket with -s\n",
	    path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Words go separated by tabs, so that paths may hold spaces. */
static bool
make_line(char **words, bool json, char *line, size_t size)
{
	size_t used = (size_t)snprintf(line, size, "%s", json ? "json\t" : "");

	for (; *words != NULL; words++) {
		if (strpbrk(*words, "\t\n\r") != NULL)
			return false;
		used += (size_t)snprintf(line + used, size - used, "%s\t", *words);
		if (used >= size - 1)
			return false;
	}
	line[used - 1] = '\n';
	return true;
}

/* The first line says whether it went well, the rest is for the user. */
static int
print_reply(FILE *stream)
{
	char line[LINE_MAX_BYTES];
	int code = EXIT_FAILURE;
	bool first = true;

	while (fgets(line, sizeof(line), stream) != NULL) {
		if (strncmp(line, "error ", 6) == 0) {
			fprintf(stderr, "fuzzsupctl: %s", line + 6);
			first = false;
		} else if (first && strcmp(line, "ok\n") == 0) {
			code = EXIT_SUCCESS;
			first = false;
		} else
			fputs(line, stdout);
	}
	if (first)
		fprintf(stderr, "fuzzsupctl: the service closed the connection: only root and "
				"its own user may use it\n");
	return code;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
		{ 0 } };
	const char *path = DEFAULT_SOCKET;
	char line[LINE_MAX_BYTES];
	bool json = false;
	FILE *stream;
	int option, fd, code;

	while ((option = getopt_long(argc, argv, "s:jhV", options, NULL)) != -1) {
		switch (option) {
		case 's':
			path = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'V':
			printf("fuzzsupctl %s\n", PACKAGE_VERSION);
			return EXIT_SUCCESS;
		default:
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
		}
	}
	if (optind == argc || !make_line(argv + optind, json, line, sizeof(line))) {
		usage(stderr);
		return EXIT_USAGE;
	}
	fd = open_socket(path);
	stream = fd >= 0 ? fdopen(fd, "r+") : NULL;
	if (stream == NULL)
		return EXIT_FAILURE;
	if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		fprintf(stderr, "fuzzsupctl: %s: %s\n", path, strerror(errno));
	code = print_reply(stream);
	fclose(stream);
	return code;
}
