/* SPDX-License-Identifier: MIT
 * fuzzsupctl: asks a running fuzzsupd over its control socket; symbolizes without one.
 */
#include "config.h"

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "debug_file.h"
#include "export.h"
#include "logs.h"
#include "past.h"
#include "symbolize.h"
#include "tables.h"
#include "plain_text.h"
#include "banned.h"

#define DEFAULT_SOCKET "/run/fuzzsupd/control"
#define WATCH_S 1

enum exit_code { EXIT_OK, EXIT_RUNTIME, EXIT_USAGE };

struct options {
	const char *socket;
	const char *format; /* of export */
	bool json, watch, follow;
	struct symbolize_wishes symbolize;
	struct past_wishes past;
};

static const char usage[] =
    "usage: fuzzsupctl [-s SOCKET] [--json] [--watch] COMMAND\n"
    "\n"
    "  status                              targets and jobs, a line each\n"
    "  targets                             targets alone\n"
    "  jobs [JOB]                          jobs alone; of one target, or one job\n"
    "  start | stop | restart JOB          TARGET/JOB, JOB, or TARGET for all of its "
    "jobs\n"
    "  logs [-f] JOB                       what they said last; -f: and what they say\n"
    "  export [--format F] TARGET          its line coverage to standard output; F: "
    "lcov, "
    "json\n"
    "                                      (as llvm-cov export), cobertura\n"
    "  history [--from T] [--to T] [--step S] TARGET[/JOB]\n"
    "                                      coverage, executions, corpus, crashes as "
    "they "
    "were;\n"
    "                                      T: -2h, \"2026-01-31 12:00\", Unix seconds; "
    "S: 10s, 5m\n"
    "  events [-f] [TARGET]                what happened; -f: and what happens\n"
    "  input [-o FILE] TARGET FILE:LINE    the input that reached that line first\n"
    "  attach EXECUTABLE [NAME]            show a target that the configuration does "
    "not "
    "name\n"
    "  detach NAME                         no more\n"
    "  announce ID EXECUTABLE FILE [NAME]  serve the coverage file FILE of "
    "EXECUTABLE;\n"
    "                                      ID: its coverage id, 16 hex digits\n"
    "  entry ID 0xADDRESS                  an entry point of that executable\n"
    "  reload                              read the configuration again\n"
    "  workers                             its processes: name, state, pid, starts\n"
    "  check                               is all well? Exit status 0: yes; 1: no, and "
    "what\n"
    "                                      is not; 2: nobody answers\n"
    "  symbolize EXECUTABLE [ADDRESS...]   functions and lines of addresses, or of a "
    "sanitizer's\n"
    "                                      report on standard input; needs no service\n"
    "                                      -d DIRECTORY: look for debug files and "
    "other\n"
    "                                      builds below it, too; --module NAME: so the "
    "report\n"
    "                                      calls EXECUTABLE; --addresses: each line is "
    "one\n"
    "\n"
    "SOCKET: FUZZSUPD_CONTROL, else " DEFAULT_SOCKET "\n";

/* ---- tables ---- */

/* @of: of whom, or NULL. */
static int
show(const struct options *options, const char *request, char *of,
    const struct columns *columns, const char *key)
{
	char *words[] = { (char *)(uintptr_t)request, of };
	char *answer = client_ask(options->socket, words, of != NULL ? 2 : 1);
	char *lines = answer != NULL ? client_lines(answer) : NULL;

	if (lines != NULL && options->json)
		print_json(columns, key, lines);
	else if (lines != NULL)
		print_table(columns, lines);
	free(answer);
	return lines != NULL ? EXIT_OK : EXIT_RUNTIME;
}

/* What is not well, above all else; in a terminal nothing where all is well. */
static int
show_health(const struct options *options)
{
	char *words[] = { (char *)(uintptr_t)"health" };
	char *answer = client_ask(options->socket, words, 1);
	char *lines = answer != NULL ? client_lines(answer) : NULL;

	if (lines != NULL && options->json)
		print_json(&columns_health, "health", lines);
	else if (lines != NULL && lines[0] != '\0')
		print_table(&columns_health, lines);
	if (lines != NULL && (options->json || lines[0] != '\0'))
		fputs(options->json ? "," : "\n", stdout);
	free(answer);
	return lines != NULL ? EXIT_OK : EXIT_RUNTIME;
}

