# SPDX-License-Identifier: BSD-3-Clause
# Unit tests, cmocka. To declare one, in the section of the folder it tests:
#
#	UNIT_TESTS += %D%/test-WHAT
#	%C%_test_WHAT_SOURCES = %D%/test-WHAT.c
#	%C%_test_WHAT_CFLAGS = $(UNIT_CFLAGS)
#	%C%_test_WHAT_LDADD = the libraries it tests $(UNIT_LIBS)
#
# and it is built and run by "make check".

UNIT_TESTS =
UNIT_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS) $(CMOCKA_CFLAGS)
UNIT_LIBS = $(CMOCKA_LIBS)

# --- vhost: memory and rings ------------------------------------------------

UNIT_TESTS += %D%/test-guest-mem
%C%_test_guest_mem_SOURCES = %D%/test-guest-mem.c
%C%_test_guest_mem_CFLAGS = $(UNIT_CFLAGS)
%C%_test_guest_mem_LDADD = vhost/libnvvhost.a $(UNIT_LIBS)

UNIT_RING_GUEST = %D%/ring-guest.c %D%/ring-guest.h %D%/ring-driver.c
UNIT_RING_LIBS = vhost/libnvvhost.a src/packet/libnvpacket.a $(UNIT_LIBS)

UNIT_TESTS += %D%/test-vring
%C%_test_vring_SOURCES = %D%/test-vring.c $(UNIT_RING_GUEST)
%C%_test_vring_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vring-take
%C%_test_vring_take_SOURCES = %D%/test-vring-take.c $(UNIT_RING_GUEST)
%C%_test_vring_take_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_take_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vring-limits
%C%_test_vring_limits_SOURCES = %D%/test-vring-limits.c $(UNIT_RING_GUEST)
%C%_test_vring_limits_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_limits_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vring-put
%C%_test_vring_put_SOURCES = %D%/test-vring-put.c $(UNIT_RING_GUEST)
%C%_test_vring_put_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_put_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vring-copy
%C%_test_vring_copy_SOURCES = %D%/test-vring-copy.c $(UNIT_RING_GUEST)
%C%_test_vring_copy_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_copy_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vring-merge
%C%_test_vring_merge_SOURCES = %D%/test-vring-merge.c $(UNIT_RING_GUEST)
%C%_test_vring_merge_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_merge_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vring-random
%C%_test_vring_random_SOURCES = %D%/test-vring-random.c $(UNIT_RING_GUEST) \
	%D%/ring-reference.c %D%/ring-reference.h
%C%_test_vring_random_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_random_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vring-edge
%C%_test_vring_edge_SOURCES = %D%/test-vring-edge.c $(UNIT_RING_GUEST)
%C%_test_vring_edge_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_edge_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vring-packed
%C%_test_vring_packed_SOURCES = %D%/test-vring-packed.c $(UNIT_RING_GUEST)
%C%_test_vring_packed_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_packed_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vring-recover
%C%_test_vring_recover_SOURCES = %D%/test-vring-recover.c $(UNIT_RING_GUEST)
%C%_test_vring_recover_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_recover_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vring-wake
%C%_test_vring_wake_SOURCES = %D%/test-vring-wake.c $(UNIT_RING_GUEST)
%C%_test_vring_wake_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_wake_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vring-log
%C%_test_vring_log_SOURCES = %D%/test-vring-log.c $(UNIT_RING_GUEST)
%C%_test_vring_log_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_log_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vring-hold
%C%_test_vring_hold_SOURCES = %D%/test-vring-hold.c $(UNIT_RING_GUEST)
%C%_test_vring_hold_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_hold_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vhost-position
%C%_test_vhost_position_SOURCES = %D%/test-vhost-position.c %D%/position-env.c \
	%D%/position-env.h
%C%_test_vhost_position_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vhost_position_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vhost-position-file
%C%_test_vhost_position_file_SOURCES = %D%/test-vhost-position-file.c %D%/position-env.c \
	%D%/position-env.h
%C%_test_vhost_position_file_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vhost_position_file_LDADD = $(UNIT_RING_LIBS)

UNIT_TESTS += %D%/test-vring-killed
%C%_test_vring_killed_SOURCES = %D%/test-vring-killed.c
%C%_test_vring_killed_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vring_killed_LDADD = $(UNIT_RING_LIBS)

# --- the frontend that tests and bench stand on -----------------------------

UNIT_TESTS += %D%/test-frontend-ring
%C%_test_frontend_ring_SOURCES = %D%/test-frontend-ring.c %D%/ring-device.c %D%/ring-device.h
%C%_test_frontend_ring_CFLAGS = $(UNIT_CFLAGS)
%C%_test_frontend_ring_LDADD = tests/frontend/libnvfrontend.a $(UNIT_LIBS)

