/* SPDX-License-Identifier: MIT
 * Writing and reading job specs; in the supervisor and the runner.
 */
#include "config.h"

#include "job_spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "banned.h"

#define DEFAULT_STOP_TIMEOUT_MS 10000
#define DEFAULT_LOG_MAX (4 << 20)
#define DEFAULT_START_LIMIT 10

int
job_spec_add(char text[JOB_SPEC_MAX], size_t *len, const char *key, const char *value)
{
	size_t key_len = strlen(key), value_len = strlen(value);

	if (key_len + value_len + 2 > JOB_SPEC_MAX - *len)
		return -E2BIG;
	memcpy(text + *len, key, key_len);
	text[*len + key_len] = '=';
	memcpy(text + *len + key_len + 1, value, value_len + 1);
	*len += key_len + value_len + 2;
	return 0;
}

/* ---- reading ---- */

enum kind { TEXT, WORDS, NUMBER, NUMBER32, ENGINE, RESTART, FLAG };

#define MEMBER(member) offsetof(struct job_spec, member)

static const struct key {
	const char *name;
	enum kind kind;
	size_t offset;
} keys[] = {
	{ "target", TEXT, MEMBER(target) },
	{ "name", TEXT, MEMBER(name) },
	{ "engine", ENGINE, MEMBER(engine) },
	{ "restart", RESTART, MEMBER(restart) },
	{ "executable", TEXT, MEMBER(executable) },
	{ "command", WORDS, MEMBER(command) },
	{ "engine-args", WORDS, MEMBER(engine_args) },
	{ "environment", WORDS, MEMBER(environment) },
	{ "tests", WORDS, MEMBER(tests) },
	{ "corpus", WORDS, MEMBER(corpus) },
	{ "seeds", WORDS, MEMBER(seeds) },
	{ "instance-args", WORDS, MEMBER(instance_args) },
	{ "attach", TEXT, MEMBER(attach) },
	{ "directory", TEXT, MEMBER(directory) },
	{ "coverage-dir", TEXT, MEMBER(coverage_dir) },
	{ "folder", TEXT, MEMBER(folder) },
	{ "cpus", TEXT, MEMBER(cpus) },
	{ "login", TEXT, MEMBER(login) },
	{ "home", TEXT, MEMBER(home) },
	{ "shell", TEXT, MEMBER(shell) },
	{ "uid", NUMBER32, MEMBER(uid) },
	{ "gid", NUMBER32, MEMBER(gid) },
	{ "groups", TEXT, MEMBER(groups) },
	{ "instances", NUMBER32, MEMBER(instances) },
	{ "weight", NUMBER32, MEMBER(weight) },
	{ "start-limit", NUMBER32, MEMBER(start_limit) },
	{ "timeout", NUMBER, MEMBER(timeout_ms) },
	{ "run-for", NUMBER, MEMBER(run_for_ms) },
	{ "plateau", NUMBER, MEMBER(plateau_ms) },
	{ "stop-timeout", NUMBER, MEMBER(stop_timeout_ms) },
	{ "memory-max", NUMBER, MEMBER(memory_max) },
	{ "file-size-max", NUMBER, MEMBER(file_size_max) },
	{ "open-files-max", NUMBER, MEMBER(open_files_max) },
	{ "processes-max", NUMBER, MEMBER(processes_max) },
	{ "log-max", NUMBER, MEMBER(log_max) },
	{ "autostart", FLAG, MEMBER(autostart) },
};
#define KEYS_LEN (sizeof(keys) / sizeof(keys[0]))

static int
read_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EPROTO;
	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	return *end != '\0' || errno != 0 || *ret_number > max ? -EPROTO : 0;
}

/* Index of @text among @len names; @len if it is none. */
static unsigned
find_name(const char *text, const char *(*name_of)(unsigned), unsigned len)
{
	unsigned i = 0;

	while (i < len && strcmp(name_of(i), text) != 0)
		i++;
	return i;
}

static int
take(
    struct job_spec *spec, const struct key *key, const char *value, const char ***next)
{
	void *member = (char *)spec + key->offset;
	struct job_words *words = member;
	uint64_t number = 0;
	int r = 0;

	switch (key->kind) {
	case TEXT:
		*(const char **)member = value;
		return 0;
	case WORDS:
		if (words->len == 0)
			words->items = *next;
		else if (*next != words->items + words->len + 1)
			return -EPROTO; /* the words of a list stand together */
		words->items[words->len++] = value;
		*next = words->items + words->len;
		*(*next)++ = NULL;
		return 0;
	case ENGINE:
		spec->engine = find_name(value, job_engine_name, JOB_ENGINES_LEN);
		return spec->engine < JOB_ENGINES_LEN ? 0 : -EPROTO;
	case RESTART:
		spec->restart = find_name(value, job_restart_name, JOB_RESTARTS_LEN);
		return spec->restart < JOB_RESTARTS_LEN ? 0 : -EPROTO;
	case FLAG:
		*(bool *)member = strcmp(value, "yes") == 0;
		return 0;
	case NUMBER32:
		r = read_number(value, UINT32_MAX, &number);
		*(uint32_t *)member = (uint32_t)number;
		return r;
	default:
		return read_number(value, UINT64_MAX, member);
	}
}

static int
take_line(struct job_spec *spec, char *line, const char ***next)
{
	char *value = strchr(line, '=');

	if (value == NULL)
		return -EPROTO;
	*value++ = '\0';
	for (size_t i = 0; i < KEYS_LEN; i++)
		if (strcmp(keys[i].name, line) == 0)
			return take(spec, &keys[i], value, next);
	return -EPROTO;
}

