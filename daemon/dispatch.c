/* SPDX-License-Identifier: MIT
 * What workers tell and ask, and who handles it; in the supervisor.
 */
#include "config.h"

#include "dispatch.h"

#include <errno.h>

#include "archive_feed.h"
#include "heartbeat.h"
#include "jobs.h"
#include "supervisor.h"
#include "table.h"
#include "target.h"
#include "banned.h"

/* Who owns what a worker speaks of. */
static struct supervisor *
supervisor_of(const struct worker *worker)
{
	return worker->setup->context;
}

static int
on_pong(void *context, struct mail *mail)
{
	if (heartbeat_answered(context, mail->message->beat.number) < 0)
		worker_kill(context, "it answered a ping that was not sent");
	return 0;
}

static int
on_table(void *context, struct mail *mail)
{
	return tables_answer(
	    supervisor_of(context)->tables, mail->message, mail_take_fd(mail, 0));
}

static int
on_more(void *context, struct mail *mail)
{
	return tables_more(
	    supervisor_of(context)->tables, mail->message, mail_take_fd(mail, 0));
}

static int
on_live(void *context, struct mail *mail)
{
	return target_live(
	    supervisor_of(context)->targets, mail->message, mail_take_fd(mail, 0));
}

static int
on_pcs(void *context, struct mail *mail)
{
	return target_pcs(
	    supervisor_of(context)->targets, mail->message, mail_take_fd(mail, 0));
}

static int
on_activity(void *context, struct mail *mail)
{
	return target_activity(supervisor_of(context)->targets, mail->message);
}

static int
on_lines(void *context, struct mail *mail)
{
	return target_lines(supervisor_of(context)->targets, mail->message);
}

static int
on_job_state(void *context, struct mail *mail)
{
	return jobs_report(supervisor_of(context)->jobs, mail->message);
}

static int
on_job_entry(void *context, struct mail *mail)
{
	return jobs_entry(supervisor_of(context)->jobs, mail->message);
}

static int
on_job_stats(void *context, struct mail *mail)
{
	return jobs_stats(supervisor_of(context)->jobs, mail->message);
}

static int
on_job_end(void *context, struct mail *mail)
{
	return jobs_end(supervisor_of(context)->jobs, mail->message);
}

static int
on_job_fuzzers(void *context, struct mail *mail)
{
	return jobs_fuzzers(supervisor_of(context)->jobs, mail->message);
}

static int
on_ask_job(void *context, struct mail *mail)
{
	return jobs_asked(supervisor_of(context)->jobs, mail->message);
}

static int
on_events_kept(void *context, struct mail *mail)
{
	return archive_feed_kept(supervisor_of(context)->archive_feed, mail->message);
}

static int
on_job_past(void *context, struct mail *mail)
{
	return archive_feed_past(supervisor_of(context)->archive_feed, mail->message);
}

static int
on_past_told(void *context, struct mail *mail)
{
	(void)mail;
	return archive_feed_past_told(supervisor_of(context)->archive_feed);
}

static int
on_archive_state(void *context, struct mail *mail)
{
	return archive_feed_state(supervisor_of(context)->archive_feed, mail->message);
}

const struct mail_handler dispatch_handlers[] = {
	{ MESSAGE_PONG, on_pong },
	{ MESSAGE_TABLE, on_table },
	{ MESSAGE_FUNCTIONS, on_more },
	{ MESSAGE_BLOCKS, on_more },
	{ MESSAGE_LIVE, on_live },
	{ MESSAGE_PCS, on_pcs },
	{ MESSAGE_ACTIVITY, on_activity },
	{ MESSAGE_LINES, on_lines },
	{ MESSAGE_JOB_STATE, on_job_state },
	{ MESSAGE_JOB_ENTRY, on_job_entry },
	{ MESSAGE_JOB_STATS, on_job_stats },
	{ MESSAGE_JOB_END, on_job_end },
	{ MESSAGE_JOB_FUZZERS, on_job_fuzzers },
	{ MESSAGE_ASK_JOB, on_ask_job },
	{ MESSAGE_EVENTS_KEPT, on_events_kept },
	{ MESSAGE_JOB_PAST, on_job_past },
	{ MESSAGE_PAST_TOLD, on_past_told },
	{ MESSAGE_ARCHIVE_STATE, on_archive_state },
};
const size_t dispatch_handlers_len =
    sizeof(dispatch_handlers) / sizeof(dispatch_handlers[0]);
