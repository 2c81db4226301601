/* SPDX-License-Identifier: MIT
 * libfuzzsup_replay: the line that it writes into its log every second in which it ran
 * something; in the collector.
 */
#include "config.h"

#include "job_engine.h"

#include "banned.h"

#define RUNS_PER_MS_MAX 1000 /* more than one process can do */
#define CLOCKS_DIFFER_MS 60000

/* "4/9b" */
static void
parse_corpus(struct job_text value, struct replay_line *line)
{
	if (job_text_number(&value, &line->corpus) && job_text_skip(&value, "/") &&
	    job_text_bytes(&value, &line->corpus_bytes))
		line->known |= JOB_STATS_CORPUS | JOB_STATS_CORPUS_BYTES;
}

static void
parse_value(const struct job_text *key, struct job_text value, struct replay_line *line)
{
	const struct {
		const char *key;
		uint32_t what;
		uint64_t *number;
	} numbers[] = {
		{ "left:", JOB_STATS_PENDING, &line->pending },
		{ "crashes:", JOB_STATS_CRASHES, &line->crashes },
		{ "hangs:", JOB_STATS_HANGS, &line->hangs },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (job_text_is(key, numbers[i].key) &&
		    job_text_number(&value, numbers[i].number))
			line->known |= numbers[i].what;
	if (job_text_is(key, "corp:"))
		parse_corpus(value, line);
	else if (job_text_is(key, "exec/s:") &&
	    job_text_decimal(&value, 1000, &line->rate_milli))
		line->known |= JOB_STATS_RATE;
	else if (job_text_is(key, "rss:") && job_text_bytes(&value, &line->memory))
		line->known |= JOB_STATS_MEMORY;
}

/* "#4\treplay corp: 4/9b left: 4 crashes: 1 hangs: 1 skipped: 2 exec/s: 3 rss: 2Mb" */
struct replay_line
replay_line_parse(struct job_text text)
{
	const struct replay_line none = { 0 };
	struct replay_line line = { 0 };
	struct job_text key, value;

	if (!job_text_skip(&text, "#") || !job_text_number(&text, &line.executions) ||
	    !job_text_skip(&text, "\t") || !job_text_until(&text, ' ', &key))
		return none;
	line.find = job_text_is(&key, "NEW");
	if (!line.find && !job_text_is(&key, "INITED") &&
	    !job_text_is(&key, "replay") && !job_text_is(&key, "DONE"))
		return none;
	while (job_text_until(&text, ' ', &key) && job_text_until(&text, ' ', &value))
		parse_value(&key, value, &line);
	/* A line of the target's own may look like this; one that says all does not. */
	if ((line.known & JOB_STATS_PENDING) == 0 ||
	    (line.known & JOB_STATS_CORPUS) == 0)
		return none;
	line.known |= JOB_STATS_EXECUTIONS;
	return line;
}

/* What cannot be is the target's own words. */
static bool
is_possible(const struct job *job, const struct job_instance *instance,
    const struct replay_line *line)
{
	int64_t ms = job->wall_ms - instance->started_ms + CLOCKS_DIFFER_MS;

	if (line->executions < instance->run.executions)
		return false;
	return instance->started_ms == 0 ||
	    (ms > 0 && line->executions / RUNS_PER_MS_MAX <= (uint64_t)ms);
}

static void
take_line(struct job *job, struct job_instance *instance, struct job_text text)
{
	struct replay_line line = replay_line_parse(text);
	struct job_run *run = &instance->run;
	int64_t at_ms = job_arrival_ms(job, instance);

	if ((line.known & JOB_STATS_EXECUTIONS) == 0 ||
	    !is_possible(job, instance, &line))
		return;
	run->executions = line.executions;
	run->rate_milli = line.rate_milli;
	run->corpus = line.corpus;
	run->corpus_bytes = line.corpus_bytes;
	run->memory = line.memory;
	run->pending = line.pending;
	run->crashes = line.crashes;
	run->hangs = line.hangs;
	run->known |= line.known;
	instance->heard = instance->running = true;
	job_heard(job, at_ms);
	/* When it was found is not known of what was there before us. */
	if (!instance->log.caught_up)
		at_ms = instance->started_ms;
	if (line.find && at_ms > job->last_find_ms)
		job->last_find_ms = at_ms;
}

/* Each run meets the inputs of the run before again, and they crash again: what counts is
 * the run that met most. */
static void
start_run(struct job *job, struct job_instance *instance, int64_t time_ms)
{
	struct job_run *run = &instance->run;
	uint64_t *crashes = &instance->crash_files.total[0],
		 *hangs = &instance->hang_files.total[0];

	(void)job;
	(void)time_ms;
	if (run->crashes > *crashes)
		*crashes = run->crashes;
	if (run->hangs > *hangs)
		*hangs = run->hangs;
	run->crashes = run->hangs = 0;
}

/* Who has nothing to run says nothing. */
static int64_t
silence_ms(const struct job *job)
{
	for (unsigned i = 0; i < job->instances_len; i++)
		if (job->instances[i].running && job->instances[i].run.pending > 0)
			return JOB_SILENCE_MS;
	return 0;
}

const struct job_engine_ops job_engine_replay = {
	.starts = start_run,
	.line = take_line,
	.silence_ms = silence_ms,
};
