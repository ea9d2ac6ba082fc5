"""Stems for production programs: projects that open with every stem on a track of its own.

`session` says what there is: tracks, tempo map, markers, colours. A module for each format makes a
file of it: `dawproject`, `reaper`, `labels` (Audacity) and `bundle`, a ZIP of everything. `names`
has the names of files, `archive` the form of a ZIP. The same session gives the same bytes.
"""
