/* SPDX-License-Identifier: MIT
 * Questions and their answers; in the archive.
 */
#include "config.h"

#include "answers.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "events.h"
#include "finds.h"
#include "history.h"
#include "series.h"
#include "shared_memory.h"
#include "store.h"
#include "banned.h"

#define WORDS_MAX 8
#define EVENTS_MAX 10000
#define EVENTS_USUAL 1000

/* Cuts @text at its line feeds. Returns how many words it has, 0 where they are too many. */
static size_t
split(char *text, const char *words[WORDS_MAX])
{
	size_t len = 0;

	for (;;) {
		char *feed = strchr(text, '\n');

		if (len == WORDS_MAX)
			return 0;
		words[len++] = text;
		if (feed == NULL)
			return len;
		*feed = '\0';
		text = feed + 1;
	}
}

static int64_t
number(const char *word)
{
	const long long value = strtoll(word, NULL, 10);

	return value > 0 ? value : 0;
}

static json_t *
history(const struct answers *answers, const char *const *words)
{
	const struct history_wish wish = { .target = words[1],
		.job = words[2],
		.from = number(words[3]),
		.to = number(words[4]),
		.step = number(words[5]) };

	return series_is_known(answers->series, wish.target, wish.job)
	    ? history_read(answers->series, &wish, clock_ms(CLOCK_REALTIME) / 1000)
	    : NULL;
}

static json_t *
events(const struct answers *answers, const char *const *words)
{
	const int64_t before = number(words[3]), limit = number(words[4]);
	json_t *list = events_read(answers->events, words[1], number(words[2]),
	    before > 0 ? before : INT64_MAX,
	    limit > 0 && limit < EVENTS_MAX ? limit
		: limit > 0                 ? EVENTS_MAX
					    : EVENTS_USUAL);

	return list != NULL ? json_pack("{s:o,s:I}", "events", list, "newest",
				  (json_int_t)events_newest(answers->events))
			    : NULL;
}

#define PCS_MAX 2000

static json_t *
first(const struct answers *answers, const char *const *words)
{
	uint32_t pcs[PCS_MAX];
	size_t len = 0;

	for (const char *at = words[2]; *at != '\0' && len < PCS_MAX; at++) {
		char *end;

		pcs[len++] = (uint32_t)strtoul(at, &end, 10);
		at = end;
		if (*at == '\0')
			break;
	}
	return finds_first(answers->finds, words[1], pcs, len);
}

static const struct {
	const char *word;
	size_t words_len;
	json_t *(*give)(const struct answers *answers, const char *const *words);
} questions[] = {
	{ "history", 6, history },
	{ "events", 5, events },
	{ "first", 3, first },
};

/* A sealed memfd of @answer, which it takes; -ENOENT: there is none. */
static int
seal(json_t *answer)
{
	char *text = answer != NULL
	    ? json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(12))
	    : NULL;
	int fd = answer == NULL ? -ENOENT
	    : text != NULL      ? shared_memory_create("fuzzsupd-answer")
				: -ENOMEM;
	int r;

	json_decref(answer);
	if (fd >= 0) {
		r = shared_memory_append(fd, text, strlen(text));
		if (r == 0)
			r = shared_memory_seal(fd);
		if (r < 0) {
			close(fd);
			fd = r;
		}
	}
	free(text);
	return fd;
}

int
answers_give(const struct answers *answers, const char *question)
{
	const char *words[WORDS_MAX];
	char *copy = strdup(question);
	size_t len = copy != NULL ? split(copy, words) : 0;
	int fd = copy != NULL ? -EPROTO : -ENOMEM;

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (len == questions[i].words_len &&
		    strcmp(words[0], questions[i].word) == 0)
			fd = store_is_open(answers->store)
			    ? seal(questions[i].give(answers, words))
			    : -ENODATA;
	if (len == 2 && strcmp(words[0], "input") == 0)
		fd = store_is_open(answers->store)
		    ? finds_input(answers->finds, words[1])
		    : -ENODATA;
	free(copy);
	store_settle(answers->store);
	return fd;
}