static int
show_once(const struct options *options, const char *command, char *of)
{
	const bool all = strcmp(command, "status") == 0;
	int code = EXIT_OK;

	if (options->json)
		putchar('{');
	if (all)
		code = show_health(options);
	if (code == EXIT_OK && (all || strcmp(command, "targets") == 0))
		code = show(options, "status", NULL, &columns_targets, "targets");
	if (code == EXIT_OK && all)
		fputs(options->json ? "," : "\n", stdout);
	if (code == EXIT_OK && (all || strcmp(command, "jobs") == 0))
		code = show(options, "jobs", of, &columns_jobs, "jobs");
	if (code == EXIT_OK && strcmp(command, "workers") == 0)
		code = show(options, "workers", NULL, &columns_workers, "workers");
	if (options->json)
		puts("}");
	fflush(stdout);
	return code;
}

static int
show_tables(const struct options *options, const char *command, char *of)
{
	int code;

	do {
		if (options->watch)
			fputs("\033[H\033[2J", stdout);
		code = show_once(options, command, of);
	} while (options->watch && code == EXIT_OK && sleep(WATCH_S) == 0);
	return code;
}

static int
show_logs(const struct options *options, char **words)
{
	char *answer = client_ask(options->socket, words, 2);
	char *lines = answer != NULL ? client_lines(answer) : NULL;
	int code = lines != NULL ? ctl_logs(lines, options->follow) : EXIT_RUNTIME;

	free(answer);
	return code;
}

/* ---- words ---- */

