/* SPDX-License-Identifier: MIT
 * What becomes of a Zig test executable's words; in the minder of an instance.
 */
#include "config.h"

#include "zig_drive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "zig_crash.h"
#include "banned.h"

#define SILENCE_MS 10000
#define SHARE_MS 1000
#define SHARED_AT_ONCE 256

static void
note(struct zig_drive *drive, const char *text)
{
	if (strcmp(drive->note, text) == 0)
		return;
	snprintf(drive->note, sizeof(drive->note), "%s", text);
	drive->noted(drive->context, drive->note);
	if (drive->note[0] != '\0')
		job_log_say(drive->log, "%s", drive->note);
}

static void
note_lack(struct zig_drive *drive, const char *text)
{
	snprintf(drive->lack, sizeof(drive->lack), "%s", text);
	note(drive, drive->lack);
}

void
zig_drive_start(struct zig_drive *drive, const struct launch *launch, int to, int from)
{
	int r;

	zig_listen_start(&drive->listen, to, from, &launch->zig);
	r = zig_share_open(&drive->share, launch->folder, &launch->zig);
	if (r < 0)
		job_log_say(drive->log,
		    "its finds are not shared with the job's other instances: %s",
		    strerror(-r));
	drive->since_ms = clock_ms(CLOCK_MONOTONIC);
}

static void
take(struct zig_drive *drive, const struct zig_word *word)
{
	int r;

	switch (word->kind) {
	case ZIG_ENTRY:
		drive->entry(drive->context, word->address);
		break;
	case ZIG_INPUT:
		r = zig_share_add(&drive->share, word->bytes, word->len);
		if (r < 0 && r != -EBADF && !drive->share_failed) {
			drive->share_failed = true;
			job_log_say(drive->log,
			    "finds are not shared with the job's other instances: %s",
			    strerror(-r));
		}
		break;
	case ZIG_SAYS:
		job_log_say(drive->log, "%s", word->text);
		break;
	case ZIG_LACKS:
		note_lack(drive, word->text);
		break;
	}
}

static void
read_words(struct zig_drive *drive)
{
	struct zig_word word;
	int r;

	while ((r = zig_listen_read(&drive->listen, &word)) > 0)
		take(drive, &word);
	/* What it was silent for is over. */
	if (drive->listen.has_begun)
		note(drive, drive->lack);
	if (r >= 0 || r == -EAGAIN || drive->is_unfit)
		return;
	drive->is_unfit = true;
	drive->unfit(drive->context, drive->listen.text);
}

void
zig_drive_polls(const struct zig_drive *drive, struct pollfd polls[2])
{
	const struct zig_listen *listen = &drive->listen;

	polls[0] = (struct pollfd){ .fd = drive->is_unfit ? -1 : listen->from,
		.events = POLLIN };
	polls[1] =
	    (struct pollfd){ .fd = zig_listen_has_output(listen) ? listen->to : -1,
		    .events = POLLOUT };
}

void
zig_drive_polled(struct zig_drive *drive, const struct pollfd polls[2])
{
	if (polls[0].revents != 0)
		read_words(drive);
	if (polls[1].revents != 0)
		zig_listen_write(&drive->listen);
}

static void
pass_on_finds(struct zig_drive *drive)
{
	const unsigned char *bytes;
	ssize_t n;

	for (int i = 0; i < SHARED_AT_ONCE && zig_listen_wants_inputs(&drive->listen);
	    i++) {
		n = zig_share_next(&drive->share, &bytes);
		if (n < 0)
			return;
		zig_listen_input(&drive->listen, bytes, (size_t)n);
	}
}

void
zig_drive_look(struct zig_drive *drive, int64_t now_ms)
{
	const struct zig_listen *listen = &drive->listen;

	if (listen->from < 0)
		return;
	if (now_ms - drive->shared_ms >= SHARE_MS) {
		drive->shared_ms = now_ms;
		pass_on_finds(drive);
	}
	if (listen->has_begun || now_ms - drive->since_ms < SILENCE_MS)
		return;
	if (listen->minor == 0)
		note(drive,
		    "it has not said a word of Zig's test protocol for 10 s: the "
		    "program "
		    "must be what \"zig test -ffuzz\" builds");
	else
		note(drive,
		    "it knows the protocol, but has not begun to fuzz for 10 s; its "
		    "log "
		    "may say more");
}

void
zig_drive_ended(struct zig_drive *drive, const struct launch *launch, bool well)
{
	char name[ZIG_CRASH_NAME];
	int r;

	/* What it found last. */
	if (!drive->is_unfit)
		read_words(drive);
	if (drive->listen.minor < ZIG_KEEPS_INPUT_SINCE)
		return;
	r = zig_crash_save(launch, !well, name);
	if (r == 0)
		job_log_say(drive->log, "the input is kept: artifacts/%s", name);
	else if (!well && r != -ENOENT)
		job_log_say(
		    drive->log, "its input could not be kept: %s", strerror(-r));
}
