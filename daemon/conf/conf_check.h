/* SPDX-License-Identifier: MIT
 * Checks of single configuration values: what is wrong, and what was expected.
 */
#ifndef FUZZSUP_CONF_CHECK_H
#define FUZZSUP_CONF_CHECK_H

#include <stddef.h>

/* Makes @path absolute, beginning at the folder of @file. 0 or -ENAMETOOLONG. */
int conf_path_absolute(const char *file, const char *path, char *ret_path, size_t size);

/* A loopback address with a port, or unix:PATH. Writes its normal form to @ret_normal,
 * else one sentence to @ret_why and returns -EINVAL. */
int conf_check_listen(const char *file, const char *value, char *ret_normal,
    size_t size, char *ret_why, size_t why_size);

/* Checks @value of the key @key: source-exclude, entry-points, allowed-hosts,
 * symbolize-timeout. Returns as above. */
int conf_check_value(const char *key, const char *value, char *ret_normal, size_t size,
    char *ret_why, size_t why_size);

/* A duration with its unit, as milliseconds; a size, as bytes; a number within limits.
 * Return as above. */
int conf_check_duration(
    const char *value, char *ret_normal, size_t size, char *ret_why, size_t why_size);
int conf_check_size(
    const char *value, char *ret_normal, size_t size, char *ret_why, size_t why_size);
int conf_check_count(const char *value, unsigned long min, unsigned long max,
    char *ret_normal, size_t size, char *ret_why, size_t why_size);

#endif
