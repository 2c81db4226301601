/* SPDX-License-Identifier: MIT
 * What the service manager is told; does nothing where there is none.
 */
#ifndef FUZZSUP_SERVICE_H
#define FUZZSUP_SERVICE_H

/* Reads NOTIFY_SOCKET and WATCHDOG_USEC and takes them out of the environment, so that
 * no child speaks in our name. */
void service_open(void);

/* Sends @state: "READY=1", "STOPPING=1", "WATCHDOG=1" … */
void service_notify(const char *state);

/* Says that the configuration is being read again; ends with "READY=1". */
void service_reloading(void);

/* Milliseconds between two signs of life that the manager expects; 0: none. */
unsigned service_watchdog_ms(void);

#endif
