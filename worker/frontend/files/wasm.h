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

/* Asks over @runner, the edge to it; falls back to the shipped file of @files. */
struct wasm *wasm_new(
    struct event_base *base, struct channel *runner, struct static_files *files);
void wasm_free(struct wasm *wasm);

/* Answers @request, now or when the build is there. */
void wasm_serve(struct wasm *wasm, struct evhttp_request *request, bool debug);

#endif