# --- vhost: ports -----------------------------------------------------------

# Real sockets, EAL on ordinary memory.
VHOST_TEST_LIBS = tests/frontend/libnvfrontend.a vhost/libnvvhost.a src/packet/libnvpacket.a \
	$(DPDK_LIBS) $(UNIT_LIBS)

VHOST_HARNESS = %D%/vhost-harness.c %D%/vhost-harness.h %D%/vhost-rig.c %D%/vhost-rig.h

UNIT_TESTS += %D%/test-vhost-port
%C%_test_vhost_port_SOURCES = %D%/test-vhost-port.c $(VHOST_HARNESS)
%C%_test_vhost_port_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vhost_port_LDADD = $(VHOST_TEST_LIBS)

UNIT_TESTS += %D%/test-vhost-socket
%C%_test_vhost_socket_SOURCES = %D%/test-vhost-socket.c $(VHOST_HARNESS)
%C%_test_vhost_socket_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vhost_socket_LDADD = $(VHOST_TEST_LIBS)

UNIT_TESTS += %D%/test-vhost-hostile
%C%_test_vhost_hostile_SOURCES = %D%/test-vhost-hostile.c $(VHOST_HARNESS)
%C%_test_vhost_hostile_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vhost_hostile_LDADD = $(VHOST_TEST_LIBS)

UNIT_TESTS += %D%/test-vhost-log
%C%_test_vhost_log_SOURCES = %D%/test-vhost-log.c $(VHOST_HARNESS) \
	%D%/migration.c %D%/migration.h %D%/fe-traffic.c %D%/fe-traffic.h
%C%_test_vhost_log_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vhost_log_LDADD = $(VHOST_TEST_LIBS)

UNIT_TESTS += %D%/test-vhost-base
%C%_test_vhost_base_SOURCES = %D%/test-vhost-base.c $(VHOST_HARNESS)
%C%_test_vhost_base_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vhost_base_LDADD = $(VHOST_TEST_LIBS)

UNIT_TESTS += %D%/test-vhost-memory
%C%_test_vhost_memory_SOURCES = %D%/test-vhost-memory.c $(VHOST_HARNESS)
%C%_test_vhost_memory_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vhost_memory_LDADD = $(VHOST_TEST_LIBS)

UNIT_TESTS += %D%/test-vhost-table
%C%_test_vhost_table_SOURCES = %D%/test-vhost-table.c $(VHOST_HARNESS)
%C%_test_vhost_table_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vhost_table_LDADD = $(VHOST_TEST_LIBS)

# --- src/packet -------------------------------------------------------------

UNIT_TESTS += %D%/test-packet
%C%_test_packet_SOURCES = %D%/test-packet.c %D%/frames.h %D%/frames.c
%C%_test_packet_CFLAGS = $(UNIT_CFLAGS)
%C%_test_packet_LDADD = src/packet/libnvpacket.a $(UNIT_LIBS)

UNIT_TESTS += %D%/test-offload
%C%_test_offload_SOURCES = %D%/test-offload.c %D%/frames.h %D%/frames.c
%C%_test_offload_CFLAGS = $(UNIT_CFLAGS)
%C%_test_offload_LDADD = src/packet/libnvpacket.a $(UNIT_LIBS)

UNIT_TESTS += %D%/test-gso
%C%_test_gso_SOURCES = %D%/test-gso.c %D%/frames.h %D%/frames.c
%C%_test_gso_CFLAGS = $(UNIT_CFLAGS)
%C%_test_gso_LDADD = src/packet/libnvpacket.a $(UNIT_LIBS)

UNIT_TESTS += %D%/test-guard
%C%_test_guard_SOURCES = %D%/test-guard.c %D%/guard-frames.h
%C%_test_guard_CFLAGS = $(UNIT_CFLAGS)
%C%_test_guard_LDADD = src/packet/libnvpacket.a $(UNIT_LIBS)

UNIT_TESTS += %D%/test-guard-text
%C%_test_guard_text_SOURCES = %D%/test-guard-text.c
%C%_test_guard_text_CFLAGS = $(UNIT_CFLAGS)
%C%_test_guard_text_LDADD = src/packet/libnvpacket.a $(UNIT_LIBS)

# --- src/shm ----------------------------------------------------------------

