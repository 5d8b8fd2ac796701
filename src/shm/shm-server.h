/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files around the thread that serves shm ports share.
 *
 *   shm-server.c      the thread: epoll, ticks, calls of the control thread
 *   shm-door.c        a socket that is listened on, and the client behind it
 *   shm-port-state.c  what a guest asks for, and what becomes of the port
 *   shm-begin.c       how a port begins, or goes on after a restart
 *   shm-client.c      guests that come and go
 *   shm-page.c        the device page
 *   shm-resume.c      what the keeper has of a port
 *   shm-port.c        create, destroy, enable, set, status: the control thread
 *
 * Threads. Everything in struct shm_attachment belongs to the thread from
 * shm_server_watch() to shm_server_unwatch(), before and after that to the control
 * thread. The control thread has its wishes done by shm_server_call() and waits for
 * them; the thread never waits for anybody but a grace period.
 */
#ifndef NETVM_SHM_SERVER_H
#define NETVM_SHM_SERVER_H

#include "src/shm/shm-keeper.h"
#include "src/shm/shm-private.h"

#define SHM_SOCKET_PATH 108 /* sizeof(sockaddr_un.sun_path) */

/* --- shm-door.c --------------------------------------------------------------- */

enum shm_door_kind { SHM_DOOR_RING, SHM_DOOR_POOL, SHM_DOORS };

/* What an epoll event is about. */
enum shm_watched { SHM_WATCH_LISTENER, SHM_WATCH_CLIENT, SHM_WATCH_BELL };
struct shm_watch {
	struct shm_port *port;
	enum shm_watched what;
	enum shm_door_kind door;
};

struct shm_door {
	int listener; /* -1: closed */
	int sock;     /* the client, -1: none */
	char path[SHM_SOCKET_PATH];
	struct shm_watch on_listener, on_sock;
};

/* Around the life of the thread. */
void shm_door_spare(bool have);
/* Where the port's sockets are; -ENAMETOOLONG with a sentence. */
int shm_door_path(
	struct shm_door *d, const char *name, enum shm_door_kind kind, char *err, size_t errlen);
/* Listens, with owner, group and mode of cfg. 0 or -errno and a sentence. */
int shm_door_open(struct shm_door *d, const struct shm_port_config *cfg, char *err, size_t errlen);
/* Nobody can come any more; who is there stays. */
void shm_door_shut(struct shm_door *d);
/* Accepts who knocks. -1: nobody, or refused because somebody is there already. */
int shm_door_accept(struct shm_door *d);
/* Says so; the connection is left to end by itself. */
void shm_door_refuse(int sock);
void shm_door_hang_up(struct shm_door *d);
bool shm_socket_hung_up(int sock);
pid_t shm_socket_peer(int sock);
/* One message of the ivshmem protocol; fd -1: without. 0 or -errno, never waits. */
int shm_ivshmem_send(int sock, int64_t number, int fd);
/* The messages before the doorbells. */
int shm_ivshmem_greet(int sock, int64_t id, int memory);

/* --- ports ---------------------------------------------------------------------- */

struct shm_attachment {
	struct shm_door door[SHM_DOORS];
	struct shm_watch on_bell;
	struct netvm_device page; /* its constant part, as it should be */
	bool enabled;
	bool later;           /* shm_resume() begins */
	_Atomic uint16_t mtu; /* the control thread writes it; relaxed */
	uint16_t shown_pairs; /* guarded by the port's lock, like the next */
	uint32_t shown_features;
	bool bell_watched;
	unsigned int bells;   /* that rang for nothing since the last tick */
	uint32_t answered;    /* the last request that was carried out */
	uint64_t beat;        /* the last one seen */
	int64_t beat_ms;      /* when it changed */
	int64_t wait_ms;      /* no request is carried out before (a guest that failed) */
	int64_t tick_ms;      /* look again then; 0: never */
	int unheld;           /* what shm_keeper_hold() said when something was not held, or 0 */
	unsigned int held_at; /* shm_keeper_lost() when all was held */
	int64_t hold_ms;      /* see then whether all is still held */
};

