/* SPDX-License-Identifier: MIT
 * Reads fuzz.conf and its drop-ins; in the supervisor.
 *
 * libconfuse knows no context pointers and parses one file at a time, hence `loading`.
 * It stops at the first error of a file; so does this.
 */
#include "config.h"

#include "conf.h"

#include <confuse.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>

#include "conf_block.h"
#include "conf_check.h"
#include "conf_follow.h"
#include "conf_text.h"
#include "debug_file.h"
#include "health.h"
#include "plain_text.h"
#include "users.h"
#include "banned.h"

#define FILE_MAX ((off_t)16 << 20)
#define FILES_MAX 4096
#define FLAG_SEEN (1 << 20) /* beside libconfuse's own flags of a key */
/* Called behind the last line of every file: libconfuse takes one that ends within a
 * comment or a block for a whole one. */
#define END_MARK "end-of-file"
#define DEFAULT_LISTEN "127.0.0.1:8080"
#define DEFAULT_STATE_DIR "/var/lib/fuzzsupd"
#define DEFAULT_SYMBOLIZE_TIMEOUT 120
#define DEFAULT_TURN_MS 600000
#define DEFAULT_HEALTH_PATIENCE_MS 300000

struct loader {
	conf_error_cb error_cb;
	void *context;
	struct string_list health_places; /* FILE:LINE of each word of health-ignores */
	struct string_list files; /* to read, in order; includes are added at the end */
	char *value;              /* what plain() returned last */
	int end_line;             /* of the file being read: where END_MARK stands */
	bool ended;               /* END_MARK was called */
	bool reported;            /* something was */
	const char *text;         /* of the file being read */
};

static struct loader *loading;

/* ---- errors ---- */

/* Names of the keys that @cfg knows, since the one in the file is none of them. */
static void
append_known(cfg_t *cfg, char *text, size_t size)
{
	size_t used = strlen(text);

	for (unsigned i = 0; cfg->opts[i].name != NULL && used < size; i++)
		if (strcmp(cfg->opts[i].name, END_MARK) != 0)
			used += (size_t)snprintf(text + used, size - used, "%s%s",
			    i == 0 ? "; expected one of: " : ", ", cfg->opts[i].name);
}

/* A second block of a target is often meant to add a job to it. */
static void
append_other_way(cfg_t *cfg, char *text, size_t size)
{
	size_t used = strlen(text);

	if (strcmp(cfg_name(cfg), "root") == 0)
		snprintf(text + used, size - used,
		    "; a job is added to a target of another file by a block of its "
		    "own, job \"TARGET/JOB\" { … }");
}

static void
error_cb(cfg_t *cfg, const char *format, va_list args)
{
	char text[1024], line[2048];
	int number = cfg != NULL ? cfg->line : 0,
	    begins = conf_text_open_string(loading->text);

	loading->reported = true;
	vsnprintf(text, sizeof(text), format, args);
	if (begins > 0 && number >= begins) {
		number = begins;
		snprintf(text, sizeof(text),
		    "the string that begins here does not end in its line");
	} else if (number >= loading->end_line) {
		number = loading->end_line - 1;
		snprintf(text, sizeof(text),
		    "the file ends too early; expected the end of a block, list, "
		    "string or value");
	} else if (strncmp(text, "no such option", 14) == 0) {
		append_known(cfg, text, sizeof(text));
	} else if (strncmp(text, "found duplicate title", 21) == 0) {
		append_other_way(cfg, text, sizeof(text));
	}
	for (char *c = text; *c != '\0'; c++)
		if (*c == CONF_DOLLAR)
			*c = '$';
		else if (*c == '\n' || *c == '\r')
			*c = ' '; /* an unterminated string brings lines along */
	if (cfg != NULL && cfg->filename != NULL && number > 0)
		snprintf(line, sizeof(line), "%s:%d: %s", cfg->filename, number, text);
	else
		snprintf(line, sizeof(line), "%s", text);
	loading->error_cb(plain_string(line), loading->context);
}

static void __attribute__((format(printf, 1, 2)))
report(const char *format, ...)
{
	char line[PATH_MAX + 256];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	loading->error_cb(plain_string(line), loading->context);
	loading->reported = true;
}

