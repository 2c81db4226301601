/* SPDX-License-Identifier: MIT
 * systemd's notification protocol, without its library; in the supervisor.
 */
#include "config.h"

#include "service.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "banned.h"

static struct sockaddr_un address;
static socklen_t address_len;
static unsigned watchdog_ms;

static unsigned
read_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long value;

	if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	value = strtoull(usec, NULL, 10) / 1000;
	return value > UINT32_MAX ? UINT32_MAX : (unsigned)value;
}

void
service_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path != NULL ? strlen(path) : 0;

	watchdog_ms = read_watchdog();
	if (len > 1 && len < sizeof(address.sun_path) &&
	    (path[0] == '/' || path[0] == '@')) {
		address.sun_family = AF_UNIX;
		memcpy(address.sun_path, path, len);
		if (path[0] == '@')
			address.sun_path[0] = '\0';
		address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void
service_notify(const char *state)
{
	int fd;

	if (address_len == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
		(const struct sockaddr *)&address, address_len) < 0)
		log_warning("cannot tell the service manager \"%s\": %s", state,
		    strerror(errno));
	if (fd >= 0)
		close(fd);
}

void
service_reloading(void)
{
	struct timespec now;
	char state[96];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	service_notify(state);
}

unsigned
service_watchdog_ms(void)
{
	return watchdog_ms;
}
