/* SPDX-License-Identifier: MIT
 * Records of finds; in the collector.
 */
#include "config.h"

#include "job_finds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "banned.h"

#define RECORDS_AT_ONCE 64
#define SEARCHED 16384 /* bytes at once, for a record behind what is none */

/* Whether what stands at @at is a whole record. 0, -EAGAIN: not yet; -EPROTO: it is none. */
static int
read_header(int fd, uint64_t at, uint64_t size, struct find_header *ret_header)
{
	if (at + sizeof(*ret_header) > size)
		return -EAGAIN;
	if (pread(fd, ret_header, sizeof(*ret_header), (off_t)at) !=
	    (ssize_t)sizeof(*ret_header))
		return -EAGAIN;
	if (ret_header->magic != FIND_MAGIC || ret_header->pcs_len == 0 ||
	    ret_header->pcs_len > FIND_PCS_MAX || ret_header->kept > FIND_INPUT_MAX ||
	    (ret_header->kept != 0 && ret_header->kept != ret_header->input_size) ||
	    ret_header->build_id_len > FIND_BUILD_ID_MAX ||
	    ret_header->size != find_record_size(ret_header->pcs_len, ret_header->kept))
		return -EPROTO;
	return at + ret_header->size <= size ? 0 : -EAGAIN;
}

/* Behind what is no record, of a full disk or of a hostile target, the next one may begin at any multiple of 8. */
static void
search(struct job_finds *finds, int fd, unsigned number, const char *of, uint64_t size)
{
	uint32_t words[SEARCHED / 4];
	uint64_t at = finds->at + 8;
	ssize_t n;

	if (!finds->is_damaged)
		log_warning("target %s: " FIND_FOLDER
			    "/%u of a job has something that is no record of a find; "
			    "it is passed over",
		    of, number);
	finds->is_damaged = true;
	n = pread(fd, words, sizeof(words), (off_t)at);
	for (ssize_t i = 0; i + 4 <= n; i += 8)
		if (words[i / 4] == FIND_MAGIC) {
			finds->at = at + (uint64_t)i;
			return;
		}
	finds->at = n == (ssize_t)sizeof(words) ? at + sizeof(words) - 8 : size;
}

/* Reads on in the file that is finds->file. @last: nobody writes to it any more. Returns true if its
 * end was reached. */
static bool
read_on(struct job_finds *finds, int fd, unsigned number, const char *of, uint64_t size,
    bool last, job_find_cb callback, void *arg)
{
	struct find_header header;
	struct job_find find = { .header = &header, .fd = fd };
	int r = 0;

	for (int i = 0; i < RECORDS_AT_ONCE; i++) {
		r = read_header(fd, finds->at, size, &header);
		if (r == -EAGAIN)
			return true;
		if (r < 0) {
			search(finds, fd, number, of, size);
			continue;
		}
		find.pcs_at = finds->at + sizeof(header);
		find.input_at = find.pcs_at + 4 * (uint64_t)header.pcs_len;
		r = callback(arg, &find);
		if (r == -EPROTO)
			search(finds, fd, number, of, size);
		else if (r < 0)
			return last ? false : true;
		else
			finds->at += header.size;
	}
	return false;
}

static void
switch_to(struct job_finds *finds, const struct job_file_id *file)
{
	/* What is damaged is said once, however often it is replaced. */
	*finds = (struct job_finds){ .file = *file, .is_damaged = finds->is_damaged };
}

/* Reads on in @path if that is the file that was read. Returns true if there is no more of it. */
static bool
read_path(struct job_finds *finds, int directory, const char *path, unsigned number,
    const char *of, bool last, job_find_cb callback, void *arg)
{
	struct job_file_id opened;
	int fd = job_file_open(directory, path, &opened);
	bool end = true;

	if (fd < 0)
		return true;
	if (finds->file.inode == 0)
		switch_to(finds, &opened);
	if (job_file_same(&opened, &finds->file)) {
		if (opened.size < finds->at)
			finds->at = 0; /* it was cut */
		end = read_on(finds, fd, number, of, opened.size, last, callback, arg);
	}
	close(fd);
	return end;
}

void
job_finds_again(struct job_finds *finds)
{
	*finds = (struct job_finds){ .is_damaged = finds->is_damaged };
}

bool
job_finds_read(struct job_finds *finds, int directory, unsigned number, const char *of,
    job_find_cb callback, void *arg)
{
	char name[40], older[48];
	struct job_file_id now;

	snprintf(name, sizeof(name), FIND_FOLDER "/%u", number);
	snprintf(older, sizeof(older), "%s.1", name);
	/* The one before comes first. */
	if (finds->file.inode == 0 &&
	    !read_path(finds, directory, older, number, of, true, callback, arg))
		return true;
	if (job_file_look(directory, name, &now) < 0)
		return false;
	if (finds->file.inode != 0 && !job_file_same(&now, &finds->file)) {
		if (!read_path(
			finds, directory, older, number, of, true, callback, arg))
			return true;
		switch_to(finds, &now);
	}
	if (finds->file.inode != 0 && now.size == finds->at)
		return false;
	return !read_path(finds, directory, name, number, of, false, callback, arg);
}
