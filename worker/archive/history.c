/* SPDX-License-Identifier: MIT
 * Columns of a history; in the archive.
 */
#include "config.h"

#include "history.h"

#include <stdlib.h>

#include "banned.h"

static const struct {
	const char *name;
	enum sample_value value;
} columns[] = {
	{ "covered", SAMPLE_COVERED },
	{ "executions", SAMPLE_EXECUTIONS },
	{ "executions_per_second", SAMPLE_RATE },
	{ "corpus", SAMPLE_CORPUS },
	{ "crashes", SAMPLE_CRASHES },
	{ "memory", SAMPLE_MEMORY },
	{ "build", SAMPLE_BUILD },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* Steps that people can read, so that about HISTORY_POINTS cover @span seconds. */
static int64_t
step_for(int64_t span)
{
	static const int64_t steps[] = { 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600,
		7200, 14400, 43200 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (span / steps[i] <= HISTORY_POINTS)
			return steps[i];
	return 86400;
}

static json_t *
value_of(const struct sample *sample, enum sample_value value)
{
	return value == SAMPLE_RATE ? json_real((double)sample->values[value] / 1000)
				    : json_integer((json_int_t)sample->values[value]);
}

/* One sample for each step that has any. */
static void
fill(json_t *lists[COLUMNS], json_t *times, const struct sample *samples, size_t len,
    int64_t step)
{
	size_t begin = 0;

	for (size_t i = 0; i < len; i++) {
		struct sample sum;

		/* The last one of its step stands for all of it. */
		if (i + 1 < len && samples[i + 1].t / step == samples[i].t / step)
			continue;
		sum = sample_sum(samples + begin, i + 1 - begin);
		begin = i + 1;
		json_array_append_new(times, json_integer(1000 * (json_int_t)sum.t));
		for (size_t k = 0; k < COLUMNS; k++)
			json_array_append_new(
			    lists[k], value_of(&sum, columns[k].value));
	}
}

json_t *
history_read(struct all_series *all, const struct history_wish *wish, int64_t now)
{
	const int64_t to = wish->to > 0 && wish->to < now ? wish->to : now;
	const int64_t from = wish->from > 0
	    ? wish->from
	    : series_begin(all, wish->target, wish->job, now);
	const int64_t step =
	    wish->step > 0 ? wish->step : step_for(to > from ? to - from : 1);
	json_t *answer = json_object(), *times = json_array(), *lists[COLUMNS];
	struct sample *samples;
	size_t len;

	samples = series_read(
	    all, wish->target, wish->job, from, to, step, HISTORY_POINTS_MAX, &len);
	for (size_t i = 0; i < COLUMNS; i++)
		lists[i] = json_array();
	fill(lists, times, samples, len, step);
	json_object_set_new(answer, "t", times);
	for (size_t i = 0; i < COLUMNS; i++)
		json_object_set_new(answer, columns[i].name, lists[i]);
	free(samples);
	return answer;
}
