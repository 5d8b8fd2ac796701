/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvpeer's misdeeds with messages: what a broken or hostile QEMU can do on the
 * socket. The backend must answer with an error or a hang-up for this port
 * alone; that the daemon and its other ports carry on is what the system
 * tests look at. See nvpeer.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/frontend/nvpeer.h"

#define STORM_ROUNDS 300

static int
unknown_request(struct fe *fe, const struct peer_options *o)
{
	uint64_t v = 0x1122334455667788;

	return fe_send(fe, 200, FE_FLAG_NEED_REPLY, &v, sizeof(v), NULL, 0);
}

static int
bad_version(struct fe *fe, const struct peer_options *o)
{
	struct fe_msg_header h = {FE_GET_FEATURES, 3, 0};

	return fe_send_raw(fe, &h, sizeof(h), NULL, 0);
}

static int
huge_size(struct fe *fe, const struct peer_options *o)
{
	uint8_t bytes[112] = {0};
	struct fe_msg_header h = {FE_SET_MEM_TABLE, FE_FLAG_VERSION, UINT32_MAX};

	memcpy(bytes, &h, sizeof(h));
	return fe_send_raw(fe, bytes, sizeof(bytes), NULL, 0);
}

static int
random_bytes(struct fe *fe, const struct peer_options *o)
{
	uint8_t bytes[4096];

	srandom(4711);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)random();
	return fe_send_raw(fe, bytes, sizeof(bytes), NULL, 0);
}

/* Every request number with a payload of ones, each acknowledged or not. */
static int
every_request(struct fe *fe, const struct peer_options *o)
{
	uint8_t payload[64];

	memset(payload, 0xff, sizeof(payload));
	for (uint32_t r = 0; r < 64; r++)
		if (fe_send(fe, r, 0, payload, sizeof(payload), NULL, 0) < 0)
			break; /* it hung up: as it may */
	return 0;
}

static int
half_header(struct fe *fe, const struct peer_options *o)
{
	uint32_t part = FE_GET_FEATURES;

	return fe_send_raw(fe, &part, sizeof(part), NULL, 0);
}

/* The header of a message without any of its payload, which the backend may
 * wait for; a part of it is a short read, which it notices at once. */
static int
header_only(struct fe *fe, const struct peer_options *o)
{
	struct fe_msg_header h = {FE_SET_VRING_ADDR, FE_FLAG_VERSION, 40};

	return fe_send_raw(fe, &h, sizeof(h), NULL, 0);
}

/* The header of a message and a part of its payload. */
static int
half_message(struct fe *fe, const struct peer_options *o)
{
	struct fe_msg_header h = {FE_SET_VRING_ADDR, FE_FLAG_VERSION, 40};
	uint8_t bytes[sizeof(h) + 10] = {0};

	memcpy(bytes, &h, sizeof(h));
	return fe_send_raw(fe, bytes, sizeof(bytes), NULL, 0);
}

static int
half_message_close(struct fe *fe, const struct peer_options *o)
{
	int r = half_message(fe, o);

	close(fe->fd);
	fe->fd = -1;
	return r;
}

static int
silence(struct fe *fe, const struct peer_options *o)
{
	return 0;
}

/* A memory table as n regions of 2 MiB at addresses of our choice. */
static int
mem_table(struct fe *fe, uint32_t nregions, uint64_t gpa, uint64_t size, uint64_t offset,
	unsigned int nfds)
{
	uint64_t t[1 + 4 * 64] = {nregions};
	int fds[FE_FDS_MAX], fd = memfd_create("nvpeer", MFD_CLOEXEC), r;
	uint32_t n = nregions < 64 ? nregions : 64;

	if (fd < 0 || ftruncate(fd, 2 << 20) < 0)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		t[1 + 4 * i] = gpa;
		t[2 + 4 * i] = size;
		t[3 + 4 * i] = gpa;
		t[4 + 4 * i] = offset;
	}
	for (unsigned int i = 0; i < nfds; i++)
		fds[i] = fd;
	r = fe_send(fe, FE_SET_MEM_TABLE, 0, t, 8 + 32 * n, fds, nfds);
	close(fd);
	return r;
}

static int
mem_none(struct fe *fe, const struct peer_options *o)
{
	return mem_table(fe, 0, 0, 0, 0, 0);
}

static int
mem_many(struct fe *fe, const struct peer_options *o)
{
	return mem_table(fe, 64, 0, 2 << 20, 0, 8);
}

static int
mem_no_fd(struct fe *fe, const struct peer_options *o)
{
	return mem_table(fe, 2, 0, 2 << 20, 0, 0);
}

