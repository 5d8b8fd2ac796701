/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports from the control thread's side: create, destroy, enable, set, status. What
 * happens to them meanwhile is in shm-port-state.c, on a thread of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/packet/bell.h"
#include "src/packet/refuse.h"
#include "src/shm/shm-server.h"

/* Ethernet header and a VLAN tag, as netvm-abi.h says of `mtu`. */
#define FRAME_OVERHEAD 18

const struct shm_env *shm_env;
char shm_run_dir[SHM_SOCKET_PATH];

static struct shm_env env_copy;

int
shm_init(const struct shm_env *env, const char *run_dir, char *err, size_t errlen)
{
	char dir[SHM_SOCKET_PATH + 8];
	int ret;

	env_copy = *env;
	shm_env = &env_copy;
	bell_init();
	if (snprintf(shm_run_dir, sizeof(shm_run_dir), "%s", run_dir) >= (int)sizeof(shm_run_dir))
		return refuse(err, errlen, ENAMETOOLONG,
			"the run directory %s is too long for sockets in it", run_dir);
	snprintf(dir, sizeof(dir), "%s/shm", shm_run_dir);
	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return refuse(err, errlen, errno, "cannot create the directory %s: %s", dir,
			strerror(errno));
	ret = shm_keeper_start(shm_run_dir, err, errlen);
	if (ret != 0)
		return ret;
	/* Before there is a thread. */
	shm_life_held = true;
	ret = shm_server_start(err, errlen);
	if (ret != 0)
		shm_keeper_stop(false);
	return ret;
}

static void
resume(struct shm_port *none)
{
	(void)none;
	shm_life_resume();
}

void
shm_resume(void)
{
	shm_server_call(resume, NULL);
}

void
shm_stop(void)
{
	shm_server_stop();
	shm_keeper_stop(true);
}

void
shm_settle(bool (*exists)(const char *kind, const char *name, void *user), void *user)
{
	shm_keeper_settle(exists, user);
}

void
shm_discard(const char *run_dir)
{
	char err[256];

	/* Without the program there is nothing to discard. */
	if (shm_keeper_start(run_dir, err, sizeof(err)) == 0)
		shm_keeper_stop(true);
}

/* --- create and destroy ------------------------------------------------------------ */

static bool
entries_ok(uint32_t n)
{
	return n >= NETVM_RING_MIN && n <= NETVM_RING_MAX && (n & (n - 1)) == 0;
}

static int
port_check(const struct shm_port_config *c, char *err, size_t errlen)
{
	if (c->name[0] == '\0' || !memchr(c->name, '\0', sizeof(c->name)) || strchr(c->name, '/'))
		return refuse(err, errlen, EINVAL,
			"a port's name has 1 to %d characters and no slash", NETVM_NAME_MAX - 1);
	if (c->pool == NULL)
		return refuse(err, errlen, EINVAL, "port %s has no group", c->name);
	if (c->queues < 1 || c->queues > NETVM_PAIRS_MAX)
		return refuse(err, errlen, EINVAL, "port %s: %u queue pairs, 1 to %d are possible",
			c->name, c->queues, NETVM_PAIRS_MAX);
	if (c->vectors < 1 || c->vectors > NETVM_VECTORS_MAX)
		return refuse(err, errlen, EINVAL, "port %s: %u vectors, 1 to %d are possible",
			c->name, c->vectors, NETVM_VECTORS_MAX);
	if (!entries_ok(c->rx_entries) || !entries_ok(c->tx_entries) ||
		!entries_ok(c->fill_entries))
		return refuse(err, errlen, EINVAL,
			"port %s: a ring has %u entries; a power of two from %d to %d is possible",
			c->name,
			!entries_ok(c->rx_entries)   ? c->rx_entries
			: !entries_ok(c->tx_entries) ? c->tx_entries
						     : c->fill_entries,
			NETVM_RING_MIN, NETVM_RING_MAX);
	if (c->mtu < 68 || c->mtu > SHM_PORT_MTU_MAX)
		return refuse(err, errlen, EINVAL, "port %s: MTU %u, 68 to %d are possible",
			c->name, c->mtu, SHM_PORT_MTU_MAX);
	return 0;
}

static struct shm_port *
port_new(const struct shm_port_config *cfg)
{
	struct shm_attachment *a = calloc(1, sizeof(*a));
	struct shm_port *p;

	if (!a || posix_memalign((void **)&p, 64, sizeof(*p)) != 0) {
		free(a);
		return NULL;
	}
	memset(p, 0, sizeof(*p));
	p->cfg = *cfg;
	p->pool = cfg->pool;
	p->client = a;
	p->memory.fd = p->private.fd = -1;
	p->vectors = cfg->vectors;
	p->state = SHM_DOWN;
	pthread_mutex_init(&p->lock, NULL);
	atomic_flag_clear(&p->take_lock);
	atomic_init(&p->max_frame, cfg->mtu + FRAME_OVERHEAD);
	for (unsigned int v = 0; v < NETVM_VECTORS_MAX; v++) {
		atomic_init(&p->bell[v], -1);
		atomic_init(&p->kick[v], -1);
	}
	a->enabled = !cfg->disabled;
	atomic_init(&a->mtu, cfg->mtu);
	a->on_bell = (struct shm_watch){.port = p, .what = SHM_WATCH_BELL};
	for (unsigned int i = 0; i < SHM_DOORS; i++) {
		struct shm_door *d = &a->door[i];

		d->listener = d->sock = -1;
		d->on_listener = (struct shm_watch){p, SHM_WATCH_LISTENER, (enum shm_door_kind)i};
		d->on_sock = (struct shm_watch){p, SHM_WATCH_CLIENT, (enum shm_door_kind)i};
	}
	return p;
}

