/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path in memory: what guests tell us; see fake-datapath.h. The test's
 * thread.
 */
#include <string.h>

#include "tests/unit/fake-datapath.h"

#define MESSAGES 128

static struct {
	const struct dp_port *from;
	struct dp_message message;
} waiting[MESSAGES];

void
fake_port_message(const char *name, const void *data, uint16_t n)
{
	unsigned int i = 0;

	while (waiting[i].from != NULL)
		i++;
	waiting[i].from = fake_port(name);
	waiting[i].message.length = n;
	memcpy(waiting[i].message.data, data, n);
}

bool
dp_port_message(struct dp_port *port, struct dp_message *m)
{
	for (unsigned int i = 0; i < MESSAGES; i++) {
		if (waiting[i].from != port)
			continue;
		*m = waiting[i].message;
		memmove(&waiting[i], &waiting[i + 1],
			sizeof(waiting) - (i + 1) * sizeof(waiting[0]));
		waiting[MESSAGES - 1].from = NULL;
		return true;
	}
	return false;
}