/* ---- values, one at a time, so that errors carry their line ---- */

/* Refuses a key that stands twice: the first would be lost in silence. A list may have
 * more values, and be added to; one set anew begins with its first value again. */
static int
check_single(cfg_t *cfg, cfg_opt_t *opt)
{
	bool list = (opt->flags & CFGF_LIST) != 0;

	if ((opt->flags & FLAG_SEEN) == 0 || (list && opt->nvalues > 1)) {
		opt->flags |= FLAG_SEEN;
		return 0;
	}
	cfg_error(cfg, "%s stands here for the second time; expected it once%s",
	    opt->name, list ? ", or += to add to it" : "");
	return -1;
}

/* A value as it stands in the file, until the next one; NULL after a report. */
static const char *
plain(cfg_t *cfg, const char *value)
{
	free(loading->value);
	loading->value = strdup(value);
	if (loading->value == NULL)
		cfg_error(cfg, "%s", strerror(ENOMEM));
	for (char *c = loading->value; c != NULL && *c != '\0'; c++)
		if (*c == CONF_DOLLAR)
			*c = '$';
	return loading->value;
}

static int
plain_cb(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	value = plain(cfg, value);
	if (value == NULL || check_single(cfg, opt) != 0)
		return -1;
	*(const char **)result = value;
	return 0;
}

/* A user may be there at one time and not at another, so it is looked for later, and its
 * place is kept. */
static int
user_cb(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	char place[PATH_MAX + 16];

	snprintf(place, sizeof(place), "%s:%d", cfg->filename, cfg->line);
	if (value[0] == '\0' || strlen(value) >= USER_NAME_MAX) {
		cfg_error(cfg, "%s: expected the name of a user, or UID or UID:GID",
		    opt->name);
		return -1;
	}
	if (cfg_opt_setcomment(opt, place) != CFG_SUCCESS)
		return -1;
	return plain_cb(cfg, opt, value, result);
}

/* Makes a path absolute; libconfuse copies the result at once. */
static int
path_cb(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	static char absolute[PATH_MAX];

	if (check_single(cfg, opt) != 0)
		return -1;
	if (value[0] == '\0') {
		cfg_error(cfg, "%s is empty; expected a path", opt->name);
		return -1;
	}
	if (strchr(value, CONF_DOLLAR) != NULL || strstr(value, "${") != NULL) {
		cfg_error(cfg,
		    "%s: \"%.200s\": paths hold no variables; expected the whole path",
		    opt->name, value);
		return -1;
	}
	if (conf_path_absolute(cfg->filename, value, absolute, sizeof(absolute)) < 0) {
		cfg_error(cfg, "%s is too long for a path", opt->name);
		return -1;
	}
	*(const char **)result = absolute;
	return 0;
}

/* A folder, which is made where it is not there yet. */
static int
folder_cb(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const char *path;
	struct stat st;

	if (path_cb(cfg, opt, value, &path) != 0)
		return -1;
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		cfg_error(cfg, "%s: %s is not a folder", opt->name, path);
		return -1;
	}
	*(const char **)result = path;
	return 0;
}

/* A compiler is a name to look for in PATH, a path, or empty for none. */
static int
program_cb(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	if (strchr(value, '/') != NULL)
		return path_cb(cfg, opt, value, result);
	return plain_cb(cfg, opt, value, result);
}

static int
checked_cb(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	static char normal[PATH_MAX];
	char why[512];
	int r = 0;

	value = plain(cfg, value);
	if (value == NULL || check_single(cfg, opt) != 0)
		return -1;
	if (strcmp(opt->name, "listen") == 0 && cfg_opt_size(opt) >= CONF_LISTEN_MAX) {
		cfg_error(
		    cfg, "listen: expected at most %d addresses", CONF_LISTEN_MAX);
		return -1;
	}
	if (strcmp(opt->name, "listen") == 0)
		r = conf_check_listen(
		    cfg->filename, value, normal, sizeof(normal), why, sizeof(why));
	else if (strcmp(opt->name, "turn") == 0 ||
	    strcmp(opt->name, "health-patience") == 0)
		r = conf_check_duration(
		    value, normal, sizeof(normal), why, sizeof(why));
	else if (conf_archive_has(opt->name))
		r = conf_archive_check(
		    opt->name, value, normal, sizeof(normal), why, sizeof(why));
	else if (strcmp(opt->name, "max-running") == 0)
		r = conf_check_count(value, 0, JOBS_MAX * JOB_INSTANCES_MAX, normal,
		    sizeof(normal), why, sizeof(why));
	else
		r = conf_check_value(
		    opt->name, value, normal, sizeof(normal), why, sizeof(why));
	if (r < 0) {
		cfg_error(cfg, "%s: %s", opt->name, why);
		return -1;
	}
	*(const char **)result = normal;
	return 0;
}