UNIT_TESTS += %D%/test-shm-memory
%C%_test_shm_memory_SOURCES = %D%/test-shm-memory.c
%C%_test_shm_memory_CFLAGS = $(UNIT_CFLAGS)
%C%_test_shm_memory_LDADD = src/shm/libnvshm.a src/packet/libnvpacket.a $(UNIT_LIBS)

# They say where the keeper's program is, which netvmd finds beside itself.
SHM_KEEPER_CFLAGS = $(UNIT_CFLAGS) -DNETVM_BUILT_KEEPER='"$(abs_top_builddir)/netvm-keeper"'

UNIT_TESTS += %D%/test-shm-keeper
%C%_test_shm_keeper_SOURCES = %D%/test-shm-keeper.c
%C%_test_shm_keeper_CFLAGS = $(SHM_KEEPER_CFLAGS)
%C%_test_shm_keeper_LDADD = src/shm/libnvshm.a src/packet/libnvpacket.a $(UNIT_LIBS)

UNIT_TESTS += %D%/test-shm-settle
%C%_test_shm_settle_SOURCES = %D%/test-shm-settle.c
%C%_test_shm_settle_CFLAGS = $(SHM_KEEPER_CFLAGS)
%C%_test_shm_settle_LDADD = src/shm/libnvshm.a src/packet/libnvpacket.a $(UNIT_LIBS)

UNIT_TESTS += %D%/test-shm-store
%C%_test_shm_store_SOURCES = %D%/test-shm-store.c
%C%_test_shm_store_CFLAGS = $(UNIT_CFLAGS)
%C%_test_shm_store_LDADD = src/shm/libnvshm.a src/packet/libnvpacket.a $(UNIT_LIBS)

SHM_HOST = %D%/shm-host.c %D%/shm-host.h tests/shm/client.c tests/shm/client-ring.c \
	tests/shm/client.h
SHM_HOST_LIBS = src/shm/libnvshm.a src/packet/libnvpacket.a $(DPDK_LIBS) $(UNIT_LIBS)

UNIT_TESTS += %D%/test-shm-server
%C%_test_shm_server_SOURCES = %D%/test-shm-server.c $(SHM_HOST)
%C%_test_shm_server_CFLAGS = $(SHM_KEEPER_CFLAGS)
%C%_test_shm_server_LDADD = $(SHM_HOST_LIBS)

SHM_GUESTS = $(SHM_HOST) %D%/shm-guests.c %D%/shm-guests.h

UNIT_TESTS += %D%/test-shm-mad
%C%_test_shm_mad_SOURCES = %D%/test-shm-mad.c $(SHM_GUESTS)
%C%_test_shm_mad_CFLAGS = $(SHM_KEEPER_CFLAGS)
%C%_test_shm_mad_LDADD = $(SHM_HOST_LIBS)

UNIT_TESTS += %D%/test-shm-life
%C%_test_shm_life_SOURCES = %D%/test-shm-life.c $(SHM_GUESTS)
%C%_test_shm_life_CFLAGS = $(SHM_KEEPER_CFLAGS)
%C%_test_shm_life_LDADD = $(SHM_HOST_LIBS)

UNIT_TESTS += %D%/test-shm-held
%C%_test_shm_held_SOURCES = %D%/test-shm-held.c $(SHM_GUESTS)
%C%_test_shm_held_CFLAGS = $(SHM_KEEPER_CFLAGS)
%C%_test_shm_held_LDADD = $(SHM_HOST_LIBS)

UNIT_TESTS += %D%/test-shm-resume
%C%_test_shm_resume_SOURCES = %D%/test-shm-resume.c %D%/shm-daemon.c %D%/shm-daemon.h $(SHM_HOST)
%C%_test_shm_resume_CFLAGS = $(SHM_KEEPER_CFLAGS)
%C%_test_shm_resume_LDADD = $(SHM_HOST_LIBS)

# --- src/datapath -----------------------------------------------------------

DATAPATH_LIBS = src/datapath/libnvdatapath.a vhost/libnvvhost.a src/shm/libnvshm.a src/packet/libnvpacket.a \
	$(UNIT_LIBS) $(DPDK_LIBS) $(PCAP_LIBS)

UNIT_TESTS += %D%/test-l2
%C%_test_l2_SOURCES = %D%/test-l2.c
%C%_test_l2_CFLAGS = $(UNIT_CFLAGS)
%C%_test_l2_LDADD = src/datapath/libnvdatapath.a $(UNIT_LIBS)

UNIT_TESTS += %D%/test-forward
%C%_test_forward_SOURCES = %D%/test-forward.c %D%/fake-port.c %D%/fake-port.h \
	%D%/three-ports.c %D%/three-ports.h
