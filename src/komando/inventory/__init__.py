"""The machines: read from the same plain Ansible YAML that Ansible reads, and how to reach them."""

from __future__ import annotations

from komando.inventory.load import FILE, InventoryError, load_inventory
from komando.inventory.machines import (
    CONFIRM_WITHIN,
    KINDS,
    WITH_BUNDLES,
    Access,
    Hop,
    Host,
    HostKind,
    Inventory,
    Leaf,
    SecretReference,
)

__all__ = [
    "CONFIRM_WITHIN",
    "FILE",
    "KINDS",
    "WITH_BUNDLES",
    "Access",
    "Hop",
    "Host",
    "HostKind",
    "Inventory",
    "InventoryError",
    "Leaf",
    "SecretReference",
    "load_inventory",
]
