/* SPDX-License-Identifier: MIT
 * Strict heads of requests; in the front-end.
 */
#include "config.h"

#include "request_head.h"

#include <string.h>
#include <strings.h>

#include "request_check.h"
#include "banned.h"

enum place {
	PLACE_METHOD, /* zero: where a head begins */
	PLACE_TARGET,
	PLACE_VERSION,
	PLACE_LINE_END, /* behind a carriage return */
	PLACE_LINE,     /* where a line of a header begins, or the empty one */
	PLACE_NAME,
	PLACE_VALUE_START, /* spaces in front of a value */
	PLACE_VALUE,
	PLACE_LAST_END, /* behind the carriage return of the empty line */
	PLACE_DONE,
};

enum part { PART_PATH, PART_HOST, PART_PORT }; /* of a target */

/* Of those up to HOST any value will do. */
enum header { HEADER_OTHER, HEADER_CODING, HEADER_HOST, HEADER_LENGTH, HEADER_EXPECT };

/* What a name consists of: RFC 9110's token. */
static bool
is_token(unsigned char c)
{
	static const char others[256] = {
		['!'] = 1,
		['#'] = 1,
		['$'] = 1,
		['%'] = 1,
		['&'] = 1,
		['\''] = 1,
		['*'] = 1,
		['+'] = 1,
		['-'] = 1,
		['.'] = 1,
		['^'] = 1,
		['_'] = 1,
		['`'] = 1,
		['|'] = 1,
		['~'] = 1,
	};

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || others[c];
}

static bool
is_host(unsigned char c)
{
	return is_token(c) && (c > '9' || strchr("-.0123456789", c) != NULL) &&
	    strchr("^_`|~", c) == NULL;
}

static bool
refuse(struct request_head *head, unsigned status, const char *why)
{
	head->status = (uint16_t)status;
	head->why = why;
	return false;
}

/* A word that is too long to be known is none of those that are. */
static void
collect(struct request_head *head, char c)
{
	if (head->word_len < sizeof(head->word))
		head->word[head->word_len++] = c;
}

static bool
word_is(const struct request_head *head, const char *text)
{
	return head->word_len == strlen(text) &&
	    strncasecmp(head->word, text, head->word_len) == 0;
}

/* ---- the first line ---- */

static bool
end_method(struct request_head *head)
{
	static const char *const names[] = {
		[REQUEST_GET] = "GET", [REQUEST_HEAD] = "HEAD", [REQUEST_POST] = "POST"
	};

	if (head->word_len == 0)
		return refuse(head, 400, "the request begins with no method");
	for (uint8_t i = REQUEST_GET; i <= REQUEST_POST; i++)
		if (head->word_len == strlen(names[i]) &&
		    memcmp(head->word, names[i], head->word_len) == 0)
			head->method = i;
	head->word_len = 0;
	head->place = PLACE_TARGET;
	return true;
}

/* A path, or what proxies are sent: http://host/path. Of that evhttp could refuse the
 * host in its own way, so only what it takes is let through. */
static bool
begin_target(struct request_head *head, unsigned char c)
{
	static const char scheme[] = "http://";
	const size_t place = head->word_len;

	if (place == 0 && c == '/')
		return true;
	if (head->word[0] == '/')
		return place != 1 || c != '/' || refuse(head, 404, "not found");
	if (place < sizeof(scheme) - 1) {
		if ((c | 0x20) != (scheme[place] | 0x20))
			return refuse(head, 400, "the request's target must be a path");
		head->part = place == sizeof(scheme) - 2 ? PART_HOST : PART_PATH;
		return true;
	}
	if (c == '/' || c == '?')
		head->part = PART_PATH;
	else if (head->part == PART_HOST && c == ':')
		head->part = PART_PORT;
	else if ((head->part == PART_PORT && (c < '0' || c > '9')) ||
	    (head->part == PART_HOST && !is_host(c)))
		return refuse(head, 400, "the request's target must be a path");
	return true;
}

static bool
take_target(struct request_head *head, unsigned char c)
{
	if (c == ' ') {
		if (head->word_len == 0 ||
		    (head->word[0] != '/' && head->word_len < 8 &&
			head->method != REQUEST_OTHER))
			return refuse(head, 400, "the request names no path");
		head->word_len = 0;
		head->place = PLACE_VERSION;
		return true;
	}
	if (c < 0x20 || c == 0x7f)
		return refuse(head, 400, "the request's first line is malformed");
	if (head->method != REQUEST_OTHER && !begin_target(head, c))
		return false;
	collect(head, (char)c);
	return true;
}

static bool
end_version(struct request_head *head)
{
	const char *word = head->word;

	if (head->word_len != 8 || memcmp(word, "HTTP/", 5) != 0 || word[5] < '0' ||
	    word[5] > '9' || word[6] != '.' || word[7] < '0' || word[7] > '9')
		return refuse(
		    head, 400, "the request's first line must end with HTTP/1.1");
	if (word[5] != '1' || (word[7] != '0' && word[7] != '1'))
		return refuse(head, 505, "this service speaks HTTP/1.1 and HTTP/1.0");
	head->version_1_0 = word[7] == '0';
	head->place = PLACE_LINE_END;
	return true;
}

/* ---- headers ---- */

