/* SPDX-License-Identifier: MIT
 * Checks of single configuration values; in the supervisor.
 */
#include "config.h"

#include "conf_check.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "banned.h"

#define TIMEOUT_MAX 86400

int
conf_path_absolute(const char *file, const char *path, char *ret_path, size_t size)
{
	const char *slash = strrchr(file, '/');
	char folder[PATH_MAX] = "";
	int n;

	while (strncmp(path, "./", 2) == 0)
		for (path += 2; *path == '/';)
			path++;
	if (path[0] == '/')
		n = snprintf(ret_path, size, "%s", path);
	else if (slash != NULL && file[0] == '/')
		n = snprintf(
		    ret_path, size, "%.*s/%s", (int)(slash - file), file, path);
	else if (getcwd(folder, sizeof(folder)) == NULL)
		return -errno;
	else if (slash != NULL)
		n = snprintf(ret_path, size, "%s/%.*s/%s", folder, (int)(slash - file),
		    file, path);
	else
		n = snprintf(ret_path, size, "%s/%s", folder, path);
	return n >= 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

/* Reads a decimal number without sign or spaces. */
static bool
read_number(const char *text, unsigned long max, unsigned long *ret_number)
{
	unsigned long number = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		number = number * 10 + (unsigned long)(*text - '0');
		if (number > max)
			return false;
	}
	*ret_number = number;
	return true;
}

static int
check_unix(const char *file, const char *path, char *ret_normal, size_t size,
    char *ret_why, size_t why_size)
{
	char absolute[PATH_MAX];

	if (path[0] == '\0' ||
	    conf_path_absolute(file, path, absolute, sizeof(absolute)) < 0 ||
	    strlen(absolute) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		snprintf(ret_why, why_size,
		    "expected unix:PATH with a path of at most %zu bytes",
		    sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
		return -EINVAL;
	}
	snprintf(ret_normal, size, "unix:%s", absolute);
	return 0;
}

static bool
is_loopback(const char *host)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

int
conf_check_listen(const char *file, const char *value, char *ret_normal, size_t size,
    char *ret_why, size_t why_size)
{
	const char *colon = strrchr(value, ':');
	char host[64];
	unsigned long port;
	bool six = value[0] == '[';
	size_t len;

	if (strncmp(value, "unix:", 5) == 0)
		return check_unix(file, value + 5, ret_normal, size, ret_why, why_size);
	len = colon != NULL ? (size_t)(colon - value) : 0;
	if (len == 0 || len >= sizeof(host) || (six && value[len - 1] != ']') ||
	    !read_number(colon + 1, 65535, &port)) {
		snprintf(ret_why, why_size,
		    "\"%.100s\": expected ADDRESS:PORT, [::1]:PORT or "
		    "unix:PATH, as in \"127.0.0.1:8080\"",
		    value);
		return -EINVAL;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(len - 2 * six), value + six);
	if (strcmp(host, "localhost") == 0)
		snprintf(host, sizeof(host), "127.0.0.1");
	if (!is_loopback(host)) {
		snprintf(ret_why, why_size,
		    "\"%.100s\" is not a loopback address; expected 127.0.0.1:PORT, "
		    "[::1]:PORT or unix:PATH. Whoever should see the page from "
		    "elsewhere "
		    "goes through ssh -L or a proxy that asks who they are",
		    value);
		return -EINVAL;
	}
	six = strchr(host, ':') != NULL;
	snprintf(
	    ret_normal, size, "%s%s%s:%lu", six ? "[" : "", host, six ? "]" : "", port);
	return 0;
}

/* What goes line by line into a message must be a line. */
static bool
is_line(const char *value)
{
	size_t len = strlen(value);

	if (len == 0 || len > 1024)
		return false;
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)value[i]))
			return false;
	return true;
}

/* A name as Host has it without port and brackets: another one would never be equal. */
static bool
is_host(const char *value)
{
	const size_t len = strlen(value);
	struct in6_addr six;

	if (inet_pton(AF_INET6, value, &six) == 1)
		return true;
	return len > 0 && len <= 253 && value[0] != '.' && value[len - 1] != '.' &&
	    strstr(value, "..") == NULL &&
	    strspn(value,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"_.-") == len;
}

int
conf_check_value(const char *key, const char *value, char *ret_normal, size_t size,
    char *ret_why, size_t why_size)
{
	unsigned long number;
	bool sound;

	if (strcmp(key, "symbolize-timeout") == 0) {
		sound = read_number(value, TIMEOUT_MAX, &number) && number > 0;
		snprintf(ret_why, why_size, "\"%.100s\": expected seconds, 1 to %d",
		    value, TIMEOUT_MAX);
	} else if (strcmp(key, "allowed-hosts") == 0) {
		sound = is_host(value);
		snprintf(ret_why, why_size,
		    "\"%.100s\": expected a host name, as in "
		    "\"fuzz.example.org\", without port, brackets and path",
		    value);
	} else {
		sound = is_line(value);
		snprintf(
		    ret_why, why_size, "expected 1 to 1024 bytes of printable text");
	}
	if (!sound || strlen(value) >= size)
		return -EINVAL;
	memcpy(ret_normal, value, strlen(value) + 1);
	return 0;
}

/* ---- with units ---- */

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit durations[] = { { "ms", 1 }, { "s", 1000 }, { "", 1000 },
	{ "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 } };
static const struct unit sizes[] = { { "", 1 }, { "K", UINT64_C(1) << 10 },
	{ "M", UINT64_C(1) << 20 }, { "G", UINT64_C(1) << 30 },
	{ "T", UINT64_C(1) << 40 }, { NULL, 0 } };

static int
check_units(const struct unit *units, const char *expected, const char *value,
    char *ret_normal, size_t size, char *ret_why, size_t why_size)
{
	const size_t digits = strspn(value, "0123456789");
	const struct unit *unit = units;
	char number[24];
	unsigned long count;

	while (unit->name != NULL && strcmp(unit->name, value + digits) != 0)
		unit++;
	snprintf(number, sizeof(number), "%.*s", (int)digits, value);
	if (unit->name == NULL || digits >= sizeof(number) ||
	    !read_number(number, UINT32_MAX, &count)) {
		snprintf(ret_why, why_size, "\"%.100s\": expected %s", value, expected);
		return -EINVAL;
	}
	snprintf(ret_normal, size, "%llu", (unsigned long long)(count * unit->factor));
	return 0;
}

int
conf_check_duration(
    const char *value, char *ret_normal, size_t size, char *ret_why, size_t why_size)
{
	return check_units(durations, "a duration as 500ms, 25, 25s, 10m, 8h or 2d",
	    value, ret_normal, size, ret_why, why_size);
}

int
conf_check_size(
    const char *value, char *ret_normal, size_t size, char *ret_why, size_t why_size)
{
	return check_units(sizes, "a size in bytes as 4096, 64K, 512M or 2G", value,
	    ret_normal, size, ret_why, why_size);
}

int
conf_check_count(const char *value, unsigned long min, unsigned long max,
    char *ret_normal, size_t size, char *ret_why, size_t why_size)
{
	unsigned long number;

	if (!read_number(value, max, &number) || number < min) {
		snprintf(ret_why, why_size, "\"%.100s\": expected a number, %lu to %lu",
		    value, min, max);
		return -EINVAL;
	}
	snprintf(ret_normal, size, "%lu", number);
	return 0;
}