%C%_test_forward_CFLAGS = $(UNIT_CFLAGS)
%C%_test_forward_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-nic-lent
%C%_test_nic_lent_SOURCES = %D%/test-nic-lent.c %D%/nic-wire.c %D%/nic-wire.h
%C%_test_nic_lent_CFLAGS = $(UNIT_CFLAGS)
%C%_test_nic_lent_LDADD = tests/frontend/libnvfrontend.a $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-policy
%C%_test_policy_SOURCES = %D%/test-policy.c %D%/fake-port.c %D%/fake-port.h \
	%D%/three-ports.c %D%/three-ports.h
%C%_test_policy_CFLAGS = $(UNIT_CFLAGS)
%C%_test_policy_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-vlan
%C%_test_vlan_SOURCES = %D%/test-vlan.c %D%/fake-port.c %D%/fake-port.h \
	%D%/vlan-ports.c %D%/vlan-ports.h
%C%_test_vlan_CFLAGS = $(UNIT_CFLAGS)
%C%_test_vlan_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-deliver
%C%_test_deliver_SOURCES = %D%/test-deliver.c %D%/fake-port.c %D%/fake-port.h \
	%D%/vlan-ports.c %D%/vlan-ports.h
%C%_test_deliver_CFLAGS = $(UNIT_CFLAGS)
%C%_test_deliver_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-rounds
%C%_test_rounds_SOURCES = %D%/test-rounds.c %D%/fake-port.c %D%/fake-port.h
%C%_test_rounds_CFLAGS = $(UNIT_CFLAGS)
%C%_test_rounds_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-judged
%C%_test_judged_SOURCES = %D%/test-judged.c $(UNIT_RING_GUEST) %D%/fake-port.c %D%/fake-port.h
%C%_test_judged_CFLAGS = $(UNIT_CFLAGS)
%C%_test_judged_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-capture
%C%_test_capture_SOURCES = %D%/test-capture.c %D%/fake-port.c %D%/fake-port.h \
	%D%/compile-filter.c %D%/compile-filter.h \
	%D%/three-ports.c %D%/three-ports.h
%C%_test_capture_CFLAGS = $(UNIT_CFLAGS) $(PCAP_CFLAGS)
%C%_test_capture_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-capture-filter
%C%_test_capture_filter_SOURCES = %D%/test-capture-filter.c \
	%D%/compile-filter.c %D%/compile-filter.h
%C%_test_capture_filter_CFLAGS = $(UNIT_CFLAGS) $(PCAP_CFLAGS)
%C%_test_capture_filter_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-worker
%C%_test_worker_SOURCES = %D%/test-worker.c %D%/line-port.c %D%/line-port.h
%C%_test_worker_CFLAGS = $(UNIT_CFLAGS)
# It counts the calls.
%C%_test_worker_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vhost_signal
%C%_test_worker_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-mirror
%C%_test_mirror_SOURCES = %D%/test-mirror.c %D%/fake-port.c %D%/fake-port.h \
	%D%/three-ports.c %D%/three-ports.h
%C%_test_mirror_CFLAGS = $(UNIT_CFLAGS)
%C%_test_mirror_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-steer
%C%_test_steer_SOURCES = %D%/test-steer.c %D%/fake-port.c %D%/fake-port.h \
	%D%/three-ports.c %D%/three-ports.h
%C%_test_steer_CFLAGS = $(UNIT_CFLAGS)
%C%_test_steer_LDADD = $(DATAPATH_LIBS)

# In place of src/shm.
UNIT_TESTS += %D%/test-steer-shm
%C%_test_steer_shm_SOURCES = %D%/test-steer-shm.c %D%/fake-port.c %D%/fake-port.h \
	%D%/fake-shm.c %D%/fake-shm.h %D%/three-ports.c %D%/three-ports.h
%C%_test_steer_shm_CFLAGS = $(UNIT_CFLAGS)
%C%_test_steer_shm_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-mail
%C%_test_mail_SOURCES = %D%/test-mail.c %D%/fake-port.c %D%/fake-port.h \
	%D%/fake-shm.c %D%/fake-shm.h %D%/three-ports.c %D%/three-ports.h
%C%_test_mail_CFLAGS = $(UNIT_CFLAGS)
%C%_test_mail_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-sleep
%C%_test_sleep_SOURCES = %D%/test-sleep.c %D%/fake-port.c %D%/fake-port.h \
	%D%/fake-shm.c %D%/fake-shm.h %D%/three-ports.c %D%/three-ports.h
