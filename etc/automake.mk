# SPDX-License-Identifier: BSD-3-Clause
netvmconfdir = $(sysconfdir)/netvm
EXTRA_DIST += %D%/netvmd.conf %D%/netvmd.service.in %D%/tmpfiles.conf
nodist_systemdsystemunit_DATA = %D%/netvmd.service
CLEANFILES += %D%/netvmd.service

%D%/netvmd.service: %D%/netvmd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && sed 's,@sbindir[@],$(sbindir),g' $(srcdir)/%D%/netvmd.service.in >$@

# An administrator's config is never written over, and only an unchanged one is
# removed.
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(netvmconfdir)' '$(DESTDIR)$(tmpfilesdir)'
	test -e '$(DESTDIR)$(netvmconfdir)/netvmd.conf' || \
		$(INSTALL_DATA) $(srcdir)/%D%/netvmd.conf '$(DESTDIR)$(netvmconfdir)/netvmd.conf'
	$(INSTALL_DATA) $(srcdir)/%D%/tmpfiles.conf '$(DESTDIR)$(tmpfilesdir)/netvm.conf'

uninstall-local:
	cmp -s $(srcdir)/%D%/netvmd.conf '$(DESTDIR)$(netvmconfdir)/netvmd.conf' && \
		rm -f '$(DESTDIR)$(netvmconfdir)/netvmd.conf' || :
	rm -f '$(DESTDIR)$(tmpfilesdir)/netvm.conf'