/* Whether there is such a command, with as many words; else says what is wrong. */
static bool
command_is_sound(char *const *words, int len)
{
	static const struct {
		const char *name;
		int min, max;
	} commands[] = {
		{ "status", 1, 1 },
		{ "targets", 1, 1 },
		{ "jobs", 1, 2 },
		{ "start", 2, 2 },
		{ "stop", 2, 2 },
		{ "restart", 2, 2 },
		{ "logs", 2, 2 },
		{ "export", 2, 2 },
		{ "history", 2, 2 },
		{ "events", 1, 2 },
		{ "input", 3, 3 },
		{ "attach", 2, 3 },
		{ "detach", 2, 2 },
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

/* For monitors: they must tell a service that is ill from one that cannot be asked. */
static int
check(const struct options *options, char **words)
{
	char *answer = client_ask(options->socket, words, 1);
	int code = answer == NULL          ? EXIT_USAGE
	    : client_lines(answer) != NULL ? EXIT_OK
					   : EXIT_RUNTIME;

	free(answer);
	return code;
}

/* What the web interface is asked: history, events, or the input of a @line, @of a target, or "". */
static int
show_past(const struct options *options, const char *command, const char *of,
    const char *line)
{
	char *words[] = { (char *)(uintptr_t)"addresses" };
	char *answer = client_ask(options->socket, words, 1);
	char *lines = answer != NULL ? client_lines(answer) : NULL;
	struct past_wishes wishes = options->past;
	int code = EXIT_RUNTIME;

	wishes.json = options->json;
	wishes.follow = options->follow;
	if (lines != NULL)
		code = strcmp(command, "history") == 0 ? ctl_history(lines, of, &wishes)
		    : strcmp(command, "input") == 0
		    ? ctl_input(lines, of, line, &wishes)
		    : ctl_events(lines, of, &wishes);
	free(answer);
	return code;
}

static int
export_lines(const struct options *options, const char *target)
{
	char *words[] = { (char *)(uintptr_t)"addresses" };
	char *answer, *lines;
	int code = EXIT_RUNTIME;

	if (!ctl_export_knows(options->format)) {
		fprintf(stderr,
		    "fuzzsupctl: there is no format \"%s\"; there are lcov, json and "
		    "cobertura\n",
		    options->format);
		return EXIT_USAGE;
	}
	answer = client_ask(options->socket, words, 1);
	lines = answer != NULL ? client_lines(answer) : NULL;
	if (lines != NULL && ctl_export(lines, target, options->format) == 0)
		code = EXIT_OK;
	free(answer);
	return code;
}

static int
carry_out(const struct options *options, char **words, int len)
{
	static const char *const tables[] = { "status", "targets", "jobs", "workers" };
	char executable[PATH_MAX], file[PATH_MAX];
	char *answer, *lines;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (strcmp(words[0], tables[i]) == 0)
			return show_tables(
			    options, words[0], len > 1 ? words[1] : NULL);
	if (strcmp(words[0], "symbolize") == 0)
		return ctl_symbolize(words[1], &options->symbolize, words + 2, len - 2);
	if (strcmp(words[0], "check") == 0)
		return check(options, words);
	if (strcmp(words[0], "export") == 0)
		return export_lines(options, words[1]);
	if (strcmp(words[0], "history") == 0 || strcmp(words[0], "events") == 0 ||
	    strcmp(words[0], "input") == 0)
		return show_past(options, words[0], len > 1 ? words[1] : "",
		    len > 2 ? words[2] : NULL);
	if (strcmp(words[0], "logs") == 0)
		return show_logs(options, words);
	if (strcmp(words[0], "announce") == 0 &&
	    (!make_absolute(&words[2], executable) || !make_absolute(&words[3], file)))
		return EXIT_USAGE;
	if (strcmp(words[0], "attach") == 0 && !make_absolute(&words[1], executable))
		return EXIT_USAGE;
	answer = client_ask(options->socket, words, len);
	lines = answer != NULL ? client_lines(answer) : NULL;
	if (lines != NULL)
		fputs(plain_lines(lines), stdout);
	free(answer);
	return lines != NULL ? EXIT_OK : EXIT_RUNTIME;
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "watch", no_argument, NULL, 'w' },
		{ "follow", no_argument, NULL, 'f' },
		{ "debug-root", required_argument, NULL, 'd' },
		{ "addresses", no_argument, NULL, 'A' },
		{ "module", required_argument, NULL, 'm' },
		{ "format", required_argument, NULL, 'F' },
		{ "from", required_argument, NULL, 'b' },
		{ "output", required_argument, NULL, 'o' },
		{ "to", required_argument, NULL, 'e' },
		{ "step", required_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct options options = { .socket = getenv("FUZZSUPD_CONTROL"),
		.format = "lcov" };
	int option, code;

	if (options.socket == NULL)
		options.socket = DEFAULT_SOCKET;
	while ((option = getopt_long(argc, argv, "s:jwfd:o:hV", long_options, NULL)) !=
	    -1) {
		switch (option) {
		case 's':
			options.socket = optarg;
			break;
		case 'j':
			options.json = true;
			break;
		case 'w':
			options.watch = true;
			break;
		case 'f':
			options.follow = true;
			break;
		case 'd':
			if (string_list_add(&options.symbolize.roots, optarg) < 0)
				return EXIT_RUNTIME;
			break;
		case 'A':
			options.symbolize.all_addresses = true;
			break;
		case 'm':
			if (string_list_add(&options.symbolize.modules, optarg) < 0)
				return EXIT_RUNTIME;
			break;
		case 'F':
			options.format = optarg;
			break;
		case 'o':
			options.past.output = optarg;
			break;
		case 'b':
			options.past.from = optarg;
			break;
		case 'e':
			options.past.to = optarg;
			break;
		case 'S':
			options.past.step = optarg;
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
	if (string_list_add(&options.symbolize.roots, DEBUG_FILE_ROOT) < 0)
		return EXIT_RUNTIME;
	code = carry_out(&options, argv + optind, argc - optind);
	string_list_clear(&options.symbolize.roots);
	string_list_clear(&options.symbolize.modules);
	return code;
}
