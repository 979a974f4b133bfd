"""Drift on a host, as far as it needs no kernel: files, units, tables of others, bounds."""

from __future__ import annotations

import gzip
import json
import os
import pwd
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from komando.host.archive import Arrived
from komando.host.drift import current_findings
from komando.host.files import file_findings, folder_findings, secret_findings
from komando.host.finding import NUMBER_LIMIT, Finding, bounded, diff_of, shortened
from komando.host.generation import Generations, digest_of
from komando.host.layout import SECRET_FOLDER, SECRETS, SYSCTL, Paths
from komando.host.mended import KEPT, Mended
from komando.host.record import Record
from komando.host.records import Applied
from komando.host.staging import _files
from komando.host.strangers import routes_of, rules_of, tables_of
from komando.host.units import parse_units, unit_findings
from tests.host_bundle import City, bundle_of, files_of

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def secrets_json(name: str) -> bytes:
    owner = pwd.getpwuid(os.geteuid()).pw_name
    return json.dumps({"secrets": [{"name": name, "owner": owner, "sha256": "0" * 64}]}).encode()


def test_what_is_in_a_secret_is_never_told_and_comes_back(tmp_path: Path) -> None:
    files = {SECRETS: secrets_json("radius"), "etc/komando/calendar": b"a\n"}
    digest, generations = digest_of(files), Generations(Paths(tmp_path))
    generations.stage(digest, files, {"radius": b"canary-before"})
    folder = generations.folder(digest)

    def found() -> list[Finding]:
        return [*file_findings(folder, files), *secret_findings(folder, digest, files)]

    assert found() == []
    assert b"canary" not in gzip.decompress((folder / "bundle.tar.gz").read_bytes())
    assert generations.with_secrets(digest, Arrived(files)).secrets == {"radius": b"canary-before"}
    (folder / SECRET_FOLDER / "radius").write_text("canary-after")
    (folder / SECRET_FOLDER / "mine").write_text("canary-mine")
    (folder / "etc/komando/calendar").write_text("b\n")
    plain, stray, secret = found()
    assert "+b" in plain.diff
    assert (stray.found, stray.diff) == ("11 bytes, which are not of the generation", "")
    assert (secret.found, secret.diff) == ("secret radius was changed", "")
    assert "canary" not in str(found())
    assert generations.with_secrets(digest, Arrived(files)).secrets == {}, "it is not whole"


@pytest.fixture
def private(tmp_path: Path) -> tuple[Generations, str]:
    """A host with a generation that has a secret, and its digest."""
    generations, digest = Generations(Paths(tmp_path)), digest_of(PRIVATE)
    generations.stage(digest, PRIVATE, {"radius": b"canary"})
    return generations, digest


PRIVATE = {SECRETS: secrets_json("radius"), SYSCTL: b"net.ipv4.ip_forward = 1\n"}


def opened(mode: int, place: str) -> Callable[[Path], None]:
    return lambda folder: (folder / place).chmod(mode)


def given_away(folder: Path) -> None:
    os.chown(folder / "etc", 65534, -1)


def moved(folder: Path) -> None:
    folder.rename(folder.parents[3] / "elsewhere")
    folder.symlink_to(folder.parents[3] / "elsewhere")


def replaced(folder: Path) -> None:
    (folder / "bundle.tar.gz").unlink()
    (folder / "bundle.tar.gz").symlink_to("/dev/null")


ME = os.geteuid()


