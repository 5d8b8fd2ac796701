/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive interrupts: doorbells as files that a program's epoll waits for (rte_intr).
 *
 * Theory of operation. A program turns a queue's interrupt on and then sleeps,
 * without a way to hear that a packet has come just before; a NIC's interrupt would
 * be pending then. So a queue's file is an epoll of our own with two files in it: the
 * pair's doorbell, and an eventfd that we write when turning the interrupt on finds
 * packets. EAL watches the outer file for edges; each ring of the doorbell is one.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_interrupts.h>

#include "guest-pmd/pmd/pmd.h"

/* Adds a file to an epoll that may have it already. */
static int
watch_file(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) && errno != EEXIST ? -errno : 0;
}

static int
open_bell(struct pmd_device *d, uint16_t pair)
{
	int fd = netvm_event_fd(d->port, pair);
	int error;

	if (fd < 0) {
		PMD_LOG(ERR, "%s: receive interrupts: %s", d->dev->data->name, netvm_error());
		return -ENOTSUP;
	}
	d->bell[pair] = epoll_create1(EPOLL_CLOEXEC);
	d->nudge[pair] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (d->bell[pair] < 0 || d->nudge[pair] < 0)
		return -errno;
	error = watch_file(d->bell[pair], d->nudge[pair]);
	return error ? error : watch_file(d->bell[pair], fd);
}

/* As EAL wants to be told of the files. */
static int
announce(struct rte_eth_dev *dev, uint16_t n)
{
	struct pmd_device *d = pmd_of(dev);
	struct rte_intr_handle *h = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	uint16_t i;

	dev->intr_handle = h;
	if (!h || rte_intr_vec_list_alloc(h, NULL, n))
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		if (rte_intr_vec_list_index_set(h, i, RTE_INTR_VEC_RXTX_OFFSET + i) ||
			rte_intr_efds_index_set(h, i, d->bell[i]))
			return -rte_errno;
	}
	/* Nothing to read: pmd_interrupt_disable() empties the files. */
	if (rte_intr_nb_efd_set(h, n) || rte_intr_max_intr_set(h, n + 1) ||
		rte_intr_type_set(h, RTE_INTR_HANDLE_VDEV) || rte_intr_efd_counter_size_set(h, 0))
		return -rte_errno;
	return 0;
}

int
pmd_interrupts_up(struct rte_eth_dev *dev)
{
	uint16_t i, n = dev->data->nb_rx_queues;
	int error = 0;

	for (i = 0; i < n && !error; i++)
		error = open_bell(pmd_of(dev), i);
	if (!error)
		error = announce(dev, n);
	if (error)
		pmd_interrupts_down(dev);
	return error;
}

void
pmd_interrupts_down(struct rte_eth_dev *dev)
{
	struct pmd_device *d = pmd_of(dev);
	uint16_t i;

	if (dev->intr_handle) {
		rte_intr_free_epoll_fd(dev->intr_handle);
		rte_intr_vec_list_free(dev->intr_handle);
		rte_intr_instance_free(dev->intr_handle);
		dev->intr_handle = NULL;
	}
	for (i = 0; i < NETVM_PAIRS_MAX; i++) {
		if (d->bell[i] >= 0)
			close(d->bell[i]);
		if (d->nudge[i] >= 0)
			close(d->nudge[i]);
		d->bell[i] = d->nudge[i] = -1;
	}
}

void
pmd_interrupts_renew(struct pmd_device *d)
{
	uint16_t i;
	int fd;

	for (i = 0; i < d->pairs && d->bell[i] >= 0; i++) {
		fd = netvm_event_fd(d->port, i);
		if (fd >= 0)
			watch_file(d->bell[i], fd);
	}
}

int
pmd_interrupt_enable(struct rte_eth_dev *dev, uint16_t queue)
{
	struct pmd_device *d = pmd_of(dev);

	if (d->nudge[queue] < 0)
		return -ENOTSUP;
	/* Not 0: packets, or a port that has to be opened again; both want a look. */
	if (netvm_arm(d->port, queue) && eventfd_write(d->nudge[queue], 1))
		return -errno;
	return 0;
}

int
pmd_interrupt_disable(struct rte_eth_dev *dev, uint16_t queue)
{
	struct pmd_device *d = pmd_of(dev);
	eventfd_t value;

	if (d->nudge[queue] < 0)
		return -ENOTSUP;
	netvm_disarm(d->port, queue);
	if (eventfd_read(d->nudge[queue], &value) && errno != EAGAIN)
		return -errno;
	return 0;
}
