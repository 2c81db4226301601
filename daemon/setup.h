/* SPDX-License-Identifier: MIT
 * What the supervisor opens before its loop, and what the front-end gets of it.
 */
#ifndef FUZZSUP_SETUP_H
#define FUZZSUP_SETUP_H

#include "supervisor.h"

/* Opens everything; errors are logged. 0 or a negative errno. */
int setup_open(struct supervisor *supervisor, const struct worker_callbacks *callbacks);
void setup_close(struct supervisor *supervisor);

/* Sends a new front-end all but the targets; or allowed hosts alone. */
void setup_frontend(struct supervisor *supervisor);
void setup_frontend_service(struct supervisor *supervisor);

/* Sends a new runner the page's sources. */
void setup_runner(struct supervisor *supervisor);

#endif
