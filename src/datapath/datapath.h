/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path as the control thread sees it. Every function here is called
 * on the control thread, unless it says otherwise, and is the only way in:
 * nothing above includes another header of this folder.
 *
 * No GLib here. A function that can be refused returns 0 or a negative errno
 * and leaves one sentence in err->text that an operator can act on.
 */
#ifndef NETVM_DATAPATH_H
#define NETVM_DATAPATH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/packet/guard.h"
#include "src/packet/packet.h"
#include "src/shm/shm-port.h"
#include "vhost/vhost-port.h"

#define DP_PORTS_MAX    256
#define DP_NETWORKS_MAX 64
#define DP_GROUPS_MAX   SHM_GROUPS_MAX
#define DP_WORKERS_MAX  32
#define DP_QUEUES_MAX   16  /* queue pairs of any port */
#define DP_DEVICE_MAX   512 /* bytes of a nic port's device, with the terminating 0 */
#define DP_NAME_MAX     32  /* with the terminating 0; see dp_name_valid() */

struct dp_error {
	char text[320];
};

/* --- the whole ----------------------------------------------------------- */

enum dp_hugepages { DP_HUGE_AUTO, DP_HUGE_NEVER, DP_HUGE_REQUIRED };
enum dp_poll { DP_POLL_ADAPTIVE, DP_POLL_ALWAYS };

struct dp_config {
	const char *run_dir;
	uint16_t ncpus; /* 0: auto */
	uint16_t cpu[DP_WORKERS_MAX];
	enum dp_poll poll;
	uint32_t idle_us; /* spin this long without work before sleeping */
	enum dp_hugepages hugepages;
	uint64_t packet_memory;     /* bytes for mbufs; 0: default */
	void (*changed)(void *arg); /* a port's state changed: any thread, must not block */
	void *changed_arg;
	void (*warn)(const char *sentence); /* for the log; NULL: not wanted; as changed() */
};

/* What dp_start() decided, for the log and `status`. */
struct dp_info {
	bool hugepages;
	uint64_t packet_memory;
	uint16_t workers;
	const char *simd; /* ring variant in use */
	const char *dpdk; /* rte_version() */
};

/* Checks CPUs and memory without changing anything (netvmd --check). */
int dp_check(const struct dp_config *cfg, struct dp_error *err);
/* Starts EAL (once per process) and the workers, which idle until ports come. */
int dp_start(const struct dp_config *cfg, struct dp_error *err);
/* Ports and networks must be gone. Stops workers, cleans EAL's files up. */
void dp_stop(void);
void dp_info(struct dp_info *info);
/* Live: from the next loop iteration of each worker on. */
void dp_set_poll(enum dp_poll poll, uint32_t idle_us);

/* --- networks ------------------------------------------------------------ */

struct dp_network;
struct dp_network_config {
	char name[DP_NAME_MAX];
	uint32_t ageing_s;  /* 10..1000000, default 300 (802.1Q) */
	uint32_t max_macs;  /* 16..1048576, default 8192 */
	uint32_t storm_pps; /* broadcast + multicast + unknown unicast of one port, per
			       second; 0: no limit */
};
int dp_network_add(
	const struct dp_network_config *cfg, struct dp_network **net, struct dp_error *err);
/* Refused with -EBUSY while a port is in it. */
int dp_network_del(struct dp_network *net, struct dp_error *err);
/* ageing_s and storm_pps change live; max_macs: -EBUSY while it has ports. */
int dp_network_set(
	struct dp_network *net, const struct dp_network_config *cfg, struct dp_error *err);

struct dp_fdb_entry {
	uint8_t mac[6];
	uint16_t vlan;
	uint16_t port; /* dp_port_index() */
	uint32_t age_s;
};
/* Calls cb for each learned MAC; readable while workers learn. */
void dp_network_fdb(
	struct dp_network *net, void (*cb)(const struct dp_fdb_entry *e, void *arg), void *arg);
