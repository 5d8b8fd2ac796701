/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIC port: what a worker can sleep on. A device with receive interrupts has
 * an eventfd for each queue. The packet-socket drivers have none, but their
 * sockets become readable with every frame; DPDK does not show them, so they
 * are found as the sockets of that family that appeared while the device was
 * opened. Without this, a worker would have to look a thousand times a second.
 * Control thread, from port-nic.c's open.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "src/datapath/nic.h"

static int
socket_family(int fd)
{
	int family = -1;
	socklen_t len = sizeof(family);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 ? family : -1;
}

static int
fd_order(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void
nic_sockets_list(struct nic_sockets *s)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	s->count = 0;
	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL && s->count < NIC_SOCKETS_MAX) {
		int fd = atoi(e->d_name), family = socket_family(fd);

		if (e->d_name[0] != '.' && (family == AF_PACKET || family == AF_XDP))
			s->fd[s->count++] = fd;
	}
	closedir(d);
	qsort(s->fd, s->count, sizeof(s->fd[0]), fd_order);
}

/* One new socket per queue, in the order in which the driver opens them; any
 * other number is not understood, and the timer does it. */
static void
find_sockets(struct nic *nic, const struct nic_sockets *before, int family)
{
	struct nic_sockets now;
	unsigned int n = 0;

	nic_sockets_list(&now);
	for (unsigned int i = 0; i < now.count; i++)
		if (socket_family(now.fd[i]) == family &&
			bsearch(&now.fd[i], before->fd, before->count, sizeof(now.fd[0]),
				fd_order) == NULL)
			now.fd[n++] = now.fd[i];
	for (uint16_t q = 0; n == nic->nrxq && q < n; q++)
		nic->rxq[q].fd = now.fd[q];
}

void
nic_find_wakeups(struct nic *nic, const struct nic_sockets *before)
{
	const char *driver = nic->info.driver_name;
	bool tap = strcmp(driver, "net_tap") == 0;
	/* Without a look at the queue after the interrupt was enabled, a frame
	 * could lie there unseen: then a timer it is. */
	bool count = rte_eth_rx_queue_count(nic->port_id, 0) >= 0;

	for (uint16_t q = 0; q < nic->nrxq; q++) {
		nic->rxq[q].fd = DP_FD_TIMER;
		if (!tap && !count)
			continue;
		nic->rxq[q].fd = rte_eth_dev_rx_intr_ctl_q_get_fd(nic->port_id, q);
		nic->rxq[q].arm = !tap && nic->rxq[q].fd >= 0;
	}
	if (strcmp(driver, "net_af_packet") == 0)
		find_sockets(nic, before, AF_PACKET);
	else if (strcmp(driver, "net_af_xdp") == 0)
		find_sockets(nic, before, AF_XDP);
}
