/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvpeer: a guest on the command line, for system tests. It plays QEMU and the
 * guest's virtio-net driver on one vhost-user socket, prints JSON, and exits 0
 * when what was asked came true, 1 when not, 2 for a wrong command line.
 * Options and simple commands; see nvpeer.h for the rest.
 */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/frontend/nvpeer.h"

static const char usage[] =
	"usage: nvpeer --socket PATH [OPTION...] COMMAND\n"
	"commands:\n"
	"  info          negotiate, print what was agreed\n"
	"  send          send --count frames of --size bytes to --dst, wait until all are used\n"
	"  recv          receive until --count frames came or --seconds passed\n"
	"  reflect       send every frame back to where it came from, for --seconds\n"
	"  endure        numbered frames both ways between --socket and --peer for --seconds,\n"
	"                or until SIGTERM; when the backend dies, reconnects with the same\n"
	"                rings. A line of JSON for each time, and one at the end: what was lost,\n"
	"                repeated, reordered, whether every buffer came back\n"
	"  hold          stay connected with running rings for --seconds\n"
	"  bend          send from --mac and 10.0.0.1 to --dst on --peer, rewriting headers\n"
	"                meanwhile; no forbidden one may arrive\n"
	"  hostile CASE  misbehave, then stay for --seconds\n"
	"  list-cases    name the misdeeds\n"
	"device:\n"
	"  --socket PATH --listen (the backend connects to us) --queues N --ring N\n"
	"  --no-mergeable --no-indirect --no-event-idx --no-offloads --no-reply-ack\n"
	"  --packed (rings, if the backend has them) --in-order\n"
	"  --segs N (descriptors per frame sent) --indirect (put them in a table)\n"
	"  --rx-segs N --rx-buffer N --regions N --hugepages --mtu N --timeout MS\n"
	"traffic:\n"
	"  --mac MAC (ours) --dst MAC --vlan ID --queue N --size N --count N --rate PPS\n"
	"  --seconds S --announce --any --dump N --hex BYTES (the frame) --vnet-hdr BYTES\n"
	"  --peer PATH --ready FILE (created when the rings run)\n";

double
peer_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void
peer_hex(const void *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		printf("%02x", ((const uint8_t *)bytes)[i]);
}

static void
die_usage(const char *what, const char *value)
{
	fprintf(stderr, "nvpeer: %s: %s\n%s", what, value, usage);
	exit(2);
}

static uint64_t
number(const char *text, uint64_t max)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (*text == '\0' || *text == '-' || *end != '\0' || n > max)
		die_usage("not a number in range", text);
	return n;
}

static void
parse_mac(uint8_t mac[6], const char *text)
{
	int end = 0;

	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
		    &mac[3], &mac[4], &mac[5], &end) != 6 ||
		text[end] != '\0')
		die_usage("not a MAC address", text);
}

static uint32_t
parse_hex(uint8_t *out, uint32_t max, const char *text)
{
	uint32_t n = 0;

	for (; *text != '\0'; text += 2) {
		if (n == max || sscanf(text, "%2hhx", &out[n]) != 1 || text[1] == '\0')
			die_usage("not hexadecimal bytes, or too many", text);
		n++;
	}
	return n;
}

int
peer_open(struct fe *fe, const struct peer_options *o)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint8_t frame[60] = {0};

	if (fe_open(fe, &o->fe) < 0) {
		fprintf(stderr, "nvpeer: %s\n", fe->err);
		return -1;
	}
	if (o->announce) {
		memcpy(frame, broadcast, 6);
		memcpy(frame + 6, o->mac, 6);
		frame[12] = ETHER_TYPE_PROBE >> 8;
		frame[13] = ETHER_TYPE_PROBE & 0xff;
		fe_transmit(fe_tx_ring(fe, 0), NULL, frame, sizeof(frame));
		fe_kick(fe_tx_ring(fe, 0));
	}
	if (o->ready != NULL) {
		int fd = open(o->ready, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

		if (fd >= 0)
			close(fd);
	}
	return 0;
}

