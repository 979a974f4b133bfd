"""The kernel's side: runs tc, nft, ip and sysctl, and reads what they say of the live state."""

from __future__ import annotations

import json
import re
from _socket import if_nameindex  # `socket` would load selectors and enums for it: 2 ms
from collections.abc import Mapping, Sequence

from .command import Done, finish
from .errors import HostError
from .tree import LiveClass, LiveQdisc, bits
from .typed import Any

_CLASS = re.compile(
    r"class htb (\S+) (?:root|parent (\S+)) .*?rate ([0-9]+\S*bit) ceil ([0-9]+\S*bit) .*"
)
_BETWEEN = "qdisc show dev lo"
_FAILED_LINE = re.compile(r"Command failed -:(\d+)")


class CommandError(HostError):
    """A command that ended with another code than 0."""


def _finish(argv: Sequence[str], stdin: str | None = None) -> Done:
    try:
        return finish(argv, stdin)
    except OSError as error:
        raise CommandError(f"{' '.join(argv)}: {error}") from None


def run(argv: Sequence[str], stdin: str | None = None) -> str:
    """Runs one command and gives its output; raises CommandError with its own words."""
    done = _finish(argv, stdin)
    if done.code != 0:
        words = done.errors.strip() or done.output.strip() or f"exit code {done.code}"
        raise CommandError(f"{' '.join(argv)}: {words}")
    return done.output


def succeeds(argv: Sequence[str]) -> bool:
    """Whether a question to the kernel is answered at all; used to see that something stands."""
    try:
        run(argv)
    except CommandError:
        return False
    return True


def answer(argv: Sequence[str]) -> Any:
    """The parsed JSON that a command prints; an empty answer is an empty list.

    Raises CommandError for what is no JSON, as for a command that failed.
    """
    found = _values(argv, run(argv))
    return found[0] if found else []


def answers(argv: Sequence[str], lines: Sequence[str]) -> list[Any]:
    """The parsed JSON that `argv` prints for each line of a batch: one process for all of them.

    Raises CommandError as `answer` does.
    """
    whole = [*argv, "-batch", "-"]
    found = _values(whole, run(whole, "".join(f"{line}\n" for line in lines)))
    if len(found) == len(lines):
        return found
    # one of them prints nothing at all, where others print an empty list
    return [answer([*argv, *line.split()]) for line in lines]


def _values(argv: Sequence[str], said: str) -> list[Any]:
    """One JSON value after the other."""
    values, rest = [], said.lstrip()
    try:
        while rest:
            value, end = json.JSONDecoder().raw_decode(rest)
            values.append(value)
            rest = rest[end:].lstrip()
    except ValueError as error:
        raise CommandError(f"{' '.join(argv)}: no JSON: {error}: {said[:120]!r}") from None
    return values


def batch(lines: Sequence[tuple[str, str]]) -> None:
    """Sends tc lines, each with its source, in one go; raises HostError with the line that failed.

    The lines before the failing one are in force then; those after it are not.
    """
    if not lines:
        return
    try:
        run(["tc", "-batch", "-"], "".join(f"{line}\n" for line, _ in lines))
    except CommandError as error:
        found = _FAILED_LINE.search(str(error))
        if not found:
            raise
        line, source = lines[int(found[1]) - 1]
        words = _FAILED_LINE.sub("", str(error)).removeprefix("tc -batch -: ").strip()
        raise HostError(f"{source}: tc refused `{line}`: {words}") from None


def ip_batch(lines: Sequence[str]) -> dict[int, str]:
    """Sends lines of ip, all of them whatever some come to.

    Gives the words about those that failed; the keys count the lines from 0.
    """
    done = _finish(["ip", "-force", "-batch", "-"], "".join(f"{line}\n" for line in lines))
    failures: dict[int, str] = {}
    words: list[str] = []
    for said in done.errors.splitlines():
        if found := _FAILED_LINE.search(said):
            failures[int(found[1]) - 1] = " ".join(words) or "failed"
            words = []
        else:
            words.append(said.strip())
    if done.code and not failures:
        raise CommandError(f"ip -batch: {done.errors.strip() or done.code}")
    return failures


def links() -> set[str]:
    """The interfaces of this machine by name."""
    return {name for _, name in if_nameindex()}


def live_trees(
    devices: Sequence[str],
) -> dict[str, tuple[dict[str, LiveClass], list[LiveQdisc]]]:
    """The HTB classes by id, and the qdiscs, of each of these devices."""
    classes = live_classes(devices)
    qdiscs: dict[str, list[LiveQdisc]] = {device: [] for device in devices}
    for item in answer(["tc", "-j", "qdisc", "show"]):
        if item["dev"] in qdiscs:
            qdiscs[item["dev"]].append(qdisc_of(item))
    return {device: (classes[device], qdiscs[device]) for device in devices}


def live_classes(devices: Sequence[str]) -> dict[str, dict[str, LiveClass]]:
    """The HTB classes of each device by id; a root class has the parent `1:`.

    tc does not say whose class it tells of. So that one process does for all devices, what it says
    of the queue of `lo` stands after each of them; where that is no one line, each is asked alone.
    """
    argv, asked = ["tc", "-d"], [f"class show dev {device}" for device in devices]
    said = run([*argv, "-batch", "-"], "".join(f"{one}\n{_BETWEEN}\n" for one in asked))
    *parts, _ = re.split(r"^qdisc .*\n", said, flags=re.MULTILINE)
    if len(parts) != len(devices):
        parts = [run([*argv, *one.split()]) for one in asked]
    return {device: _classes(device, part) for device, part in zip(devices, parts, strict=True)}


def _classes(device: str, shown: str) -> dict[str, LiveClass]:
    classes = {}
    for line in shown.splitlines():
        if line.startswith("class htb "):
            found = _CLASS.fullmatch(line)
            if not found:
                raise HostError(f"{device}: tc says {line!r}, which is not understood")
            parent, rate, ceil = found[2] or "1:", bits(found[3]), bits(found[4])
            classes[found[1]] = LiveClass(parent, rate, ceil, shown=line.strip())
    return classes


def live_qdiscs(device: str) -> list[LiveQdisc]:
    """The qdiscs of `device` with their backlog in bytes."""
    return [qdisc_of(item) for item in answer(["tc", "-s", "-j", "qdisc", "show", "dev", device])]


def qdisc_of(item: Mapping[str, Any]) -> LiveQdisc:
    """A qdisc as `tc -j` tells it; the backlog is told with `-s` alone."""
    return LiveQdisc(
        kind=item["kind"],
        handle=item["handle"],
        parent="root" if item.get("root") else item.get("parent", ""),
        backlog=item.get("backlog", 0),
        shown=json.dumps(item.get("options", {}), sort_keys=True),
    )
