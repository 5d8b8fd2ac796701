/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sleep of idle workers, without lost wake-ups.
 *
 * Theory of operation. Each worker has an epoll descriptor with the kick
 * eventfds of its receive queues, edge-triggered, and a wake eventfd of its
 * own, level-triggered. The kick eventfds are never read: eventfd(2) wakes its
 * waiters on every write, and epoll turns each into an edge whatever the
 * counter's value; so a kick costs no system call here. (The counter would
 * need 2^64 kicks to be full; a guest that writes such a value itself only
 * makes its own further writes fail.)
 *
 * Why no wake-up is lost. A worker goes to sleep in this order:
 *
 *	1. rx_arm() on each queue: it asks the guest for kicks, then, behind a
 *	   full fence, looks for work. A guest publishes work, then, behind a
 *	   full fence, looks whether a kick is wanted (VIRTIO 1.2, 2.7.13). So
 *	   either we see the work and do not sleep, or the guest kicks.
 *	2. epoll_pwait2(). An edge that came since the last call, also between 1
 *	   and 2, is kept on epoll's ready list and ends the call at once.
 *	   The worst outcome is a wake-up too many, from a kick that was served
 *	   by polling.
 *
 * Whatever changes the set of queues, a queue's ring or eventfd, or the poll
 * mode first publishes the change and then writes the wake eventfd. The worker
 * reads that one only after it woke up, and between there and the next sleep
 * it goes through 1 again with what is published by then.
 *
 * While asleep the worker is offline for RCU: grace periods do not wait for
 * it, and it holds no pointer to anything published. It loads all anew.
 *
 * Threads: worker_sleep() the worker, dp_port_kick_changed() any (rte_vhost's
 * fd thread), the rest the control thread. kick_lock guards every dp_port's
 * kick[] and is only held across epoll_ctl and rx_fd().
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "src/datapath/rcu.h"
#include "src/datapath/sleep.h"

#define EVENTS 16
/* A queue that cannot wake us is looked at this often: a first frame has to be
 * forwarded within 1 ms, and an idle daemon may use 2 % of a CPU. */
#define TIMER_NS 850000

static pthread_mutex_t kick_lock = PTHREAD_MUTEX_INITIALIZER;

static int
epoll_add(int epoll_fd, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0)
		return 0;
	return -errno;
}

int
sleep_open(struct worker *w)
{
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->wake_fd < 0 || w->epoll_fd < 0 || epoll_add(w->epoll_fd, w->wake_fd, EPOLLIN) != 0) {
		int rc = -errno;

		sleep_close(w);
		return rc;
	}
	return 0;
}

void
sleep_close(struct worker *w)
{
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	w->wake_fd = w->epoll_fd = -1;
}