%C%_test_sleep_CFLAGS = $(UNIT_CFLAGS)
%C%_test_sleep_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-bucket
%C%_test_bucket_SOURCES = %D%/test-bucket.c
%C%_test_bucket_CFLAGS = $(UNIT_CFLAGS)
%C%_test_bucket_LDADD = src/datapath/libnvdatapath.a $(UNIT_LIBS)

UNIT_TESTS += %D%/test-police
%C%_test_police_SOURCES = %D%/test-police.c %D%/fake-port.c %D%/fake-port.h \
	%D%/three-ports.c %D%/three-ports.h
%C%_test_police_CFLAGS = $(UNIT_CFLAGS)
%C%_test_police_LDADD = $(DATAPATH_LIBS)

UNIT_TESTS += %D%/test-machine
%C%_test_machine_SOURCES = %D%/test-machine.c
%C%_test_machine_CFLAGS = $(UNIT_CFLAGS)
%C%_test_machine_LDADD = src/datapath/libnvdatapath.a $(UNIT_LIBS)

# The data side: guests in the test, on the ports' own memory.
SHM_RIG = %D%/shm-rig.c %D%/shm-rig-guest.c %D%/shm-rig.h
SHM_RIG_LIBS = src/shm/libnvshm.a src/packet/libnvpacket.a $(DPDK_LIBS) $(UNIT_LIBS)

UNIT_TESTS += %D%/test-shm-killed
%C%_test_shm_killed_SOURCES = %D%/test-shm-killed.c $(SHM_RIG)
%C%_test_shm_killed_CFLAGS = $(UNIT_CFLAGS)
%C%_test_shm_killed_LDADD = $(SHM_RIG_LIBS)

SHM_WRONG = %D%/shm-wrong.c %D%/shm-wrong.h $(SHM_RIG)

UNIT_TESTS += %D%/test-shm-hostile
%C%_test_shm_hostile_SOURCES = %D%/test-shm-hostile.c $(SHM_WRONG)
%C%_test_shm_hostile_CFLAGS = $(UNIT_CFLAGS)
%C%_test_shm_hostile_LDADD = $(SHM_RIG_LIBS)

UNIT_TESTS += %D%/test-shm-faults
%C%_test_shm_faults_SOURCES = %D%/test-shm-faults.c $(SHM_WRONG)
%C%_test_shm_faults_CFLAGS = $(UNIT_CFLAGS)
%C%_test_shm_faults_LDADD = $(SHM_RIG_LIBS)

UNIT_TESTS += %D%/test-shm-rings
%C%_test_shm_rings_SOURCES = %D%/test-shm-rings.c %D%/shm-two.c %D%/shm-two.h $(SHM_RIG)
%C%_test_shm_rings_CFLAGS = $(UNIT_CFLAGS)
%C%_test_shm_rings_LDADD = $(SHM_RIG_LIBS)

UNIT_TESTS += %D%/test-shm-limits
%C%_test_shm_limits_SOURCES = %D%/test-shm-limits.c %D%/shm-two.c %D%/shm-two.h $(SHM_RIG)
%C%_test_shm_limits_CFLAGS = $(UNIT_CFLAGS)
%C%_test_shm_limits_LDADD = $(SHM_RIG_LIBS)

UNIT_TESTS += %D%/test-shm-threads
%C%_test_shm_threads_SOURCES = %D%/test-shm-threads.c $(SHM_RIG)
%C%_test_shm_threads_CFLAGS = $(UNIT_CFLAGS)
%C%_test_shm_threads_LDADD = $(SHM_RIG_LIBS)

# --- src/control ------------------------------------------------------------

CONTROL_CFLAGS = $(UNIT_CFLAGS) $(GLIB_CFLAGS) $(JSON_CFLAGS)
CONTROL_LIBS = src/control/libnvcontrol.a src/control/libnvconf.a src/packet/libnvpacket.a \
	$(JSON_LIBS) $(GLIB_LIBS)

# The data path in memory, for what needs the control plane only.
FAKE_DATAPATH = %D%/fake-datapath.c %D%/fake-datapath.h %D%/fake-capture.c %D%/fake-group.c \
	%D%/fake-message.c %D%/fake-network.c %D%/fake-worker.c

# The daemon over a data path in memory: its life as a process, without DPDK.
check_PROGRAMS += %D%/netvmd-dry
%C%_netvmd_dry_SOURCES = src/control/main.c $(FAKE_DATAPATH)
%C%_netvmd_dry_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(JSON_CFLAGS) $(SYSTEMD_CFLAGS)
%C%_netvmd_dry_LDADD = $(CONTROL_LIBS) $(SYSTEMD_LIBS)
TESTS += %D%/test-daemon.sh
EXTRA_DIST += %D%/test-daemon.sh

