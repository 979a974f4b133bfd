"""What was last sent to the kernel, under /run: gone with a reboot, as the kernel's state is.

A record is written before the kernel is touched and again after; what a killed run leaves behind
names the classes that it may or may not have touched.
"""

from __future__ import annotations

import json
from pathlib import Path

from .errors import HostError
from .frozen import Frozen, asdict
from .network import Address
from .shape import Record
from .steer import Steering, parse_steering
from .tables import GUARD_TABLE, SHAPER_TABLE, TableRecord, record_from
from .tree import parse_tree
from .typed import Any


class Applied(Frozen):
    """The generation and the profile that the kernel was last brought to."""

    generation: str
    profile: str


class Records:
    """The records below one folder; a record that cannot be read counts as none.

    `forgiving`: one that cannot be written stops nothing. On the way back the kernel comes first;
    a record that is out of date costs the next look some work.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.forgiving = False

    def tree(self, device: str) -> Record | None:
        """The tree last sent to a device."""
        values = self._read(f"tree-{device}")
        if values is None:
            return None
        try:
            tree = parse_tree(values["tree"], device, f"what was sent to {device}")
        except (HostError, KeyError):
            return None
        shown = values.get("shown", {})
        return Record(tree, frozenset(values.get("uncertain", ())), shown)

    def devices(self) -> list[str]:
        """The devices of which a tree is on record."""
        return [path.stem.removeprefix("tree-") for path in self.folder.glob("tree-*.json")]

    def put_tree(self, device: str, record: Record) -> None:
        """Writes down what is about to be, or was, sent to a device."""
        values = {
            "tree": record.tree.text(),
            "uncertain": sorted(record.uncertain),
            "shown": dict(record.shown),
        }
        self._write(f"tree-{device}", values)

    def forget_tree(self, device: str) -> None:
        """From now on nothing is known of a device."""
        self._path(f"tree-{device}").unlink(missing_ok=True)

    def steering(self) -> Steering | None:
        """The filters last laid."""
        values = self._read("steering")
        if values is None:
            return None
        try:
            return parse_steering(values["text"], values["lans"], values["ifb"])
        except (HostError, KeyError):
            return None

    def put_steering(self, steering: Steering, ifb: str) -> None:
        """Writes down the filters that were laid."""
        lans = sorted(steering.devices)
        self._write("steering", {"text": steering.text(), "lans": lans, "ifb": ifb})

    def table(self, name: str) -> TableRecord | None:
        """The table last loaded."""
        values = self._read(f"table-{name}")
        try:
            return record_from(values) if values else None
        except KeyError:
            return None

    def put_table(self, name: str, record: TableRecord) -> None:
        """Writes down a table that was loaded."""
        self._write(f"table-{name}", asdict(record))

    def forget_table(self, name: str) -> None:
        """From now on nothing is known of a table."""
        self._path(f"table-{name}").unlink(missing_ok=True)

    def forget_shaping(self) -> None:
        """From now on nothing is known of trees, steering, and the tables that go with them."""
        tables = (f"table-{name}.json" for _, name in (SHAPER_TABLE, GUARD_TABLE))
        for pattern in ("tree-*.json", "steering.json", "applied.json", *tables):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)

    def forget(self) -> None:
        """From now on nothing is known of anything."""
        for path in self.folder.glob("*.json"):
            path.unlink(missing_ok=True)

    def addresses(self) -> frozenset[Address]:
        """The addresses that this program has laid, so that it may take them away."""
        values = self._read("addresses") or {}
        return frozenset(Address(*pair) for pair in values.get("ours", ()))

    def put_addresses(self, addresses: frozenset[Address]) -> None:
        """Writes down which addresses are ours."""
        pairs = sorted((item.device, item.address) for item in addresses)
        self._write("addresses", {"ours": pairs})

    def settings(self) -> tuple[dict[str, str], dict[str, str]]:
        """The settings last sent, and what the kernel then had."""
        values = self._read("settings") or {}
        return values.get("sent", {}), values.get("shown", {})

    def put_settings(self, sent: dict[str, str], shown: dict[str, str]) -> None:
        """Writes down settings, and what the kernel made of them."""
        self._write("settings", {"sent": sent, "shown": shown})

    def applied(self) -> Applied | None:
        """What the kernel was last brought to, whole."""
        values = self._read("applied")
        try:
            return Applied(values["generation"], values["profile"]) if values else None
        except KeyError:
            return None

    def put_applied(self, applied: Applied) -> None:
        """Writes down what the kernel was brought to."""
        if self.applied() != applied:
            self._write("applied", asdict(applied))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            values = json.loads(self._path(name).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return values if isinstance(values, dict) else None

    def _write(self, name: str, values: dict[str, Any]) -> None:
        side = self._path(name).with_suffix(".new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            side.write_text(json.dumps(values))
            side.replace(self._path(name))
        except OSError:
            if not self.forgiving:
                raise