struct dp_network_stats {
	uint32_t macs;
	uint64_t moves, full, flooded; /* MAC moved port; could not learn; frames flooded */
};
void dp_network_stats(struct dp_network *net, struct dp_network_stats *st);

/* --- trust groups -------------------------------------------------------- */

/* A group is a packet pool, and the ports that hand each other its buffers. */
struct dp_group;
struct dp_group_config {
	char name[DP_NAME_MAX];
	uint64_t pool_size;   /* bytes of buffers; 0: default, 64 MiB */
	uint32_t buffer_size; /* with SHM_HEADROOM in it, a multiple of 64; 0: default, 2304 */
	int numa;             /* node of the pool, -1: a share on each */
};
/* Refused with -ENOMEM where there is no memory for the pool, or packet memory, in
 * which the mbufs of its buffers lie, is used up. */
int dp_group_add(const struct dp_group_config *cfg, struct dp_group **group, struct dp_error *err);
/* Refused with -EBUSY while a port is in it, or receives into it. */
int dp_group_del(struct dp_group *group, struct dp_error *err);

struct dp_group_status {
	struct shm_pool_status pool;
	uint32_t nics; /* nic ports that receive into it */
};
void dp_group_status(struct dp_group *group, struct dp_group_status *st);
/* All groups and ports that outlived an earlier netvmd are there again: frees what others
 * had. exists: whether there is a group ("pool") or shm port ("port") of that name, also
 * one that could not be made. */
void dp_groups_settle(bool (*exists)(const char *kind, const char *name, void *user), void *user);
/* Calls cb for each group. */
void dp_group_walk(void (*cb)(const char *name, struct dp_group *group, void *arg), void *arg);

/* --- ports --------------------------------------------------------------- */

enum dp_port_type { DP_PORT_VHOST, DP_PORT_NIC, DP_PORT_SHM };

#define DP_MEMBERS_MAX 8 /* devices of a bond */
enum dp_bond { DP_BOND_NONE, DP_BOND_ACTIVE_BACKUP, DP_BOND_LACP };

#define DP_VLAN_WORDS 64
/* How a port meets the VLANs of its network. */
struct dp_vlan {
	bool trunk;      /* false: access port, frames are untagged outside */
	uint16_t access; /* VID inside the network for an access port; 0: untagged inside too */
	uint64_t allowed[DP_VLAN_WORDS]; /* trunk: bitmap of VIDs 0..4094; 0 = untagged */
};

/* Which frames of a port a mirror copies: what it sends us, what it is sent. */
enum dp_mirror { DP_MIRROR_IN = 1, DP_MIRROR_OUT = 2, DP_MIRROR_BOTH = 3 };

/* How fast frames may come: 0 is no limit, and for a burst a tenth of a second's
 * allowance. A burst is cut to an hour's. */
struct dp_rate {
	uint64_t pps, bps;
	uint64_t burst_packets, burst_bytes;
};

/* What can change while the port carries traffic. */
struct dp_port_settings {
	struct dp_network *network; /* NULL: in none, drops everything */
	struct dp_vlan vlan;
	struct guard guard; /* nmac == 0: off */
	uint16_t mtu;       /* frames longer than mtu + 18 are dropped, GSO excepted */
	bool enabled;       /* administratively up */
	struct dp_rate rate_in, rate_out; /* what it sends us, what it is sent */
	/* Gets copies of this port's frames; NULL: nobody. A port that is deleted is
	 * nobody's mirror any more; refused: itself, or ports that mirror each other
	 * in a circle. */
	struct dp_port *mirror;
	enum dp_mirror mirror_direction; /* means nothing without a mirror */
	/* A static cross-connect: all that the port sends goes to one port, whatever
	 * its addresses and VLANs. Guard, rates, mirrors and captures stay; networks,
	 * learning and storm control are out of it. forward is NULL where the port is
	 * not there (any more): frames are dropped (DROP_NO_TARGET). Refused: itself. */
	bool cross;
	struct dp_port *forward;
};

