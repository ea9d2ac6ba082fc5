"""Karaoke: a backing track, and its words on a screen."""
