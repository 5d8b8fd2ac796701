/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What network functions tell us (netvm-abi.h, MESSAGES). The last ones of each port
 * are kept for `netvmctl port messages`; they are lost when netvmd ends. A guest wrote
 * them: of what it says only printable ASCII is shown as it is. Control thread.
 */
#include <string.h>

#include "src/control/control.h"
#include "src/control/methods.h"

#define KEPT 32 /* of a port */

struct message {
	gint64 time; /* seconds since 1970 */
	char *text;  /* escaped */
};

static void
message_free(void *message)
{
	struct message *m = message;

	g_free(m->text);
	g_free(m);
}

/* As a C string would have it: \n, \t, \\ and three octal digits. (libsmartcols escapes
 * the backslash of an \x itself.) */
static char *
escape(const uint8_t *data, gsize n)
{
	GString *s = g_string_sized_new(n + 1);

	for (gsize i = 0; i < n; i++) {
		if (data[i] == '\n')
			g_string_append(s, "\\n");
		else if (data[i] == '\t')
			g_string_append(s, "\\t");
		else if (data[i] == '\\')
			g_string_append(s, "\\\\");
		else if (g_ascii_isprint((char)data[i]))
			g_string_append_c(s, (char)data[i]);
		else
			g_string_append_printf(s, "\\%03o", data[i]);
	}
	return g_string_free(s, FALSE);
}

static void
keep(struct port *p, const uint8_t *text, gsize n)
{
	struct message *m = g_new0(struct message, 1);

	m->time = g_get_real_time() / G_USEC_PER_SEC;
	m->text = escape(text, n);
	g_queue_push_tail(&p->messages, m);
	if (g_queue_get_length(&p->messages) > KEPT)
		message_free(g_queue_pop_head(&p->messages));
}

static void
take(struct port *p, const struct dp_message *m)
{
	struct netvm_tell head = {0};

	if (m->length >= sizeof(head))
		memcpy(&head, m->data, sizeof(head));
	if (GUINT16_FROM_LE(head.version) != NETVM_TELL_VERSION ||
		GUINT16_FROM_LE(head.type) != NETVM_TELL_TEXT) {
		p->messages_refused++;
		return;
	}
	p->messages_taken++;
	keep(p, m->data + sizeof(head), m->length - sizeof(head));
}

/* Bounded: no more than fit in the port's box, though more may come meanwhile. */
static void
take_all(struct port *p)
{
	struct dp_message m;

	for (guint i = 0; i < NETVM_TELL_BURST && p->dp != NULL && dp_port_message(p->dp, &m); i++)
		take(p, &m);
}

void
control_messages_take(struct control *c)
{
	for (guint i = 0; i < c->ports->len; i++)
		take_all(g_ptr_array_index(c->ports, i));
}

void
control_messages_free(struct port *p)
{
	g_queue_clear_full(&p->messages, message_free);
}

JsonNode *
port_messages_call(struct control *c, JsonObject *params, GError **error)
{
	struct port *p = methods_port(c, params, "name", error);
	JsonNode *node;
	JsonObject *o;
	JsonArray *a;

	if (p == NULL)
		return NULL;
	take_all(p);
	a = json_array_new();
	for (GList *l = p->messages.head; l != NULL; l = l->next) {
		const struct message *m = l->data;

		o = json_object_new();
		json_object_set_int_member(o, "time", m->time);
		json_object_set_string_member(o, "type", "text");
		json_object_set_string_member(o, "text", m->text);
		json_array_add_object_element(a, o);
	}
	o = json_object_new();
	json_object_set_array_member(o, "messages", a);
	node = json_node_new(JSON_NODE_OBJECT);
	json_node_take_object(node, o);
	return node;
}
