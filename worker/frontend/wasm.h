/* SPDX-License-Identifier: MIT
 * main.wasm, built on request: one build for all who ask meanwhile.
 */
#ifndef FUZZSUP_WASM_H
#define FUZZSUP_WASM_H

#include <stdbool.h>

#include "channel.h"

struct event_base;
struct evhttp_request;
struct static_files;
struct wasm;

/* Asks over @channel; falls back to the shipped file of @files. */
struct wasm *wasm_new(
    struct event_base *base, struct channel *channel, struct static_files *files);
void wasm_free(struct wasm *wasm);

/* Answers @request, now or when the build is there. */
void wasm_serve(struct wasm *wasm, struct evhttp_request *request, bool debug);

/* What MESSAGE_SERVE_WASM said; @fd (-1: none) stays the caller's. */
void wasm_built(struct wasm *wasm, const struct message *message, int fd);

#endif
