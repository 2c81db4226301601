/* SPDX-License-Identifier: MIT
 * Fetches from the web interface, over TCP or a Unix socket; in fuzzsupctl.
 */
#include "config.h"

#include "web.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "plain_text.h"
#include "banned.h"

#define PATIENCE_S 60 /* without a byte */
#define LINE_MAX_LEN 1024

/* ---- connecting ---- */

static int
connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path) + 1);
		if (fd >= 0 &&
		    connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* What listens everywhere listens here, too. */
static const char *
reachable(const char *host)
{
	return strcmp(host, "0.0.0.0") == 0 ? "127.0.0.1"
	    : strcmp(host, "::") == 0       ? "::1"
					    : host;
}

static int
connect_tcp(const char *address)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	const char *colon = strrchr(address, ':');
	struct addrinfo *found;
	char host[128];
	int fd;

	if (colon == NULL || (size_t)(colon - address) >= sizeof(host))
		return -1;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
	if (host[0] == '[') {
		memmove(host, host + 1, strlen(host));
		host[strcspn(host, "]")] = '\0';
	}
	if (getaddrinfo(reachable(host), colon + 1, &hints, &found) != 0)
		return -1;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

/* The first that answers. */
static FILE *
open_any(const char *addresses)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	char address[300];
	size_t len;
	int fd;

	for (; *addresses != '\0'; addresses += len + (addresses[len] == '\n')) {
		len = strcspn(addresses, "\n");
		if (len >= sizeof(address))
			continue;
		snprintf(address, sizeof(address), "%.*s", (int)len, addresses);
		fd = strncmp(address, "unix:", 5) == 0 ? connect_unix(address + 5)
						       : connect_tcp(address);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		return fdopen(fd, "r+");
	}
	return NULL;
}

/* ---- HTTP ---- */

/* ---- HTTP ---- */

void
web_quote(FILE *to, const char *text)
{
	for (; *text != '\0'; text++)
		if (isalnum((unsigned char)*text) || strchr("-._~", *text) != NULL)
			fputc(*text, to);
		else
			fprintf(to, "%%%02X", (unsigned char)*text);
}

static void
ask(FILE *web, const char *path)
{
	fprintf(web, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
	    path);
	fflush(web);
	/* What is read must not follow what was written, in one stream. */
	fseek(web, 0, SEEK_CUR);
}

/* The status, or -1; whether the body comes in chunks. */
static int
read_head(FILE *web, bool *ret_chunks)
{
	char line[LINE_MAX_LEN];
	int status = -1;

	*ret_chunks = false;
	if (fgets(line, sizeof(line), web) == NULL ||
	    sscanf(line, "HTTP/1.%*d %d", &status) != 1)
		return -1;
	while (fgets(line, sizeof(line), web) != NULL && line[0] != '\r') {
		if (strncasecmp(line, "x-fuzzsup-changed: ", 19) == 0)
			fprintf(stderr,
			    "fuzzsupctl: warning: sources that were changed after the "
			    "executable was built: %lu; lines are as they were then\n",
			    strtoul(line + 19, NULL, 10));
		if (strncasecmp(line, "x-fuzzsup-missing: ", 19) == 0)
			fprintf(stderr,
			    "fuzzsupctl: warning: sources that are not there: %lu; "
			    "some of their lines may be unknown for that\n",
			    strtoul(line + 19, NULL, 10));
		if (strncasecmp(line, "Transfer-Encoding: chunked", 26) == 0)
			*ret_chunks = true;
	}
	return ferror(web) || feof(web) ? -1 : status;
}

/* Up to the end of the connection, or @len bytes. */
static bool
copy(FILE *web, FILE *to, unsigned long len)
{
	char part[65536];
	size_t n;

	while (len > 0) {
		n = fread(part, 1, len < sizeof(part) ? len : sizeof(part), web);
		if (n == 0)
			return len == ULONG_MAX && !ferror(web);
		if (fwrite(part, 1, n, to) != n)
			return false;
		len -= len == ULONG_MAX ? 0 : n;
	}
	return true;
}

/* False if the end is missing. */
static bool
copy_chunks(FILE *web, FILE *to)
{
	char line[LINE_MAX_LEN], *end;
	unsigned long len;

	for (;;) {
		if (fgets(line, sizeof(line), web) == NULL)
			return false;
		len = strtoul(line, &end, 16);
		if (end == line || len == ULONG_MAX)
			return false;
		if (len == 0)
			return true;
		if (!copy(web, to, len) || fgets(line, sizeof(line), web) == NULL)
			return false;
	}
}

static void
print_refusal(FILE *web, const char *of, int status)
{
	char words[LINE_MAX_LEN] = "";

	if (fgets(words, sizeof(words), web) != NULL)
		words[strcspn(words, "\n")] = '\0';
	fprintf(stderr, "fuzzsupctl: %s: %d %s\n", of, status, plain_lines(words));
}

int
web_fetch(const char *addresses, const char *of, const char *path, FILE *to)
{
	FILE *web = open_any(addresses);
	bool chunks, done;
	int status;

	if (web == NULL) {
		fprintf(stderr,
		    "fuzzsupctl: the web interface does not answer at any of its "
		    "addresses\n");
		return -1;
	}
	ask(web, path);
	status = read_head(web, &chunks);
	done = status == 200 &&
	    (chunks ? copy_chunks(web, to) : copy(web, to, ULONG_MAX)) &&
	    fflush(to) == 0;
	if (status != 200 && status > 0)
		print_refusal(web, of, status);
	else if (!done)
		fprintf(stderr, "fuzzsupctl: %s: the end is missing: %s\n", of,
		    ferror(to) ? strerror(errno)
			       : "the web interface went away, or is busy");
	fclose(web);
	return done ? 0 : -1;
}