/* What it names may stand further down: that is looked at when all was read. */
static int
health_cb(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	char place[PATH_MAX + 16];

	snprintf(place, sizeof(place), "%s:%d", cfg->filename, cfg->line);
	if (cfg_opt_size(opt) == 0) /* set anew, and not added to */
		string_list_clear(&loading->health_places);
	if (string_list_add(&loading->health_places, place) < 0)
		return -1;
	return checked_cb(cfg, opt, value, result);
}

static int
job_value_cb(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	static char normal[JOB_SPEC_MAX];
	char why[512];

	value = plain(cfg, value);
	if (value == NULL || check_single(cfg, opt) != 0)
		return -1;
	if (conf_job_check(opt->name, value, normal, sizeof(normal), why, sizeof(why)) <
	    0) {
		cfg_error(cfg, "%s: %s", opt->name, why);
		return -1;
	}
	*(const char **)result = normal;
	return 0;
}

/* The first word names a program: with a slash it is a path like others, else looked for
 * in PATH. */
static int
command_cb(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	/* libconfuse has made room for the value already. */
	const bool first = cfg_opt_size(opt) == 1;

	if (first && strchr(value, '/') != NULL)
		return path_cb(cfg, opt, value, result);
	if (first && (value[0] == '\0' || strchr(value, CONF_DOLLAR) != NULL)) {
		cfg_error(cfg,
		    "command: \"%.200s\": expected a program, by its path or to be "
		    "looked "
		    "for in PATH",
		    value);
		return -1;
	}
	return job_value_cb(cfg, opt, value, result);
}

static int
check_title(cfg_t *cfg, const char *what, const char *name)
{
	if (conf_name_valid(name))
		return 0;
	cfg_error(cfg,
	    "%s \"%s\": expected a name of at most 63 letters, digits, '.', '_' and "
	    "'-', "
	    "beginning with a letter or digit",
	    what, name);
	return -1;
}

/* The target that a job which stands by itself belongs to; NULL if there is none. */
static cfg_t *
added_to(cfg_t *cfg, cfg_t *job)
{
	const char *title = cfg_title(job);
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(title, "/"), title);
	return cfg_gettsec(cfg, "target", name);
}

static int
check_engine(cfg_t *cfg, cfg_t *section)
{
	if (cfg_getstr(section, "engine") != NULL)
		return 0;
	cfg_error(cfg,
	    "job \"%s\" has no engine; expected engine = \"libfuzzer\" or another in "
	    "its block",
	    cfg_title(section));
	return -1;
}

static int
job_cb(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);

	if (check_title(cfg, "job", cfg_title(section)) != 0)
		return -1;
	return check_engine(cfg, section);
}

/* A job that stands by itself: "TARGET/JOB". */
static int
added_job_cb(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	const char *title = cfg_title(section), *slash = strchr(title, '/');
	char target[64];

	if (slash == NULL) {
		cfg_error(cfg,
		    "job \"%s\" stands outside of a target; expected job \"TARGET/%s\"",
		    title, title);
		return -1;
	}
	snprintf(target, sizeof(target), "%.*s", (int)(slash - title), title);
	if (slash - title > 63 || check_title(cfg, "target", target) != 0)
		return -1;
	if (check_title(cfg, "job", slash + 1) != 0)
		return -1;
	return check_engine(cfg, section);
}

/* Says what is wrong with the job @name of @target, whose block has just ended. */
static int
check_job(cfg_t *target, const char *name, cfg_t *job)
{
	char text[JOB_SPEC_MAX], why[512];
	size_t len;

	if (conf_block_spec(target, name, job, text, &len, why, sizeof(why)) == 0)
		return 0;
	report("%s:%d: job \"%s\": %s", job->filename, job->line, name, why);
	return -1;
}