static bool
end_name(struct request_head *head)
{
	static const struct {
		const char *name;
		enum header header;
	} known[] = {
		{ "content-length", HEADER_LENGTH },
		{ "transfer-encoding", HEADER_CODING },
		{ "host", HEADER_HOST },
		{ "expect", HEADER_EXPECT },
	};

	head->header = HEADER_OTHER;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (word_is(head, known[i].name))
			head->header = known[i].header;
	head->word_len = 0;
	head->digits_ended = false;
	head->place = PLACE_VALUE_START;
	if (head->header == HEADER_HOST && head->hosts < 2)
		head->hosts++;
	if (head->header == HEADER_CODING)
		head->has_coding = true;
	if (head->header == HEADER_LENGTH && head->has_length)
		return refuse(head, 400, "content-length must be one decimal number");
	return true;
}

static bool
take_name(struct request_head *head, unsigned char c)
{
	if (c == ':') {
		if (head->place == PLACE_LINE)
			return refuse(head, 400, "a header has no name");
		return end_name(head);
	}
	if (c == ' ' || c == '\t')
		return refuse(head, 400,
		    head->place == PLACE_LINE ? "a header must stand in one line"
					      : "a header's name must not hold spaces");
	if (!is_token(c))
		return refuse(head, 400, "a header's name is malformed");
	collect(head, (char)c);
	head->place = PLACE_NAME;
	return true;
}

static bool
take_digit(struct request_head *head, unsigned char c)
{
	if (c == ' ' || c == '\t') {
		head->digits_ended = true;
		return true;
	}
	if (c < '0' || c > '9' || head->digits_ended)
		return refuse(head, 400, "content-length must be one decimal number");
	head->has_length = true;
	head->length =
	    head->length > UINT32_MAX ? UINT64_MAX : head->length * 10 + (c - '0');
	return true;
}

static bool
take_value(struct request_head *head, unsigned char c)
{
	if (c == ' ' || c == '\t') {
		if (head->place == PLACE_VALUE_START)
			return true;
	} else {
		head->place = PLACE_VALUE;
	}
	if ((c < 0x20 && c != '\t') || c == 0x7f)
		return refuse(head, 400, "a header holds control characters");
	if (head->header == HEADER_LENGTH)
		return take_digit(head, c);
	if (head->header == HEADER_EXPECT && c != ' ' && c != '\t')
		collect(head, (char)c);
	return true;
}

static bool
end_value(struct request_head *head)
{
	head->place = PLACE_LINE_END;
	if (head->header == HEADER_LENGTH && !head->has_length)
		return refuse(head, 400, "content-length must be one decimal number");
	if (head->header == HEADER_EXPECT && !word_is(head, "100-continue"))
		return refuse(head, 417, "nothing but 100-continue can be expected");
	return true;
}

/* All of it is there: what it means as a whole. */
static bool
end_head(struct request_head *head)
{
	head->place = PLACE_DONE;
	if (head->has_coding && head->has_length)
		return refuse(head, 400,
		    "content-length and transfer-encoding exclude each other");
	if (head->hosts != 1)
		return refuse(head, 400, "a request needs one host header");
	if (head->has_coding)
		return refuse(head, 411, "a body needs a content-length here");
	if (head->method == REQUEST_OTHER)
		return refuse(head, 405, "only GET and HEAD are known here");
	if (head->length > REQUEST_BODY_MAX)
		return refuse(head, 413, "the body is too large");
	return true;
}

/* ---- bytes ---- */

static bool
take_return(struct request_head *head)
{
	switch ((enum place)head->place) {
	case PLACE_VERSION:
		return end_version(head);
	case PLACE_VALUE_START:
	case PLACE_VALUE:
		return end_value(head);
	case PLACE_LINE:
		head->place = PLACE_LAST_END;
		return true;
	default:
		return refuse(head, 400,
		    head->place == PLACE_NAME
			? "a header needs a colon"
			: "the request's first line is malformed");
	}
}

static bool
take_newline(struct request_head *head)
{
	head->word_len = 0;
	if (head->place == PLACE_LAST_END)
		return end_head(head);
	head->place = PLACE_LINE;
	return true;
}

static bool
take_byte(struct request_head *head, unsigned char c)
{
	const bool ends =
	    head->place == PLACE_LINE_END || head->place == PLACE_LAST_END;

	if (ends != (c == '\n'))
		return refuse(head, 400, "lines of a head must end with CR LF");
	if (c == '\n')
		return take_newline(head);
	if (c == '\r')
		return take_return(head);
	switch ((enum place)head->place) {
	case PLACE_METHOD:
		if (c == ' ')
			return end_method(head);
		if (!is_token(c))
			return refuse(head, 400, "the request begins with no method");
		collect(head, (char)c);
		return true;
	case PLACE_TARGET:
		return take_target(head, c);
	case PLACE_VERSION:
		collect(head, (char)c);
		return true;
	case PLACE_LINE:
	case PLACE_NAME:
		return take_name(head, c);
	default:
		return take_value(head, c);
	}
}

/* Most of a head is values of headers that mean nothing here: how much of such a one stands
 * at @bytes. */
static size_t
skip_value(const struct request_head *head, const char *bytes, size_t len)
{
	size_t i = 0;

	if (head->place != PLACE_VALUE || head->header > HEADER_HOST)
		return 0;
	while (i < len && (unsigned char)bytes[i] >= 0x20 && bytes[i] != 0x7f)
		i++;
	return i;
}

size_t
request_head_take(struct request_head *head, const char *bytes, size_t len)
{
	size_t i = 0, skipped;

	while (i < len && head->status == 0 && head->place != PLACE_DONE) {
		take_byte(head, (unsigned char)bytes[i++]);
		skipped = skip_value(head, bytes + i, len - i);
		i += skipped;
	}
	head->bytes += (uint32_t)i;
	return i;
}

bool
request_head_complete(const struct request_head *head)
{
	return head->place == PLACE_DONE && head->status == 0;
}
