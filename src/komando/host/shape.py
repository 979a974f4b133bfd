"""From the tree that stands to the tree that is wanted: ordered steps that lose no packet.

Pure: what stands comes in as a record (the exact lines last sent) and what the kernel shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from .frozen import Frozen
from .tree import LiveClass, LiveQdisc, TcClass, Tree

Line = tuple[str, str]
"""A tc line and where it was read."""


class Record(Frozen):
    """The lines last sent to one device; of the `uncertain` classes it is not known how they are.

    They are those that a run wanted to touch and that it did not see the end of. `shown` is what
    the kernel then told of each class, and of each leaf under its handle: what it tells otherwise
    later on was changed by somebody else.
    """

    tree: Tree
    uncertain: frozenset[str] = frozenset()
    shown: Mapping[str, str] = MappingProxyType({})


class Change(Frozen):
    """One class that is added, changed or deleted."""

    device: str
    id: str
    action: str


class Steps(Frozen):
    """What to send to one device, in the order of the fields.

    `leave` holds the classes that go once they are drained, children first; `again` those that come
    back under another parent right after.
    """

    device: str
    rebuild: str = ""
    shrink: tuple[Line, ...] = ()
    add: tuple[Line, ...] = ()
    grow: tuple[Line, ...] = ()
    leave: tuple[str, ...] = ()
    again: tuple[Line, ...] = ()
    changes: tuple[Change, ...] = ()
    touched: frozenset[str] = frozenset()

    @property
    def nothing(self) -> bool:
        """Whether neither kernel nor record needs a touch."""
        return not (self.rebuild or self.changes or self.touched)


def record_of(tree: Tree, classes: Mapping[str, LiveClass], qdiscs: Iterable[LiveQdisc]) -> Record:
    """The record of a tree that was sent just now, with what the kernel shows of it."""
    shown = {key: item.shown for key, item in classes.items()}
    shown |= {item.handle: item.shown for item in qdiscs if item.parent in tree.leaves}
    return Record(tree, shown=shown)


def plan_tree(
    wanted: Tree,
    record: Record | None,
    classes: Mapping[str, LiveClass],
    qdiscs: Iterable[LiveQdisc],
) -> Steps:
    """The steps from what stands to `wanted`; a rebuild, with its reason, where that is unsure."""
    leaves = {item.parent: item for item in qdiscs}
    reason = _distrust(wanted, record, classes, leaves.get("root"))
    if reason or record is None:
        change = Change(wanted.device, "1:", "add")
        return Steps(wanted.device, rebuild=reason or "no record", changes=(change,))
    return _Comparison(wanted, record, classes, leaves).steps()


def rebuild_lines(wanted: Tree, qdiscs: Iterable[LiveQdisc]) -> list[Line]:
    """The whole tree anew; a root that somebody set goes first (the kernel's own cannot)."""
    lines = wanted.lines()
    if any(item.parent == "root" and item.handle != "0:" for item in qdiscs):
        lines.insert(0, (f"qdisc del dev {wanted.device} root", "the old root qdisc"))
    return lines


def _distrust(
    wanted: Tree,
    record: Record | None,
    classes: Mapping[str, LiveClass],
    root: LiveQdisc | None,
) -> str:
    """Why the device must be built anew, or nothing."""
    if root is None or root.kind != "htb" or root.handle != "1:":
        return "no root qdisc"
    if record is None:
        return "nothing is known of what was sent"
    if record.tree.root != wanted.root:
        return "another root qdisc"
    return _strange(record, classes) or _inner_change(wanted, classes)


def _strange(record: Record, classes: Mapping[str, LiveClass]) -> str:
    """What stands otherwise than it was sent, apart from what is uncertain anyway."""
    known = {key: item for key, item in record.tree.classes.items() if key not in record.uncertain}
    for key, item in known.items():
        if key not in classes:
            return f"class {key} is gone"
        if classes[key].parent != item.parent:
            return f"class {key} hangs under {classes[key].parent}"
    stray = classes.keys() - known.keys() - record.uncertain
    return f"class {min(stray)} is not ours" if stray else ""


def _inner_change(wanted: Tree, classes: Mapping[str, LiveClass]) -> str:
    """A class with children that cannot become what is wanted while they hang on it."""
    parents = {item.parent for item in classes.values()}
    for key in parents & wanted.classes.keys():
        if classes[key].parent != wanted.classes[key].parent:
            return f"class {key} has children and another parent"
        if key in wanted.leaves:
            return f"class {key} has children and is to have a leaf qdisc"
    return ""


class _Comparison:
    """One comparison of a wanted tree with what stands; collects the steps class by class."""

    def __init__(
        self,
        wanted: Tree,
        record: Record,
        live: Mapping[str, LiveClass],
        leaves: Mapping[str, LiveQdisc],
    ) -> None:
        self.wanted = wanted
        self.record = record
        self.live = live
        self.leaves = leaves
        self.device = wanted.device
        self.shrink: list[Line] = []
        self.add: list[Line] = []
        self.grow: list[Line] = []
        self.again: list[Line] = []
        self.leave: list[str] = []
        self.changes: list[Change] = []
        self.touched: set[str] = set()

    def steps(self) -> Steps:
        for item in self.wanted.classes.values():
            if item.id not in self.live:
                self._new(item, self.add)
                self._note(item.id, "add")
            elif self.live[item.id].parent != item.parent:
                self.leave.append(item.id)
                self._new(item, self.again)
                self._note(item.id, "change")
            else:
                self._kept(item)
                self._kept_leaf(item)
        gone = [key for key in self.live if key not in self.wanted.classes]
        for key in sorted(gone, key=self._depth, reverse=True):
            self.leave.append(key)
            self._note(key, "delete")
        # an uncertain class that neither stands nor is wanted needs a new record alone
        self.touched |= self.record.uncertain
        return Steps(
            device=self.device,
            shrink=tuple(self.shrink),
            add=tuple(self.add),
            grow=tuple(self.grow),
            leave=tuple(self.leave),
            again=tuple(self.again),
            changes=tuple(self.changes),
            touched=frozenset(self.touched),
        )

    def _note(self, key: str, action: str) -> None:
        self.changes.append(Change(self.device, key, action))
        self.touched.add(key)

    def _new(self, item: TcClass, step: list[Line]) -> None:
        step.append((item.line("add", self.device), item.source))
        leaf = self.wanted.leaves.get(item.id)
        if leaf:
            step.append((leaf.line("add", self.device), leaf.source))

    def _kept(self, item: TcClass) -> None:
        old = self._known(item.id)
        if old == item:
            return
        line = (item.line("change", self.device), item.source)
        if old is None or (item.rate, item.ceil) < (old.rate, old.ceil):
            self.shrink.append(line)
        else:
            self.grow.append(line)
        self._note(item.id, "change")

    def _known(self, key: str) -> TcClass | None:
        """The line last sent for a live class, unless the kernel shows something else."""
        old = None if key in self.record.uncertain else self.record.tree.classes.get(key)
        live = self.live[key]
        if old and close(live.rate, old.rate) and close(live.ceil, old.ceil):
            return old if self._as_shown(key, live.shown) else None
        return None

    def _as_shown(self, key: str, shown: str) -> bool:
        """Whether the kernel tells of a class or a leaf what it told when that was sent."""
        return self.record.shown.get(key, shown) == shown

    def _kept_leaf(self, item: TcClass) -> None:
        leaf = self.wanted.leaves.get(item.id)
        live = self.leaves.get(item.id)
        if leaf is None:
            if live is not None and item.id in self.record.tree.leaves:
                line = f"qdisc del dev {self.device} parent {item.id}"
                self._leaf_lines(item.id, (line, item.source))
        elif live is None or live.kind != leaf.kind or live.handle != leaf.handle:
            add = (leaf.line("add", self.device), leaf.source)
            delete = (f"qdisc del dev {self.device} parent {item.id}", leaf.source)
            self._leaf_lines(item.id, *((add,) if live is None else (delete, add)))
        elif (
            item.id in self.record.uncertain
            or self.record.tree.leaves.get(item.id) != leaf
            or not self._as_shown(live.handle, live.shown)
        ):
            self._leaf_lines(item.id, (leaf.line("replace", self.device), leaf.source))

    def _leaf_lines(self, key: str, *lines: Line) -> None:
        self.add.extend(lines)
        if key not in self.touched:
            self._note(key, "change")

    def _depth(self, key: str) -> int:
        depth = 0
        while key in self.live:
            key = self.live[key].parent
            depth += 1
        return depth


def close(live: int, sent: int) -> bool:
    """Whether tc's rounded rate can be that of the line: it cuts to bytes and to three digits."""
    return abs(live - sent) <= max(8, sent // 900)
