/* SPDX-License-Identifier: MIT
 * What jobs go on from when the service starts; in the archive.
 */
#ifndef FUZZSUP_ARCHIVE_PAST_H
#define FUZZSUP_ARCHIVE_PAST_H

#include "channel.h"
#include "store.h"

/* Sends a JOB_PAST for each job that the file knows, and PAST_TOLD. */
void past_tell(struct store *store, struct channel *supervisor);

#endif
