/* SPDX-License-Identifier: MIT
 * Log lines on stderr: "fuzzsupd: frontend: warning: …", or with journald's "<4>" prefix.
 * For daemon and worker; nothing else in common/ logs, but returns errors.
 *
 *   What others wrote and terminals would obey is shown as "?" (plain_text.h).
 *
 *   err = something failed; warning = degraded but going on; notice = the life of the
 *   service; debug = the rest.
 */
#ifndef FUZZSUP_LOG_H
#define FUZZSUP_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_DEBUG };

/* @name: of the worker, or NULL for the supervisor; must stay valid. */
void log_open(const char *name, int level);
int log_level(void);

/* True where journald reads the log: each line begins with its priority. */
bool log_to_journal(void);

void log_write(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define log_err(...) log_write(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Copies foreign @text (@len bytes) into @buffer, in double quotes, with control
 * characters and invalid bytes as \xNN, cut with "…" where it does not fit. Returns
 * @buffer, so that it can stand among the arguments of a log call. */
const char *log_quote(const void *text, size_t len, char *buffer, size_t size);

/* Bytes of the printable character in UTF-8 with which @text (@len > 0 bytes) begins; 0
 * if it begins with a control character or with an invalid byte. */
size_t log_printable(const unsigned char *text, size_t len);

#endif
