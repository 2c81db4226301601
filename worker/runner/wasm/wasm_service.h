/* SPDX-License-Identifier: MIT
 * Compiles the page's client.c for all who ask, from what stands there now.
 */
#ifndef FUZZSUP_WASM_SERVICE_H
#define FUZZSUP_WASM_SERVICE_H

#include <event2/event.h>
#include <sys/types.h>

#include "heritage.h"
#include "mailbox.h"

struct wasm_service;

/* Sends an answer with its descriptors, which stay the service's. */
typedef void (*wasm_send_cb)(
    const struct message *message, const int *fds, size_t fds_len, void *context);

/* The compiler runs as @heritage's user. Returns 0 or a negative errno. */
int wasm_service_new(struct event_base *base, const struct heritage *heritage,
    wasm_send_cb send_cb, void *context, struct wasm_service **ret_service);
void wasm_service_free(struct wasm_service *service);

/* SHARE, whose descriptor it takes, and BUILD_WASM. */
void wasm_service_share(struct wasm_service *service, struct mail *mail);
void wasm_service_request(struct wasm_service *service, const struct message *message);

/* Nobody waits any more; a compiler that runs goes on. */
void wasm_service_forget(struct wasm_service *service);

/* Of the compiler that runs; 0: none. */
pid_t wasm_service_pid(const struct wasm_service *service);

#endif