/* Only when its target is complete a job can be. */
static int
check_jobs(cfg_t *target)
{
	for (unsigned i = 0; i < cfg_size(target, "job"); i++) {
		cfg_t *job = cfg_getnsec(target, "job", i);

		if (check_job(target, cfg_title(job), job) != 0)
			return -1;
	}
	return 0;
}

/* Jobs that stand by themselves, once all files were read: their targets may come later. */
static int
check_added_jobs(cfg_t *cfg)
{
	for (unsigned i = 0; i < cfg_size(cfg, "job"); i++) {
		cfg_t *job = cfg_getnsec(cfg, "job", i), *target, *other;
		const char *name = strchr(cfg_title(job), '/') + 1;

		target = added_to(cfg, job);
		other = target != NULL ? cfg_gettsec(target, "job", name) : NULL;
		if (target == NULL)
			report("%s:%d: job \"%s\": there is no such target; expected "
			       "the name of one before the slash",
			    job->filename, job->line, cfg_title(job));
		else if (other != NULL)
			report("%s:%d: job \"%s\": its target has a job of that name "
			       "already, at %s:%d",
			    job->filename, job->line, cfg_title(job), other->filename,
			    other->line);
		if (target == NULL || other != NULL ||
		    check_job(target, name, job) != 0)
			return -EINVAL;
	}
	return 0;
}

static int
target_cb(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	const char *name = cfg_title(section);

	if (check_title(cfg, "target", name) != 0)
		return -1;
	if (cfg_getstr(section, "executable") == NULL) {
		cfg_error(cfg,
		    "target \"%s\" has no executable; expected executable = "
		    "\"PATH\" in its block",
		    name);
		return -1;
	}
	if (cfg_opt_size(opt) > CONF_TARGETS_MAX) {
		cfg_error(
		    cfg, "too many targets; expected at most %d", CONF_TARGETS_MAX);
		return -1;
	}
	return check_jobs(section);
}

/* ---- includes ---- */

static int
include_pattern(cfg_t *cfg, const char *pattern)
{
	char absolute[PATH_MAX];
	glob_t found;
	int r = 0;

	if (strchr(pattern, CONF_DOLLAR) != NULL) {
		cfg_error(cfg,
		    "include: \"%.200s\": paths hold no variables; expected the whole "
		    "path",
		    pattern);
		return -1;
	}
	if (conf_path_absolute(cfg->filename, pattern, absolute, sizeof(absolute)) <
	    0) {
		cfg_error(cfg, "include: the path is too long");
		return -1;
	}
	switch (glob(absolute, 0, NULL, &found)) {
	case 0:
		break;
	case GLOB_NOMATCH:
		if (strpbrk(pattern, "*?[") != NULL)
			return 0; /* an empty conf.d is fine */
		cfg_error(cfg, "include: there is no file %s", absolute);
		return -1;
	default:
		cfg_error(cfg, "include: cannot search for %s", absolute);
		return -1;
	}
	for (size_t i = 0; i < found.gl_pathc && r == 0; i++)
		r = string_list_add(&loading->files, found.gl_pathv[i]);
	globfree(&found);
	if (r == 0 && loading->files.len > FILES_MAX) {
		cfg_error(cfg, "include: more than %d files; does one include itself?",
		    FILES_MAX);
		return -1;
	}
	return r;
}

static int
include_cb(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	(void)opt;
	if (argc != 1) {
		cfg_error(cfg,
		    "include: expected one path or pattern: "
		    "include(\"conf.d/*.conf\")");
		return -1;
	}
	return include_pattern(cfg, argv[0]);
}

static int
end_cb(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	(void)cfg;
	(void)opt;
	(void)argc;
	(void)argv;
	loading->ended = true;
	return 0;
}

/* ---- the grammar ---- */

#define KEY(key, key_flags, cb) \
	{ .name = key, \
		.type = CFGT_STR, \
		.flags = CFGF_NODEFAULT | (key_flags), \
		.parsecb = cb }

