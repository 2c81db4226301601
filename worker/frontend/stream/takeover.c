/* SPDX-License-Identifier: MIT
 * Taking sockets from evhttp; in the front-end.
 */
#include "config.h"

#include "takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "descriptor.h"
#include "banned.h"

#define SEND_BUFFER \
	65536           /* bytes in the kernel for a client; a slow one costs no more */
#define IDLE_SECONDS 60 /* of silence, until the kernel asks whether it is alive */
#define STUCK_MS 60000  /* that sent bytes may stay unacknowledged */

static void
tune(int fd)
{
	const int on = 1, idle = IDLE_SECONDS, size = SEND_BUFFER, stuck = STUCK_MS;

	/* None of these exists for unix sockets, and each is only a nicety. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &stuck, sizeof(stuck));
}

/* evhttp shuts the descriptor of a connection down when it frees it: it gets /dev/null in
 * its place. */
int
takeover_socket(int fd)
{
	int stolen, other;

	stolen = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (stolen < 0)
		return -errno;
	if (!descriptor_for_connection(stolen)) {
		close(stolen);
		return -EMFILE;
	}
	/* Descriptor 0 is /dev/null in every worker. */
	other = dup3(STDIN_FILENO, fd, O_CLOEXEC);
	if (other < 0) {
		other = -errno;
		close(stolen);
		return other;
	}
	tune(stolen);
	return stolen;
}
