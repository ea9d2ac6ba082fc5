"""Forensic examination of recordings."""
