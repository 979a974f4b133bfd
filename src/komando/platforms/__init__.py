"""Platforms: an intent becomes the exact files of a host."""