static int
mem_overlap(struct fe *fe, const struct peer_options *o)
{
	return mem_table(fe, 4, UINT64_C(1) << 32, 2 << 20, 0, 4);
}

static int
mem_wrap(struct fe *fe, const struct peer_options *o)
{
	return mem_table(fe, 1, UINT64_MAX - 4095, 2 << 20, UINT64_MAX - 4095, 1);
}

/* The table promises more than the file has: touching it raises SIGBUS. */
static int
mem_lie(struct fe *fe, const struct peer_options *o)
{
	return mem_table(fe, 1, 0, UINT64_C(1) << 30, 0, 1);
}

static int
extra_fds(struct fe *fe, const struct peer_options *o)
{
	int fds[8];

	for (unsigned int i = 0; i < 8; i++)
		fds[i] = STDERR_FILENO;
	return fe_send(fe, FE_GET_FEATURES, 0, NULL, 0, fds, 8);
}

static int
features_unoffered(struct fe *fe, const struct peer_options *o)
{
	uint64_t all = UINT64_MAX;

	return fe_send(fe, FE_SET_FEATURES, 0, &all, sizeof(all), NULL, 0);
}

static int
protocol_unoffered(struct fe *fe, const struct peer_options *o)
{
	uint64_t all = UINT64_MAX;

	return fe_send(fe, FE_SET_PROTOCOL_FEATURES, 0, &all, sizeof(all), NULL, 0);
}

static int
ring_index(struct fe *fe, const struct peer_options *o)
{
	uint32_t state[2] = {60000, 256};

	return fe_send(fe, FE_SET_VRING_NUM, 0, state, sizeof(state), NULL, 0);
}

static int
mtu_nonsense(struct fe *fe, const struct peer_options *o)
{
	uint64_t mtu = UINT64_MAX;

	return fe_send(fe, FE_NET_SET_MTU, 0, &mtu, sizeof(mtu), NULL, 0);
}

static int
enable_storm(struct fe *fe, const struct peer_options *o)
{
	for (int i = 0; i < STORM_ROUNDS; i++)
		for (unsigned int q = 0; q < 2 * fe->cfg.pairs; q++)
			if (fe_ring_enable(fe, q, i % 2) < 0)
				return -1;
	return 0;
}

static int
stop_start_storm(struct fe *fe, const struct peer_options *o)
{
	for (int i = 0; i < STORM_ROUNDS / 10; i++)
		if (fe_stop(fe) < 0 || fe_start(fe) < 0)
			return -1;
	return 0;
}

static int
mem_table_storm(struct fe *fe, const struct peer_options *o)
{
	for (int i = 0; i < STORM_ROUNDS / 10; i++)
		if (fe_set_mem_table(fe) < 0)
			return -1;
	return 0;
}

static int
reconnect_storm(struct fe *fe, const struct peer_options *o)
{
	for (int i = 0; i < STORM_ROUNDS / 10; i++) {
		fe_close(fe);
		if (fe_open(fe, &o->fe) < 0)
			return -1;
	}
	return 0;
}

static int
owner_reset(struct fe *fe, const struct peer_options *o)
{
	return fe_send(fe, FE_RESET_OWNER, 0, NULL, 0, NULL, 0);
}

