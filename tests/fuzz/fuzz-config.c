/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any text as netvmd.conf: it is refused with a sentence, or taken and then
 * every setting can be written and read again without a change.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/control/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_port(const struct port_def *p)
{
	struct port_settings again;
	uint32_t given = 0;

	port_settings_init(&again);
	for (unsigned int i = 0; i < port_table.count; i++) {
		const struct setting *s = &port_table.setting[i];
		g_autofree char *text = s->format(&p->set);

		if (text != NULL && (s->types >> p->set.type & 1) != 0 &&
			!settings_put(&port_table, &again, s->name, text, &given, NULL))
			abort();
	}
	if (!port_settings_check(&again, given, true, NULL) ||
		settings_differ(&port_table, &p->set, &again, true) ||
		settings_differ(&port_table, &p->set, &again, false))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(config_t) c = config_parse("fuzz", (const char *)data, size, &error);

	if ((c == NULL) == (error == NULL) || (error != NULL && error->message[0] == '\0'))
		abort();
	for (guint i = 0; c != NULL && i < c->ports->len; i++)
		check_port(&g_array_index(c->ports, struct port_def, i));
	return 0;
}
