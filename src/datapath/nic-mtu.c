/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIC port: the MTU. net_af_packet and net_tap report the longest frame of
 * classic Ethernet whatever the interface behind them can do, so ethdev turns
 * a jumbo MTU away before the driver sees it; then the kernel is asked
 * directly. Control thread. Neighbour: port-nic.c.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/datapath/nic.h"

static int
kernel_set_mtu(unsigned int if_index, uint16_t mtu)
{
	struct ifreq ifr = {0};
	int fd, rc;

	if (if_indextoname(if_index, ifr.ifr_name) == NULL)
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ifr.ifr_mtu = mtu;
	rc = ioctl(fd, SIOCSIFMTU, &ifr) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

static int
device_set_mtu(uint16_t port_id, uint16_t mtu)
{
	struct rte_eth_dev_info info = {0};
	uint16_t now = 0;
	int rc = rte_eth_dev_set_mtu(port_id, mtu);

	if (rc != 0 && rte_eth_dev_info_get(port_id, &info) == 0 && info.if_index != 0)
		rc = kernel_set_mtu(info.if_index, mtu);
	/* A device that cannot be told but carries as much already is fine. */
	if (rc == -ENOTSUP && rte_eth_dev_get_mtu(port_id, &now) == 0 && now >= mtu)
		rc = 0;
	return rc;
}

int
nic_set_mtu(const struct nic *nic, const char *name, uint16_t mtu, struct dp_error *err)
{
	uint16_t port_id[DP_MEMBERS_MAX], n = nic_members(nic, port_id);
	int rc = 0;

	for (uint16_t i = 0; rc == 0 && i < n; i++)
		rc = device_set_mtu(port_id[i], mtu);
	if (rc == 0)
		return 0;
	snprintf(err->text, sizeof(err->text),
		"port \"%s\": device refuses mtu %u (%s); it takes %u to %u", name, mtu,
		strerror(-rc), nic->info.min_mtu, nic->info.max_mtu);
	return rc;
}
