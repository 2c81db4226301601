/* SPDX-License-Identifier: MIT
 * libFuzzer: its log, and the inputs that it leaves in artifacts/; in the collector.
 */
#include "config.h"

#include "job_engine.h"

#include <string.h>

#include "banned.h"

#define ARTIFACTS "artifacts"
#define RUNS_PER_MS_MAX 100000 /* more than a thousand processes can do */
#define CLOCKS_DIFFER_MS 60000
#define SILENCE_MS_MAX (INT64_C(365) * 86400 * 1000)

/* Kinds of artifacts, as they stand in struct job_folder. */
enum { CRASHES, LEAKS, HANGS, OOMS };

/* ---- one line ---- */

/* "3/4b", and "2" in fork mode */
static void
parse_corpus(struct job_text value, struct libfuzzer_line *line)
{
	if (!job_text_number(&value, &line->corpus))
		return;
	line->known |= JOB_STATS_CORPUS;
	if (job_text_skip(&value, "/") && job_text_bytes(&value, &line->corpus_bytes))
		line->known |= JOB_STATS_CORPUS_BYTES;
}

static void
parse_value(
    const struct job_text *key, struct job_text value, struct libfuzzer_line *line)
{
	if (job_text_is(key, "cov")) {
		if (job_text_number(&value, &line->edges))
			line->known |= JOB_STATS_EDGES;
	} else if (job_text_is(key, "corp")) {
		parse_corpus(value, line);
	} else if (job_text_is(key, "exec/s")) {
		if (job_text_decimal(&value, 1000, &line->rate_milli))
			line->known |= JOB_STATS_RATE;
	} else if (job_text_is(key, "rss")) {
		if (job_text_bytes(&value, &line->memory))
			line->known |= JOB_STATS_MEMORY;
	}
}

/* "cov: 8 ft: 9 corp: 3/4b lim: 163 exec/s: 8192 rss: 27Mb", and behind "MS:" what a
 * target's own dictionary may hold. clang 14's fork mode has no colon after exec/s. */
static void
parse_pairs(struct job_text rest, struct libfuzzer_line *line)
{
	struct job_text key, value;

	for (;;) {
		job_text_blanks(&rest);
		if (!job_text_until(&rest, ' ', &key) || job_text_is(&key, "MS:"))
			return;
		if (key.len > 0 && key.at[key.len - 1] == ':')
			key.len--;
		else if (!job_text_is(&key, "exec/s"))
			continue;
		job_text_blanks(&rest);
		if (!job_text_until(&rest, ' ', &value))
			return;
		parse_value(&key, value, line);
	}
}

/* "#16384\tpulse  cov: …" and, in fork mode, "#35473: cov: …" */
static bool
parse_status(struct job_text text, struct libfuzzer_line *line)
{
	struct job_text word;

	if (!job_text_skip(&text, "#") || !job_text_number(&text, &line->executions))
		return false;
	if (job_text_skip(&text, "\t")) {
		if (!job_text_until(&text, ' ', &word))
			return false;
		line->find = job_text_is(&word, "NEW");
		line->begins = job_text_is(&word, "INITED");
	} else if (!job_text_skip(&text, ": ")) {
		return false;
	}
	parse_pairs(text, line);
	/* A backtrace has frames "#1", too. */
	if (line->known == 0)
		return false;
	line->known |= JOB_STATS_EXECUTIONS;
	return true;
}

struct libfuzzer_line
libfuzzer_line_parse(struct job_text text)
{
	const struct libfuzzer_line none = { 0 };
	struct libfuzzer_line line = { 0 };
	struct job_text late;
	const char *hash;

	if (job_text_skip(&text, "stat::number_of_executed_units:")) {
		job_text_blanks(&text);
		if (job_text_number(&text, &line.executions))
			line.known = JOB_STATS_EXECUTIONS;
		return line;
	}
	if (parse_status(text, &line))
		return line;
	/* Behind what the target printed without a line feed. */
	hash = text.len > 0 ? memrchr(text.at, '#', text.len) : NULL;
	if (hash == NULL || hash == text.at)
		return none;
	late.at = hash;
	late.len = text.len - (size_t)(hash - text.at);
	line = none;
	return parse_status(late, &line) ? line : none;
}

/* ---- a job ---- */

/* What cannot be is the target's own words, or another's: a count that falls within one
 * run, or more than any machine could have done since it began. */
static bool
is_possible(const struct job *job, const struct job_instance *instance,
    const struct libfuzzer_line *line)
{
	int64_t ms = job->wall_ms - instance->started_ms + CLOCKS_DIFFER_MS;

	if (line->executions < instance->run.executions)
		return false;
	return instance->started_ms == 0 ||
	    (ms > 0 && line->executions / RUNS_PER_MS_MAX <= (uint64_t)ms);
}

