"""Satu Komando: one policy tree commands a regency's network, and proves that it obeys."""

from __future__ import annotations

__version__ = "0.1.0"