static cfg_t *
new_grammar(void)
{
	cfg_opt_t instance[] = {
		KEY("engine-args", CFGF_LIST, job_value_cb),
		KEY("command", CFGF_LIST, command_cb),
		KEY("environment", CFGF_LIST, job_value_cb),
		CFG_END(),
	};
	cfg_opt_t job[] = {
		KEY("engine", CFGF_NONE, job_value_cb),
		KEY("command", CFGF_LIST, command_cb),
		KEY("engine-args", CFGF_LIST, job_value_cb),
		KEY("environment", CFGF_LIST, job_value_cb),
		KEY("tests", CFGF_LIST, job_value_cb),
		KEY("corpus", CFGF_LIST, path_cb),
		KEY("seeds", CFGF_LIST, path_cb),
		KEY("attach", CFGF_NONE, path_cb),
		KEY("directory", CFGF_NONE, path_cb),
		KEY("user", CFGF_NONE, user_cb),
		KEY("instances", CFGF_NONE, job_value_cb),
		KEY("cpus", CFGF_NONE, job_value_cb),
		KEY("weight", CFGF_NONE, job_value_cb),
		KEY("restart", CFGF_NONE, job_value_cb),
		KEY("start-limit", CFGF_NONE, job_value_cb),
		KEY("autostart", CFGF_NONE, job_value_cb),
		KEY("timeout", CFGF_NONE, job_value_cb),
		KEY("run-for", CFGF_NONE, job_value_cb),
		KEY("plateau", CFGF_NONE, job_value_cb),
		KEY("stop-timeout", CFGF_NONE, job_value_cb),
		KEY("memory-max", CFGF_NONE, job_value_cb),
		KEY("file-size-max", CFGF_NONE, job_value_cb),
		KEY("open-files-max", CFGF_NONE, job_value_cb),
		KEY("processes-max", CFGF_NONE, job_value_cb),
		KEY("log-max", CFGF_NONE, job_value_cb),
		CFG_SEC("instance-args", instance,
		    CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_END(),
	};
	cfg_opt_t target[] = {
		KEY("executable", CFGF_NONE, path_cb),
		KEY("source-roots", CFGF_LIST, path_cb),
		KEY("source-exclude", CFGF_LIST, checked_cb),
		KEY("coverage", CFGF_NONE, path_cb),
		KEY("entry-points", CFGF_LIST, checked_cb),
		CFG_SEC("job", job, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_END(),
	};
	cfg_opt_t archive[] = {
		KEY("keep-seconds", CFGF_NONE, checked_cb),
		KEY("keep-minutes", CFGF_NONE, checked_cb),
		KEY("keep-hours", CFGF_NONE, checked_cb),
		KEY("keep-events", CFGF_NONE, checked_cb),
		KEY("keep-builds", CFGF_NONE, checked_cb),
		KEY("keep-inputs", CFGF_NONE, checked_cb),
		CFG_END(),
	};
	cfg_opt_t top[] = {
		KEY("listen", CFGF_LIST, checked_cb),
		KEY("state-dir", CFGF_NONE, folder_cb),
		KEY("control", CFGF_NONE, path_cb),
		KEY("user", CFGF_NONE, user_cb),
		KEY("allowed-hosts", CFGF_LIST, checked_cb),
		KEY("coverage-dir", CFGF_LIST, folder_cb),
		KEY("debug-roots", CFGF_LIST, path_cb),
		KEY("wasm-compiler", CFGF_NONE, program_cb),
		KEY("symbolize-timeout", CFGF_NONE, checked_cb),
		KEY("max-running", CFGF_NONE, checked_cb),
		KEY("turn", CFGF_NONE, checked_cb),
		KEY("health-ignores", CFGF_LIST, health_cb),
		KEY("health-patience", CFGF_NONE, checked_cb),
		CFG_SEC("archive", archive, CFGF_MULTI),
		CFG_SEC(
		    "target", target, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_SEC("job", job, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_FUNC("include", include_cb),
		CFG_FUNC(END_MARK, end_cb),
		CFG_END(),
	};
	cfg_t *cfg = cfg_init(top, CFGF_NONE);

	if (cfg == NULL)
		return NULL;
	cfg_set_error_function(cfg, error_cb);
	cfg_set_validate_func(cfg, "archive", conf_archive_single);
	cfg_set_validate_func(cfg, "target", target_cb);
	cfg_set_validate_func(cfg, "target|job", job_cb);
	cfg_set_validate_func(cfg, "job", added_job_cb);
	return cfg;
}

/* The text of @path with END_MARK behind it, for free(); NULL after a report. */
static char *
read_text(const char *path)
{
	static const char end[] = "\n" END_MARK "()\n";
	FILE *file = fopen(path, "re");
	char *text = NULL;
	struct stat st;
	unsigned byte;
	size_t len;
	int odd;

	if (file == NULL || fstat(fileno(file), &st) != 0) {
		report("%s: cannot be read: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		report("%s: expected a regular file of at most 16 MiB", path);
	} else if ((text = malloc((size_t)st.st_size + sizeof(end))) == NULL) {
		report("%s: cannot be read: %s", path, strerror(ENOMEM));
	} else {
		len = fread(text, 1, (size_t)st.st_size, file);
		memcpy(text + len, end, sizeof(end));
		loading->end_line = 1;
		for (size_t i = 0; i <= len && text[i] != '\0'; i++)
			loading->end_line += text[i] == '\n';
		odd = conf_text_odd_byte(text, len, &byte);
		if (odd == 0) {
			conf_text_hide_variables(text);
		} else {
			report(
			    "%s:%d: the byte 0x%02x; expected text", path, odd, byte);
			free(text);
			text = NULL;
		}
	}
	if (file != NULL)
		fclose(file);
	return text;
}

/* Where it stopped: a block that did not end has not told the one around it. */
static int
last_line(cfg_t *cfg)
{
	const unsigned targets = cfg_size(cfg, "target");
	cfg_t *target = targets > 0 ? cfg_getnsec(cfg, "target", targets - 1) : NULL;
	const unsigned jobs = target != NULL ? cfg_size(target, "job") : 0;
	cfg_t *job = jobs > 0 ? cfg_getnsec(target, "job", jobs - 1) : NULL;
	int line = cfg->line;

	if (target != NULL && strcmp(target->filename, cfg->filename) == 0)
		line = MAX(line, target->line);
	if (job != NULL && strcmp(job->filename, cfg->filename) == 0)
		line = MAX(line, job->line);
	return line;
}

static int
parse_file(cfg_t *cfg, const char *path)
{
	char *text = read_text(path);
	FILE *file = text != NULL ? fmemopen(text, strlen(text), "r") : NULL;
	int r = -EINVAL;

	if (text != NULL && file == NULL)
		report("%s: cannot be read: %s", path, strerror(errno));
	loading->text = text;
	if (file != NULL) {
		free(cfg->filename);
		cfg->filename = strdup(path);
		loading->ended = false;
		if (cfg_parse_fp(cfg, file) == CFG_SUCCESS)
			r = 0;
		/* It stops at a key without a name, and says nothing. */
		if (r < 0 && !loading->reported)
			report("%s:%d: \"\" stands where a key should; expected one as "
			       "in fuzz.conf(5)",
			    path, last_line(cfg));
		if (r == 0 && !loading->ended) {
			report("%s:%d: the file ends within a comment; expected */",
			    path, loading->end_line - 1);
			r = -EINVAL;
		}
		fclose(file);
	}
	free(text);
	return r;
}

/* ---- from libconfuse's values to ours ---- */

static int
take_list(cfg_t *cfg, const char *key, struct string_list *list)
{
	int r = 0;

	for (unsigned i = 0; i < cfg_size(cfg, key) && r == 0; i++)
		r = string_list_add(list, cfg_getnstr(cfg, key, i));
	return r;
}

static int
take_string(cfg_t *cfg, const char *key, const char *otherwise, char **ret_string)
{
	const char *value = cfg_getstr(cfg, key);

	if (value == NULL)
		value = otherwise;
	if (value == NULL)
		return 0;
	*ret_string = strdup(value);
	return *ret_string != NULL ? 0 : -ENOMEM;
}

/* Where @key stands, or the block ends. */
static int
take_place(cfg_t *block, const char *key, char **ret_place)
{
	const char *place = cfg_opt_getcomment(cfg_getopt(block, key));

	if (place != NULL)
		*ret_place = strdup(place);
	else if (asprintf(ret_place, "%s:%d", block->filename, block->line) < 0)
		*ret_place = NULL;
	return *ret_place != NULL ? 0 : -ENOMEM;
}

/* Of a block that check_job() has found sound. */
static int
take_job(cfg_t *target, const char *name, cfg_t *block, struct conf_job *job)
{
	char text[JOB_SPEC_MAX], why[512];
	int r = take_string(block, "user", NULL, &job->user);

	if (r == 0)
		r = conf_block_spec(
		    target, name, block, text, &job->spec_len, why, sizeof(why));
	if (r < 0)
		return r;
	job->name = strdup(name);
	job->spec = malloc(job->spec_len);
	if (job->name == NULL || job->spec == NULL ||
	    take_place(block, "user", &job->place) < 0)
		return -ENOMEM;
	memcpy(job->spec, text, job->spec_len);
	return 0;
}

/* Those of its own block, then those that stand by themselves. */
static int
take_jobs(cfg_t *cfg, cfg_t *section, struct conf_target *target)
{
	unsigned own = cfg_size(section, "job"), added = cfg_size(cfg, "job");
	int r = 0;

	target->jobs = calloc(own + added + 1, sizeof(*target->jobs));
	if (target->jobs == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < own && r == 0; i++) {
		cfg_t *job = cfg_getnsec(section, "job", i);

		r = take_job(
		    section, cfg_title(job), job, &target->jobs[target->jobs_len++]);
	}
	for (unsigned i = 0; i < added && r == 0; i++) {
		cfg_t *job = cfg_getnsec(cfg, "job", i);

		if (added_to(cfg, job) == section)
			r = take_job(section, strchr(cfg_title(job), '/') + 1, job,
			    &target->jobs[target->jobs_len++]);
	}
	return r;
}

static int
take_target(cfg_t *cfg, cfg_t *section, struct conf_target *target)
{
	int r = take_string(section, "executable", NULL, &target->executable);

	target->name = strdup(cfg_title(section));
	if (r == 0 && target->name == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = take_string(section, "coverage", NULL, &target->coverage);
	if (r == 0)
		r = take_list(section, "source-roots", &target->source_roots);
	if (r == 0)
		r = take_list(section, "source-exclude", &target->source_exclude);
	if (r == 0)
		r = take_list(section, "entry-points", &target->entry_points);
	return r == 0 ? take_jobs(cfg, section, target) : r;
}

static int
compare_targets(const void *a, const void *b)
{
	const struct conf_target *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static int
take_targets(cfg_t *cfg, struct conf *conf)
{
	unsigned len = cfg_size(cfg, "target");
	int r = 0;

	conf->targets = calloc(len + 1, sizeof(*conf->targets));
	if (conf->targets == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < len && r == 0; i++)
		r = take_target(cfg, cfg_getnsec(cfg, "target", i),
		    &conf->targets[conf->targets_len++]);
	if (r == 0)
		qsort(conf->targets, conf->targets_len, sizeof(*conf->targets),
		    compare_targets);
	return r;
}

static bool
names_job(const struct conf *conf, const char *word)
{
	const char *slash = strchr(word, '/');
	const size_t len = slash != NULL ? (size_t)(slash - word) : strlen(word);

	for (size_t i = 0; i < conf->targets_len; i++) {
		const struct conf_target *target = &conf->targets[i];

		if (strlen(target->name) != len ||
		    strncmp(target->name, word, len) != 0)
			continue;
		for (size_t k = 0; k < target->jobs_len && slash != NULL; k++)
			if (strcmp(target->jobs[k].name, slash + 1) == 0)
				return true;
		return slash == NULL;
	}
	return false;
}

/* A word that names nothing would hide nothing, in silence. */
static int
check_health(const struct conf *conf)
{
	for (size_t i = 0; i < conf->health_ignores.len; i++) {
		const char *word = conf->health_ignores.items[i];
		bool known = names_job(conf, word);

		for (unsigned k = 0; k < HEALTH_CHECKS_LEN; k++)
			known = known || strcmp(word, health_check_name(k)) == 0;
		if (known)
			continue;
		report("%s: health-ignores: \"%.200s\": expected a check of "
		       "fuzz.conf(5), a target, or TARGET/JOB",
		    loading->health_places.items[i], word);
		return -EINVAL;
	}
	return 0;
}

static int
take_all(cfg_t *cfg, struct conf *conf)
{
	const char *timeout = cfg_getstr(cfg, "symbolize-timeout");
	const char *running = cfg_getstr(cfg, "max-running"),
		   *turn = cfg_getstr(cfg, "turn"),
		   *patience = cfg_getstr(cfg, "health-patience");
	size_t jobs = 0;
	int r = take_list(cfg, "listen", &conf->listen);

	conf->is_empty = conf->listen.len == 0;
	if (r == 0 && conf->listen.len == 0)
		r = string_list_add(&conf->listen, DEFAULT_LISTEN);
	if (r == 0)
		r = take_string(cfg, "state-dir", DEFAULT_STATE_DIR, &conf->state_dir);
	if (r == 0)
		r = take_string(cfg, "control", NULL, &conf->control);
	if (r == 0)
		r = take_string(cfg, "user", NULL, &conf->user);
	if (r == 0)
		r = take_place(cfg, "user", &conf->user_place);
	if (r == 0)
		r = take_string(cfg, "wasm-compiler", NULL, &conf->wasm_compiler);
	if (r == 0)
		r = take_list(cfg, "allowed-hosts", &conf->allowed_hosts);
	if (r == 0)
		r = take_list(cfg, "coverage-dir", &conf->coverage_dirs);
	if (r == 0)
		r = take_list(cfg, "debug-roots", &conf->debug_roots);
	if (r == 0 && conf->debug_roots.len == 0)
		r = string_list_add(&conf->debug_roots, DEBUG_FILE_ROOT);
	conf->symbolize_timeout = timeout != NULL ? (unsigned)strtoul(timeout, NULL, 10)
						  : DEFAULT_SYMBOLIZE_TIMEOUT;
	conf->max_running = running != NULL ? (unsigned)strtoul(running, NULL, 10) : 0;
	conf->turn_ms = turn != NULL ? strtoull(turn, NULL, 10) : DEFAULT_TURN_MS;
	conf->health_patience_ms = patience != NULL ? strtoull(patience, NULL, 10)
						    : DEFAULT_HEALTH_PATIENCE_MS;
	if (r == 0)
		r = take_list(cfg, "health-ignores", &conf->health_ignores);
	conf->archive = conf_archive_take(cfg);
	if (r == 0)
		r = take_targets(cfg, conf);
	conf->is_empty = conf->is_empty && conf->targets_len == 0 &&
	    conf->control == NULL && conf->user == NULL &&
	    conf->allowed_hosts.len == 0 && conf->coverage_dirs.len == 0;
	for (size_t i = 0; i < conf->targets_len && r == 0; i++)
		jobs += conf->targets[i].jobs_len;
	if (jobs > JOBS_MAX) {
		report("%s: %zu jobs; expected at most %d", loading->files.items[0],
		    jobs, JOBS_MAX);
		r = -EINVAL;
	}
	return r == 0 ? check_health(conf) : r;
}

int
conf_load(
    const char *path, conf_error_cb report_cb, void *context, struct conf **ret_conf)
{
	struct loader loader = { .error_cb = report_cb, .context = context };
	struct conf *conf = calloc(1, sizeof(*conf));
	cfg_t *cfg = new_grammar();
	int r = -ENOMEM;

	loading = &loader;
	if (conf == NULL || cfg == NULL)
		goto out;
	r = string_list_add(&loader.files, path);
	for (size_t i = 0; i < loader.files.len && r == 0; i++)
		r = parse_file(cfg, loader.files.items[i]);
	if (r == 0)
		r = check_added_jobs(cfg);
	if (r == 0)
		r = take_all(cfg, conf);
	if (r == 0)
		r = conf_follow(conf, report_cb, context);
	if (r == 0) {
		*ret_conf = conf;
		conf = NULL;
	}
out:
	loading = NULL;
	free(loader.value);
	string_list_clear(&loader.files);
	string_list_clear(&loader.health_places);
	if (cfg != NULL)
		cfg_free(cfg);
	conf_free(conf);
	return r;
}