struct dp_port_config {
	char name[DP_NAME_MAX];
	enum dp_port_type type;
	uint16_t queues; /* queue pairs: vhost, shm 1..16; nic 0: one per worker, as it can */
	/* vhost */
	char socket[108];
	bool client;
	/* vhost, shm: of the sockets */
	uid_t owner;
	gid_t group;
	mode_t mode;
	/* shm: its trust group; nic: receives into this one's pool, NULL: its own */
	struct dp_group *trust;
	/* shm */
	uint32_t rx_entries, tx_entries, fill_entries; /* powers of two */
	uint16_t vectors;                              /* of the doorbells; 0: as many as queues */
	uint32_t heartbeat_ms;                         /* 0: a silent guest is left alone */
	/* nic: PCI address or devargs such as net_af_packet0,iface=veth0; of a bond
	 * several, separated by spaces, the preferred one first */
	bool copy; /* nic: guests' payload, too, where it need not be */
	char device[DP_DEVICE_MAX];
	enum dp_bond bond;
	struct dp_port_settings settings;
};

/* A device of a bond: without a link; carries traffic; ready to (active-backup);
 * has not agreed with the other side (LACP). */
enum dp_member_state { DP_MEMBER_DOWN, DP_MEMBER_ACTIVE, DP_MEMBER_BACKUP, DP_MEMBER_NEGOTIATING };
const char *dp_member_state_name(enum dp_member_state s); /* "down", "active", ... */

enum dp_port_state { DP_PORT_DOWN, DP_PORT_WAITING, DP_PORT_UP, DP_PORT_ERROR };
const char *dp_port_state_name(enum dp_port_state s); /* "down", "waiting", ... */

struct dp_port;
int dp_port_add(const struct dp_port_config *cfg, struct dp_port **port, struct dp_error *err);
/* Takes the port out of its network, waits for workers, forgets its MACs. A guest
 * that was connected finds its rings again when the port is added again. */
void dp_port_del(struct dp_port *port);
/* Unless it does not come back: to be called after dp_port_del(). */
void dp_port_forget(const char *name);
int dp_port_set(struct dp_port *port, const struct dp_port_settings *s, struct dp_error *err);
/* Before the port is added: its number (dp_port_index()) in an earlier daemon, which it
 * gets again unless two names have the same. One that comes back after dp_port_del()
 * has its number, too, until dp_port_forget(). */
void dp_port_reserve(const char *name, uint16_t number);
int dp_port_number(const char *name);               /* that it has or will get, -1: not known */
uint16_t dp_port_index(const struct dp_port *port); /* stable for the port's life */
const char *dp_port_name(uint16_t index);           /* "" when there is none */

struct dp_port_status {
	enum dp_port_state state;
	char error[160];
	uint16_t queues; /* running queue pairs */
	/* vhost */
	struct vhost_port_status vhost;
	/* shm */
	struct shm_port_status shm;
	/* nic */
	char driver[32];
	uint8_t mac[6];
	bool link_up;
	uint32_t link_mbps;                /* 0: unknown */
	uint64_t rx_offloads, tx_offloads; /* RTE_ETH_*_OFFLOAD_* in use */
	const char *no_zero_copy; /* why guests' payload is copied to it; NULL: it is not */
	uint16_t members;         /* of a bond */
	struct {
		char device[64];
		enum dp_member_state state;
	} member[DP_MEMBERS_MAX];
};
void dp_port_status(struct dp_port *port, struct dp_port_status *st);
/* Name of an offload bit for people, NULL beyond. rx: receive side. */
const char *dp_offload_name(bool rx, unsigned int bit);

