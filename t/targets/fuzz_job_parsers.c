/* SPDX-License-Identifier: MIT
 * A fuzz target: what the collector reads out of the words of fuzz engines. Whatever they
 * are, no number is beyond its limit, a cut line says no more than a whole one, and nothing
 * is read behind the end. t/0230-job-stats.t builds and runs it, on t/recordings.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "job_types.h"
#include "job_parsers.h"
#include "job_telling.h"

static void
check(bool is_so)
{
	if (!is_so)
		abort();
}

static void
check_line(struct job_text line)
{
	struct libfuzzer_line parsed = libfuzzer_line_parse(line), again;
	struct job_mark mark = job_mark_parse(line);

	check(parsed.executions <= JOB_COUNT_MAX && parsed.corpus <= JOB_COUNT_MAX &&
	    parsed.corpus_bytes <= JOB_COUNT_MAX &&
	    parsed.rate_milli <= JOB_COUNT_MAX && parsed.edges <= JOB_COUNT_MAX &&
	    parsed.memory <= JOB_COUNT_MAX);
	check(mark.instance < JOB_INSTANCES_MAX && mark.time_ms >= 0);
	check(mark.kind == JOB_MARK_NONE ||
	    (parsed.known & JOB_STATS_EXECUTIONS) == 0 ||
	    memchr(line.at, '#', line.len) != NULL);
	if (line.len == 0)
		return;
	line.len /= 2;
	again = libfuzzer_line_parse(line);
	check(again.executions <= parsed.executions || parsed.known == 0 ||
	    memchr(line.at + 1, '#', line.len) != NULL);
}

/* Printable on one line, whatever was said. */
static void
check_telling(const struct job_telling *telling)
{
	const char *line = job_telling_line(telling);

	check(memchr(telling->line, '\0', sizeof(telling->line)) != NULL);
	for (; *line != '\0'; line++)
		check((unsigned char)*line >= 0x20 && *line != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct job_text whole = { (const char *)data, len }, rest = whole, line;
	struct honggfuzz_stats honggfuzz_stats;
	struct job_telling telling = { 0 };
	struct afl_stats afl_stats;

	while (job_text_until(&rest, '\n', &line)) {
		check_line(line);
		job_telling_take(&telling, line);
		check_telling(&telling);
	}
	if (afl_stats_parse(whole, &afl_stats) == 0)
		check(afl_stats.executions <= JOB_COUNT_MAX &&
		    afl_stats.crashes <= JOB_COUNT_MAX &&
		    afl_stats.rate_milli <= JOB_COUNT_MAX &&
		    afl_stats.memory <= JOB_COUNT_MAX && afl_stats.stability <= 10000 &&
		    afl_stats.last_find_ms >= 0 && afl_stats.last_update_ms > 0);
	if (honggfuzz_stats_parse(whole, whole, &honggfuzz_stats) == 0)
		check(honggfuzz_stats.executions <= JOB_COUNT_MAX &&
		    honggfuzz_stats.rate_milli <= JOB_COUNT_MAX &&
		    honggfuzz_stats.time_ms >= honggfuzz_stats.last_find_ms &&
		    honggfuzz_stats.last_find_ms >= 0);
	return 0;
}