/* Fork mode has no word for a find, and one that replaces an input says REDUCE. */
static bool
is_find(const struct job_instance *instance, const struct libfuzzer_line *line)
{
	uint32_t both = line->known & instance->run.known;

	return line->find ||
	    (instance->heard &&
		(((both & JOB_STATS_EDGES) != 0 && line->edges > instance->run.edges) ||
		    ((both & JOB_STATS_CORPUS) != 0 &&
			line->corpus > instance->run.corpus)));
}

static void
take(struct job_instance *instance, const struct libfuzzer_line *line)
{
	struct job_run *run = &instance->run;

	run->executions = line->executions;
	if ((line->known & JOB_STATS_RATE) != 0)
		run->rate_milli = line->rate_milli;
	if ((line->known & JOB_STATS_CORPUS) != 0)
		run->corpus = line->corpus;
	if ((line->known & JOB_STATS_CORPUS_BYTES) != 0)
		run->corpus_bytes = line->corpus_bytes;
	if ((line->known & JOB_STATS_EDGES) != 0)
		run->edges = line->edges;
	if ((line->known & JOB_STATS_MEMORY) != 0)
		run->memory = line->memory;
	run->known |= line->known;
	instance->heard = instance->running = true;
}

static void
take_line(struct job *job, struct job_instance *instance, struct job_text text)
{
	struct libfuzzer_line line = libfuzzer_line_parse(text);
	int64_t at_ms;

	if ((line.known & JOB_STATS_EXECUTIONS) == 0)
		return;
	/* A start whose mark was left out, where a target floods its log. */
	if (line.begins && line.executions < instance->run.executions)
		job_instance_restart(instance, instance->started_ms);
	if (!is_possible(job, instance, &line))
		return;
	at_ms = job_arrival_ms(job, instance);
	if (is_find(instance, &line)) {
		/* When it was found is not known of what was there before us. */
		if (!instance->log.caught_up)
			at_ms = instance->started_ms;
		if (at_ms > job->last_find_ms)
			job->last_find_ms = at_ms;
	}
	take(instance, &line);
	job_heard(job, job_arrival_ms(job, instance));
}

void
job_look_at_artifacts(struct job *job, uint32_t known)
{
	static const char *const prefixes[JOB_FOLDER_KINDS] = {
		[CRASHES] = "crash-",
		[LEAKS] = "leak-",
		[HANGS] = "timeout-",
		[OOMS] = "oom-",
	};
	const uint64_t *total = job->artifacts.total;
	int64_t found_ms;

	if (job_folder_look(&job->artifacts, job->fd, ARTIFACTS, prefixes, job->now_ms))
		job->behind = true;
	if (!job->artifacts.listed)
		return;
	if (job->crashes + job->hangs + job->ooms !=
	    total[CRASHES] + total[LEAKS] + total[HANGS] + total[OOMS]) {
		found_ms = job->artifacts.newest_ns / 1000000;
		job_heard(job, found_ms);
		if (found_ms > job->last_find_ms && found_ms <= job->wall_ms)
			job->last_find_ms = found_ms;
	}
	job->crashes = total[CRASHES] + total[LEAKS];
	job->hangs = total[HANGS];
	job->ooms = total[OOMS];
	job->known |= known;
}

static void
look(struct job *job)
{
	job_look_at_artifacts(
	    job, JOB_STATS_CRASHES | JOB_STATS_HANGS | JOB_STATS_OOMS);
}

/* It speaks at every power of two at the latest: so much later as it took it to come this
 * far, and as long again. */
static int64_t
silence_of(const struct job *job, const struct job_instance *instance)
{
	uint64_t count = instance->run.executions, next = 1;
	double ms = (double)(job->updated_ms - instance->started_ms);

	while (next <= count)
		next *= 2;
	/* Its log was full since, and another collector reads it. */
	if (instance->started_ms == 0)
		return SILENCE_MS_MAX;
	if (count == 0 || ms <= 0)
		return JOB_SILENCE_MS;
	ms = JOB_SILENCE_MS + 2 * ms * (double)(next - count) / (double)count;
	return ms < (double)SILENCE_MS_MAX ? (int64_t)ms : SILENCE_MS_MAX;
}

/* Any instance's word will do: the first that is due. */
static int64_t
silence_ms(const struct job *job)
{
	int64_t least = SILENCE_MS_MAX, one;
	bool heard = false;

	for (unsigned i = 0; i < job->instances_len; i++) {
		const struct job_instance *instance = &job->instances[i];

		if (!instance->running || !instance->heard)
			continue;
		one = silence_of(job, instance);
		least = one < least ? one : least;
		heard = true;
	}
	return heard ? least : JOB_SILENCE_FIRST_MS;
}

const struct job_engine_ops job_engine_libfuzzer = {
	.look = look,
	.line = take_line,
	.silence_ms = silence_ms,
};