struct dp_port_counters {
	struct queue_counters total;
	struct queue_counters queue[DP_QUEUES_MAX];
	uint16_t queues;
	uint64_t drop[DROP_REASONS];
	uint64_t nic_missed, nic_errors; /* nic: what the device itself lost */
	uint64_t nic_zero_copy;          /* nic: sent from a guest's memory in place */
};
/* Values since the port was added or the last reset. */
void dp_port_counters(struct dp_port *port, struct dp_port_counters *c);
void dp_port_counters_reset(struct dp_port *port);

/* --- messages ------------------------------------------------------------ */

#define DP_MESSAGE_MAX NETVM_MESSAGE_MAX

/* What an shm port's guest told us, as netvm-abi.h has it: a struct netvm_tell and
 * more, or not. The guest wrote it. */
struct dp_message {
	uint16_t length;
	uint8_t data[DP_MESSAGE_MAX];
};
/* The oldest that was not taken yet. False: there is none; dp_config.changed will tell. */
bool dp_port_message(struct dp_port *port, struct dp_message *m);

/* --- captures ------------------------------------------------------------ */

#define DP_CAPTURES_MAX 8      /* at a time, of all ports together */
#define DP_SNAPLEN_MAX  262144 /* as libpcap has it: more than any frame */
#define DP_FILTER_MAX   4096   /* instructions of a filter, as BPF_MAXINSNS */

/* One instruction of a classic BPF program, as libpcap compiles them. */
struct dp_filter_insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

/*
 * in: frames that the port received, before anything was decided about them.
 * out: frames on their way to it, whether it has room for them or not. Each
 * with its VLAN tag as it is outside of the switch.
 */
struct dp_capture_config {
	uint32_t snaplen; /* first bytes of a frame that are kept */
	bool in, out;
	const struct dp_filter_insn *program; /* copied */
	uint32_t nprogram;                    /* 0: every frame */
};

struct dp_captured {
	uint64_t ns; /* since 1970 */
	uint32_t len, captured;
	bool in;
	const uint8_t *data; /* captured bytes, during the call */
};
typedef void (*dp_capture_cb)(const struct dp_captured *f, void *arg);

struct dp_capture_counters {
	uint64_t received; /* frames that passed in the directions asked for */
	uint64_t chosen;   /* by the filter */
	uint64_t lost;     /* of these: not kept, as the reader was too slow */
};

struct dp_capture;
/* May this program run on a worker? dp_capture_start() asks too. */
int dp_filter_check(const struct dp_filter_insn *program, uint32_t n, struct dp_error *err);
int dp_capture_start(struct dp_port *port, const struct dp_capture_config *cfg,
	struct dp_capture **capture, struct dp_error *err);
/* Nothing is added any more; what was captured can still be read. */
void dp_capture_end(struct dp_capture *c);
/* False after dp_capture_end(), and when the port was deleted. */
bool dp_capture_running(const struct dp_capture *c);
/* Calls cb for the oldest frame that was not read yet. False: there is none. */
bool dp_capture_next(struct dp_capture *c, dp_capture_cb cb, void *arg);
void dp_capture_counters(const struct dp_capture *c, struct dp_capture_counters *n);
void dp_capture_free(struct dp_capture *c);

/* --- workers ------------------------------------------------------------- */

enum dp_worker_state { DP_WORKER_POLLING, DP_WORKER_SLEEPING, DP_WORKER_STOPPED };
struct dp_worker_status {
	uint16_t id;
	uint16_t cpu;
	enum dp_worker_state state;
	uint64_t packets;                  /* taken from sources */
	uint64_t busy_cycles, idle_cycles; /* TSC; sleep counts as idle */
	uint64_t sleeps;
	uint16_t queues; /* receive queues it serves */
};
uint16_t dp_workers(void);
void dp_worker_status(uint16_t id, struct dp_worker_status *st);
void dp_worker_counters_reset(void);
double dp_tsc_hz(void);

/* Call about once a second: frees the table entries of MACs that aged out, and
 * shows the counters to DPDK's telemetry. */
void dp_tick(void);

#endif
