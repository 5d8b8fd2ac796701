/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a port offers to its peer, and the names of feature bits. Constant
 * data; any thread.
 */
#include <linux/vhost_types.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <rte_vhost.h>

#include "vhost/vhost-private.h"

#define BIT(n) (UINT64_C(1) << (n))

#ifndef VIRTIO_F_IN_ORDER
#define VIRTIO_F_IN_ORDER 35
#endif

/*
 * The library offers more than we do (DESIGN 6, point 11 lists the traps); a
 * bit that is offered but not implemented corrupts a guest sooner or later.
 * We only ever take bits away: rte_vhost_driver_set_features() would turn off
 * the library's rule for when a network device with many queues is ready.
 */
const uint64_t vhost_features_off =
	BIT(VIRTIO_F_ACCESS_PLATFORM)       /* no public IOTLB lookup */
	| BIT(VIRTIO_NET_F_HOST_UFO)        /* UDP fragmentation offload: nobody segments it */
	| BIT(VIRTIO_NET_F_GUEST_UFO)       /* likewise */
	| BIT(VIRTIO_NET_F_HOST_ECN)        /* our segmentation does not know CWR rules */
	| BIT(VIRTIO_NET_F_GUEST_ECN)       /* likewise */
	| BIT(VIRTIO_NET_F_GSO)             /* legacy: Linux reads it as TSO *and* ECN */
	| BIT(VIRTIO_NET_F_GUEST_ANNOUNCE); /* QEMU sends SEND_RARP instead, which we handle */

/* The library's default also has PAGEFAULT (a peer could stop our threads in a
 * page fault for ever) and channels for devices that we are not. */
const uint64_t vhost_protocol_features =
	BIT(VHOST_USER_PROTOCOL_F_MQ) | BIT(VHOST_USER_PROTOCOL_F_LOG_SHMFD) |
	BIT(VHOST_USER_PROTOCOL_F_RARP) | BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |
	BIT(VHOST_USER_PROTOCOL_F_NET_MTU) | BIT(VHOST_USER_PROTOCOL_F_STATUS);

uint8_t
vhost_caps(uint64_t features)
{
	uint8_t caps = 0;

	/* 5.1.3.1: GUEST_TSO needs GUEST_CSUM; a guest that lies gets neither. */
	if (!(features & BIT(VIRTIO_NET_F_GUEST_CSUM)))
		return 0;
	caps |= VHOST_CAP_CSUM;
	if (features & BIT(VIRTIO_NET_F_GUEST_TSO4))
		caps |= VHOST_CAP_TSO4;
	if (features & BIT(VIRTIO_NET_F_GUEST_TSO6))
		caps |= VHOST_CAP_TSO6;
	return caps;
}

static const char *const names[64] = {
	[VIRTIO_NET_F_CSUM] = "csum",
	[VIRTIO_NET_F_GUEST_CSUM] = "guest_csum",
	[VIRTIO_NET_F_CTRL_GUEST_OFFLOADS] = "ctrl_guest_offloads",
	[VIRTIO_NET_F_MTU] = "mtu",
	[VIRTIO_NET_F_MAC] = "mac",
	[VIRTIO_NET_F_GSO] = "gso",
	[VIRTIO_NET_F_GUEST_TSO4] = "guest_tso4",
	[VIRTIO_NET_F_GUEST_TSO6] = "guest_tso6",
	[VIRTIO_NET_F_GUEST_ECN] = "guest_ecn",
	[VIRTIO_NET_F_GUEST_UFO] = "guest_ufo",
	[VIRTIO_NET_F_HOST_TSO4] = "host_tso4",
	[VIRTIO_NET_F_HOST_TSO6] = "host_tso6",
	[VIRTIO_NET_F_HOST_ECN] = "host_ecn",
	[VIRTIO_NET_F_HOST_UFO] = "host_ufo",
	[VIRTIO_NET_F_MRG_RXBUF] = "mrg_rxbuf",
	[VIRTIO_NET_F_STATUS] = "status",
	[VIRTIO_NET_F_CTRL_VQ] = "ctrl_vq",
	[VIRTIO_NET_F_CTRL_RX] = "ctrl_rx",
	[VIRTIO_NET_F_CTRL_VLAN] = "ctrl_vlan",
	[VIRTIO_NET_F_CTRL_RX_EXTRA] = "ctrl_rx_extra",
	[VIRTIO_NET_F_GUEST_ANNOUNCE] = "guest_announce",
	[VIRTIO_NET_F_MQ] = "mq",
	[VIRTIO_NET_F_CTRL_MAC_ADDR] = "ctrl_mac_addr",
	[VIRTIO_F_NOTIFY_ON_EMPTY] = "notify_on_empty",
	[VHOST_F_LOG_ALL] = "log_all",
	[VIRTIO_F_ANY_LAYOUT] = "any_layout",
	[VIRTIO_RING_F_INDIRECT_DESC] = "indirect_desc",
	[VIRTIO_RING_F_EVENT_IDX] = "event_idx",
	[VHOST_USER_F_PROTOCOL_FEATURES] = "protocol_features",
	[VIRTIO_F_VERSION_1] = "version_1",
	[VIRTIO_F_ACCESS_PLATFORM] = "access_platform",
	[VIRTIO_F_RING_PACKED] = "ring_packed",
	[VIRTIO_F_IN_ORDER] = "in_order",
	[VIRTIO_F_ORDER_PLATFORM] = "order_platform",
	[VIRTIO_F_SR_IOV] = "sr_iov",
	[VIRTIO_NET_F_HASH_REPORT] = "hash_report",
	[VIRTIO_NET_F_RSS] = "rss",
	[VIRTIO_NET_F_RSC_EXT] = "rsc_ext",
	[VIRTIO_NET_F_STANDBY] = "standby",
	[VIRTIO_NET_F_SPEED_DUPLEX] = "speed_duplex",
};

const char *
vhost_feature_name(unsigned int bit)
{
	return bit < 64 ? names[bit] : NULL;
}
