"""What changes around the trees, by the host program's own reckoning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from komando.bundle import Bundle
from komando.host.configuration import Configuration, read_configuration
from komando.host.frozen import replace
from komando.host.network import Address, Link, Route
from komando.host.tables import TableRecord, plan_table
from komando.plan.model import Around, Move

Entry = Address | Route

AS_SENT = "as it was sent"
"""In place of what the kernel shows of a table: the plan takes it that nobody touched it."""


def compare_around(before: Bundle, after: Bundle, moves: Iterable[Move]) -> Around:
    """Tables, addresses, routes and settings; what moves with an interface is told as a move.

    Raises HostError for files that the host program would refuse, so those of another version.
    """
    old, new = read_configuration(before.files), read_configuration(after.files)
    reloaded: list[str] = []
    replaced: list[str] = []
    stood = {(files.family, files.name): files for files in old.tables}
    for files in new.tables:
        was = stood.pop((files.family, files.name), None)
        if was is None:
            replaced.append(f"{files.name} (new)")
            continue
        record = TableRecord(was.structure, was.full, was.reload, AS_SENT)
        if (step := plan_table(files, record, AS_SENT)) is not None:
            (reloaded if step.path == files.reload_path else replaced).append(files.name)
    replaced += [f"{name} (no longer kept)" for _, name in stood]
    gone, come = _network(old, new, {move.before: move.after for move in moves})
    return Around(
        tuple(reloaded), tuple(replaced), gone, come, tuple(_settings(old.settings, new.settings))
    )


def _network(
    old: Configuration, new: Configuration, moved: dict[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Addresses and routes that go and that come; those that changed their way do both."""
    stood = [_on(entry, moved.get(entry.device, entry.device)) for entry in _entries(old)]
    stands = list(_entries(new))
    gone = [entry_words(entry) for entry in stood if entry not in stands]
    come = [entry_words(entry) for entry in stands if entry not in stood]
    return tuple(gone), tuple(come)


def _on(entry: Entry, device: str) -> Entry:
    return replace(entry, device=device)


def _entries(configuration: Configuration) -> Iterator[Entry]:
    for item in configuration.network:
        if not isinstance(item.entry, Link):
            yield item.entry


def entry_words(entry: Entry) -> str:
    """`address 172.20.0.1/22 on lan0`, `route 10.20.5.0/24 via 172.20.1.5 on lan0`."""
    if isinstance(entry, Address):
        return f"address {entry.address} on {entry.device}"
    kind = "route" if entry.kind == "unicast" else f"{entry.kind} route"
    via = f" via {entry.gateway}" if entry.gateway else ""
    on = f" on {entry.device}" if entry.device else ""
    return f"{kind} {entry.destination}{via}{on}"


def _settings(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Each kernel setting that is sent with another value; one that is left out keeps its last."""
    for key in sorted(old.keys() | new.keys()):
        if key not in new:
            yield f"{key} is set no more, and stays {old[key]} until the next boot"
        elif old.get(key) != new[key]:
            yield f"{key}: {old.get(key, 'not set')} -> {new[key]}"
