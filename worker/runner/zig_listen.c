/* SPDX-License-Identifier: MIT
 * Zig's test protocol, as far as fuzzing needs it; in the minder of an instance.
 */
#include "config.h"

#include "zig_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

#include "banned.h"

/* Little-endian machines alone, as Zig's tests send what is in memory. */
#define TAG_START_FUZZING 6 /* to it: u32 test index */
#define TAG_ENTRY_ADDRESS 7 /* from it: u64 */
#define MESSAGE_MAX (16 << 20)

void
zig_listen_start(struct zig_listen *zig, int to, int from, uint32_t test)
{
	const uint32_t request[] = { TAG_START_FUZZING, sizeof(test), test };

	*zig = (struct zig_listen){ .to = to, .from = from };
	fcntl(from, F_SETFL, O_NONBLOCK);
	/* A new pipe has room for it. */
	if (write(to, request, sizeof(request)) != (ssize_t)sizeof(request)) {
		close(to);
		zig->to = -1;
	}
}

static int
closed(struct zig_listen *zig, ssize_t n)
{
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	close(zig->from);
	zig->from = -1;
	return 0;
}

int
zig_listen_read(struct zig_listen *zig, uint64_t *ret_entry)
{
	unsigned char nobody[4096];
	uint32_t tag, len;
	ssize_t n;

	for (;;) {
		if (zig->skip > 0) {
			n = read(zig->from, nobody, MIN(zig->skip, sizeof(nobody)));
			if (n <= 0)
				return closed(zig, n);
			zig->skip -= (uint64_t)n;
			continue;
		}
		/* Header, and of an entry point its body, too. */
		memcpy(&tag, zig->header, sizeof(tag));
		memcpy(&len, zig->header + 4, sizeof(len));
		if (zig->header_len == sizeof(zig->header)) {
			memcpy(ret_entry, zig->header + 8, sizeof(*ret_entry));
			zig->header_len = 0;
			return 1;
		}
		if (zig->header_len == 8 && (tag != TAG_ENTRY_ADDRESS || len != 8)) {
			if (len > MESSAGE_MAX)
				return -EPROTO;
			zig->skip = len;
			zig->header_len = 0;
			continue;
		}
		n = read(zig->from, zig->header + zig->header_len,
		    (zig->header_len < 8 ? 8 : 16) - zig->header_len);
		if (n <= 0)
			return closed(zig, n);
		zig->header_len += (size_t)n;
	}
}
