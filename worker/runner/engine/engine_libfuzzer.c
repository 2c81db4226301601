/* SPDX-License-Identifier: MIT
 * libFuzzer, and what speaks its flags; in the runner.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "engine.h"
#include "banned.h"

static bool
has_flag(const struct job_spec *spec, const char *flag)
{
	for (size_t i = 0; i < spec->command.len; i++)
		if (strncmp(spec->command.items[i], flag, strlen(flag)) == 0)
			return true;
	for (size_t i = 0; i < spec->engine_args.len; i++)
		if (strncmp(spec->engine_args.items[i], flag, strlen(flag)) == 0)
			return true;
	return false;
}

/* Its own limit ends the run with an artifact, ours would without: let it be first. */
static int
add_memory(const struct job_spec *spec, struct launch *launch)
{
	if (spec->memory_max == 0 || has_flag(spec, "-rss_limit_mb="))
		return 0;
	return launch_word(launch, "-rss_limit_mb=%llu",
	    (unsigned long long)(spec->memory_max / 16 * 15 >> 20));
}

/* Whether a word of the user's names a folder, which counts from where it runs. */
static bool
is_folder(const char *word, const struct engine_paths *paths)
{
	char path[8192];
	struct stat st;

	if (word[0] == '-')
		return false;
	snprintf(path, sizeof(path), "%s%s%s", word[0] == '/' ? "" : paths->directory,
	    word[0] == '/' ? "" : "/", word);
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int
add_words(const struct job_words *words, size_t first, const struct engine_paths *paths,
    struct launch *launch, bool *has_corpus)
{
	int r = 0;

	for (size_t i = 0; i < words->len && r == 0; i++) {
		if (i >= first && !*has_corpus && is_folder(words->items[i], paths)) {
			r = launch_word(launch, "%s", paths->corpus);
			*has_corpus = true;
		}
		if (r == 0)
			r = launch_word(launch, "%s", words->items[i]);
	}
	return r;
}

/* It writes what it finds into the first folder that it is given: that must be the job's
 * own, and those of the user, to be read, come behind it. Words before the fuzzer's own are
 * of a program that starts it. */
static int
add_command(const struct job_spec *spec, const struct engine_paths *paths,
    struct launch *launch, bool *ret_has_corpus)
{
	size_t first = 1;
	int r;

	for (size_t i = 1; i < spec->command.len; i++)
		if (strcmp(spec->command.items[i], spec->executable) == 0)
			first = i + 1;
	r = spec->command.len > 0
	    ? add_words(&spec->command, first, paths, launch, ret_has_corpus)
	    : launch_word(launch, "%s", spec->executable);
	return r == 0 ? add_words(&spec->engine_args, 0, paths, launch, ret_has_corpus)
		      : r;
}

static int
command(const struct job_spec *spec, const struct engine_paths *paths,
    unsigned instance, struct launch *launch)
{
	bool has_corpus = false;
	int r = add_command(spec, paths, launch, &has_corpus);

	(void)instance;
	if (r == 0)
		r = launch_word(
		    launch, "-artifact_prefix=%s/artifacts/", paths->folder);
	if (r == 0)
		r = launch_word(launch, "-print_final_stats=1");
	if (r == 0 && spec->timeout_ms > 0 && !has_flag(spec, "-timeout="))
		r = launch_word(launch, "-timeout=%llu",
		    (unsigned long long)((spec->timeout_ms + 999) / 1000));
	if (r == 0)
		r = add_memory(spec, launch);
	/* Several instances share a corpus: each sees what the others find. */
	if (r == 0 && spec->instances > 1 && !has_flag(spec, "-reload="))
		r = launch_word(launch, "-reload=1");
	if (r == 0 && !has_corpus)
		r = launch_word(launch, "%s", paths->corpus);
	return r == 0 ? engine_add_words(&spec->seeds, launch) : r;
}

static const char *
status_text(int status)
{
	switch (status) {
	case 1:
		return "a sanitizer's report, or it could not start";
	case 70:
		return "an input took too long";
	case 71:
		return "an input took too much memory";
	case 72:
		return "interrupted";
	case 77:
		return "a crash or leak was found";
	default:
		return NULL;
	}
}

/* A sanitizer ends it with 1, and so does libFuzzer where it cannot start. */
static enum engine_end
end(int status)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 1)
		return ENGINE_END_UNSURE;
	return WEXITSTATUS(status) == 70 || WEXITSTATUS(status) == 71 ||
		WEXITSTATUS(status) == 77
	    ? ENGINE_END_FIND
	    : ENGINE_END_FAILURE;
}

static const char *
way_out(int status)
{
	switch (WIFEXITED(status) ? WEXITSTATUS(status) : 0) {
	case 70:
		return "libFuzzer ends at each timeout; with engine-args = { "
		       "\"-fork=1\", \"-ignore_timeouts=1\" } it goes on";
	case 71:
		return "libFuzzer ends at each input that takes too much memory; with "
		       "engine-args = { \"-fork=1\", \"-ignore_ooms=1\" } it goes on";
	default:
		return "libFuzzer ends at each crash; with engine-args = { "
		       "\"-fork=1\", \"-ignore_crashes=1\" } it goes on";
	}
}

const struct engine engine_libfuzzer = {
	.kind = JOB_ENGINE_LIBFUZZER,
	.stop_signal = SIGINT,
	.folders = { "artifacts", "corpus" },
	.writes_corpus = true,
	.command = command,
	.status_text = status_text,
	.end = end,
	.way_out = way_out,
};
