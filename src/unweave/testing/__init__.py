"""Checks for people who add to unweave: `check_separator` holds a separator to what all promise.

import unweave.testing
unweave.testing.check_separator("mid-side")
"""

from __future__ import annotations

from unweave.testing.separators import CHECKS, check_separator

__all__ = ["CHECKS", "check_separator"]
