"""A generation's files as typed values: everything is parsed before anything is touched."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from . import layout
from .calendar import Calendar, parse_calendar
from .errors import HostError
from .frozen import Frozen
from .network import DEFAULT, Route, Wanted, parse_network
from .secrets import Secret, stated
from .settings import parse_settings
from .steer import Steering, parse_steering
from .tables import GUARD_TABLE, NAT_TABLE, SHAPER_TABLE, TableFiles
from .tree import DEVICE, Tree, parse_tree, with_profile
from .typed import Any

KIND = "router"
FORMAT = 1


class Configuration(Frozen):
    """One generation: two trees, their profiles, the calendar, and what stands around them.

    `intent` says what all of it is called, and is enforced nowhere: `sites` reads it.
    """

    ifb: str
    uplink: str
    lans: tuple[str, ...]
    download: Tree
    upload: Tree
    profiles: Mapping[str, tuple[str, str]]
    calendar: Calendar
    steering: Steering
    tables: tuple[TableFiles, ...]
    network: tuple[Wanted, ...]
    settings: Mapping[str, str]
    secrets: tuple[Secret, ...]
    intent: Mapping[str, Any]

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The machine's own interfaces that it names: the uplink, and then the LANs."""
        return (self.uplink, *self.lans)

    @property
    def gateway(self) -> str:
        """The provider's, by IPv4 if it has such an address; "" where there is no default route."""
        routes = [
            (one.entry.version, one.entry.gateway)
            for one in self.network
            if isinstance(one.entry, Route)
            and one.entry.device == self.uplink
            and one.entry.destination == DEFAULT[one.entry.version]
            and one.entry.gateway
        ]
        return min(routes)[1] if routes else ""

    def trees(self, profile: str) -> tuple[Tree, Tree]:
        """The trees of both directions as `profile` wants them."""
        down, up = self.profiles[profile]
        name = f"{layout.PROFILES}/{profile}"
        return (
            with_profile(self.download, down, f"{name}.down.tc"),
            with_profile(self.upload, up, f"{name}.up.tc"),
        )


def read_configuration(files: Mapping[str, bytes], *, staged: bool = False) -> Configuration:
    """Parses a bundle's files; raises HostError for what is missing, unknown or not understood.

    Those that are `staged` lie on this host under their digest: the statements of their tables were
    looked at when they came, and are again before one is loaded.
    """
    for path in files:
        if not layout.allowed(path):
            raise HostError(f"{path}: no file of a {KIND}'s bundle")
    for path in sorted(layout.REQUIRED - files.keys()):
        raise HostError(f"{path}: missing")
    try:
        texts = {path: content.decode() for path, content in files.items()}
    except UnicodeDecodeError as error:
        raise HostError(f"a file is not UTF-8: {error}") from None
    _check_manifest(object_of(texts, layout.MANIFEST))
    ifb, uplink, lans = devices_of(texts)
    configuration = Configuration(
        ifb=ifb,
        uplink=uplink,
        lans=lans,
        download=parse_tree(texts[layout.DOWNLOAD], ifb, layout.DOWNLOAD),
        upload=parse_tree(texts[layout.UPLOAD], uplink, layout.UPLOAD),
        profiles=_profiles(texts),
        calendar=parse_calendar(texts[layout.CALENDAR]),
        steering=parse_steering(texts[layout.STEER], lans, ifb),
        tables=_tables(texts, staged=staged),
        network=parse_network(texts[layout.NETWORK]),
        settings=parse_settings(texts[layout.SYSCTL]),
        secrets=stated(files),
        intent=object_of(texts, layout.INTENT),
    )
    for name in sorted({*configuration.calendar.names}):
        if name not in configuration.profiles:
            raise HostError(f"{layout.CALENDAR}: profile {name} has no files")
    for name in configuration.profiles:
        configuration.trees(name)
    return configuration


def object_of(texts: Mapping[str, str], path: str) -> dict[str, Any]:
    """One of the files that are JSON objects; raises HostError where it is none."""
    try:
        value = json.loads(texts[path])
    except ValueError as error:
        raise HostError(f"{path}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise HostError(f"{path}: not a JSON object")
    return value


def _check_manifest(manifest: Mapping[str, Any]) -> None:
    if manifest.get("format") != FORMAT:
        raise HostError(
            f"{layout.MANIFEST}: format {manifest.get('format')!r}; this program reads {FORMAT}"
        )
    if manifest.get("kind") != KIND:
        raise HostError(f"{layout.MANIFEST}: a bundle of kind {manifest.get('kind')!r} on a {KIND}")


def devices_of(texts: Mapping[str, str]) -> tuple[str, str, tuple[str, ...]]:
    """The download tree's interface, the uplink, and the LANs; raises HostError for other words."""
    router = object_of(texts, layout.ROUTER)
    lans = router.get("lans")
    names = [router.get("ifb"), router.get("uplink"), *(lans if isinstance(lans, list) else [None])]
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(DEVICE, name):
            raise HostError(f"{layout.ROUTER}: {name!r} is no name of an interface")
    if len(set(names)) < len(names) or len(names) < 3:
        raise HostError(f"{layout.ROUTER}: needs ifb, uplink and at least one LAN, all different")
    return names[0], names[1], tuple(names[2:])


def _profiles(texts: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    found = {match[1] for path in texts if (match := layout.PROFILE_FILE.fullmatch(path))}
    profiles = {}
    for name in sorted(found):
        paths = [f"{layout.PROFILES}/{name}.{direction}.tc" for direction in ("down", "up")]
        for path in paths:
            if path not in texts:
                raise HostError(f"{path}: missing")
        profiles[name] = (texts[paths[0]], texts[paths[1]])
    return profiles


def _tables(texts: Mapping[str, str], *, staged: bool) -> tuple[TableFiles, ...]:
    guard = texts.get(layout.GUARD, "")
    if not staged:
        from .statements import refuse_strangers

        for path, table in (
            (layout.SHAPER, SHAPER_TABLE),
            (layout.RELOAD, SHAPER_TABLE),
            (layout.NAT, NAT_TABLE),
            (layout.GUARD, GUARD_TABLE),
        ):
            refuse_strangers(texts.get(path, ""), *table, path)
    return (
        TableFiles(
            *SHAPER_TABLE,
            full=texts[layout.SHAPER],
            full_path=layout.SHAPER,
            reload=texts[layout.RELOAD],
            reload_path=layout.RELOAD,
        ),
        TableFiles(*NAT_TABLE, full=texts[layout.NAT], full_path=layout.NAT),
        TableFiles(*GUARD_TABLE, full=guard, full_path=layout.GUARD),
    )