static int
doors_open(struct shm_port *p, char *err, size_t errlen)
{
	int ret = 0;

	for (unsigned int i = 0; i < SHM_DOORS && ret == 0; i++)
		ret = shm_door_open(&p->client->door[i], &p->cfg, err, errlen);
	if (ret != 0) {
		for (unsigned int i = 0; i < SHM_DOORS; i++)
			shm_door_shut(&p->client->door[i]);
	}
	return ret;
}

static void
port_free(struct shm_port *p)
{
	shm_memory_free(&p->memory);
	shm_memory_free(&p->private);
	pthread_mutex_destroy(&p->lock);
	free(p->client);
	free(p);
}

/* Everything but the sockets that are listened on: what it stands on, and its rings. */
static int
port_build(struct shm_port *p, char *err, size_t errlen)
{
	int ret = shm_pool_attach(p->pool, p->cfg.name);

	if (ret < 0)
		return refuse(err, errlen, -ret, "port %s: its group has %d ports already",
			p->cfg.name, SHM_OWNERS - 1);
	p->owner = (uint8_t)ret;
	shm_page_build(p);
	ret = shm_port_memories(p, err, errlen);
	if (ret == 0) {
		ret = shm_port_rings_init(p);
		if (ret == 0)
			return 0;
		refuse(err, errlen, -ret, "out of memory for port %s", p->cfg.name);
		shm_port_drop_client(p);
	}
	shm_pool_detach(p->pool, p->owner);
	return ret;
}

struct shm_port *
shm_port_create(const struct shm_port_config *cfg, char *err, size_t errlen)
{
	struct shm_port *p;
	int ret = port_check(cfg, err, errlen);

	if (ret != 0) {
		errno = -ret;
		return NULL;
	}
	p = port_new(cfg);
	if (!p) {
		errno = -refuse(err, errlen, ENOMEM, "out of memory for port %s", cfg->name);
		return NULL;
	}
	for (unsigned int i = 0; i < SHM_DOORS && ret == 0; i++)
		ret = shm_door_path(
			&p->client->door[i], cfg->name, (enum shm_door_kind)i, err, errlen);
	/* First what can be refused: nothing is taken over for a port that cannot be. */
	if (ret == 0 && p->client->enabled)
		ret = doors_open(p, err, errlen);
	if (ret == 0) {
		ret = port_build(p, err, errlen);
		if (ret != 0) {
			for (unsigned int i = 0; i < SHM_DOORS; i++)
				shm_door_shut(&p->client->door[i]);
		}
	}
	if (ret != 0) {
		port_free(p);
		errno = -ret;
		return NULL;
	}
	shm_server_call(shm_life_begin, p);
	return p;
}

void
shm_port_destroy(struct shm_port *p)
{
	char key[SHM_KEEPER_NAME];

	shm_server_call(shm_life_end, p);
	shm_keeper_key(key, p, "");
	shm_keeper_drop(key);
	shm_port_rings_free(p);
	shm_pool_detach(p->pool, p->owner);
	port_free(p);
}

/* --- what changes ------------------------------------------------------------------ */

static void
life_on(struct shm_port *p)
{
	shm_life_enable(p, true);
}

static void
life_off(struct shm_port *p)
{
	shm_life_enable(p, false);
}

int
shm_port_enable(struct shm_port *p, bool on, char *err, size_t errlen)
{
	int ret = 0;

	/* Only we change it, so it can be read here. */
	if (on == !p->cfg.disabled)
		return 0;
	if (on)
		ret = doors_open(p, err, errlen);
	if (ret != 0)
		return ret;
	p->cfg.disabled = !on;
	shm_server_call(on ? life_on : life_off, p);
	return 0;
}

void
shm_port_set_mtu(struct shm_port *p, uint16_t mtu)
{
	atomic_store_explicit(&p->client->mtu, mtu, memory_order_relaxed);
	/* Relaxed: a limit that one packet earlier or later obeys. */
	atomic_store_explicit(&p->max_frame, mtu + FRAME_OVERHEAD, memory_order_relaxed);
	shm_server_call(shm_page_mtu, p);
}

void
shm_port_status(struct shm_port *p, struct shm_port_status *st)
{
	memset(st, 0, sizeof(*st));
	pthread_mutex_lock(&p->lock);
	st->state = p->state;
	st->attached = p->attached;
	st->peer = p->peer;
	st->resumed = p->resumed;
	memcpy(st->error, p->error, sizeof(st->error));
	if (p->state == SHM_UP) {
		st->queues = p->client->shown_pairs;
		st->guest_features = p->client->shown_features;
	}
	pthread_mutex_unlock(&p->lock);
	memcpy(st->mac, p->cfg.mac, sizeof(st->mac));
	st->owned = shm_port_owned(p);
	st->violations = shm_port_violations(p);
	st->hops = shm_port_hops(p);
}

struct shm_pool *
shm_port_pool(struct shm_port *p)
{
	return p->pool;
}