@pytest.mark.parametrize(
    ("harm", "where", "found"),
    [
        (opened(0o775, "../.."), "/var/lib/komando", f"owner {ME}, mode 0775"),
        (opened(0o777, ".."), "/var/lib/komando/generations", f"owner {ME}, mode 0777"),
        (opened(0o757, "."), "/var/lib/komando/generations/DIGEST", f"owner {ME}, mode 0757"),
        (opened(0o1777, "etc/sysctl.d"), "etc/sysctl.d", f"owner {ME}, mode 1777"),
        (opened(0o755, SECRET_FOLDER), SECRET_FOLDER, f"owner {ME}, mode 0755"),
        pytest.param(given_away, "etc", "owner 65534, mode 0755", marks=pytest.mark.root),
        (moved, "/var/lib/komando/generations/DIGEST", "a link"),
        (lambda folder: (folder / "bundle.tar.gz").unlink(), "bundle.tar.gz", "it is missing"),
        (replaced, "bundle.tar.gz", "something else than a file"),
        (opened(0o640, "bundle.tar.gz"), "bundle.tar.gz", f"owner {ME}, mode 0640"),
        (opened(0o666, "secrets.seal"), "secrets.seal", f"owner {ME}, mode 0666"),
    ],
)
def test_folders_and_what_is_for_root_alone_are_looked_at_and_staged_anew(
    private: tuple[Generations, str], harm: Callable[[Path], None], where: str, found: str
) -> None:
    generations, digest = private
    folder = generations.folder(digest)

    def told() -> list[Finding]:
        return [*file_findings(folder, PRIVATE), *folder_findings(folder, PRIVATE)]

    assert told() == []
    assert _files(generations, digest, b"")[1]
    harm(folder)
    assert [(one.where, one.found) for one in told()] == [(where.replace("DIGEST", digest), found)]
    arrived, stands = _files(generations, digest, b"")
    assert not stands
    generations.stage(digest, arrived.files, arrived.secrets)
    assert told() == []
    assert generations.ailing(digest, PRIVATE) == []


def test_no_umask_opens_or_bars_what_is_staged(tmp_path: Path) -> None:
    digest, files = digest_of(PRIVATE), PRIVATE
    for umask in (0, 0o077):
        generations = Generations(Paths(tmp_path / f"{umask}"))
        before = os.umask(umask)
        try:
            generations.stage(digest, files, {"radius": b"canary"})
        finally:
            os.umask(before)
        folder = generations.folder(digest)
        assert list(folder_findings(folder, files)) == []
        modes = [path.stat().st_mode & 0o777 for path in (folder, *(folder / SYSCTL).parents[:2])]
        assert modes == [0o755] * 3


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (f"generations/{'a' * 64}", None),
        (f"/tmp/evil/{'a' * 64}", ("repair", f"-> /tmp/evil/{'a' * 64}")),  # noqa: S108
        (f"../generations/{'a' * 64}", ("repair", f"-> ../generations/{'a' * 64}")),
        (f"generations/{'b' * 64}", ("apply", f"-> generations/{'b' * 64}")),
        ("", ("console", "something else than a link")),
        (None, ("apply", "it is missing")),
    ],
)
def test_the_whole_of_what_current_leads_to_is_looked_at(
    tmp_path: Path, target: str | None, found: tuple[str, str] | None
) -> None:
    paths = Paths(tmp_path)
    last = Record(paths.record).append("confirmed", "a" * 64)
    if target:
        paths.current.symlink_to(target)
    elif target == "":
        paths.current.mkdir()
    told = [(one.mend, one.found) for one in current_findings(paths, last)]
    assert told == ([found] if found else [])
    without = [one.found for one in current_findings(paths, None)]
    assert bool(without) == (found is not None and found[0] != "apply")