UNIT_TESTS += %D%/test-config
%C%_test_config_SOURCES = %D%/test-config.c
%C%_test_config_CFLAGS = $(CONTROL_CFLAGS)
%C%_test_config_LDADD = $(CONTROL_LIBS) $(UNIT_LIBS)

UNIT_TESTS += %D%/test-settings
%C%_test_settings_SOURCES = %D%/test-settings.c
%C%_test_settings_CFLAGS = $(CONTROL_CFLAGS)
%C%_test_settings_LDADD = $(CONTROL_LIBS) $(UNIT_LIBS)

UNIT_TESTS += %D%/test-state
%C%_test_state_SOURCES = %D%/test-state.c
%C%_test_state_CFLAGS = $(CONTROL_CFLAGS)
%C%_test_state_LDADD = $(CONTROL_LIBS) $(UNIT_LIBS)

UNIT_TESTS += %D%/test-rpc
%C%_test_rpc_SOURCES = %D%/test-rpc.c %D%/rpc-server.c %D%/rpc-server.h
%C%_test_rpc_CFLAGS = $(CONTROL_CFLAGS)
%C%_test_rpc_LDADD = $(CONTROL_LIBS) $(UNIT_LIBS)

UNIT_TESTS += %D%/test-rpc-takeover
%C%_test_rpc_takeover_SOURCES = %D%/test-rpc-takeover.c %D%/rpc-server.c %D%/rpc-server.h
%C%_test_rpc_takeover_CFLAGS = $(CONTROL_CFLAGS)
%C%_test_rpc_takeover_LDADD = $(CONTROL_LIBS) $(UNIT_LIBS)

UNIT_TESTS += %D%/test-messages
%C%_test_messages_SOURCES = %D%/test-messages.c %D%/control-env.c %D%/control-env.h \
	$(FAKE_DATAPATH)
%C%_test_messages_CFLAGS = $(CONTROL_CFLAGS)
%C%_test_messages_LDADD = $(CONTROL_LIBS) $(UNIT_LIBS)

UNIT_TESTS += %D%/test-control
%C%_test_control_SOURCES = %D%/test-control.c %D%/control-env.c %D%/control-env.h \
	$(FAKE_DATAPATH)
%C%_test_control_CFLAGS = $(CONTROL_CFLAGS)
%C%_test_control_LDADD = $(CONTROL_LIBS) $(UNIT_LIBS)

UNIT_TESTS += %D%/test-group
%C%_test_group_SOURCES = %D%/test-group.c %D%/control-env.c %D%/control-env.h \
	$(FAKE_DATAPATH)
%C%_test_group_CFLAGS = $(CONTROL_CFLAGS)
%C%_test_group_LDADD = $(CONTROL_LIBS) $(UNIT_LIBS)

UNIT_TESTS += %D%/test-traffic
%C%_test_traffic_SOURCES = %D%/test-traffic.c %D%/control-env.c %D%/control-env.h \
	$(FAKE_DATAPATH)
%C%_test_traffic_CFLAGS = $(CONTROL_CFLAGS)
%C%_test_traffic_LDADD = $(CONTROL_LIBS) $(UNIT_LIBS)

UNIT_TESTS += %D%/test-reload
%C%_test_reload_SOURCES = %D%/test-reload.c %D%/control-env.c %D%/control-env.h \
	$(FAKE_DATAPATH)
%C%_test_reload_CFLAGS = $(CONTROL_CFLAGS)
%C%_test_reload_LDADD = $(CONTROL_LIBS) $(UNIT_LIBS)

UNIT_TESTS += %D%/test-pcapng
%C%_test_pcapng_SOURCES = %D%/test-pcapng.c
%C%_test_pcapng_CFLAGS = $(CONTROL_CFLAGS) $(PCAP_CFLAGS)
%C%_test_pcapng_LDADD = $(CONTROL_LIBS) $(UNIT_LIBS) $(PCAP_LIBS)

UNIT_TESTS += %D%/test-capture-stream
%C%_test_capture_stream_SOURCES = %D%/test-capture-stream.c %D%/control-env.c %D%/control-env.h \
	$(FAKE_DATAPATH)
%C%_test_capture_stream_CFLAGS = $(CONTROL_CFLAGS) $(PCAP_CFLAGS)
%C%_test_capture_stream_LDADD = $(CONTROL_LIBS) $(UNIT_LIBS) $(PCAP_LIBS)

# --- guest-pmd: libnetvm -----------------------------------------------------