static const struct hostile_case message_cases[] = {
	{"unknown-request", "a request that does not exist", STAGE_CONNECTED, unknown_request},
	{"bad-version", "protocol version 3", STAGE_CONNECTED, bad_version},
	{"huge-size", "a payload of 4 GiB", STAGE_CONNECTED, huge_size},
	{"random-bytes", "4 KiB of noise", STAGE_CONNECTED, random_bytes},
	{"every-request", "requests 0 to 63 filled with ones", STAGE_NEGOTIATED, every_request},
	{"half-header", "4 bytes of a header, then nothing", STAGE_CONNECTED, half_header},
	{"header-only", "a header, then nothing", STAGE_CONNECTED, header_only},
	{"header-only-running", "the same with running rings", STAGE_RUNNING, header_only},
	{"half-message", "a part of a payload, then nothing", STAGE_CONNECTED, half_message},
	{"half-message-running", "the same with running rings", STAGE_RUNNING, half_message},
	{"half-close", "a part of a payload, then a hang-up", STAGE_RUNNING, half_message_close},
	{"silence", "a connection without a message", STAGE_CONNECTED, silence},
	{"mem-none", "no memory region", STAGE_RUNNING, mem_none},
	{"mem-many", "64 memory regions", STAGE_NEGOTIATED, mem_many},
	{"mem-no-fd", "regions without descriptors", STAGE_NEGOTIATED, mem_no_fd},
	{"mem-overlap", "regions that overlap", STAGE_NEGOTIATED, mem_overlap},
	{"mem-wrap", "a region that wraps around", STAGE_NEGOTIATED, mem_wrap},
	{"mem-lie", "a region longer than its file", STAGE_NEGOTIATED, mem_lie},
	{"extra-fds", "descriptors where none belong", STAGE_CONNECTED, extra_fds},
	{"features-unoffered", "features nobody offered", STAGE_NEGOTIATED, features_unoffered},
	{"protocol-unoffered", "protocol features nobody offered", STAGE_NEGOTIATED,
		protocol_unoffered},
	{"ring-index", "ring number 60000", STAGE_NEGOTIATED, ring_index},
	{"mtu-nonsense", "an MTU of 2^64 - 1", STAGE_NEGOTIATED, mtu_nonsense},
	{"owner-reset", "RESET_OWNER with running rings", STAGE_RUNNING, owner_reset},
	{"enable-storm", "rings enabled and disabled, fast", STAGE_RUNNING, enable_storm},
	{"stop-start-storm", "rings stopped and started, fast", STAGE_RUNNING, stop_start_storm},
	{"mem-table-storm", "the memory table again and again", STAGE_RUNNING, mem_table_storm},
	{"reconnect-storm", "hang-up and a new connection, fast", STAGE_RUNNING, reconnect_storm},
	{0},
};

/* Misdeeds with messages go with the rings that the options ask for. */
enum format { ANY, SPLIT, PACKED };
static const struct {
	const struct hostile_case *cases;
	enum format format;
} tables[] = {{message_cases, ANY}, {hostile_ring_cases, SPLIT}, {hostile_memory_cases, SPLIT},
	{hostile_packed_cases, PACKED}, {hostile_wrap_cases, PACKED}};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

void
peer_list_cases(void)
{
	for (size_t t = 0; t < TABLES; t++)
		for (const struct hostile_case *c = tables[t].cases; c->name != NULL; c++)
			printf("%-22s %s\n", c->name, c->what);
}

static const struct hostile_case *
find_case(const char *name, enum format *format)
{
	for (size_t t = 0; t < TABLES; t++)
		for (const struct hostile_case *c = tables[t].cases; c->name != NULL; c++)
			if (strcmp(c->name, name) == 0) {
				*format = tables[t].format;
				return c;
			}
	return NULL;
}

static int
reach_stage(struct fe *fe, const struct peer_options *o, enum hostile_stage stage)
{
	if (stage == STAGE_RUNNING)
		return fe_open(fe, &o->fe);
	if (fe_connect(fe, &o->fe) < 0)
		return -1;
	if (stage == STAGE_NEGOTIATED && (fe_negotiate(fe) < 0 || fe_make_rings(fe) < 0))
		return -1;
	return 0;
}

int
peer_hostile(const struct peer_options *options, const char *name)
{
	static struct peer_options copy;
	static struct fe fe;
	const struct peer_options *o = &copy;
	enum format format = ANY;
	const struct hostile_case *c = find_case(name, &format);
	double start = peer_now();
	bool gone;

	if (c == NULL) {
		fprintf(stderr, "nvpeer: no such case: %s (list-cases names them)\n", name);
		return 2;
	}
	copy = *options;
	if (format == PACKED)
		copy.fe.features |= FE_BIT(VIRTIO_F_RING_PACKED);
	else if (format == SPLIT)
		copy.fe.features &= ~FE_BIT(VIRTIO_F_RING_PACKED);
	if (reach_stage(&fe, o, c->stage) == 0 && format == PACKED && !fe.ring[0].packed)
		fe_fail(&fe, "the backend does not offer packed rings");
	if (fe.err[0] != '\0') {
		fprintf(stderr, "nvpeer: %s: could not begin: %s\n", name, fe.err);
		return 1;
	}
	if (c->run(&fe, o) < 0) {
		fprintf(stderr, "nvpeer: %s: %s\n", name, fe.err);
		printf("{\"case\": \"%s\", \"done\": false}\n", name);
		return 1;
	}
	gone = fe.fd < 0 || fe_hung_up(&fe, (int)(o->seconds * 1000));
	printf("{\"case\": \"%s\", \"done\": true, \"hung_up\": %s, \"seconds\": %.3f}\n", name,
		gone ? "true" : "false", peer_now() - start);
	fe_close(&fe);
	return 0;
}
