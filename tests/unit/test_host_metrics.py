"""What Prometheus is told: the text's form, names, what cannot be read, and how it is laid."""

from __future__ import annotations

import json
import re
import resource
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from komando.host.calendar import parse_calendar
from komando.host.carrier import carriers
from komando.host.configuration import read_configuration
from komando.host.counters import Counter, counters, drops
from komando.host.echoes import Echoes, checksum, measure
from komando.host.errors import HostError
from komando.host.finding import Finding
from komando.host.layout import Paths
from komando.host.mended import Mended
from komando.host.metrics import Look, tell, tell_echoes, text_of
from komando.host.record import Record
from komando.host.records import Applied
from komando.host.shares import Way, around, sites
from komando.host.sites import Pool, Region, Site, Uplink, region_of
from komando.host.standing import Standing
from komando.host.textfile import FILES, family, labels, lay, told
from tests.dashboard import LABELS, ROOT
from tests.host_bundle import City, bundle_of

BOTH = {"down": 8000, "up": 8000}
INTENT: dict[str, Any] = {
    "pools": [{"slug": "week", "class": "1:10"}],
    "leaves": [
        {
            "slug": "dinas",
            "kind": "opd",
            "name": 'Dinas "A"',
            "pool": "week",
            "segment": "metro",
            "mode": "observe",
            "calendar": None,
            "networks": ["10.20.1.0/24"],
            "gateways": ["172.20.1.2"],
            "class": "1:404",
            **dict.fromkeys(("guarantee", "floor", "ceiling"), BOTH),
        }
    ],
    "uplink": {"name": "main", "gateways": ["198.51.100.1"], "capacity": BOTH, "link": BOTH},
    "divisor": 20,
    "profiles": [
        {
            "name": "day",
            "open": ["week"],
            "exceptions": ["dinas@2026-11-24", "dinas-2@2026-11-24"],
            "pools": {"week": {"down": 8000, "up": 4000}, "public": {"down": 80, "up": 40}},
            "shares": {"dinas": {"down": 1001, "up": 800}},
        }
    ],
}


# --- the format --------------------------------------------------------------------------------


def test_what_would_end_a_label_is_escaped() -> None:
    assert labels(name='a "b"\\c\nd', slug="é") == r'{name="a \"b\"\\c\nd",slug="é"}'


def test_a_metric_comes_whole_or_not_at_all() -> None:
    assert family("n_total", "counter", "Words.", [('{a="b"}', 2**53 + 1), ("", 0.5)]) == (
        '# HELP n_total Words.\n# TYPE n_total counter\nn_total{a="b"} 9007199254740993\n'
        "n_total 0.5\n"
    )
    assert family("n", "gauge", "Words.", 3).endswith("\nn 3\n")
    assert family("n", "gauge", "Words.", []) == ""


# --- names -------------------------------------------------------------------------------------


def test_an_intent_tells_who_has_which_class() -> None:
    dinas = Site(
        slug="dinas",
        kind="opd",
        name='Dinas "A"',
        pool="week",
        segment="metro",
        mode="observe",
        calendar=None,
        networks=("10.20.1.0/24",),
        gateways=("172.20.1.2",),
        class_id="1:404",
        guarantee=BOTH,
        floor=BOTH,
        ceiling=BOTH,
        promise={"down": 1001, "up": 800},
        exceptions=("dinas@2026-11-24",),
    )
    assert region_of(INTENT, "day") == Region(
        sites=(dinas,),
        pools=(
            Pool("week", "1:10", {"down": 8000, "up": 4000}),
            Pool("public", "1:20", {"down": 80, "up": 40}),
        ),
        uplink=Uplink("main", ("198.51.100.1",), capacity=BOTH, link=BOTH),
        open=("week",),
        divisor=20,
    )


@pytest.mark.parametrize("profile", [None, "night"])
def test_a_profile_that_it_does_not_know_promises_nothing(profile: str | None) -> None:
    region = region_of(INTENT, profile)
    assert [one.promise for one in region.sites] == [None]
    assert [one.size for one in region.pools] == [None, None]


@pytest.mark.parametrize(
    "intent",
    [
        {},
        {**INTENT, "leaves": [{"slug": "x"}]},
        {**INTENT, "leaves": 7},
        {**INTENT, "profiles": {"day": 1}},
        {**INTENT, "profiles": [{"name": "day", "shares": {"dinas": {"down": "x"}}, "pools": {}}]},
        {**INTENT, "pools": None},
        {**INTENT, "uplink": {}},
    ],
)
def test_an_intent_that_is_not_understood_names_nobody(intent: dict[str, Any]) -> None:
    assert region_of(intent, "day") == Region()


