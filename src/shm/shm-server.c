/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread that serves shm ports: sockets, doorbells of requests, the clock. It
 * decides nothing, see shm-port-state.c; shm-server.h has the map.
 *
 * A descriptor's event names a struct shm_watch in its port's attachment. Calls of
 * the control thread, which are what makes ports come and go, are carried out
 * between two batches of events, so no event is about a port that has gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/shm/shm-server.h"

#define EVENTS 64

static struct {
	pthread_t thread;
	int epoll, wake; /* -1: not running */
	/* the thread */
	struct shm_port *ports;
	/* guarded by lock */
	pthread_mutex_t lock;
	pthread_cond_t done;
	void (*fn)(struct shm_port *); /* NULL: no call is under way */
	struct shm_port *port;
	bool end;
	_Atomic bool faults; /* a worker put some port at fault */
} server = {
	.epoll = -1,
	.wake = -1,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.done = PTHREAD_COND_INITIALIZER,
};

void
shm_server_poll(int fd, uint32_t events, struct shm_watch *w)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	/* It fails when the kernel is out of memory: the clock finds what matters. */
	(void)epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &e);
}

void
shm_server_unpoll(int fd)
{
	(void)epoll_ctl(server.epoll, EPOLL_CTL_DEL, fd, NULL);
}

void
shm_server_watch(struct shm_port *p)
{
	p->next = server.ports;
	server.ports = p;
}

void
shm_server_unwatch(struct shm_port *p)
{
	struct shm_port **at = &server.ports;

	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
}

void
shm_server_each(void (*fn)(struct shm_port *p))
{
	for (struct shm_port *p = server.ports; p; p = p->next)
		fn(p);
}

static void
server_wake(void)
{
	uint64_t one = 1;

	/* Nobody else has it, so it is never full, and this never waits. */
	(void)!write(server.wake, &one, sizeof(one));
}

void
shm_server_fault(struct shm_port *p)
{
	/* Release, pairs with the acquire in look_at_faults(): p->fault is there. */
	atomic_store_explicit(&server.faults, true, memory_order_release);
	server_wake();
}

static void
look_at_faults(int64_t now)
{
	if (!atomic_exchange_explicit(&server.faults, false, memory_order_acquire))
		return;
	for (struct shm_port *p = server.ports; p; p = p->next)
		shm_life_look(p, now);
}

static void
dispatch(const struct shm_watch *w)
{
	switch (w->what) {
	case SHM_WATCH_LISTENER:
		shm_life_knock(w->port, w->door);
		break;
	case SHM_WATCH_CLIENT:
		shm_life_client(w->port, w->door);
		break;
	case SHM_WATCH_BELL:
		shm_life_bell(w->port, shm_now_ms());
		break;
	}
}

/* Carries the control thread's wish out; false: the end. */
static bool
serve_call(void)
{
	void (*fn)(struct shm_port *);
	struct shm_port *port;
	bool end;

	pthread_mutex_lock(&server.lock);
	fn = server.fn;
	port = server.port;
	end = server.end;
	pthread_mutex_unlock(&server.lock);
	if (!fn)
		return !end;
	fn(port);
	pthread_mutex_lock(&server.lock);
	server.fn = NULL;
	pthread_cond_broadcast(&server.done);
	pthread_mutex_unlock(&server.lock);
	return !end;
}

/* Looks at ports whose time has come; returns how long nobody's has. */
static int
tick(void)
{
	int64_t now = shm_now_ms(), first = 0;

	for (struct shm_port *p = server.ports; p; p = p->next) {
		int64_t *at = &p->client->tick_ms;

		if (*at && *at <= now)
			shm_life_tick(p, now);
		if (*at && (first == 0 || *at < first))
			first = *at;
	}
	if (first == 0)
		return -1;
	return first > now ? (int)(first - now) : 0;
}

static void *
server_run(void *unused)
{
	struct epoll_event events[EVENTS];
	uint64_t count;

	for (;;) {
		int n = epoll_wait(server.epoll, events, EVENTS, tick());

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				dispatch(events[i].data.ptr);
			else
				(void)!read(server.wake, &count, sizeof(count));
		}
		look_at_faults(shm_now_ms());
		if (!serve_call())
			return NULL;
	}
}

void
shm_server_call(void (*fn)(struct shm_port *p), struct shm_port *p)
{
	pthread_mutex_lock(&server.lock);
	while (server.fn)
		pthread_cond_wait(&server.done, &server.lock);
	server.fn = fn;
	server.port = p;
	server_wake();
	while (server.fn)
		pthread_cond_wait(&server.done, &server.lock);
	pthread_mutex_unlock(&server.lock);
}

int
shm_server_start(char *err, size_t errlen)
{
	sigset_t all, before;
	int code;

	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	server.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server.ports = NULL;
	shm_door_spare(true);
	server.end = false;
	code = server.epoll < 0 || server.wake < 0 ? errno : 0;
	if (code == 0) {
		shm_server_poll(server.wake, EPOLLIN, NULL);
		/* Signals are the control thread's. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		code = pthread_create(&server.thread, NULL, server_run, NULL);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	if (code == 0) {
		(void)pthread_setname_np(server.thread, "netvm-shm");
		return 0;
	}
	snprintf(err, errlen, "cannot start the thread of shm ports: %s", strerror(code));
	if (server.epoll >= 0)
		close(server.epoll);
	if (server.wake >= 0)
		close(server.wake);
	server.epoll = server.wake = -1;
	return -code;
}

void
shm_server_stop(void)
{
	if (server.wake < 0)
		return;
	pthread_mutex_lock(&server.lock);
	server.end = true;
	pthread_mutex_unlock(&server.lock);
	server_wake();
	pthread_join(server.thread, NULL);
	close(server.epoll);
	close(server.wake);
	shm_door_spare(false);
	server.epoll = server.wake = -1;
}
