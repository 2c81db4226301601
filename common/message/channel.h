/* SPDX-License-Identifier: MIT
 * Framed messages with descriptors over a SOCK_SEQPACKET socket pair.
 *
 * Sending never blocks: what the socket does not take waits in a queue, with duplicates
 * of its descriptors, until channel_flush(). Not tied to an event loop: poll
 * channel_fd() for reading, and for writing while channel_pending() is true. A loop says
 * once, by channel_on_wait(), how it learns of the latter, so no sender can forget it; a
 * process without a loop sends by channel_send_all().
 */
#ifndef FUZZSUP_CHANNEL_H
#define FUZZSUP_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "message.h"

struct channel;

#define CHANNEL_WAITING_MAX 16384 /* messages; more than all jobs and targets have */

/* A connected pair, close-on-exec, non-blocking. Returns 0 or a negative errno. */
int channel_pair(int ret_fds[2]);

/* Takes ownership of @fd, the end of a pair that @self has, and @peer has the other. Returns 0
 * or a negative errno. */
int channel_new(int fd, enum party self, enum party peer, struct channel **ret_channel);
void channel_free(struct channel *channel);
int channel_fd(const struct channel *channel);
enum party channel_peer(const struct channel *channel);

/* Whether a row lets the peer send @type, with whatever descriptors. */
bool channel_may_receive(const struct channel *channel, enum message_type type);

/* True while messages wait for the socket to become writable. */
bool channel_pending(const struct channel *channel);

/* How many wait. */
size_t channel_waiting(const struct channel *channel);

/* Calls @cb each time a message has to wait: the loop then polls for writing. */
typedef void (*channel_wait_cb)(void *context);
void channel_on_wait(struct channel *channel, channel_wait_cb cb, void *context);

/* Sends @message with @fds, which stay the caller's. Order is kept. Returns 0 if it is
 * sent or queued, -EMSGSIZE if text or descriptors are too many, -EPERM if no row of
 * MESSAGE_TYPES allows it (also for what is set behind its body), -EPIPE if the other side
 * is gone, -ENOBUFS if CHANNEL_WAITING_MAX messages wait already, or another negative errno. */
int channel_send(struct channel *channel, const struct message *message, const int *fds,
    size_t fds_len);

/* The same, and waits until the socket has taken all. */
int channel_send_all(struct channel *channel, const struct message *message,
    const int *fds, size_t fds_len);

/* Answers @ping (a worker's word that its loop turns). Returns as above. */
int channel_pong(struct channel *channel, const struct message *ping);

/* Sends what waits. Returns 0 (perhaps with some left), or a negative errno. */
int channel_flush(struct channel *channel);

/* Receives one message; the caller owns the descriptors in @ret_fds (close-on-exec).
 * text is NUL-terminated for convenience when it is shorter than MESSAGE_TEXT_MAX.
 * Returns 0, -EAGAIN if there is none, -EPIPE if the other side closed, -EPROTO for
 * what is no message of ours, -EPERM for one that no row of MESSAGE_TYPES allows (of both
 * descriptors are closed; of the latter @ret_message is there, and how many there were), or another
 * negative errno. */
int channel_receive(struct channel *channel, struct message *ret_message,
    int ret_fds[MESSAGE_FDS_MAX], size_t *ret_fds_len);

/* Fills a message: type, id and text (formatted as by printf, truncated). */
void message_init(struct message *message, enum message_type type, uint32_t id);
void message_printf(struct message *message, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Name of @type for logs; "?" for what is none. */
const char *message_type_name(unsigned type);

/* Whether a row of MESSAGE_TYPES lets @from send it to @to with so many descriptors, and, of two
 * workers, they share an edge. */
bool message_is_allowed(unsigned type, enum party from, enum party to, size_t fds_len);

/* Of one party. */
const char *party_name(enum party party);

#endif