/* shm-page.c. Fills a->page and writes it to the guest: a new guest. */
void shm_page_build(struct shm_port *p);
/* Writes the constant part where the guest spoiled it. */
void shm_page_repair(struct shm_port *p);
/* A guest that was not there before: nothing that an earlier one wrote is left. */
void shm_page_clear(struct shm_port *p);
void shm_page_host_state(struct shm_port *p, enum netvm_host_state state);
void shm_page_link(struct shm_port *p, bool up);
void shm_page_mtu(struct shm_port *p);

#define SHM_UP_MS 10 /* between two looks at a port that is served */

/* shm-port-state.c, all on the thread. */
int64_t shm_now_ms(void);
void shm_life_enter(struct shm_port *p, enum shm_port_state state, const char *why);
/* No worker is in it any more, no buffer is the guest's, its rings are empty. */
void shm_life_leave(struct shm_port *p);
void shm_life_tell_sleepers(struct shm_port *p, bool up); /* workers that wait for it */
/* Its rings are served; the state is the caller's. */
void shm_life_serve(struct shm_port *p, uint16_t pairs, uint32_t features, int64_t now);
/* The guest goes on only by opening the port again, which it is told. */
void shm_life_reset(struct shm_port *p, enum shm_port_state state, const char *why);
void shm_life_watch_bell(struct shm_port *p, bool on);
void shm_life_look(struct shm_port *p, int64_t now); /* reads what the guest wrote */
void shm_life_bell(struct shm_port *p, int64_t now);
void shm_life_tick(struct shm_port *p, int64_t now);
/* Calls: the port is enabled or not; goes away. */
void shm_life_enable(struct shm_port *p, bool on);
void shm_life_end(struct shm_port *p);

/* shm-begin.c, all on the thread: the port was just made. */
void shm_life_begin(struct shm_port *p);
extern bool shm_life_held;  /* ports that are taken over do not begin ... */
void shm_life_resume(void); /* ... before this */

/* shm-client.c, all on the thread. */
void shm_life_attached(struct shm_port *p, bool is, pid_t peer);
void shm_bells_close(struct shm_port *p);
void shm_life_knock(struct shm_port *p, enum shm_door_kind door);  /* somebody connects */
void shm_life_client(struct shm_port *p, enum shm_door_kind door); /* may have hung up */
/* What a guest needs to outlive us is held, as far as we can; looks now and then. */
void shm_port_hold(struct shm_port *p, int64_t now);
/* What shm_keeper_hold() said: the log hears of news. Before the port is watched also the
 * control thread. */
void shm_port_held(struct shm_port *p, int error);

/* shm-resume.c: control thread, before the port is watched. */
void shm_keeper_key(char key[SHM_KEEPER_NAME], const struct shm_port *p, const char *what);
/* Memory, book, and the client, if he is still there (p->resumed); or fresh ones. cfg,
 * pool and owner are set. 0 or -errno with a sentence. */
int shm_port_memories(struct shm_port *p, char *err, size_t errlen);
/* The port will not be after all: its client is hung up. */
void shm_port_drop_client(struct shm_port *p);

/* --- shm-server.c ------------------------------------------------------------------ */

int shm_server_start(char *err, size_t errlen);
void shm_server_stop(void);
/* fn(p) on the thread; returns when it was done. Control thread. */
void shm_server_call(void (*fn)(struct shm_port *p), struct shm_port *p);
/* On the thread, by calls: the port's events and ticks come, or do not any more. */
void shm_server_each(void (*fn)(struct shm_port *p)); /* on the thread */
void shm_server_watch(struct shm_port *p);
void shm_server_unwatch(struct shm_port *p);
/* Events of a descriptor; closing it ends that. */
void shm_server_poll(int fd, uint32_t events, struct shm_watch *w);
void shm_server_unpoll(int fd);

extern char shm_run_dir[SHM_SOCKET_PATH];

#endif