def test_a_link_in_place_of_a_file_and_a_dead_one_are_told(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/etc/hostname")
    (tmp_path / "b").symlink_to("nowhere")
    found = [(one.where, one.found) for one in file_findings(tmp_path, {"a": b"x"})]
    assert found == [
        ("a", "something else than a file"),
        ("b", "7 bytes, which are not of the generation"),
    ]


def test_the_copy_of_what_was_staged_is_for_root_and_outlives_an_edit(tmp_path: Path) -> None:
    generations, bundle = Generations(Paths(tmp_path)), bundle_of(City())
    generations.stage(bundle.digest, files_of(City()))
    folder = generations.folder(bundle.digest)
    copy = folder / "bundle.tar.gz"
    assert copy.stat().st_mode & 0o777 == 0o600
    (folder / "etc/komando/network").write_text("# edited\n")
    assert generations.original(bundle.digest) == files_of(City())
    copy.write_bytes(copy.read_bytes()[:-9])
    assert generations.original(bundle.digest) is None
    generations.stage(bundle.digest, files_of(City()))
    copy.write_bytes(b"")
    assert generations.original(bundle.digest) == files_of(City()), "as they lie there"


UNITS = """\
Id=komando-hours.timer
LoadState=loaded
ActiveState=active
UnitFileState=enabled
DropInPaths=
NeedDaemonReload=no

Id=komando-hours.service
LoadState=loaded
ActiveState=inactive
UnitFileState=enabled
DropInPaths=
NeedDaemonReload=no

Id=komando-boot.service
LoadState=loaded
ActiveState=inactive
UnitFileState=enabled
DropInPaths=
NeedDaemonReload=no

Id=nftables.service
LoadState=masked
ActiveState=inactive
UnitFileState=masked
DropInPaths=
NeedDaemonReload=no
"""


def of_units(**changes: str) -> list[tuple[str, str, bool, str]]:
    units = {name: dict(unit) for name, unit in parse_units(UNITS).items()}
    for change, value in changes.items():
        name, _, key = change.partition("__")
        units[{"timer": "komando-hours.timer", "nft": "nftables.service"}.get(
            name, f"komando-{name}.service"
        )][key] = value  # fmt: skip
    found = unit_findings(units, lambda path: f"text of {path}")
    return [(one.where, one.found, one.drift, one.mend) for one in found]


def test_units_as_the_roles_leave_them_are_no_finding() -> None:
    assert of_units() == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"timer__ActiveState": "inactive"}, ("komando-hours.timer", "inactive", True, "repair")),
        ({"boot__UnitFileState": "disabled"}, ("komando-boot.service", "disabled", True, "repair")),
        ({"timer__LoadState": "masked"}, ("komando-hours.timer", "it is masked", True, "role")),
        (
            {"boot__DropInPaths": "/etc/x.conf"},
            ("komando-boot.service", "/etc/x.conf", True, "role"),
        ),
        (
            {"hours__NeedDaemonReload": "yes"},
            (
                "komando-hours.service",
                "it was changed on the disk since systemd read it",
                True,
                "role",
            ),
        ),
        (
            {"hours__ActiveState": "failed"},
            (
                "komando-hours.service",
                "its last run failed: journalctl -u komando-hours.service",
                False,
                "repair",
            ),
        ),
        (
            {"nft__LoadState": "loaded", "nft__UnitFileState": "enabled"},
            ("nftables.service", "it is enabled", True, "role"),
        ),
        (
            {"nft__ActiveState": "active"},
            (
                "nftables.service",
                "it counts as running since before it was masked",
                False,
                "console",
            ),
        ),
    ],
)
def test_a_unit_that_is_otherwise_is_told(
    changes: dict[str, str], found: tuple[str, str, bool, str]
) -> None:
    assert of_units(**changes) == [found]


def test_ours_and_tables_without_a_hook_are_not_told() -> None:
    ruleset = (
        "table inet shaper {\n\tchain post {\n\t\ttype filter hook postrouting priority mangle; "
        "policy accept;\n\t\tdrop\n\t}\n}\ntable inet sets {\n"
        "\tset a {\n\t\ttype ipv4_addr\n\t}\n}\n"
    )
    assert list(tables_of(ruleset)) == []


def decides(*lines: str) -> bool:
    body = "".join(f"\t\t{line}\n" for line in lines)
    (one,) = tables_of(
        "table inet far {\n\tset a {\n\t\ttype ipv4_addr\n\t\tflags dynamic,timeout\n\t}\n"
        "\tchain f {\n\t\ttype filter hook forward priority filter; policy accept;\n"
        f"{body}\t}}\n}}\n"
    )
    return one.drift


@pytest.mark.parametrize(
    "statement",
    [
        "ip daddr set 10.9.0.9",
        "ip daddr set ip daddr map { 10.0.0.1 : 10.0.0.2 }",
        "ip dscp set cs1",
        "ip ttl set 1",
        "ip6 hoplimit set 1",
        "th dport set 81",
        "@th,16,16 set 0x9",
        "ether daddr set 00:11:22:33:44:55",
        "meta priority set 1:2",
        "meta mark set ct mark",
        "ct mark set 0x1",
        "ct zone set 5",
        'ct helper set "ftp"',
        "tcp option maxseg size set rt mtu",
        "reset tcp option sack-perm",
        "synproxy mss 1460 wscale 7",
        "ip daddr vmap { 10.0.0.1 : drop }",
        'xt target "TCPMSS"',
    ],
)
def test_a_statement_that_changes_a_packet_is_drift(statement: str) -> None:
    assert decides("counter", f"ip saddr 10.1.0.0/24 {statement}")


