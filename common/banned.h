/* SPDX-License-Identifier: MIT
 * Functions that have no safe use here: naming one is a compile error.
 */
#ifndef FUZZSUP_BANNED_H
#define FUZZSUP_BANNED_H

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets localtime gmtime tmpnam

#endif
