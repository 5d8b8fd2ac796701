/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIC port: devices found or created by name, and taken away. Control thread.
 * Neighbours: port-nic.c, and nic-bond.c for each member of a bond.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <rte_dev.h>

#include "src/datapath/nic.h"
#include "src/datapath/table.h"

/* The device's name: devargs up to the first comma, and behind the name of a bus,
 * which DPDK takes too ("vdev:net_null0"). */
static void
device_name(const char *devargs, char *name, size_t len)
{
	static const char *const buses[] = {"vdev:", "pci:"};

	for (unsigned int i = 0; i < RTE_DIM(buses); i++)
		if (strncmp(devargs, buses[i], strlen(buses[i])) == 0)
			devargs += strlen(buses[i]);
	snprintf(name, len, "%.*s", (int)strcspn(devargs, ","), devargs);
}

/* DPDK's other syntax, layers of bus=, class= and driver= divided by slashes, opens
 * devices that the name above does not find: nobody would close them. */
static bool
has_layers(const char *devargs)
{
	static const char *const layers[] = {"bus=", "class=", "driver="};

	for (;;) {
		for (unsigned int i = 0; i < RTE_DIM(layers); i++)
			if (strncmp(devargs, layers[i], strlen(layers[i])) == 0)
				return true;
		devargs = strchr(devargs, '/');
		if (devargs == NULL)
			return false;
		devargs++;
	}
}

/* DPDK's own bond takes its members by name and stops them, also those that are
 * ports here: workers would poll a stopped device. Until it is configured it has
 * taken nothing. */
static int
check_no_bond(uint16_t port_id, const char *name, struct dp_error *err)
{
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(port_id, &info) != 0 ||
		strcmp(info.driver_name, "net_bonding") != 0)
		return 0;
	nic_remove(port_id);
	return dp_fail(err, -EINVAL,
		"port \"%s\": device cannot be a bond of DPDK's: give its members in device, "
		"separated by spaces, and bond=active-backup or bond=lacp",
		name);
}

/* Creates the device and finds its ethdev. */
int
nic_probe(const struct dp_port_config *cfg, uint16_t *port_id, struct dp_error *err)
{
	char devargs[sizeof(cfg->device) + 64], name[RTE_ETH_NAME_MAX_LEN];
	uint16_t id;
	int rc;

	device_name(cfg->device, name, sizeof(name));
	if (name[0] == '\0')
		return dp_fail(err, -EINVAL,
			"port \"%s\": device is empty; give a PCI address or devargs such as "
			"net_af_packet0,iface=eth1",
			cfg->name);
	if (has_layers(cfg->device))
		return dp_fail(err, -EINVAL,
			"port \"%s\": device is given in layers of bus=, class= or driver=; give "
			"its "
			"name first, then what it takes, such as net_af_packet0,iface=eth1, or a "
			"PCI "
			"address",
			cfg->name);
	if (rte_eth_dev_get_port_by_name(name, &id) == 0) {
		return dp_fail(err, -EBUSY,
			"port \"%s\": device \"%s\" is in use already, by another port or named "
			"twice (virtual devices are numbered: net_af_packet0, net_af_packet1 ...)",
			cfg->name, name);
	}
	/* It takes others as it is made, and stops them as it goes. */
	if (strncmp(name, "net_failsafe", strlen("net_failsafe")) == 0)
		return dp_fail(err, -EINVAL,
			"port \"%s\": device cannot be net_failsafe, which takes devices of other "
			"ports: give its members in device, separated by spaces, and "
			"bond=active-backup",
			cfg->name);
	nic_devargs(cfg, devargs, sizeof(devargs));
	rc = rte_dev_probe(devargs);
	if (rc == 0)
		rc = rte_eth_dev_get_port_by_name(name, &id);
	/* Drivers say why in the log, and mostly return -1. */
	if (rc != 0)
		return dp_fail(err, rc == -EEXIST ? -EBUSY : -ENODEV,
			"port \"%s\": DPDK could not open device \"%.80s\"; check its name, that "
			"the "
			"interface or file exists, and for PCI that it is bound to vfio-pci "
			"(netvmd's log has the driver's reason)",
			cfg->name, cfg->device);
	*port_id = id;
	return check_no_bond(id, cfg->name, err);
}

/* Two ports on one kernel interface would both get each of its frames. */
int
nic_check_alone(uint16_t port_id, const char *name, struct dp_error *err)
{
	char ifname[IF_NAMESIZE] = "?";
	struct rte_eth_dev_info info, other;
	uint16_t id;

	if (rte_eth_dev_info_get(port_id, &info) != 0 || info.if_index == 0)
		return 0;
	RTE_ETH_FOREACH_DEV (id) {
		if (id == port_id || rte_eth_dev_info_get(id, &other) != 0 ||
			other.if_index != info.if_index)
			continue;
		if_indextoname(info.if_index, ifname);
		return dp_fail(err, -EBUSY,
			"port \"%s\": interface %s is in use already, by device %s", name, ifname,
			rte_dev_name(other.device));
	}
	return 0;
}

void
nic_remove(uint16_t port_id)
{
	struct rte_eth_dev_info info;
	bool known = rte_eth_dev_info_get(port_id, &info) == 0;

	rte_eth_dev_stop(port_id);
	rte_eth_dev_close(port_id);
	if (known && info.device != NULL)
		rte_dev_remove(info.device);
}
