/* SPDX-License-Identifier: MIT
 * fuzzsupctl: asks a running fuzzsupd over its control socket; symbolizes without one.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "symbolize.h"
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
    "  symbolize EXECUTABLE [ADDRESS...]   functions and lines of addresses, or of a "
    "sanitizer's\n"
    "                                      report on standard input; needs no service\n"
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
			/* Rounded down, as on the page: 100 % is all. */
			snprintf(share, sizeof(share), "%.1f%%",
			    (double)(unsigned long)(1000 * covered / pcs) / 10);
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

/* Whether there is such a command, with as many words; else says what is wrong. */
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
		{ "symbolize", 2, INT_MAX },
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(words[0], commands[i].name) == 0) {
			if (len >= commands[i].min && len <= commands[i].max)
				return true;
			fprintf(stderr, "fuzzsupctl: %s: too %s words\n\n", words[0],
			    len < commands[i].min ? "few" : "many");
			return false;
		}
	fprintf(stderr, "fuzzsupctl: there is no command \"%s\"\n\n", words[0]);
	return false;
}

/* The service has another working directory: its paths count from the root. Writes a
 * relative one of @word to @ret_path, and has @word point there. */
static bool
make_absolute(char **word, char ret_path[PATH_MAX])
{
	char folder[PATH_MAX];
	int n;

	if ((*word)[0] == '/')
		return true;
	if (getcwd(folder, sizeof(folder)) == NULL) {
		perror("fuzzsupctl: getcwd");
		return false;
	}
	n = snprintf(ret_path, PATH_MAX, "%s/%s", folder, *word);
	if (n < 0 || n >= PATH_MAX) {
		fprintf(stderr, "fuzzsupctl: %s: too long for a path\n", *word);
		return false;
	}
	*word = ret_path;
	return true;
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
	char executable[PATH_MAX], file[PATH_MAX];
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
	if (strcmp(argv[optind], "symbolize") == 0)
		return ctl_symbolize(
		    argv[optind + 1], argv + optind + 2, argc - optind - 2);
	if (strcmp(argv[optind], "announce") == 0 &&
	    (!make_absolute(&argv[optind + 2], executable) ||
		!make_absolute(&argv[optind + 3], file)))
		return EXIT_USAGE;
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