static struct peer_options o = {
	.fe = {.features = FE_FEATURES_DEFAULT | FE_BIT(VIRTIO_NET_F_MQ) |
			   FE_BIT(VIRTIO_NET_F_CTRL_VQ),
		.protocol_features = FE_PROTOCOL_DEFAULT},
	.mac = {0x52, 0x54, 0, 0, 0, 1},
	.vlan = -1,
	.size = 60,
	.count = 1,
	.seconds = 5,
};

/* What an option's argument is, and what is done with it. */
enum kind { TEXT, FLAG, CLEAR, SET, U16, U32, U64, SECONDS, VLAN, OUR_MAC, DST_MAC, FRAME, VNET };

/* max: the largest number; for CLEAR and SET the bits that go or come. */
static const struct word {
	const char *name;
	enum kind kind;
	void *where;
	uint64_t max;
} words[] = {
	{"socket", TEXT, &o.fe.socket, 0},
	{"listen", FLAG, &o.fe.listen, 0},
	{"queues", U32, &o.fe.pairs, FE_PAIRS_MAX},
	{"ring", U16, &o.fe.ring_size, 32768},
	{"no-mergeable", CLEAR, &o.fe.features, FE_BIT(VIRTIO_NET_F_MRG_RXBUF)},
	{"no-indirect", CLEAR, &o.fe.features, FE_BIT(VIRTIO_RING_F_INDIRECT_DESC)},
	{"no-event-idx", CLEAR, &o.fe.features, FE_BIT(VIRTIO_RING_F_EVENT_IDX)},
	{"no-offloads", CLEAR, &o.fe.features, FE_FEATURES_OFFLOAD},
	{"no-reply-ack", CLEAR, &o.fe.protocol_features, FE_BIT(FE_PROTO_REPLY_ACK)},
	{"packed", SET, &o.fe.features, FE_BIT(VIRTIO_F_RING_PACKED)},
	{"in-order", SET, &o.fe.features, FE_BIT(VIRTIO_F_IN_ORDER)},
	{"segs", U16, &o.fe.tx_segs, FE_SEGS_MAX},
	{"indirect", FLAG, &o.fe.tx_indirect, 0},
	{"rx-segs", U16, &o.fe.rx_segs, FE_SEGS_MAX},
	{"rx-buffer", U32, &o.fe.rx_buffer, 1 << 20},
	{"regions", U32, &o.fe.regions, FE_REGIONS_MAX},
	{"hugepages", FLAG, &o.fe.hugepages, 0},
	{"mtu", U16, &o.fe.mtu, 65535},
	{"timeout", U32, &o.fe.timeout_ms, 1000000},
	{"mac", OUR_MAC, o.mac, 0},
	{"dst", DST_MAC, o.dst, 0},
	{"vlan", VLAN, &o.vlan, 4095},
	{"queue", U32, &o.queue, FE_PAIRS_MAX - 1},
	{"size", U32, &o.size, PEER_FRAME_MAX},
	{"count", U64, &o.count, UINT64_MAX},
	{"rate", U64, &o.rate, 1000000000},
	{"seconds", SECONDS, &o.seconds, 0},
	{"announce", FLAG, &o.announce, 0},
	{"any", FLAG, &o.any, 0},
	{"dump", U32, &o.dump, PEER_DUMP_MAX},
	{"hex", FRAME, o.raw, 0},
	{"vnet-hdr", VNET, &o.vnet, 0},
	{"ready", TEXT, &o.ready, 0},
	{"peer", TEXT, &o.peer, 0},
};
#define WORDS (sizeof(words) / sizeof(words[0]))

