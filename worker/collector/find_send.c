/* SPDX-License-Identifier: MIT
 * Records of finds become messages; in the collector.
 */
#include "config.h"

#include "find_send.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "collect.h"
#include "job_finds.h"
#include "sha1.h"
#include "shared_memory.h"
#include "banned.h"

#define HEAD (24 + FIND_BUILD_ID_MAX) /* bytes of FIND's text before the PCs */
#define PCS_AT_ONCE 1024
#define BYTES_PER_SECOND (8 << 20)
_Static_assert(HEAD + 4 * PCS_AT_ONCE <= MESSAGE_TEXT_MAX, "a message");

static int64_t sent_second;
static uint64_t sent; /* bytes of inputs in it */

bool
find_is_too_soon(void)
{
	const int64_t second = clock_ms(CLOCK_MONOTONIC) / 1000;

	if (second != sent_second)
		sent = 0;
	sent_second = second;
	return sent > BYTES_PER_SECOND;
}

/* True if @fd holds the input that @find speaks of: a target may have written anything, and a full
 * disk half of it. */
static bool
is_the_input(int fd, const struct find_header *find)
{
	unsigned char digest[SHA1_BYTES];
	const void *bytes = NULL;
	size_t len = 0;

	if (shared_memory_map_sealed(fd, &bytes, &len) < 0)
		return false;
	sha1(bytes, len, digest);
	if (len > 0)
		munmap((void *)(uintptr_t)bytes, len);
	return len == find->kept && memcmp(digest, find->sha1, sizeof(digest)) == 0;
}

/* A sealed memfd of the input; -1: it cannot be read any more. */
static int
copy_input(const struct job_find *find)
{
	static unsigned char part[65536];
	uint64_t at = find->input_at, left = find->header->kept;
	int fd = shared_memory_create("fuzzsupd-input"), r = fd < 0 ? fd : 0;

	while (r == 0 && left > 0) {
		const ssize_t n = pread(find->fd, part,
		    left < sizeof(part) ? left : sizeof(part), (off_t)at);

		r = n > 0 ? shared_memory_append(fd, part, (size_t)n) : -EIO;
		at += n > 0 ? (uint64_t)n : 0;
		left -= n > 0 ? (uint64_t)n : 0;
	}
	if (r == 0)
		r = shared_memory_seal(fd);
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? -1 : fd;
}

/* Adds PCs of the record, from the one at @from on, as many as there is room for; returns how many of them it
 * looked at. */
static uint32_t
add_pcs(const struct target *target, const struct job_find *find, uint32_t from,
    struct message *message)
{
	uint32_t pcs[PCS_AT_ONCE], len = find->header->pcs_len - from;

	len = len < PCS_AT_ONCE ? len : PCS_AT_ONCE;
	if (pread(find->fd, pcs, 4 * (size_t)len,
		(off_t)(find->pcs_at + 4 * (uint64_t)from)) !=
	    (ssize_t)(4 * (size_t)len))
		return 0;
	for (uint32_t i = 0; i < len; i++) {
		if (pcs[i] >= target->live.map.pcs_len)
			continue;
		memcpy(message->text + message->text_len, &pcs[i], 4);
		message->text_len += 4;
	}
	return len;
}

static bool
is_of_build(const struct target *target, const struct find_header *find)
{
	const struct source_table_header *table = target->table.header;
	const uint32_t len = table->build_id_len < FIND_BUILD_ID_MAX
	    ? table->build_id_len
	    : FIND_BUILD_ID_MAX;

	return find->build_id_len == len &&
	    memcmp(find->build_id, table->build_id, len) == 0;
}

static void
write_head(struct message *message, const struct find_header *find)
{
	memset(message->text, 0, HEAD);
	memcpy(message->text, find->sha1, sizeof(find->sha1));
	message->text[20] = (char)find->build_id_len;
	memcpy(message->text + 24, find->build_id, find->build_id_len);
	message->text_len = HEAD;
}

int
find_send(struct channel *archive, const struct target *target, uint32_t job,
    unsigned instance, const struct job_find *find)
{
	const struct find_header *header = find->header;
	struct message message;
	uint32_t taken = 1;
	int fd;

	if (!is_of_build(target, header))
		return 0;
	fd = header->kept == header->input_size ? copy_input(find) : -1;
	if (fd >= 0 && !is_the_input(fd, header)) {
		close(fd);
		return -EPROTO;
	}
	sent += header->kept + 4 * (uint64_t)header->pcs_len;
	for (uint32_t from = 0; from < header->pcs_len && taken > 0; from += taken) {
		message_init(&message, MESSAGE_FIND, target->id);
		message.find.ms = header->ms;
		message.find.size = header->input_size;
		message.find.instance = instance;
		message.find.job = job;
		write_head(&message, header);
		taken = add_pcs(target, find, from, &message);
		/* What is lost is told again to the next archive. */
		if (message.text_len > HEAD)
			channel_send(archive, &message, &fd, fd >= 0 ? 1 : 0);
	}
	if (fd >= 0)
		close(fd);
	return 0;
}
