/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzzes all that a vhost-user peer can do to a running backend: its messages,
 * its descriptors, its memory and its rings at the same time, over a real socket.
 * The ports, rte_vhost's thread and a polling worker run in this process. Port 0
 * gets what the input says (vhost-peer.h); a good peer on port 1 sends to it;
 * ports 2 and 3 have good peers that must not notice. After each input:
 *
 *	the worker goes on, and the neighbours exchange packets
 *	every descriptor and every mapping that came from the peer is gone
 *	a connection that was ended for cause has left a sentence
 *	port 0 works for a good peer
 *
 * A case that takes longer than the time here is a thread that hangs: it is
 * counted in seconds, so that a busy machine is not mistaken for one.
 */
#include <sanitizer/common_interface_defs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/frontend/frontend.h"
#include "tests/fuzz/vhost-peer.h"
#include "tests/unit/vhost-rig.h"
#include "vhost/vhost-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATIENCE_MS 8000

static struct fe mate, neighbour[2];
static unsigned int fds;

static void
open_good(struct fe *fe, unsigned int n)
{
	struct fe_config cfg = {.socket = harness.socket[n],
		.ring_size = 16,
		.tx_buffer = 2048,
		.rx_buffer = 2048,
		.timeout_ms = PATIENCE_MS};

	if (fe_open(fe, &cfg) != 0)
		fprintf(stderr, "port %u: %s\n", n, fe->err);
	peer_check(fe->err[0] == '\0', "a good peer is refused");
	peer_check(harness_wait(n, VHOST_UP), "a good peer does not come up");
}

static void
exchange(struct fe *from, struct fe *to)
{
	struct fe_ring *tx = fe_tx_ring(from, 0), *rx = fe_rx_ring(to, 0);
	uint8_t frame[64] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x88, 0xb5}, got[2048];
	int64_t end = harness_ms() + PATIENCE_MS;
	struct virtio_net_hdr_mrg_rxbuf hdr;
	static uint64_t serial;
	int n;

	serial++;
	memcpy(frame + 14, &serial, sizeof(serial));
	while (!fe_transmit(tx, NULL, frame, sizeof(frame))) {
		peer_check(fe_reap(tx) >= 0, "a good peer's used ring makes no sense");
		peer_check(harness_ms() < end, "a good peer's frames are not taken");
		sched_yield();
	}
	fe_kick(tx);
	/* What the hostile peer sent to the mate comes first. */
	while ((n = fe_receive(rx, &hdr, got, sizeof(got))) != sizeof(frame) ||
		memcmp(frame, got, sizeof(frame)) != 0) {
		peer_check(n >= 0, "a good peer's used ring makes no sense");
		peer_check(harness_ms() < end, "a good peer's frames do not arrive");
		sched_yield();
	}
	peer_check(fe_reap(tx) >= 0 && tx->out_of_order == 0, "completion is out of order");
}

static void
settle(void)
{
	uint64_t from = harness_loops();
	int64_t end = harness_ms() + PATIENCE_MS;

	while (harness_loops() - from < 3) {
		peer_check(harness_ms() < end, "the worker is stuck");
		sched_yield();
	}
}

/* Frames from the mate to the hostile peer. */
static void
deliver(uint32_t len, unsigned int n)
{
	static const uint8_t frame[1500] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x88, 0xb5};
	struct fe_ring *tx = fe_tx_ring(&mate, 0), *rx = fe_rx_ring(&mate, 0);
	struct virtio_net_hdr_mrg_rxbuf hdr;
	uint8_t got[2048];

	peer_check(fe_reap(tx) >= 0, "the mate's used ring makes no sense");
	while (n-- > 0 && fe_transmit(tx, NULL, frame, len))
		;
	fe_kick(tx);
	settle();
	while (fe_receive(rx, &hdr, got, sizeof(got)) > 0)
		;
}

/* Mappings of the hostile peer's files. */
static bool
mapped(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	bool found = false;
	char line[512];

	peer_check(f != NULL, "maps");
	while (fgets(line, sizeof(line), f))
		found |= strstr(line, "memfd:hostile") || strstr(line, "memfd:sealed");
	fclose(f);
	return found;
}

static void
all_gone(void)
{
	int64_t end = harness_ms() + PATIENCE_MS;

	while (harness_status(0).connected || harness_fds() != fds) {
		if (harness_ms() > end)
			fprintf(stderr, "%u descriptors, %u expected\n", harness_fds(), fds);
		peer_check(harness_ms() < end, "the connection or its descriptors stay");
		usleep(50);
	}
	peer_check(!mapped(), "memory stays mapped");
	/* How a port refuses somebody who breaks off again and again has a test of
	 * its own (test-vhost-hostile); here it would keep everything out. */
	harness.port[0]->strikes = 0;
}

static void
start(void)
{
	struct fe good;
	char name[64];

	/* Starts the symbolizer with its pipes now, not while we count. */
	__sanitizer_symbolize_pc(__builtin_return_address(0), "%f", name, sizeof(name));

	if (!harness_start("fuzz-vhost") || harness_ports(NULL) != 0)
		abort();
	atexit(harness_stop);
	harness_sigbus();
	peer_kinds_open();
	open_good(&neighbour[0], 2);
	open_good(&neighbour[1], 3);
	open_good(&mate, 1);
	open_good(&good, 0);
	exchange(&good, &mate);
	fe_close(&good);
	while (harness_status(0).connected)
		usleep(1000);
	/* The library closes its share last. */
	usleep(100000);
	fds = harness_fds();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer p = {.path = harness.socket[0], .settle = settle, .deliver = deliver};
	struct fe good;

	if (fds == 0)
		start();
	peer_run(&p, data, size);
	all_gone();
	exchange(&neighbour[0], &neighbour[1]);
	exchange(&neighbour[1], &neighbour[0]);
	open_good(&good, 0);
	exchange(&good, &mate);
	exchange(&mate, &good);
	fe_close(&good);
	all_gone();
	return 0;
}
