/* SPDX-License-Identifier: MIT
 * The page's files: looked at on every request, kept in memory while they stay as they
 * are.
 */
#ifndef FUZZSUP_STATIC_FILE_H
#define FUZZSUP_STATIC_FILE_H

struct evhttp_request;
struct static_files;

struct static_files *static_files_new(void);
void static_files_free(struct static_files *files);

/* Takes @fd, the directory that holds the page. */
void static_files_set_directory(struct static_files *files, int fd);

/* Answers with the file at @path below the directory; 404 if there is none, or its kind
 * is not one that a page has. */
void static_files_serve(
    struct static_files *files, struct evhttp_request *request, const char *path);

#endif
