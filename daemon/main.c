/* SPDX-License-Identifier: MIT
 * fuzzsupd: reads its command line and runs the supervisor.
 */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf.h"
#include "conf_files.h"
#include "log.h"
#include "service.h"
#include "supervisor.h"
#include "banned.h"

#define EXIT_USAGE 2

static void
usage(FILE *stream)
{
	fprintf(stream,
	    "usage: fuzzsupd -c FILE [-n] [-v] [-S] | -V | -h\n"
	    "  -c FILE        configuration, as in fuzz.conf(5)\n"
	    "  -n             check the configuration, say what is missing, and exit\n"
	    "  -v             log more\n"
	    "  -S             run workers without their sandbox, for debugging\n"
	    "  -V, --version  print the version and exit\n"
	    "  -h, --help     print this and exit\n");
}

static void
report_cb(const char *message, void *context)
{
	(void)context;
	fprintf(stderr, "%s\n", message);
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct supervisor_options options = { .sandbox = true };
	struct conf *conf;
	int level = LOG_LEVEL_NOTICE, option;
	bool check = false;

	while (
	    (option = getopt_long(argc, argv, "c:nvSVh", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			options.conf_path = optarg;
			break;
		case 'n':
			check = true;
			break;
		case 'v':
			level = LOG_LEVEL_DEBUG;
			break;
		case 'S':
			options.sandbox = false;
			break;
		case 'V':
			printf("fuzzsupd %s\n", PACKAGE_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (options.conf_path == NULL || optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	log_open(NULL, level);
	if (conf_load(options.conf_path, report_cb, NULL, &conf) < 0)
		return EXIT_USAGE;
	if (check) {
		const size_t errors = conf_files_check(conf, report_cb, NULL);

		conf_free(conf);
		return errors == 0 ? EXIT_SUCCESS : EXIT_USAGE;
	}
	service_open();
	return supervisor_run(&options, conf);
}
