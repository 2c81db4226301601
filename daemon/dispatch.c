/* SPDX-License-Identifier: MIT
 * The table of what workers may ask for; in the supervisor.
 */
#include "config.h"

#include "dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "jobs.h"
#include "table.h"
#include "target.h"
#include "wasm_relay.h"
#include "banned.h"

/* Takes @fds. -EPROTO: no honest worker says this. */
typedef int (*handler_cb)(struct supervisor *supervisor, const struct message *message,
    int *fds, size_t fds_len);

static int
handle_table(struct supervisor *supervisor, const struct message *message, int *fds,
    size_t fds_len)
{
	return tables_answer(supervisor->tables, message, fds, fds_len);
}

static int
handle_more(struct supervisor *supervisor, const struct message *message, int *fds,
    size_t fds_len)
{
	return tables_more(supervisor->tables, message, fds, fds_len);
}

static int
handle_live(struct supervisor *supervisor, const struct message *message, int *fds,
    size_t fds_len)
{
	(void)fds_len;
	return target_live(supervisor->targets, message, fds[0]);
}

static int
handle_pcs(struct supervisor *supervisor, const struct message *message, int *fds,
    size_t fds_len)
{
	(void)fds_len;
	return target_pcs(supervisor->targets, message, fds[0]);
}

static int
handle_activity(struct supervisor *supervisor, const struct message *message, int *fds,
    size_t fds_len)
{
	(void)fds;
	(void)fds_len;
	return target_activity(supervisor->targets, message);
}

static int
handle_build(struct supervisor *supervisor, const struct message *message, int *fds,
    size_t fds_len)
{
	(void)fds;
	(void)fds_len;
	return wasm_relay_request(supervisor->wasm_relay, message);
}

static int
handle_wasm(struct supervisor *supervisor, const struct message *message, int *fds,
    size_t fds_len)
{
	return wasm_relay_answer(supervisor->wasm_relay, message, fds, fds_len);
}

static int
handle_job_state(struct supervisor *supervisor, const struct message *message, int *fds,
    size_t fds_len)
{
	(void)fds;
	(void)fds_len;
	return jobs_report(supervisor->jobs, message);
}

static int
handle_job_entry(struct supervisor *supervisor, const struct message *message, int *fds,
    size_t fds_len)
{
	(void)fds;
	(void)fds_len;
	return jobs_entry(supervisor->jobs, message);
}

static int
handle_job_stats(struct supervisor *supervisor, const struct message *message, int *fds,
    size_t fds_len)
{
	(void)fds;
	(void)fds_len;
	return jobs_stats(supervisor->jobs, message);
}

static int
handle_job_end(struct supervisor *supervisor, const struct message *message, int *fds,
    size_t fds_len)
{
	(void)fds;
	(void)fds_len;
	return jobs_end(supervisor->jobs, message);
}

static int
handle_job_fuzzers(struct supervisor *supervisor, const struct message *message,
    int *fds, size_t fds_len)
{
	(void)fds;
	(void)fds_len;
	return jobs_fuzzers(supervisor->jobs, message);
}

static int
handle_ask_job(struct supervisor *supervisor, const struct message *message, int *fds,
    size_t fds_len)
{
	(void)fds;
	(void)fds_len;
	return jobs_asked(supervisor->jobs, message);
}

static int
handle_lines(struct supervisor *supervisor, const struct message *message, int *fds,
    size_t fds_len)
{
	(void)fds;
	(void)fds_len;
	return target_lines(supervisor->targets, message);
}

static const struct entry {
	enum worker_kind from;
	enum message_type type;
	size_t fds_min, fds_max;
	handler_cb handler;
} entries[] = {
	{ WORKER_SYMBOLIZER, MESSAGE_TABLE, 0, 1, handle_table },
	{ WORKER_SYMBOLIZER, MESSAGE_FUNCTIONS, 0, 1, handle_more },
	{ WORKER_SYMBOLIZER, MESSAGE_BLOCKS, 0, 1, handle_more },
	{ WORKER_COLLECTOR, MESSAGE_LIVE, 1, 1, handle_live },
	{ WORKER_COLLECTOR, MESSAGE_ACTIVITY, 0, 0, handle_activity },
	{ WORKER_COLLECTOR, MESSAGE_PCS, 1, 1, handle_pcs },
	{ WORKER_FRONTEND, MESSAGE_BUILD_WASM, 0, 0, handle_build },
	{ WORKER_RUNNER, MESSAGE_WASM, 0, 1, handle_wasm },
	{ WORKER_RUNNER, MESSAGE_JOB_STATE, 0, 0, handle_job_state },
	{ WORKER_RUNNER, MESSAGE_JOB_ENTRY, 0, 0, handle_job_entry },
	{ WORKER_COLLECTOR, MESSAGE_JOB_STATS, 0, 0, handle_job_stats },
	{ WORKER_COLLECTOR, MESSAGE_JOB_END, 0, 0, handle_job_end },
	{ WORKER_COLLECTOR, MESSAGE_JOB_FUZZERS, 0, 0, handle_job_fuzzers },
	{ WORKER_FRONTEND, MESSAGE_ASK_JOB, 0, 0, handle_ask_job },
	{ WORKER_FRONTEND, MESSAGE_LINES, 0, 0, handle_lines },
};

static const struct entry *
find(enum worker_kind kind, unsigned type, size_t fds_len)
{
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (entries[i].from == kind && entries[i].type == type &&
		    fds_len >= entries[i].fds_min && fds_len <= entries[i].fds_max)
			return &entries[i];
	return NULL;
}

bool
dispatch_allowed(enum worker_kind kind, unsigned type, size_t fds_len)
{
	return find(kind, type, fds_len) != NULL;
}

void
dispatch(struct supervisor *supervisor, struct worker *worker,
    const struct message *message, int *fds, size_t fds_len)
{
	const struct entry *entry = find(worker->kind, message->type, fds_len);
	char why[128];

	if (entry != NULL &&
	    entry->handler(supervisor, message, fds, fds_len) != -EPROTO)
		return;
	if (entry == NULL)
		for (size_t i = 0; i < fds_len; i++)
			close(fds[i]);
	snprintf(why, sizeof(why), "it may not send this: %s with %zu descriptors",
	    message_type_name(message->type), fds_len);
	worker_kill(worker, why);
}