# The host's side of an shm port; whoever tests a guest of one lists it, too.
FAKE_HOST = %D%/fake-host.c %D%/fake-host.h %D%/fake-host-new.c %D%/fake-host-socket.c
NETVM_TEST_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
NETVM_TEST_LIBS = guest-pmd/libnetvm.a $(UNIT_LIBS)

UNIT_TESTS += %D%/test-netvm-burst
%C%_test_netvm_burst_SOURCES = %D%/test-netvm-burst.c %D%/netvm-env.c %D%/netvm-env.h $(FAKE_HOST)
%C%_test_netvm_burst_CFLAGS = $(NETVM_TEST_CFLAGS)
%C%_test_netvm_burst_LDADD = $(NETVM_TEST_LIBS)

UNIT_TESTS += %D%/test-netvm-port
%C%_test_netvm_port_SOURCES = %D%/test-netvm-port.c $(FAKE_HOST)
%C%_test_netvm_port_CFLAGS = $(NETVM_TEST_CFLAGS)
%C%_test_netvm_port_LDADD = $(NETVM_TEST_LIBS)

UNIT_TESTS += %D%/test-netvm-wait
%C%_test_netvm_wait_SOURCES = %D%/test-netvm-wait.c $(FAKE_HOST)
%C%_test_netvm_wait_CFLAGS = $(NETVM_TEST_CFLAGS)
%C%_test_netvm_wait_LDADD = $(NETVM_TEST_LIBS)

UNIT_TESTS += %D%/test-netvm-nf
%C%_test_netvm_nf_SOURCES = %D%/test-netvm-nf.c %D%/nf-process.c %D%/nf-process.h $(FAKE_HOST)
%C%_test_netvm_nf_CFLAGS = $(NETVM_TEST_CFLAGS)
%C%_test_netvm_nf_LDADD = $(NETVM_TEST_LIBS)

UNIT_TESTS += %D%/test-netvm-nf-message
%C%_test_netvm_nf_message_SOURCES = %D%/test-netvm-nf-message.c %D%/nf-process.c %D%/nf-process.h \
	$(FAKE_HOST)
%C%_test_netvm_nf_message_CFLAGS = $(NETVM_TEST_CFLAGS)
%C%_test_netvm_nf_message_LDADD = $(NETVM_TEST_LIBS)

UNIT_TESTS += %D%/test-netvm-nf-options
%C%_test_netvm_nf_options_SOURCES = %D%/test-netvm-nf-options.c %D%/nf-process.c %D%/nf-process.h
%C%_test_netvm_nf_options_CFLAGS = $(NETVM_TEST_CFLAGS)
%C%_test_netvm_nf_options_LDADD = $(NETVM_TEST_LIBS)

UNIT_TESTS += %D%/test-netvm-packet
%C%_test_netvm_packet_SOURCES = %D%/test-netvm-packet.c %D%/netvm-env.c %D%/netvm-env.h $(FAKE_HOST)
%C%_test_netvm_packet_CFLAGS = $(NETVM_TEST_CFLAGS)
%C%_test_netvm_packet_LDADD = $(NETVM_TEST_LIBS)

UNIT_TESTS += %D%/test-netvm-pci
%C%_test_netvm_pci_SOURCES = %D%/test-netvm-pci.c %D%/pci-folder.c %D%/pci-folder.h $(FAKE_HOST)
%C%_test_netvm_pci_CFLAGS = $(NETVM_TEST_CFLAGS)
%C%_test_netvm_pci_LDADD = $(NETVM_TEST_LIBS)

# --- guest-pmd/pmd: the DPDK driver --------------------------------------------

# EAL loads the driver that was built, as a program's user would.
if HAVE_DPDK_SDK
PMD_RIG = %D%/pmd-rig.c %D%/pmd-rig.h %D%/pmd-host.c %D%/pmd-host.h $(FAKE_HOST)
PMD_RIG_CFLAGS = $(UNIT_CFLAGS) -DALLOW_EXPERIMENTAL_API \
	-DNETVM_PMD='"$(abs_builddir)/guest-pmd/pmd/librte_net_netvm.so"'

UNIT_TESTS += %D%/test-pmd
%C%_test_pmd_SOURCES = %D%/test-pmd.c $(PMD_RIG)
%C%_test_pmd_CFLAGS = $(PMD_RIG_CFLAGS)
%C%_test_pmd_LDADD = $(DPDK_LIBS) $(UNIT_LIBS)
EXTRA_%C%_test_pmd_DEPENDENCIES = guest-pmd/pmd/librte_net_netvm.so

