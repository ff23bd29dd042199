# SPDX-License-Identifier: GPL-2.0-only
# How Sphinx builds the handbook; build.sh calls it.
project = 'evnotify: from an NT driver to a Linux driver'
html_title = 'evnotify handbook'
html_copy_source = False
html_show_copyright = False
html_theme = 'alabaster'
nitpicky = True
