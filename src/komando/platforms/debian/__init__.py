"""Debian as a router: nftables classifies, tc shapes, the host program switches the hours."""

from __future__ import annotations

from komando.platforms.debian.check import check
from komando.platforms.debian.render import render

__all__ = ["check", "render"]