UNIT_TESTS += %D%/test-pmd-queues
%C%_test_pmd_queues_SOURCES = %D%/test-pmd-queues.c $(PMD_RIG)
%C%_test_pmd_queues_CFLAGS = $(PMD_RIG_CFLAGS)
%C%_test_pmd_queues_LDADD = $(DPDK_LIBS) $(UNIT_LIBS)
EXTRA_%C%_test_pmd_queues_DEPENDENCIES = guest-pmd/pmd/librte_net_netvm.so

UNIT_TESTS += %D%/test-pmd-life
%C%_test_pmd_life_SOURCES = %D%/test-pmd-life.c $(PMD_RIG)
%C%_test_pmd_life_CFLAGS = $(PMD_RIG_CFLAGS)
%C%_test_pmd_life_LDADD = $(DPDK_LIBS) $(UNIT_LIBS)
EXTRA_%C%_test_pmd_life_DEPENDENCIES = guest-pmd/pmd/librte_net_netvm.so
endif

# --- src/cli ----------------------------------------------------------------

check_PROGRAMS += %D%/fake-netvmd
%C%_fake_netvmd_SOURCES = %D%/fake-netvmd.c
%C%_fake_netvmd_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(JSON_CFLAGS)
%C%_fake_netvmd_LDADD = $(JSON_LIBS) $(GLIB_LIBS)
TESTS += %D%/test-cli.sh
EXTRA_DIST += %D%/test-cli.sh %D%/lib-cli.sh

# --- guest-pmd/nf -----------------------------------------------------------

NF_FRAMES = %D%/nf-frames.c %D%/nf-frames.h
NF_TEST_LIBS = guest-pmd/nf/libnvnf.a guest-pmd/libnetvm.a $(UNIT_LIBS) -lm

UNIT_TESTS += %D%/test-nf-packet
%C%_test_nf_packet_SOURCES = %D%/test-nf-packet.c $(NF_FRAMES)
%C%_test_nf_packet_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
%C%_test_nf_packet_LDADD = $(NF_TEST_LIBS)

UNIT_TESTS += %D%/test-nf-text
%C%_test_nf_text_SOURCES = %D%/test-nf-text.c $(NF_FRAMES)
%C%_test_nf_text_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
%C%_test_nf_text_LDADD = $(NF_TEST_LIBS)

UNIT_TESTS += %D%/test-nf-table
%C%_test_nf_table_SOURCES = %D%/test-nf-table.c $(NF_FRAMES)
%C%_test_nf_table_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
%C%_test_nf_table_LDADD = $(NF_TEST_LIBS)

UNIT_TESTS += %D%/test-nf-firewall
%C%_test_nf_firewall_SOURCES = %D%/test-nf-firewall.c $(NF_FRAMES)
%C%_test_nf_firewall_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
%C%_test_nf_firewall_LDADD = $(NF_TEST_LIBS)

UNIT_TESTS += %D%/test-nf-nat
%C%_test_nf_nat_SOURCES = %D%/test-nf-nat.c $(NF_FRAMES)
%C%_test_nf_nat_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
%C%_test_nf_nat_LDADD = $(NF_TEST_LIBS)

UNIT_TESTS += %D%/test-nf-l3fwd
%C%_test_nf_l3fwd_SOURCES = %D%/test-nf-l3fwd.c $(NF_FRAMES)
%C%_test_nf_l3fwd_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
%C%_test_nf_l3fwd_LDADD = $(NF_TEST_LIBS)

UNIT_TESTS += %D%/test-nf-measure
%C%_test_nf_measure_SOURCES = %D%/test-nf-measure.c $(NF_FRAMES)
%C%_test_nf_measure_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
%C%_test_nf_measure_LDADD = $(NF_TEST_LIBS)

UNIT_TESTS += %D%/test-nf-steer
%C%_test_nf_steer_SOURCES = %D%/test-nf-steer.c $(NF_FRAMES)
%C%_test_nf_steer_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
%C%_test_nf_steer_LDADD = $(NF_TEST_LIBS)

if HAVE_CRYPTO
UNIT_TESTS += %D%/test-nf-aes
%C%_test_nf_aes_SOURCES = %D%/test-nf-aes.c $(NF_FRAMES)
%C%_test_nf_aes_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
%C%_test_nf_aes_LDADD = guest-pmd/nf/libnvaes.a $(NF_TEST_LIBS) $(CRYPTO_LIBS)
endif

TESTS += %D%/test-nf-programs.sh
EXTRA_DIST += %D%/test-nf-programs.sh

# --- doc --------------------------------------------------------------------

TESTS += %D%/check-docs.sh
EXTRA_DIST += %D%/check-docs.sh

# --- the end: hands the list to make check ----------------------------------

if HAVE_CMOCKA
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif
