/* SPDX-License-Identifier: MIT
 * One line's state, and the question that follows from it; in the front-end.
 */
#include "config.h"

#include "line_first.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>

#include "line_job.h"
#include "line_pcs.h"
#include "past.h"
#include "reply.h"
#include "target.h"
#include "banned.h"

#define WAITING_MAX 32 /* each holds the states of all lines of a target */

struct line_question {
	struct past *past;
	struct event_base *base;
	struct evhttp_request *request;
	char name[64]; /* of the target */
	struct line_job job;
	uint32_t file, line;
};

static unsigned waiting;

static void
ask(struct past *past, struct evhttp_request *request, const char *target,
    const struct line_pcs_of *of, uint32_t file, uint32_t line)
{
	uint32_t pcs[LINE_PCS_MAX];
	const int len = line_pcs_find(of, file, line, pcs);

	if (len > 0)
		past_ask_first(past, request, target, pcs, len);
	else if (len < 0)
		reply_text(request, 503, REPLY_NO_MEMORY);
	else
		reply_text(request, 404, "that line was not reached\n");
}

static void
answer(struct line_question *question)
{
	const struct block_table *blocks = &question->job.blocks->table;
	const uint32_t index = line_pcs_line(blocks, question->file, question->line);
	const struct line_pcs_of of = { &question->job.table->table, blocks,
		question->job.bits };
	const uint8_t state =
	    index != WIRE_LINE_NONE ? question->job.states[index] : LINE_NONE;

	if (question->job.failed)
		reply_text(question->request, 503,
		    "the lines of this target cannot be told\n");
	else if (state == LINE_NONE)
		reply_text(question->request, 404, "that line has no code\n");
	else if (state == LINE_UNKNOWN)
		reply_text(question->request, 404,
		    "nobody can tell whether that line was reached\n");
	else if (state < LINE_PARTLY)
		reply_text(question->request, 404, "that line was not reached\n");
	else
		ask(question->past, question->request, question->name, &of,
		    question->file, question->line);
}

static void
step_cb(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval at_once = { 0, 0 };
	struct line_question *question = arg;

	(void)fd;
	(void)what;
	if (line_job_step(&question->job) &&
	    event_base_once(
		question->base, -1, EV_TIMEOUT, step_cb, question, &at_once) == 0)
		return;
	answer(question);
	line_job_end(&question->job);
	free(question);
	waiting--;
}

static void
conclude(struct event_base *base, struct past *past, struct evhttp_request *request,
    struct target *target, uint32_t file, uint32_t line)
{
	struct line_question *question =
	    waiting < WAITING_MAX ? calloc(1, sizeof(*question)) : NULL;

	if (question == NULL || line_job_begin(&question->job, target) < 0) {
		free(question);
		reply_text(request, 503, "too many ask for lines; try again\n");
		return;
	}
	question->past = past;
	question->base = base;
	question->request = request;
	question->file = file;
	question->line = line;
	memcpy(question->name, target->entry.name, sizeof(question->name));
	waiting++;
	step_cb(-1, 0, question);
}

/* Where only PCs tell of lines. */
static void
ask_at_once(struct past *past, struct evhttp_request *request, struct target *target,
    uint32_t file, uint32_t line)
{
	uint64_t *bits = target_copy_bits(target);
	const struct line_pcs_of of = { &target->table->table, NULL, bits };

	if (bits == NULL)
		reply_text(request, 503, REPLY_NO_MEMORY);
	else
		ask(past, request, target->entry.name, &of, file, line);
	free(bits);
}

void
line_first_serve(struct event_base *base, struct past *past,
    struct evhttp_request *request, struct target *target, const char *name,
    uint32_t line)
{
	char *several;
	const int64_t file = line_pcs_file(target, name, &several);

	if (file == -ENOENT)
		reply_text(request, 404, "the target has no file of that name\n");
	else if (file == -ENOTUNIQ)
		reply_text(request, 404, "is it %s, or another one?\n", several);
	else if (file == -EAGAIN)
		reply_text(request, 404, "the target has no lines yet\n");
	else if (file < 0)
		reply_text(request, 503, REPLY_NO_MEMORY);
	else if (target->blocks != NULL)
		conclude(base, past, request, target, (uint32_t)file, line);
	else
		ask_at_once(past, request, target, (uint32_t)file, line);
	free(several);
}
