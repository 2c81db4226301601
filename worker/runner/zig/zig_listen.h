/* SPDX-License-Identifier: MIT
 * Drives a Zig test executable over --listen=-: learns its version and its tests, asks for
 * some of them to be fuzzed, and reads what it announces. In the minder of an instance.
 *
 * Formats: std.zig.Server and std.zig.Client of Zig 0.14 to 0.17. Zig 0.14 and 0.15 fuzz
 * one test a process, by its index; later ones any number, by their names, and tell each
 * other of their finds through whoever runs them.
 */
#ifndef FUZZSUP_ZIG_LISTEN_H
#define FUZZSUP_ZIG_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launch.h"

/* Minor version since which its fuzzer keeps the input that it tries in a file. */
#define ZIG_KEEPS_INPUT_SINCE 16

enum zig_word_kind {
	ZIG_ENTRY, /* address: of a test that is fuzzed */
	ZIG_INPUT, /* bytes: a find, for the other instances of its tests */
	ZIG_SAYS,  /* text: for its log */
	ZIG_LACKS, /* text: for its log; something that was asked for is not done */
};

/* What it said; valid until the next call. */
struct zig_word {
	enum zig_word_kind kind;
	uint64_t address;
	const unsigned char *bytes;
	size_t len;
	const char *text;
};

struct zig_listen {
	int to, from; /* its standard input and output; -1: none */
	const struct zig_task *task;
	unsigned minor; /* its version is 0.minor; 0: not said yet */
	bool has_coverage;
	bool has_begun;   /* it was asked to fuzz, and answered */
	bool was_asked;   /* to fuzz */
	bool left_out;    /* a find that was too large; said once */
	char version[32]; /* as it said it */
	unsigned char header[8];
	size_t header_len;
	unsigned char *body; /* of the message that is being read */
	size_t body_len, body_size;
	uint64_t skip;      /* bytes of a message that nobody wants */
	unsigned char *out; /* what it is to be told, and what it took of that */
	size_t out_len, out_taken;
	char text[640]; /* of a word, or why it cannot be run */
};

/* Takes both descriptors. */
void zig_listen_start(
    struct zig_listen *zig, int to, int from, const struct zig_task *task);
void zig_listen_stop(struct zig_listen *zig);

/* Reads on. Returns 1 with a word, -EAGAIN if there is no more, 0 when it closed its
 * output, or another negative errno: it cannot be run, and zig->text says why. */
int zig_listen_read(struct zig_listen *zig, struct zig_word *ret_word);

/* True if it takes finds of others now. */
bool zig_listen_wants_inputs(const struct zig_listen *zig);

/* Hands it a find, as another instance's ZIG_INPUT told it. 0 or -ENOMEM. */
int zig_listen_input(struct zig_listen *zig, const unsigned char *bytes, size_t len);

/* True if it is to be told something; zig_listen_write() tells as much as it takes. */
bool zig_listen_has_output(const struct zig_listen *zig);
void zig_listen_write(struct zig_listen *zig);

#endif