def test_a_table_that_counts_logs_and_remembers_decides_nothing() -> None:
    assert not decides(
        "ip saddr @a accept",
        "add @a { ip saddr timeout 1m }",
        "update @a { ip saddr counter }",
        'log prefix "drop, or set it: "',
        'counter comment "will set drop"',
        "meta nftrace set 1",
        "ct event set new",
        "tcp option maxseg size 1400 counter",
    )


def test_an_ingress_chain_of_a_device_that_drops_is_drift() -> None:
    ruleset = (
        'table netdev far {\n\tchain in {\n\t\ttype filter hook ingress device "wan0" priority 0; '
        "policy accept;\n\t\tip saddr 192.0.2.1 drop\n\t}\n}\n"
    )
    (one,) = tables_of(ruleset)
    assert (one.where, one.drift) == ("netdev far", True)
    assert "+\t\tip saddr 192.0.2.1 drop" in one.diff


OWN_RULES = [
    {"priority": 0, "src": "all", "table": "local"},
    {"priority": 32766, "src": "all", "table": "main"},
    {"priority": 32767, "src": "all", "table": "default"},
]


def test_the_kernels_own_rules_are_not_told() -> None:
    assert rules_of("ip -4 rule", OWN_RULES) == []
    assert rules_of("ip -6 rule", OWN_RULES[:2], OWN_RULES[:2]) == []
    vrf = {"priority": 1000, "src": "all", "l3mdev": None}
    assert rules_of("ip -4 rule", [*OWN_RULES, vrf]) == []
    by_hand = [OWN_RULES[0] | {"protocol": "boot"}, *OWN_RULES[1:]]
    assert rules_of("ip -4 rule", by_hand) == [], "laid again after it was deleted"


@pytest.mark.parametrize(
    "rule",
    [
        {"priority": 32766, "src": "10.1.0.0", "srclen": 24, "action": "blackhole"},
        {"priority": 0, "src": "10.2.0.0", "srclen": 24, "table": "100"},
        {"priority": 0, "src": "all", "table": "100"},
        {"priority": 32766, "src": "all", "table": "main", "suppress_prefixlen": 0},
        {"priority": 32766, "not": None, "src": "all", "iif": "lan0", "table": "main"},
        {"priority": 1000, "src": "all", "table": "main"},
        {"priority": 100, "src": "all", "table": "main", "protocol": "bird"},
    ],
)
def test_a_rule_at_a_preference_of_the_kernels_is_its_own_only_as_a_whole(
    rule: dict[str, object],
) -> None:
    (one,) = rules_of("ip -4 rule", [*OWN_RULES, rule])
    assert one.found == " ".join(f"{key} {value}" for key, value in rule.items())
    assert (one.where, one.drift, one.mend) == ("ip -4 rule", True, "console")
    assert one.diff == f"+{one.found}"


def test_a_rule_of_the_kernels_that_is_missing_is_told() -> None:
    (one,) = rules_of("ip -4 rule", OWN_RULES[:2])
    assert (one.found, one.drift, one.mend) == ("it is missing", True, "console")
    assert one.diff == "-priority 32767 src all table default"
    found = rules_of("ip -4 rule", [*OWN_RULES[1:], OWN_RULES[0] | {"table": "main"}])
    assert [one.diff for one in found] == [
        "-priority 0 src all table local",
        "+priority 0 src all table main",
    ]


