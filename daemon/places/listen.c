/* SPDX-License-Identifier: MIT
 * Listening sockets, which the supervisor opens for others; in the supervisor.
 */
#include "config.h"

#include "privs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "banned.h"

#define BACKLOG 1024

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
	struct sockaddr_un local;
};

/* Splits "127.0.0.1:80" or "[::1]:80", which conf_check_listen() has seen. */
static int
read_address(const char *text, union address *ret_address, socklen_t *ret_len)
{
	const char *colon = strrchr(text, ':');
	bool six = text[0] == '[';
	char host[64];
	unsigned long port;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text - 2 * six), text + six);
	port = strtoul(colon + 1, NULL, 10);
	memset(ret_address, 0, sizeof(*ret_address));
	if (six) {
		ret_address->six.sin6_family = AF_INET6;
		ret_address->six.sin6_port = htons((uint16_t)port);
		*ret_len = sizeof(ret_address->six);
		return inet_pton(AF_INET6, host, &ret_address->six.sin6_addr) == 1
		    ? 0
		    : -EINVAL;
	}
	ret_address->four.sin_family = AF_INET;
	ret_address->four.sin_port = htons((uint16_t)port);
	*ret_len = sizeof(ret_address->four);
	return inet_pton(AF_INET, host, &ret_address->four.sin_addr) == 1 ? 0 : -EINVAL;
}

static void
print_address(int fd, const char *wanted, char *ret_text, size_t size)
{
	union address address;
	socklen_t len = sizeof(address);
	int port = 0;

	if (getsockname(fd, &address.any, &len) == 0)
		port = ntohs(address.any.sa_family == AF_INET6 ? address.six.sin6_port
							       : address.four.sin_port);
	snprintf(ret_text, size, "%.*s:%d", (int)(strrchr(wanted, ':') - wanted),
	    wanted, port);
}

static bool
nobody_listens(const struct sockaddr_un *local)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused;

	if (fd < 0)
		return false;
	refused = connect(fd, (const struct sockaddr *)local, sizeof(*local)) != 0 &&
	    errno == ECONNREFUSED;
	close(fd);
	return refused;
}

bool
privs_is_listening(const char *path)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	bool listens;
	int fd;

	if (strlen(path) >= sizeof(local.sun_path))
		return false;
	memcpy(local.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	listens = connect(fd, (const struct sockaddr *)&local, sizeof(local)) == 0 ||
	    errno == EAGAIN;
	close(fd);
	return listens;
}

int
privs_listen_unix(const char *path, mode_t mode, int *ret_fd)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;
	int fd, r;

	if (strlen(path) >= sizeof(local.sun_path))
		return -ENAMETOOLONG;
	memcpy(local.sun_path, path, strlen(path) + 1);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && nobody_listens(&local))
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* by umask, not by chmod: nobody gets in between */
	mask = umask(0777 & ~mode);
	r = bind(fd, (const struct sockaddr *)&local, sizeof(local)) != 0 ||
		listen(fd, BACKLOG) != 0
	    ? -errno
	    : 0;
	umask(mask);
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int
listen_tcp(const char *text, int *ret_fd)
{
	union address address;
	socklen_t len;
	const int on = 1;
	int r = read_address(text, &address, &len), fd;

	if (r < 0)
		return r;
	fd = socket(
	    address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &address.any, len) != 0 || listen(fd, BACKLOG) != 0) {
		r = -errno;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int
privs_listen(const char *address, int *ret_fd, char *ret_text, size_t size)
{
	int r;

	if (strncmp(address, "unix:", 5) == 0) {
		r = privs_listen_unix(address + 5, 0660, ret_fd);
		if (r == 0)
			snprintf(ret_text, size, "%s", address);
		return r;
	}
	r = listen_tcp(address, ret_fd);
	if (r == 0)
		print_address(*ret_fd, address, ret_text, size);
	return r;
}
