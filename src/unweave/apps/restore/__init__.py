"""Restore a recording."""
