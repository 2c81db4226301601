/* SPDX-License-Identifier: MIT
 * The symbolizer's second mode: frames for a user's stack trace, in a sandbox of its own;
 * started by fuzzsupctl, without a supervisor.
 */
#ifndef FUZZSUP_FRAMES_MODE_H
#define FUZZSUP_FRAMES_MODE_H

#define FRAMES_NAMES_MAX 16

/* @argv: --addresses (standard input is addresses alone) and --module NAME (what reports
 * call the executable besides), the executable's name, then addresses; without these,
 * standard input is read as frames_filter() says. Descriptors: HERITAGE_EXECUTABLE the
 * executable, HERITAGE_QUESTIONS whom to ask for its debug files and other builds
 * (MESSAGE_TABLE), else the user's. Returns the exit code: 0, or 1 after a line on standard
 * error. */
int frames_mode(int argc, char **argv);

#endif
