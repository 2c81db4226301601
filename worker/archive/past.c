/* SPDX-License-Identifier: MIT
 * Telling the supervisor what jobs go on from; in the archive.
 */
#include "config.h"

#include "past.h"

#include <stdio.h>
#include <string.h>

#include "job_types.h"
#include "banned.h"

static bool
job_cb(sqlite3_stmt *row, void *context)
{
	struct channel *supervisor = context;
	struct job_sample sample = { 0 };
	struct message message;

	/* Of another version of this program: it begins anew. */
	if (sqlite3_column_bytes(row, 2) != (int)sizeof(sample.stats))
		return true;
	memcpy(&sample.stats, sqlite3_column_blob(row, 2), sizeof(sample.stats));
	sample.ran_ms = (uint64_t)sqlite3_column_int64(row, 3);
	sample.starts = (uint32_t)sqlite3_column_int64(row, 4);
	sample.is_stopped = sqlite3_column_int(row, 5) != 0;
	message_init(&message, MESSAGE_JOB_PAST, 0);
	message_printf(&message, "%s/%s", (const char *)sqlite3_column_text(row, 0),
	    (const char *)sqlite3_column_text(row, 1));
	message.text[message.text_len] = '\0';
	memcpy(message.text + message.text_len + 1, &sample, sizeof(sample));
	message.text_len += 1 + (uint32_t)sizeof(sample);
	return channel_send(supervisor, &message, NULL, 0) == 0;
}

void
past_tell(struct store *store, struct channel *supervisor)
{
	struct message message;

	store_each(store, "SELECT target, job, stats, ran_ms, starts, stopped FROM job",
	    job_cb, supervisor, "");
	message_init(&message, MESSAGE_PAST_TOLD, 0);
	channel_send(supervisor, &message, NULL, 0);
}