def test_shares_are_in_bytes_and_drops_are_those_of_the_queue() -> None:
    down = Way("down", {"1:404": Counter(5, 8_000, 4, 3, 2)}, {"1:404": 9})
    up = Way("up", {"1:404": Counter(1, 16, 1, 7)}, {})
    text = "".join(sites(region_of(INTENT, "day"), [down, up]))
    where = '{slug="dinas",kind="opd",direction="down"}'
    for line in (
        f"komando_site_guarantee_bytes_per_second{where} 125.125",
        f"komando_site_ceiling_bytes_per_second{where} 1000",
        f"komando_site_sent_bytes_total{where} 5",
        f"komando_site_sent_packets_total{where} 4",
        f"komando_site_dropped_packets_total{where} 9",
        f"komando_site_backlog_bytes{where} 2",
        f"komando_site_dropped_packets_total{where.replace('down', 'up')} 7",
    ):
        assert line in text.splitlines()
    assert 'name="Dinas \\"A\\"",pool="week",mode="observe",class="1:404"} 1\n' in text


def test_a_tree_that_does_not_stand_has_no_counters_and_its_offices_have_a_promise() -> None:
    text = "".join(sites(region_of(INTENT, "day"), [Way("down", {}, {}), Way("up", {}, {})]))
    assert "komando_site_guarantee_bytes_per_second{" in text
    assert "komando_site_sent_bytes_total" not in text
    assert "".join(around([Way("down", {}, {})])) == ""


# --- the host ----------------------------------------------------------------------------------


@pytest.fixture
def standing(tmp_path: Path) -> Standing:
    Paths(tmp_path).textfiles.mkdir(parents=True)
    return Standing(Paths(tmp_path))


def told_by(standing: Standing) -> list[str]:
    return told(standing.paths).splitlines()


def test_a_host_without_a_generation_tells_of_itself(standing: Standing) -> None:
    tell(standing, Look(agrees=True))
    lines = told_by(standing)
    for line in ("komando_kernel_agrees 1", "komando_change_pending 0", "komando_mended_total 0"):
        assert line in lines
    assert not [line for line in lines if "komando_generation_info{" in line or "_site_" in line]


def test_what_is_damaged_hides_nothing_else(standing: Standing) -> None:
    standing.paths.run.mkdir(parents=True)
    standing.paths.clock.write_text("half an hour")
    standing.paths.pending.parent.mkdir(parents=True)
    standing.paths.pending.write_text("{")
    configuration = read_configuration(bundle_of(City()).files)
    text = text_of(standing, Look(configuration))
    assert "komando_change_pending 1\n" in text
    assert "komando_clock_rehearsed 1\n" in text
    assert 'komando_interface_carrier{interface="wan0",role="uplink"} 0\n' in text
    assert "komando_profile_due_info{" not in text, "no moment is known"


def test_the_last_change_is_told_though_a_person_did_something_since(standing: Standing) -> None:
    record = Record(standing.paths.record)
    record.append("reverted", "a" * 64)
    record.append("bypassed", "b" * 64)
    tell(standing, Look())
    lines = told_by(standing)
    assert 'komando_last_change_result{result="reverted"} 1' in lines
    assert 'komando_last_change_result{result="confirmed"} 0' in lines


def test_the_calendar_is_told(standing: Standing) -> None:
    configuration = read_configuration(bundle_of(City()).files)
    end = parse_calendar(bundle_of(City()).files["etc/komando/calendar"].decode()).until
    assert end == datetime(2027, 12, 31, 17, tzinfo=UTC)
    text = text_of(standing, Look(configuration))
    assert f"komando_calendar_end_timestamp_seconds {int(end.timestamp())}\n" in text
    assert "komando_profile_info{" not in text, "nothing was brought in force"


def test_an_entry_of_the_record_that_is_odd_raises_nothing(standing: Standing) -> None:
    Record(standing.paths.record).append("confirmed", "a" * 64)
    fields = json.loads(standing.paths.record.read_text()) | {"time": 7}
    standing.paths.record.write_text(json.dumps(fields) + "\n")
    tell(standing, Look())
    with pytest.raises(HostError):
        told(standing.paths)