void
sleep_wake(struct worker *w)
{
	uint64_t one = 1;

	/* It can only fail when the counter is full, and then it is readable. */
	if (write(w->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/* kick_lock held. Whether another queue of the port wakes the same worker by fd, as
 * those do that share a doorbell: an epoll set has a descriptor once. */
static bool
kick_shared(const struct dp_port *p, const struct dp_kick *k, int fd)
{
	for (unsigned int i = 0; i < DP_QUEUES_MAX; i++)
		if (&p->kick[i] != k && p->kick[i].worker == k->worker && p->kick[i].fd == fd)
			return true;
	return false;
}

/* kick_lock held. The queue's descriptor becomes fd. A peer may have sent a
 * descriptor that epoll does not take (a file, say): then the timer serves. */
static void
kick_register(struct dp_port *p, struct dp_kick *k, int fd)
{
	if (fd >= 0 && !kick_shared(p, k, fd) &&
		epoll_add(dp_worker[k->worker]->epoll_fd, fd, EPOLLIN | EPOLLET) != 0)
		fd = DP_FD_TIMER;
	/* Relaxed: the wake-up that follows makes the worker read it again. */
	__atomic_store_n(&k->fd, fd, __ATOMIC_RELAXED);
}

/* kick_lock held. */
static void
kick_unregister(struct dp_port *p, struct dp_kick *k)
{
	if (k->worker >= 0 && k->fd >= 0 && !kick_shared(p, k, k->fd))
		epoll_ctl(dp_worker[k->worker]->epoll_fd, EPOLL_CTL_DEL, k->fd, NULL);
}

void
sleep_attach(struct dp_port *p, uint16_t queue, struct worker *w)
{
	struct dp_kick *k = &p->kick[queue];

	pthread_mutex_lock(&kick_lock);
	k->worker = w->id;
	kick_register(p, k, k->told ? k->fd : p->ops->rx_fd(p, queue));
	pthread_mutex_unlock(&kick_lock);
	sleep_wake(w);
}

void
sleep_detach(struct dp_port *p, uint16_t queue)
{
	struct dp_kick *k = &p->kick[queue];

	pthread_mutex_lock(&kick_lock);
	kick_unregister(p, k);
	k->worker = -1;
	pthread_mutex_unlock(&kick_lock);
}

void
dp_port_kick_changed(struct dp_port *p, uint16_t queue, int old_fd, int new_fd)
{
	struct dp_kick *k = &p->kick[queue];
	int worker;

	pthread_mutex_lock(&kick_lock);
	worker = k->worker;
	k->told = true;
	kick_unregister(p, k);
	if (worker >= 0)
		kick_register(p, k, new_fd);
	else
		k->fd = new_fd;
	pthread_mutex_unlock(&kick_lock);
	if (worker >= 0)
		sleep_wake(dp_worker[worker]);
}

static void
disarm(const struct rx_list *rx, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		rx->queue[i].port->ops->rx_disarm(rx->queue[i].port, rx->queue[i].queue);
}

/* Asks every queue for a wake-up; false: one has work. */
static bool
arm(const struct rx_list *rx, bool *timer)
{
	*timer = false;
	for (uint32_t i = 0; i < rx->count; i++) {
		struct dp_port *p = rx->queue[i].port;
		uint16_t queue = rx->queue[i].queue;

		if (p->ops->rx_arm(p, queue)) {
			disarm(rx, i + 1);
			return false;
		}
		if (__atomic_load_n(&p->kick[queue].fd, __ATOMIC_RELAXED) == DP_FD_TIMER ||
			(p->ops->rx_held != NULL && p->ops->rx_held(p, queue)))
			*timer = true;
	}
	return true;
}

static int
wait_events(struct worker *w, bool timer)
{
	static const struct timespec tick = {.tv_nsec = TIMER_NS};
	static bool no_pwait2; /* Linux before 5.11; relaxed, any worker finds out */
	struct epoll_event events[EVENTS];
	int n = -1;

	if (!__atomic_load_n(&no_pwait2, __ATOMIC_RELAXED)) {
		n = epoll_pwait2(w->epoll_fd, events, EVENTS, timer ? &tick : NULL, NULL);
		if (n >= 0 || errno != ENOSYS)
			return n;
		__atomic_store_n(&no_pwait2, true, __ATOMIC_RELAXED);
	}
	return epoll_wait(w->epoll_fd, events, EVENTS, timer ? 1 : -1);
}

enum sleep_end
worker_sleep(struct worker *w)
{
	/* Acquire pairs with the release in worker.c's list_publish(). */
	const struct rx_list *rx = __atomic_load_n(&w->rx, __ATOMIC_ACQUIRE);
	uint64_t count;
	bool timer;
	int n;

	if (!arm(rx, &timer))
		return SLEEP_NOT;
	timer |= w->nreap != 0;
	__atomic_store_n(&w->counters.sleeps, w->counters.sleeps + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&w->state, DP_WORKER_SLEEPING, __ATOMIC_RELAXED);
	dp_rcu_offline(w->id);
	n = wait_events(w, timer);
	if (n != 0 && read(w->wake_fd, &count, sizeof(count)) < 0)
		errno = 0; /* EAGAIN: it was a kick */
	dp_rcu_online(w->id);
	__atomic_store_n(&w->state, DP_WORKER_POLLING, __ATOMIC_RELAXED);
	/* The queues of now; one that came meanwhile was never armed, and disarming
	 * it changes nothing. */
	rx = __atomic_load_n(&w->rx, __ATOMIC_ACQUIRE);
	disarm(rx, rx->count);
	return n == 0 ? SLEEP_TIMER : SLEEP_EVENT;
}
