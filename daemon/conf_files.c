/* SPDX-License-Identifier: MIT
 * Whether what a configuration names is there.
 */
#include "config.h"

#include "conf_files.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privs.h"
#include "banned.h"

struct check {
	conf_error_cb report_cb;
	void *context;
	size_t count;
};

static void __attribute__((format(printf, 2, 3)))
report(struct check *check, const char *format, ...)
{
	char text[4608];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	check->report_cb(text, check->context);
	check->count++;
}

/* @then: what the service makes of it. */
static void
check_path(struct check *check, const char *target, const char *what, const char *path,
    bool directory, const char *then)
{
	struct stat st;

	if (stat(path, &st) != 0)
		report(check, "warning: target %s: %s %s: %s; %s", target, what, path,
		    strerror(errno), then);
	else if (directory && !S_ISDIR(st.st_mode))
		report(check, "warning: target %s: %s %s: is not a directory", target,
		    what, path);
	else if (access(path, R_OK) != 0)
		report(check, "warning: target %s: %s %s: %s", target, what, path,
		    strerror(errno));
}

static void
check_target(struct check *check, const struct conf_target *target)
{
	check_path(check, target->name, "executable", target->executable, false,
	    "it will be waited for");
	if (target->coverage != NULL)
		check_path(check, target->name, "coverage", target->coverage, false,
		    "it will be waited for");
	for (size_t i = 0; i < target->source_roots.len; i++)
		check_path(check, target->name, "source root",
		    target->source_roots.items[i], true,
		    "sources below it will not be shown");
}

size_t
conf_files_check(const struct conf *conf, conf_error_cb report_cb, void *context)
{
	struct check check = { .report_cb = report_cb, .context = context };
	uid_t uid;
	gid_t gid;
	int r = privs_worker_user(conf->user, &uid, &gid);

	if (r < 0)
		report(&check, "warning: user %s: %s",
		    conf->user != NULL ? conf->user : "nobody",
		    r == -ENOENT ? "there is none of that name"
				 : "only root can run workers as somebody else");
	for (size_t i = 0; i < conf->targets_len; i++)
		check_target(&check, &conf->targets[i]);
	return check.count;
}
