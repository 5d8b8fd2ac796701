/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors 0 to 2, for both programs. First thing in main().
 */
#ifndef NETVM_CONTROL_STDFDS_H
#define NETVM_CONTROL_STDFDS_H

/* Who starts us may have closed some of them. A socket or file that got such a
 * number would take what is meant for people; so /dev/null takes it, opened the
 * wrong way round: reading or writing fails as on a closed descriptor. */
void stdfds_open(void);

#endif