int
job_spec_parse(const char *text, size_t len, struct job_spec *ret_spec)
{
	struct job_spec spec = { .restart = JOB_RESTART_ON_FAILURE,
		.instances = 1,
		.weight = 1,
		.start_limit = DEFAULT_START_LIMIT,
		.stop_timeout_ms = DEFAULT_STOP_TIMEOUT_MS,
		.log_max = DEFAULT_LOG_MAX,
		.autostart = true,
		.engine = JOB_ENGINES_LEN };
	const char **next;
	size_t lines = 0;
	int r = 0;

	if (len == 0 || len > JOB_SPEC_MAX || text[len - 1] != '\0')
		return -EPROTO;
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\0';
	spec.text = malloc(len);
	spec.words = next = calloc(2 * lines + 1, sizeof(*spec.words));
	if (spec.text == NULL || spec.words == NULL) {
		job_spec_free(&spec);
		return -ENOMEM;
	}
	memcpy(spec.text, text, len);
	for (size_t at = 0, end; at < len && r == 0; at = end) {
		end = at + strlen(spec.text + at) + 1;
		r = take_line(&spec, spec.text + at, &next);
	}
	if (r == 0 &&
	    (spec.target == NULL || spec.name == NULL || spec.executable == NULL ||
		spec.engine == JOB_ENGINES_LEN || spec.instances == 0 ||
		spec.instances > JOB_INSTANCES_MAX || spec.weight == 0))
		r = -EPROTO;
	if (r < 0) {
		job_spec_free(&spec);
		return r;
	}
	*ret_spec = spec;
	return 0;
}

void
job_spec_free(struct job_spec *spec)
{
	free(spec->text);
	free(spec->words);
	*spec = (struct job_spec){ 0 };
}

/* ---- instances ---- */

static void
add_word(struct job_words *words, const char *word)
{
	words->items[words->len++] = word;
	words->items[words->len] = NULL;
}

/* A list with room for @more words, beginning with those of @from. */
static struct job_words
copy_words(const char ***next, const struct job_words *from, size_t more)
{
	struct job_words words = { .items = *next };

	*next += from->len + more + 1;
	for (size_t i = 0; i < from->len; i++)
		add_word(&words, from->items[i]);
	words.items[words.len] = NULL;
	return words;
}

static void
apply_item(struct job_spec *view, const char *item, bool begins)
{
	switch (item[0]) {
	case JOB_INSTANCE_COMMAND:
		/* The first word of a block's command takes the place of all before. */
		if (begins)
			view->command.len = 0;
		add_word(&view->command, item + 1);
		break;
	case JOB_INSTANCE_ARGUMENT:
		add_word(&view->engine_args, item + 1);
		break;
	default:
		add_word(&view->environment, item + 1);
		break;
	}
}

int
job_spec_for_instance(
    const struct job_spec *spec, unsigned instance, struct job_spec *ret_view)
{
	const struct job_words *items = &spec->instance_args;
	size_t size = 3 * (items->len + 1) + spec->command.len + spec->engine_args.len +
	    spec->environment.len;
	bool flags[JOB_INSTANCES_MAX], applies = false;
	struct job_spec view = *spec;
	const char **next;

	view.text = NULL;
	view.words = next = calloc(size, sizeof(*view.words));
	if (next == NULL)
		return -ENOMEM;
	view.command = copy_words(&next, &spec->command, items->len);
	view.engine_args = copy_words(&next, &spec->engine_args, items->len);
	view.environment = copy_words(&next, &spec->environment, items->len);
	for (size_t i = 0; i < items->len; i++) {
		const char *item = items->items[i];

		if (item[0] != JOB_INSTANCE_PATTERN) {
			if (applies)
				apply_item(&view, item,
				    i == 0 ||
					items->items[i - 1][0] != JOB_INSTANCE_COMMAND);
			continue;
		}
		if (instance >= JOB_INSTANCES_MAX ||
		    job_numbers_parse(item + 1, flags, JOB_INSTANCES_MAX) < 0) {
			free(view.words);
			return -EPROTO;
		}
		applies = flags[instance];
	}
	*ret_view = view;
	return 0;
}

struct probe_user
job_spec_user(const struct job_spec *spec)
{
	struct probe_user user = { .uid = spec->uid, .gid = spec->gid };
	const char *text = spec->groups;
	char *end;

	user.groups[user.groups_len++] = user.gid;
	while (text != NULL && *text != '\0' && user.groups_len < PROBE_GROUPS_MAX) {
		user.groups[user.groups_len++] = (gid_t)strtoul(text, &end, 10);
		text = *end == ',' ? end + 1 : NULL;
	}
	return user;
}

/* ---- lists of numbers ---- */

static int
read_listed(const char **text, size_t len, size_t *ret_number)
{
	char *end;
	unsigned long number;

	if (**text < '0' || **text > '9')
		return -EINVAL;
	number = strtoul(*text, &end, 10);
	if (number >= len)
		return -EINVAL;
	*text = end;
	*ret_number = number;
	return 0;
}

int
job_numbers_parse(const char *text, bool *ret_flags, size_t len)
{
	size_t first, last;

	memset(ret_flags, 0, len * sizeof(*ret_flags));
	for (;;) {
		if (read_listed(&text, len, &first) < 0)
			return -EINVAL;
		last = first;
		if (*text == '-') {
			text++;
			if (read_listed(&text, len, &last) < 0 || last < first)
				return -EINVAL;
		}
		for (; first <= last; first++)
			ret_flags[first] = true;
		if (*text == '\0')
			return 0;
		if (*text++ != ',')
			return -EINVAL;
	}
}