static void
set_option(const struct word *w, const char *arg)
{
	switch (w->kind) {
	case TEXT:
		*(const char **)w->where = arg;
		break;
	case FLAG:
		*(bool *)w->where = true;
		break;
	case CLEAR:
		*(uint64_t *)w->where &= ~w->max;
		break;
	case SET:
		*(uint64_t *)w->where |= w->max;
		break;
	case U16:
		*(uint16_t *)w->where = (uint16_t)number(arg, w->max);
		break;
	case U32:
		*(uint32_t *)w->where = (uint32_t)number(arg, w->max);
		break;
	case U64:
		*(uint64_t *)w->where = number(arg, w->max);
		break;
	case SECONDS:
		*(double *)w->where = strtod(arg, NULL);
		break;
	case VLAN:
		*(int *)w->where = (int)number(arg, w->max);
		break;
	case DST_MAC:
		o.has_dst = true;
		parse_mac(w->where, arg);
		break;
	case OUR_MAC:
		parse_mac(w->where, arg);
		break;
	case FRAME:
		o.raw_len = parse_hex(o.raw, sizeof(o.raw), arg);
		break;
	case VNET:
		o.has_vnet = true;
		parse_hex((uint8_t *)&o.vnet, sizeof(o.vnet), arg);
		break;
	}
}

static int
info(void)
{
	static struct fe fe;

	if (fe_connect(&fe, &o.fe) < 0 || fe_negotiate(&fe) < 0) {
		fprintf(stderr, "nvpeer: %s\n", fe.err);
		return 1;
	}
	printf("{\"offered\": \"%#" PRIx64 "\", \"features\": \"%#" PRIx64
	       "\", \"protocol_offered\": \"%#" PRIx64 "\", \"protocol_features\": \"%#" PRIx64
	       "\", \"queues\": %" PRIu64 "}\n",
		fe.offered, fe.features, fe.protocol_offered, fe.protocol_features, fe.queue_num);
	fe_close(&fe);
	return 0;
}

static int
hold(void)
{
	static struct fe fe;
	bool gone;

	if (peer_open(&fe, &o) < 0)
		return 1;
	gone = fe_hung_up(&fe, (int)(o.seconds * 1000));
	printf("{\"hung_up\": %s}\n", gone ? "true" : "false");
	fe_close(&fe);
	return 0;
}

static int
run(int argc, char **argv)
{
	const char *command = argc > 0 ? argv[0] : "";

	if (argc == 1 && strcmp(command, "list-cases") == 0) {
		peer_list_cases();
		return 0;
	}
	if (o.fe.socket == NULL)
		die_usage("missing", "--socket");
	if (o.queue >= (o.fe.pairs != 0 ? o.fe.pairs : 1))
		die_usage("the device has no such queue pair", "--queue");
	if (argc == 2 && strcmp(command, "hostile") == 0)
		return peer_hostile(&o, argv[1]);
	if (argc != 1)
		die_usage("one command, please", command);
	if (strcmp(command, "info") == 0)
		return info();
	if (strcmp(command, "hold") == 0)
		return hold();
	if (strcmp(command, "endure") == 0 || strcmp(command, "bend") == 0) {
		if (o.peer == NULL)
			die_usage("missing", "--peer");
		return command[0] == 'e' ? peer_endure(&o) : peer_bend(&o);
	}
	if (strcmp(command, "send") == 0)
		return peer_send(&o);
	if (strcmp(command, "recv") == 0)
		return peer_recv(&o);
	if (strcmp(command, "reflect") == 0)
		return peer_reflect(&o);
	die_usage("unknown command", command);
	return 2;
}

int
main(int argc, char **argv)
{
	struct option options[WORDS + 1] = {0};
	int at, c;

	for (size_t i = 0; i < WORDS; i++)
		options[i] = (struct option){.name = words[i].name,
			.has_arg = words[i].kind != FLAG && words[i].kind != CLEAR &&
				   words[i].kind != SET};
	while ((c = getopt_long(argc, argv, "", options, &at)) == 0)
		set_option(&words[at], optarg);
	if (c != -1) {
		fputs(usage, stderr);
		return 2;
	}
	if (o.fe.pairs <= 1)
		o.fe.features &= ~(FE_BIT(VIRTIO_NET_F_MQ) | FE_BIT(VIRTIO_NET_F_CTRL_VQ));
	return run(argc - optind, argv + optind);
}