ROUTES: list[tuple[dict[str, Any], bool]] = [
    ({"dst": "192.0.2.0/25", "gateway": "198.51.100.1", "dev": "wan0"}, True),
    ({"dst": "192.0.2.0/25", "via": {"family": "inet6", "host": "fe80::5"}, "dev": "wan0"}, True),
    ({"type": "blackhole", "dst": "10.3.0.0/24"}, True),
    ({"type": "unreachable", "dst": "2001:db8:5::/48", "dev": "lo", "protocol": "static"}, True),
    ({"type": "blackhole", "dst": "10.8.0.0/24", "table": "local"}, True),
    ({"type": "local", "dst": "10.8.0.0/24", "dev": "lo", "table": "local"}, True),
    ({"dst": "10.4.0.0/24", "nexthops": [{"dev": "mgmt0"}, {"dev": "lan0"}]}, True),
    ({"dst": "default", "dev": "wan0", "table": "default"}, True),
    ({"dst": "10.4.0.0/24", "nexthops": [{"dev": "mgmt0"}, {"dev": "mgmt1"}]}, False),
    ({"dst": "default", "gateway": "10.255.0.1", "dev": "mgmt0"}, False),
    ({"dst": "192.0.2.0/25", "dev": "lan0", "table": "100"}, False),
    ({"type": "blackhole", "dst": "203.0.113.10", "protocol": "75"}, False),
    ({"dst": "10.20.1.0/24", "dev": "lan0", "protocol": "75"}, False),
    ({"dst": "172.20.0.0/24", "dev": "lan0", "protocol": "kernel"}, False),
    ({"dst": "default", "dev": "wan0", "protocol": "ra"}, False),
    ({"type": "local", "dst": "172.20.0.1", "table": "local", "protocol": "kernel"}, False),
    ({"type": "multicast", "dst": "ff00::/8", "dev": "lan0", "table": "local"}, False),
    ({"dst": "ff00::/8", "dev": "lan0", "table": "local"}, False),
    ({"dst": "fe80::/64", "dev": "lan0"}, False),
    ({"dst": "169.254.0.0/16", "dev": "lan0"}, False),
]


@pytest.mark.parametrize(("route", "told"), ROUTES)
def test_a_route_by_hand_in_the_offices_way_is_told(route: dict[str, Any], told: bool) -> None:
    found = list(routes_of([route], ("wan0", "lan0")))
    assert len(found) == told
    assert not any(one.drift for one in found)


def test_a_route_is_told_in_the_words_of_ip() -> None:
    ways = [{"gateway": "172.20.0.2", "dev": "lan0"}, {"gateway": "172.20.0.3", "dev": "lan0"}]
    shown = [ROUTES[0][0], ROUTES[1][0], ROUTES[4][0], {"dst": "10.4.0.0/24", "nexthops": ways}]
    assert [one.found for one in routes_of(shown, ("wan0", "lan0"))] == [
        "192.0.2.0/25 via 198.51.100.1 dev wan0",
        "192.0.2.0/25 via fe80::5 dev wan0",
        "blackhole 10.8.0.0/24 table local",
        "10.4.0.0/24 nexthop via 172.20.0.2 dev lan0 nexthop via 172.20.0.3 dev lan0",
    ]


def test_diffs_are_cut_at_whole_lines_and_say_how_much_is_left_out() -> None:
    assert diff_of("a\nb\n", "a\nc\n") == "@@ -1,2 +1,2 @@\n a\n-b\n+c"
    assert shortened("one\ntwo\nthree", 9) == "one\ntwo\n(1 lines more)"
    assert shortened("one\ntwo", -5) == "(2 lines more)"
    one = Finding("file", "a", "b", "c", "\n".join("x" * 9 for _ in range(10)))
    first, second, third = bounded([one, one, one], limit=150)
    assert first.diff == one.diff
    assert second.diff.endswith(" lines more)")
    assert third.diff == "(10 lines more)"
    many = bounded([replace(one, where=str(n)) for n in range(NUMBER_LIMIT + 5)])
    assert len(many) == NUMBER_LIMIT
    assert many[-1].found == "there is more than can be told"


def test_what_is_mended_is_bounded_and_the_same_again_is_counted(tmp_path: Path) -> None:
    mended, applied = Mended(tmp_path / "state/mended"), Applied("f" * 64, "day")
    for minute in range(3 * KEPT):
        found = Finding("tree", f"wan{minute // 2}", "", "changed", "x\n" * 9000)
        mended.add(applied, [found], NOW + timedelta(minutes=minute))
    entries = mended.entries()
    assert len(entries) == KEPT
    assert {one["times"] for one in entries} == {2}
    assert (entries[-1]["time"], entries[-1]["last"]) == (
        *("2026-11-24T04:58:00Z", "2026-11-24T04:59:00Z"),
    )
    assert len(entries[-1]["diff"]) < 4200
    assert len(mended.entries(since="2026-11-24T04:58:30Z")) == 1
    (tmp_path / "state/mended").write_text("half a li")
    assert mended.entries() == []
