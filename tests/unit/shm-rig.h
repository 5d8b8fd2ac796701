/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool and ports of src/shm without sockets and threads: what the server does is
 * done by the test, the keeper is a table in this process, and the guests run here,
 * on the ports' own memory. What is wrong with the set-up ends the program.
 */
#ifndef NETVM_SHM_RIG_H
#define NETVM_SHM_RIG_H

#include "src/shm/shm-ring.h"

#define RIG_PORTS 4

/* A guest's side of one queue pair. It keeps to the rules, unless the test writes to
 * memory itself. */
struct guest_pair {
	struct netvm_ring *ring[SHM_RING_KINDS];
	uint32_t at[SHM_RING_KINDS]; /* produced in TX, consumed in RX and FILL */
};
struct guest {
	struct shm_port *port;
	struct guest_pair pair[NETVM_PAIRS_MAX];
};

struct rig {
	struct shm_pool *pool;
	struct guest guest[RIG_PORTS];
	unsigned int ports;
};

void rig_give_up(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define want(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			rig_give_up("%s:%d: not so: %s", __FILE__, __LINE__, #condition);          \
	} while (0)

void rig_eal(void); /* once; ends the program with 77 where EAL does not start */
/* Calls of env and of the server that the data side made. */
extern unsigned int rig_faults, rig_synchronized;

struct rig_config {
	unsigned int ports, pairs, entries; /* entries of each ring */
	uint32_t buffers, buffer_size;      /* at least so many */
	uint32_t features;                  /* enum netvm_guest_features */
	uint32_t quota;
};
/* Makes pool and ports; they are open. */
void rig_open(struct rig *rig, const struct rig_config *cfg);
/* A daemon died: what it left is copied, and the next one starts on the copy. `rig` is
 * left alone; its guests go on in `next`, with `between` (or NULL) before there is a
 * daemon. */
void rig_resume(struct rig *next, const struct rig *rig, void (*between)(struct rig *));
void rig_close(struct rig *rig);
/* The port has been reset: so is the guest. */
void rig_guest_reset(struct guest *g);

/* What rx, FILL and tx of a guest are. Each returns how many; rx and fill give the ring
 * entries back at once. */
unsigned int guest_rx(struct guest *g, unsigned int pair, struct netvm_desc *d, unsigned int max);
unsigned int guest_fill(struct guest *g, unsigned int pair, uint32_t *buffer, unsigned int max);
bool guest_tx(struct guest *g, unsigned int pair, const struct netvm_desc *d, unsigned int n);
/* A packet of one piece in this buffer. */
struct netvm_desc guest_packet(const struct guest *g, uint32_t buffer, uint16_t len);

/*
 * Every buffer is in one place: free, or owned by the guest who believes so. held[i][b]
 * says that guest i has buffer b in its hands; what is in rings is found here.
 */
void rig_check(const struct rig *rig, const uint8_t *const held[RIG_PORTS]);

#endif
