"""Trees of traffic classes: read from the lines of a tc batch, and written as such.

Pure: nothing here touches the kernel. The grammar is strict, so that a bundle can say nothing to
tc but what is understood here: one HTB root, HTB classes below it, one leaf qdisc per class.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .errors import HostError
from .frozen import Frozen

DEVICE = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}"
_MINOR = r"1:[0-9a-f]{1,4}"
_ROOT = re.compile(
    rf"qdisc add dev ({DEVICE}) root handle 1: (htb(?: (?:default|r2q|direct_qlen) "
    r"(?:0x)?[0-9a-f]+)+)"
)
_CLASS = re.compile(
    rf"class (add|change) dev ({DEVICE}) parent (1:[0-9a-f]{{0,4}}) "
    rf"classid ({_MINOR}) htb (.+)"
)
_LEAF = re.compile(
    rf"qdisc add dev ({DEVICE}) parent ({_MINOR}) handle ([0-9a-f]{{1,4}}:) "
    r"((?:fq_codel|cake|pfifo|bfifo|sfq)(?: [a-z0-9_.-]+)*)"
)
_UNITS = {"bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9, "tbit": 10**12}
_PARAMETERS = {
    "rate": r"[0-9]+[kmgt]?bit",
    "ceil": r"[0-9]+[kmgt]?bit",
    "burst": r"[0-9]+b",
    "cburst": r"[0-9]+b",
    "prio": r"[0-7]",
    "quantum": r"[0-9]+",
}
_MANDATORY = ("rate", "ceil", "burst", "cburst")


def bits(text: str) -> int:
    """A rate as tc writes it (`200000bit`, `200Kbit`), in bit/s."""
    found = re.fullmatch(r"([0-9]+)([kmgt]?bit)", text.lower())
    if not found:
        raise HostError(f"{text!r} is no rate")
    return int(found[1]) * _UNITS[found[2]]


class TcClass(Frozen, aside=("source",)):
    """One HTB class; `parameters` is all that follows the word htb, `source` where it was read."""

    id: str
    parent: str
    parameters: str
    rate: int
    ceil: int
    source: str = ""

    def line(self, verb: str, device: str) -> str:
        """The tc line that adds or changes this class, all parameters in it."""
        return f"class {verb} dev {device} parent {self.parent} classid {self.id} htb " + (
            self.parameters
        )


class Leaf(Frozen, aside=("source",)):
    """The qdisc of a class that has no children; `kind` with its options in `options`."""

    parent: str
    handle: str
    options: str
    source: str = ""

    @property
    def kind(self) -> str:
        """The qdisc's kind: fq_codel, cake, pfifo."""
        return self.options.split(" ", 1)[0]

    def line(self, verb: str, device: str) -> str:
        """The tc line that adds or replaces this qdisc."""
        return f"qdisc {verb} dev {device} parent {self.parent} handle {self.handle} {self.options}"


class Tree(Frozen):
    """The whole tree of one device, classes in an order in which parents come first."""

    device: str
    root: str
    classes: Mapping[str, TcClass]
    leaves: Mapping[str, Leaf]

    def lines(self) -> list[tuple[str, str]]:
        """The tree from nothing: tc lines with their sources."""
        lines = [(f"qdisc add dev {self.device} root handle 1: {self.root}", "the root qdisc")]
        for item in self.classes.values():
            lines.append((item.line("add", self.device), item.source))
            if item.id in self.leaves:
                leaf = self.leaves[item.id]
                lines.append((leaf.line("add", self.device), leaf.source))
        return lines

    def text(self) -> str:
        """As `parse_tree` reads it again."""
        return "".join(f"{line}\n" for line, _ in self.lines())


class LiveClass(Frozen):
    """A class as the kernel has it; rates in bit/s, as rounded by tc.

    `shown` is all that tc tells of it, to be compared with what it told when it was sent.
    """

    parent: str
    rate: int
    ceil: int
    shown: str = ""