def test_what_was_mended_is_counted_on_though_the_oldest_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("komando.host.mended.KEPT", 2)
    mended = Mended(tmp_path / "mended")
    now = datetime(2026, 11, 24, tzinfo=UTC)
    assert mended.total() == 0
    for number, what in enumerate(("one", "two", "two", "three", "four"), 1):
        mended.add(Applied("a" * 64, "day"), [Finding("tree", what, "", "changed")], now)
        assert mended.total() == number
    assert len(mended.entries()) == 2


def test_what_an_older_program_wrote_down_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "mended"
    path.write_text(json.dumps([{"last": "1", "times": 3}, {"last": "2", "times": 2}]))
    assert Mended(path).total() == 5
    Mended(path).add(Applied("a" * 64, "day"), [], datetime(2026, 11, 24, tzinfo=UTC))
    assert Mended(path).total() == 6


# --- the files -----------------------------------------------------------------------------------


def test_a_file_is_written_whole_and_linked_once(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.textfiles.mkdir(parents=True)
    lay(paths, FILES[0], "first\n")
    link = paths.textfiles / FILES[0]
    made = link.lstat()
    assert link.read_text() == "first\n"
    lay(paths, FILES[0], "second\n")
    lay(paths, FILES[1], "other\n")
    assert link.lstat() == made
    assert told(paths) == "second\nother\n"
    assert sorted(path.name for path in paths.run.iterdir()) == sorted(FILES)


@contextmanager
def room(size: int) -> Iterator[None]:
    """No file grows above so many bytes: a text is cut off in its middle, as by a full memory."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_text_that_could_not_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.run.mkdir(parents=True)
    (paths.run / FILES[0]).write_text("before\n")
    with room(3):
        lay(paths, FILES[0], "after\n")
    found = {path.name: path.read_text() for path in paths.run.iterdir()}
    assert found == {FILES[0]: "before\n"}


def test_without_an_exporter_there_is_nothing_to_tell(tmp_path: Path) -> None:
    tell(Standing(Paths(tmp_path)), Look())
    assert not Paths(tmp_path).run.exists()
    with pytest.raises(HostError, match="nothing was measured since this machine started"):
        told(Paths(tmp_path))


# --- echoes, carriers, counters -------------------------------------------------------------------


def test_a_checksum_makes_the_sum_whole() -> None:
    """RFC 1071, section 3: its own example, and what a receiver reckons."""
    data = bytes.fromhex("0001f203f4f5f6f7")
    assert checksum(data) == 0xFFFF ^ 0xDDF2
    assert checksum(data + struct.pack("!H", checksum(data))) == 0


def test_an_echo_that_cannot_be_sent_is_lost() -> None:
    found = measure("192.0.2.1", "no-such-device")
    assert (found.sent, found.lost, found.took) == (5, 5, ())


def test_the_middle_of_those_that_came_back_is_told(standing: Standing) -> None:
    tell_echoes(standing, "wan0", Echoes("192.0.2.1", 5, (0.004, 0.001, 0.5, 0.002)))
    where = '{interface="wan0",gateway="192.0.2.1"}'
    lines = told_by(standing)
    for line in (
        f"komando_uplink_echoes{where} 5",
        f"komando_uplink_echoes_lost{where} 1",
        f"komando_uplink_round_trip_min_seconds{where} 0.001",
        f"komando_uplink_round_trip_median_seconds{where} 0.004",
        f"komando_uplink_round_trip_max_seconds{where} 0.5",
    ):
        assert line in lines
    tell_echoes(standing, "wan0", Echoes("192.0.2.1", 5, ()))
    assert not [line for line in told_by(standing) if "round_trip" in line]


def test_an_interface_that_is_not_there_carries_nothing() -> None:
    assert carriers(["lo", "no-such-device"]) == {"lo": True, "no-such-device": False}


def test_a_device_that_is_not_there_has_no_classes() -> None:
    assert counters("no-such-device") == {}
    assert drops("no-such-device") == [{}]


# --- what the text promises ----------------------------------------------------------------------


def test_each_metric_and_each_label_stands_in_the_docs() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    sources = "".join(
        (ROOT / f"src/komando/host/{name}.py").read_text() for name in ("metrics", "shares")
    )
    names = set(re.findall(r'"(komando_[a-z_]+)"', sources)) - {
        "komando_site", "komando_unmatched", "komando_control",
    }  # fmt: skip
    assert len(names) > 20
    assert {name for name in names if f"`{name}`" not in page} == set()
    said = set(re.findall(r"labels\(([^()]*)\)", sources))
    used = {key for one in said for key in re.findall(r"(\w+)=", one)} | {"class"}
    assert used == LABELS
