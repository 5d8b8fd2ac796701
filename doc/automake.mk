# SPDX-License-Identifier: BSD-3-Clause
dist_man_MANS += %D%/netvmd.8 %D%/netvmctl.8 %D%/netvmd.conf.5 %D%/netvm-pmd.7 %D%/libnetvm.3 %D%/netvm-nf.7
dist_doc_DATA = %D%/control-protocol.md %D%/tutorial-nf.md
