"""The finders, a module each: `ALL` of them, in the order of the report."""

from __future__ import annotations

from unweave.apps.forensic.finding import Finder

ALL: tuple[Finder, ...] = ()
