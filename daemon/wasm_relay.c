/* SPDX-License-Identifier: MIT
 * Between front-end and runner: requests for the page's WASM; in the supervisor.
 */
#include "config.h"

#include "wasm_relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "banned.h"

#define REQUESTS_MAX 64
#define DEATHS_MAX 2

struct request {
	uint64_t value;  /* the front-end's; comes back in the answer */
	uint64_t number; /* ours; 0: free */
	uint32_t code;
	unsigned deaths; /* of the runner, while it had this */
};

struct wasm_relay {
	struct supervisor *supervisor;
	struct request requests[REQUESTS_MAX];
};

int
wasm_relay_new(struct supervisor *supervisor, struct wasm_relay **ret_relay)
{
	struct wasm_relay *relay = calloc(1, sizeof(*relay));

	if (relay == NULL)
		return -ENOMEM;
	relay->supervisor = supervisor;
	*ret_relay = relay;
	return 0;
}

void
wasm_relay_free(struct wasm_relay *relay)
{
	free(relay);
}

static void
answer(struct wasm_relay *relay, uint64_t value, uint32_t code, const int *fds,
    size_t fds_len)
{
	static struct message message;

	message_init(&message, MESSAGE_SERVE_WASM, 0);
	message.built.number = value;
	message.built.status = code;
	worker_send(supervisor_worker(relay->supervisor, WORKER_FRONTEND), &message,
	    fds, fds_len);
}

static void
send_request(struct wasm_relay *relay, const struct request *request)
{
	static struct message message;

	message_init(&message, MESSAGE_COMPILE_WASM, 0);
	message.build.number = request->number;
	message.build.mode = request->code;
	worker_send(
	    supervisor_worker(relay->supervisor, WORKER_RUNNER), &message, NULL, 0);
}

int
wasm_relay_request(struct wasm_relay *relay, const struct message *message)
{
	if (message->build.mode > 1)
		return -EPROTO;
	for (size_t i = 0; i < REQUESTS_MAX; i++) {
		struct request *request = &relay->requests[i];

		if (request->number != 0)
			continue;
		*request = (struct request){ .value = message->build.number,
			.number = supervisor_next_generation(relay->supervisor),
			.code = message->build.mode };
		send_request(relay, request);
		return 0;
	}
	answer(relay, message->build.number, WASM_NO_COMPILER, NULL, 0);
	return 0;
}

int
wasm_relay_answer(struct wasm_relay *relay, const struct mail *mail)
{
	const struct message *message = mail->message;

	if (message->built.status > WASM_NO_COMPILER ||
	    (message->built.status == WASM_NO_COMPILER) != (mail->fds_len == 0))
		return -EPROTO;
	for (size_t i = 0; i < REQUESTS_MAX; i++) {
		struct request *request = &relay->requests[i];

		if (request->number == 0 || request->number != message->built.number)
			continue;
		answer(relay, request->value, message->built.status, mail->fds,
		    mail->fds_len);
		request->number = 0;
	}
	return 0;
}

void
wasm_relay_runner_started(struct wasm_relay *relay)
{
	for (size_t i = 0; i < REQUESTS_MAX; i++)
		if (relay->requests[i].number != 0)
			send_request(relay, &relay->requests[i]);
}

void
wasm_relay_runner_died(struct wasm_relay *relay)
{
	for (size_t i = 0; i < REQUESTS_MAX; i++) {
		struct request *request = &relay->requests[i];

		if (request->number == 0 || ++request->deaths < DEATHS_MAX)
			continue;
		answer(relay, request->value, WASM_NO_COMPILER, NULL, 0);
		request->number = 0;
	}
}

void
wasm_relay_frontend_died(struct wasm_relay *relay)
{
	memset(relay->requests, 0, sizeof(relay->requests));
}
