/* SPDX-License-Identifier: MIT
 * Carries the front-end's build requests to the runner and the answers back, and
 * answers for a runner that cannot.
 */
#ifndef FUZZSUP_WASM_RELAY_H
#define FUZZSUP_WASM_RELAY_H

#include "supervisor.h"

struct wasm_relay;

int wasm_relay_new(struct supervisor *supervisor, struct wasm_relay **ret_relay);
void wasm_relay_free(struct wasm_relay *relay);

/* 0, or -EPROTO. */
int wasm_relay_request(struct wasm_relay *relay, const struct message *message);

/* 0, or -EPROTO. */
int wasm_relay_answer(struct wasm_relay *relay, const struct mail *mail);

void wasm_relay_runner_started(struct wasm_relay *relay);
void wasm_relay_runner_died(struct wasm_relay *relay);
void wasm_relay_frontend_died(struct wasm_relay *relay);

#endif
