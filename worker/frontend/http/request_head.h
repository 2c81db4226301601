/* SPDX-License-Identifier: MIT
 * The head of a request, byte by byte, as strict as RFC 9112 lets a server be: what two
 * parsers could read differently is refused before evhttp reads it at all.
 */
#ifndef FUZZSUP_REQUEST_HEAD_H
#define FUZZSUP_REQUEST_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum request_method { REQUEST_OTHER, REQUEST_GET, REQUEST_HEAD, REQUEST_POST };

/* Zeroed at the start of a head, which may come in parts. */
struct request_head {
	uint32_t bytes;
	uint8_t place;     /* enum place of request_head.c */
	uint8_t header;    /* enum header: the one under way */
	uint8_t method;    /* enum request_method */
	uint8_t word_len;  /* of the word that is collected */
	bool digits_ended; /* of content-length: spaces followed */
	uint8_t part;      /* enum part: of a target that begins with http:// */
	bool version_1_0;
	bool has_length, has_coding;
	uint8_t hosts;   /* how many; 2: too many */
	uint64_t length; /* content-length */
	char word[24];   /* method, target's beginning, version or name under way */
	uint16_t status; /* to refuse it with; 0: sound so far */
	const char *why; /* likewise: a sentence */
};

/* Takes the next part. Returns how many bytes of it belong to the head: all of them, or
 * fewer where it ended or is refused. */
size_t request_head_take(struct request_head *head, const char *bytes, size_t len);

/* True behind its last byte, if it is not refused. */
bool request_head_complete(const struct request_head *head);

#endif
