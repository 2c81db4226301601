/* SPDX-License-Identifier: MIT
 * Drives a Zig 0.14 test executable over --listen=-: asks for one test to be fuzzed, and
 * reads what it announces. Format: std.zig.Server and std.zig.Client.
 */
#ifndef FUZZSUP_ZIG_LISTEN_H
#define FUZZSUP_ZIG_LISTEN_H

#include <stddef.h>
#include <stdint.h>

struct zig_listen {
	int to, from; /* its standard input and output; -1: none */
	unsigned char header[16];
	size_t header_len;
	uint64_t skip; /* bytes of a message that nobody wants */
};

/* Takes both descriptors, and sends the request. */
void zig_listen_start(struct zig_listen *zig, int to, int from, uint32_t test);

/* Reads on. Returns 1 with the address of an entry point, -EAGAIN if there is no more, 0
 * when it closed its output, or -EPROTO. */
int zig_listen_read(struct zig_listen *zig, uint64_t *ret_entry);

#endif