class LiveQdisc(Frozen):
    """A qdisc as the kernel has it; `parent` is "root" for a device's own; backlog in bytes.

    `shown` is what tc tells of its options.
    """

    kind: str
    handle: str
    parent: str
    backlog: int = 0
    shown: str = ""


def _statements(text: str, name: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        stripped = " ".join(line.split())
        if stripped and not stripped.startswith("#"):
            yield stripped, f"{name}:{number}"


def _parameters(text: str, source: str) -> tuple[str, int, int]:
    words = text.split()
    values = dict(zip(words[::2], words[1::2], strict=False))
    for key, value in values.items():
        if key not in _PARAMETERS or not re.fullmatch(_PARAMETERS[key], value):
            raise HostError(f"{source}: {key} {value}: no parameter of an htb class")
    if len(words) != 2 * len(values):
        raise HostError(f"{source}: a parameter stands twice or has no value: {text}")
    for key in _MANDATORY:
        if key not in values:
            raise HostError(f"{source}: {key} is missing; every line states all parameters")
    return text, bits(values["rate"]), bits(values["ceil"])


def _class(line: str, source: str, verb: str, device: str) -> TcClass:
    found = _CLASS.fullmatch(line)
    if not found or found[1] != verb:
        raise HostError(f"{source}: not understood: {line[:120]}")
    if found[2] != device:
        raise HostError(f"{source}: device {found[2]}, where {device} was expected")
    parameters, rate, ceil = _parameters(found[5], source)
    return TcClass(_handle(found[4]), _handle(found[3]), parameters, rate, ceil, source)


def _handle(text: str) -> str:
    major, _, minor = text.partition(":")
    return f"{int(major, 16):x}:" + (f"{int(minor, 16):x}" if minor else "")


def parse_tree(text: str, device: str, name: str) -> Tree:
    """Reads a whole tree for `device`; raises HostError, with line, for anything else."""
    root = ""
    classes: dict[str, TcClass] = {}
    leaves: dict[str, Leaf] = {}
    for line, source in _statements(text, name):
        if found := _ROOT.fullmatch(line):
            if root or found[1] != device:
                raise HostError(f"{source}: a second root, or not that of {device}: {line}")
            root = found[2]
        elif not root:
            raise HostError(f"{source}: the root qdisc must come first: {line[:120]}")
        elif found := _LEAF.fullmatch(line):
            leaf = Leaf(_handle(found[2]), _handle(found[3]), found[4], source)
            if found[1] != device or leaf.parent not in classes or leaf.parent in leaves:
                raise HostError(f"{source}: no class of {device} waits for this leaf: {line}")
            leaves[leaf.parent] = leaf
        else:
            item = _class(line, source, "add", device)
            if item.id in classes or not (item.parent == "1:" or item.parent in classes):
                raise HostError(f"{source}: class {item.id} stands twice or before its parent")
            classes[item.id] = item
    _check_whole(root, classes, leaves, name)
    return Tree(device, root, classes, leaves)


def _check_whole(
    root: str, classes: Mapping[str, TcClass], leaves: Mapping[str, Leaf], name: str
) -> None:
    if not root:
        raise HostError(f"{name}: no root qdisc")
    for item in classes.values():
        if item.parent in leaves:
            raise HostError(f"{item.source}: {item.parent} has a leaf qdisc and a child {item.id}")


def with_profile(tree: Tree, text: str, name: str) -> Tree:
    """`tree` with the class lines of a profile laid over it; each names a class of the tree."""
    classes = dict(tree.classes)
    seen: set[str] = set()
    for line, source in _statements(text, name):
        item = _class(line, source, "change", tree.device)
        if item.id not in classes or classes[item.id].parent != item.parent or item.id in seen:
            raise HostError(f"{source}: {item.id} under {item.parent} stands twice or not in tree")
        if item.parameters.split()[::2] != classes[item.id].parameters.split()[::2]:
            raise HostError(f"{source}: other parameters than {classes[item.id].source} states")
        seen.add(item.id)
        classes[item.id] = item
    return Tree(tree.device, tree.root, classes, tree.leaves)
