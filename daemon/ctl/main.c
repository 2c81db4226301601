/* SPDX-License-Identifier: MIT
 * fuzzsupctl: asks a running fuzzsupd over its control socket.
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
#define REQUEST_MAX 16384
#define COLUMNS 6

enum exit_code { EXIT_OK, EXIT_RUNTIME, EXIT_USAGE };

static const char usage[] =
    "usage: fuzzsupctl [-s SOCKET] COMMAND\n"
    "\n"
    "  status [--json]                     all targets, a line each\n"
    "  announce ID EXECUTABLE FILE [NAME]  serve the coverage file FILE of "
    "EXECUTABLE;\n"
    "                                      ID: its coverage id, 16 hex digits\n"
    "  entry ID 0xADDRESS                  an entry point of that executable\n"
    "  reload                              read the configuration again\n"
    "  workers                             its processes: name, state, pid, starts\n"
    "  check                               do all run, and is the configuration "
    "sound?\n"
    "\n"
    "SOCKET: FUZZSUPD_CONTROL, else " DEFAULT_SOCKET "\n";

static int
connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		fprintf(stderr, "fuzzsupctl: %s: too long for a socket\n", path);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
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
	fprintf(stderr,
	    "fuzzsupctl: the service closed the connection without an answer\n");
	free(text);
	return NULL;
}

static void
print_json_string(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20)
			printf("\\u%04x", (unsigned char)*text);
		else if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

/* Cuts @line at its tabs. */
static bool
split(char *line, char *columns[COLUMNS])
{
	for (int i = 0; i < COLUMNS; i++) {
		columns[i] = strsep(&line, "\t");
		if (columns[i] == NULL)
			return false;
	}
	return true;
}

static void
print_json(char *lines)
{
	static const char *const keys[COLUMNS] = { "name", "state", "covered", "pcs",
		"build_id", "reason" };
	char *columns[COLUMNS], *line;
	bool first = true;

	printf("{\"targets\":[");
	while ((line = strsep(&lines, "\n")) != NULL) {
		if (!split(line, columns))
			continue;
		printf("%s{", first ? "" : ",");
		first = false;
		for (int i = 0; i < COLUMNS; i++) {
			printf("%s\"%s\":", i > 0 ? "," : "", keys[i]);
			if ((i == 2 || i == 3) && columns[i][0] != '-')
				printf("%s", columns[i]);
			else if (i == 2 || i == 3)
				printf("null");
			else
				print_json_string(columns[i]);
		}
		putchar('}');
	}
	printf("]}\n");
}

static void
print_table(char *lines)
{
	char *columns[COLUMNS], *line;

	printf("%-24s %-12s %10s %10s %7s  %s\n", "TARGET", "STATE", "COVERED", "PCS",
	    "", "REASON");
	while ((line = strsep(&lines, "\n")) != NULL) {
		char share[16] = "";
		double covered, pcs;

		if (!split(line, columns))
			continue;
		covered = strtod(columns[2], NULL);
		pcs = strtod(columns[3], NULL);
		if (columns[2][0] != '-' && pcs > 0)
			snprintf(share, sizeof(share), "%.1f%%", 100 * covered / pcs);
		printf("%-24s %-12s %10s %10s %7s  %s\n", columns[0], columns[1],
		    columns[2], columns[3], share, columns[5]);
	}
}

static int
print_answer(char *answer, const char *command, bool json)
{
	char *rest = strchr(answer, '\n');

	if (rest != NULL)
		*rest++ = '\0';
	if (strcmp(answer, "ok") != 0) {
		fprintf(stderr, "fuzzsupctl: %s\n", answer);
		if (rest != NULL)
			fputs(rest, stderr);
		return EXIT_RUNTIME;
	}
	if (strcmp(command, "status") == 0 && rest != NULL) {
		if (json)
			print_json(rest);
		else
			print_table(rest);
	} else if (rest != NULL) {
		fputs(rest, stdout);
	}
	return EXIT_OK;
}

/* How many words a command takes, itself included; false if it is none. */
static bool
command_is_sound(char *const *words, int len)
{
	static const struct {
		const char *name;
		int min, max;
	} commands[] = {
		{ "status", 1, 1 },
		{ "announce", 4, 5 },
		{ "entry", 3, 3 },
		{ "reload", 1, 1 },
		{ "workers", 1, 1 },
		{ "check", 1, 1 },
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(words[0], commands[i].name) == 0)
			return len >= commands[i].min && len <= commands[i].max;
	return false;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = getenv("FUZZSUPD_CONTROL");
	bool json = false;
	char *answer;
	int option, fd, code = EXIT_RUNTIME;

	path = path != NULL ? path : DEFAULT_SOCKET;
	while ((option = getopt_long(argc, argv, "s:jhV", options, NULL)) != -1) {
		switch (option) {
		case 's':
			path = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_OK;
		case 'V':
			puts("fuzzsupctl " PACKAGE_VERSION);
			return EXIT_OK;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind >= argc || !command_is_sound(argv + optind, argc - optind)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	fd = connect_to(path);
	if (fd < 0)
		return EXIT_RUNTIME;
	if (send_request(fd, argv + optind, argc - optind)) {
		answer = receive_answer(fd);
		if (answer != NULL)
			code = print_answer(answer, argv[optind], json);
		free(answer);
	}
	close(fd);
	return code;
}
