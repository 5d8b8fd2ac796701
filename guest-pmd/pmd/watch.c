/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The watch: a timer on EAL's interrupt thread while the device runs. It keeps the
 * port's heart beating for programs that sleep, tells of the link's changes, and
 * opens the port again after netvmd has asked for it.
 *
 * Programs do not know resets: few listen to RTE_ETH_EVENT_INTR_RESET, and those
 * that do stop the device, which loses more than the port has lost. So a reset is
 * ours alone. The burst that netvmd refused leaves the device in PMD_LOST, where
 * bursts are empty; the watch takes all locks, which waits for bursts under way,
 * and opens the port again. Programs see some hundred milliseconds without packets
 * and a link that was down; mbufs that they still hold are void, which means that
 * their bytes may change, and that they are not sent any more.
 */
#include <errno.h>
#include <string.h>

#include <rte_alarm.h>

#include "guest-pmd/pmd/pmd.h"

#define PERIOD_US (100 * 1000)
#define RESET_MS  200 /* EAL's other interrupts wait for so long at most */

void
pmd_burst_failed(struct pmd_device *d, int error)
{
	if (error == -ENOTCONN)
		pmd_enter(d, PMD_LOST);
	else if (error == -EPIPE)
		pmd_enter(d, PMD_GONE);
}

int
pmd_link_update(struct rte_eth_dev *dev, int wait)
{
	struct pmd_device *d = pmd_of(dev);
	struct rte_eth_link link = {
		.link_speed = RTE_ETH_SPEED_NUM_100G,
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
	};

	link.link_status = __atomic_load_n(&d->state, __ATOMIC_RELAXED) == PMD_RUNNING &&
			   netvm_link_up(d->port);
	return rte_eth_linkstatus_set(dev, &link);
}

static void
reset(struct pmd_device *d)
{
	struct netvm_options o = d->options;
	int error;

	if (!d->told_lost)
		PMD_LOG(NOTICE, "%s: netvmd asks for a reset; opening the port again",
			d->dev->data->name);
	o.timeout_ms = RESET_MS;
	pmd_lock_all(d);
	error = pmd_open_again(d, &o);
	d->options.timeout_ms = d->timeout_ms;
	if (!error)
		pmd_enter(d, PMD_RUNNING);
	else
		pmd_burst_failed(d, error);
	pmd_unlock_all(d);
	/* Once: it is tried again and again until netvmd answers. */
	if (error && !d->told_lost)
		PMD_LOG(WARNING, "%s: %s; trying again", d->dev->data->name, netvm_error());
	if (!error && d->told_lost)
		PMD_LOG(NOTICE, "%s: the port is open again", d->dev->data->name);
	d->told_lost = error;
}

/* What a burst would have found, if there was one. */
static void
look(struct pmd_device *d)
{
	pmd_burst_failed(d, netvm_alive(d->port));
	if (__atomic_load_n(&d->state, __ATOMIC_RELAXED) == PMD_LOST)
		reset(d);
	pmd_interrupts_renew(d);
}

static void
watch(void *device)
{
	struct pmd_device *d = device;
	struct rte_eth_dev *dev = d->dev;
	bool gone, changed;

	look(d);
	changed = pmd_link_update(dev, 0) == 0 && dev->data->dev_conf.intr_conf.lsc;
	gone = __atomic_load_n(&d->state, __ATOMIC_RELAXED) == PMD_GONE && !d->told_gone;
	if (gone) {
		d->told_gone = true;
		PMD_LOG(WARNING, "%s: the port was deleted", dev->data->name);
	}
	if (rte_eal_alarm_set(PERIOD_US, watch, d))
		PMD_LOG(ERR, "%s: no timer: the link is not watched any more", dev->data->name);
	/* Last, one of them: the program may close the device in its callback. */
	if (gone && dev->data->dev_conf.intr_conf.rmv)
		rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_RMV, NULL);
	else if (changed)
		rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_LSC, NULL);
}

void
pmd_watch_start(struct pmd_device *d)
{
	if (rte_eal_alarm_set(PERIOD_US, watch, d))
		PMD_LOG(ERR, "%s: no timer: the link is not watched", d->dev->data->name);
}

void
pmd_watch_stop(struct pmd_device *d)
{
	/* Waits for a watch that runs, unless it is the caller. */
	rte_eal_alarm_cancel(watch, d);
}
