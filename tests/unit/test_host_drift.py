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
