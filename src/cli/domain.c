/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netvmctl domain: what to write into a libvirt domain for a port. The elements
 * go into <devices>, or each into a file for virsh attach-device.
 */
#include "src/cli/args.h"
#include "src/cli/client.h"
#include "src/cli/say.h"
#include "src/cli/value.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_S 10

/* An ivshmem device. libvirt needs no size: QEMU learns it from our server. */
static void
add_shmem(GString *xml, const char *port, const char *which, const char *socket, gint64 vectors)
{
	g_autofree char *name = g_markup_printf_escaped("netvm-%s-%s", port, which);
	g_autofree char *path = g_markup_escape_text(socket, -1);

	g_string_append_printf(xml,
		"<shmem name='%s'>\n"
		"  <model type='ivshmem-doorbell'/>\n"
		"  <server path='%s'/>\n"
		"  <msi vectors='%" G_GINT64_FORMAT "' ioeventfd='on'/>\n"
		"</shmem>\n",
		name, path, vectors);
}

/* mode is libvirt's word for QEMU's side: the other one of ours. */
static void
add_interface(GString *xml, JsonObject *port)
{
	bool we_listen = strcmp(value_string(port, "mode", "server"), "server") == 0;
	g_autofree char *path = g_markup_escape_text(value_string(port, "socket", ""), -1);

	g_string_append_printf(xml,
		"<interface type='vhostuser'>\n"
		"  <source type='unix' path='%s' mode='%s'>\n",
		path, we_listen ? "client" : "server");
	if (we_listen)
		g_string_append(xml, "    <reconnect enabled='yes' timeout='1'/>\n");
	g_string_append_printf(xml,
		"  </source>\n"
		"  <model type='virtio'/>\n"
		"  <driver queues='%" G_GINT64_FORMAT "'/>\n"
		"</interface>\n",
		value_int(value_object(port, "queues"), "configured", 1));
}

static char *
port_xml(JsonObject *port)
{
	const char *type = value_string(port, "type", "");
	const char *name = value_string(port, "name", "");
	GString *xml = g_string_new(NULL);

	if (strcmp(type, "shm") == 0) {
		add_shmem(xml, name, "ring", value_string(port, "ring_socket", ""),
			value_int(port, "vectors", 1));
		/* Nobody rings there: one vector, as QEMU wants one. */
		add_shmem(xml, name, "pool", value_string(port, "pool_socket", ""), 1);
	} else if (strcmp(type, "vhost") == 0) {
		add_interface(xml, port);
	}
	return g_string_free(xml, FALSE);
}

static enum cli_exit
xml(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(Client) c = client_new(cli->run_dir, TIMEOUT_S, NULL, &err);
	g_autoptr(JsonObject) port = c ? client_call(c, "port.show", args_named(args), &err) : NULL;
	g_autofree char *text = port ? port_xml(port) : NULL;

	if (text && !*text)
		g_set_error(&err, CLIENT_ERROR, CLIENT_BAD_CONFIG,
			"port \"%s\" is of type %s: domains have vhost and shm ports",
			(const char *)g_ptr_array_index(args->operands, 0),
			value_string(port, "type", "unknown"));
	if (err)
		return say_error(cli, err);
	if (cli->json) {
		g_autoptr(JsonObject) result = json_object_new();

		json_object_set_string_member(result, "name", value_string(port, "name", ""));
		json_object_set_string_member(result, "xml", text);
		say_json(result, true);
	} else {
		fputs(text, stdout);
	}
	return CLI_DONE;
}

const struct cli_verb cli_domain_verbs[] = {
	{.name = "xml",
		.operands = "PORT",
		.min = 1,
		.max = 1,
		.words = {CLI_WORDS_PORT},
		.help = "a port's devices, for a libvirt domain",
		.run = xml},
	{0},
};
