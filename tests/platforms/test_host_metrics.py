"""What Prometheus is told, by the real program of a real kernel."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import time
from collections.abc import Iterator

import pytest

from komando.bundle import Bundle
from komando.intent.model import RouterIntent
from tests.host_bundle import City, bundle_of, cargo_of
from tests.host_network import Probe, Router, sh
from tests.platforms.standing import DAY, NIGHT, full_disk
from tests.platforms.told import (
    PER_SITE,
    THIRD_LAN,
    exporter,
    labelled,
    region,
    samples,
    told_router,
    tool,
    value,
)

pytestmark = pytest.mark.root

OFFICE = {"slug": "sekretariat-daerah", "kind": "opd", "direction": "down"}


@pytest.fixture(scope="module")
def made() -> tuple[RouterIntent, Bundle]:
    return region()


@pytest.fixture(scope="module")
def standing(
    made: tuple[RouterIntent, Bundle], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Router]:
    with told_router(tmp_path_factory.mktemp("told") / "root", made[1]) as one:
        yield one


@pytest.fixture
def router(standing: Router) -> Router:
    assert standing.komando("clock", DAY).code == 0
    assert standing.komando("hours").code == 0
    return standing


def test_each_office_and_point_is_told_with_all_that_is_promised(
    router: Router, made: tuple[RouterIntent, Bundle]
) -> None:
    found = samples(router)
    wanted = {(leaf.slug, leaf.kind, way) for leaf in made[0].leaves for way in ("down", "up")}
    assert len(wanted) > 100
    for name in PER_SITE:
        assert labelled(found[name], "slug", "kind", "direction") == wanted, name
    (profile,) = (dict(one)["profile"] for one in found["komando_profile_info"])
    shares = made[0].profile(profile).shares
    for leaf in made[0].leaves:
        for way in ("down", "up"):
            promised = value(
                found, "komando_site_guarantee_bytes_per_second", slug=leaf.slug, direction=way
            )
            assert promised * 8 == getattr(shares[leaf.slug], way).bits
    modes = labelled(found["komando_site_info"], "slug", "mode")
    assert modes == {(leaf.slug, leaf.mode) for leaf in made[0].leaves}
    assert "observe" in {mode for _, mode in modes}


def test_the_hours_change_what_is_promised(
    router: Router, made: tuple[RouterIntent, Bundle]
) -> None:
    by_day = value(samples(router), "komando_site_guarantee_bytes_per_second", **OFFICE)
    assert router.komando("clock", NIGHT).code == 0
    found = samples(router)
    by_night = value(found, "komando_site_guarantee_bytes_per_second", **OFFICE)
    assert by_night < by_day / 4
    assert value(found, "komando_profile_info", profile="closed") == 1
    assert value(found, "komando_profile_due_info", profile="closed") == 1
    pool = value(found, "komando_pool_guarantee_bytes_per_second", pool="public", direction="down")
    assert pool * 8 == made[0].profile("closed").pools["public"].down.bits
    assert value(found, "komando_kernel_agrees") == 1, "a switch of hours is nothing to mend"


def blast(router: Router, port: int, count: int) -> None:
    """More at once than the first office's ceiling and queue can take."""
    flow = Probe(router, "inet", "seg0", "10.20.1.1", port=port, seconds=count / 500, pace=0)
    flow.lost()


def test_what_was_sent_and_dropped_is_what_the_kernel_counts(router: Router) -> None:
    before = samples(router)
    blast(router, 5021, 3000)
    assert router.komando("hours").code == 0
    found = samples(router)
    text = router.sh("tc -s class show dev ifb0; tc -s -j qdisc show dev ifb0")
    sent = re.search(r"class htb 1:404 .*\n Sent (\d+) bytes (\d+) pkt", text)
    (queue,) = (one for one in json.loads(text[text.index("[{") :]) if one["handle"] == "404:")
    assert sent
    assert value(found, "komando_site_sent_bytes_total", **OFFICE) == int(sent[1])
    assert value(found, "komando_site_sent_packets_total", **OFFICE) == int(sent[2])
    dropped = value(found, "komando_site_dropped_packets_total", **OFFICE)
    assert dropped == queue["drops"]
    assert dropped > value(before, "komando_site_dropped_packets_total", **OFFICE)
    pool = "komando_pool_sent_bytes_total"
    grown = value(found, "komando_site_sent_bytes_total", **OFFICE)
    grown -= value(before, "komando_site_sent_bytes_total", **OFFICE)
    assert grown > 100_000
    of_pool = {"pool": "working-week", "direction": "down"}
    assert value(found, pool, **of_pool) - value(before, pool, **of_pool) == grown


def test_what_waits_is_told(router: Router) -> None:
    flow = Probe(router, "inet", "seg0", "10.20.1.1", port=5022, seconds=60, pace=0.0001)
    time.sleep(0.3)
    assert flow.running()
    assert router.komando("hours").code == 0
    flow.stop()
    assert value(samples(router), "komando_site_backlog_bytes", **OFFICE) > 1000


def test_traffic_of_nobody_is_told_apart(router: Router) -> None:
    before = samples(router)
    inet = f"/run/netns/{router.name}-inet"
    sh("ip route replace 172.20.0.0/22 via 198.51.100.2", inet)
    sh("ping -nqc 5 -i 0.05 172.20.0.2 || true", inet)
    assert router.komando("hours").code == 0
    found = samples(router)
    for way in ("down", "up"):
        name = "komando_unmatched_sent_packets_total"
        grown = value(found, name, direction=way) - value(before, name, direction=way)
        assert grown >= 5, way


def test_what_somebody_changed_is_told_once_and_counted(router: Router) -> None:
    total = value(samples(router), "komando_mended_total")
    router.sh("ip route del 10.20.1.0/24")
    assert router.komando("hours").code == 0
    found = samples(router)
    assert (value(found, "komando_kernel_agrees"), value(found, "komando_mended_total")) == (
        0,
        total + 1,
    )
    assert router.komando("hours").code == 0
    found = samples(router)
    assert (value(found, "komando_kernel_agrees"), value(found, "komando_mended_total")) == (
        1,
        total + 1,
    )


def test_a_tree_that_was_taken_away_is_told_whole_as_soon_as_it_stands(router: Router) -> None:
    router.sh("tc qdisc del dev ifb0 root")
    assert router.komando("hours").code == 0
    found = samples(router)
    assert value(found, "komando_kernel_agrees") == 0
    for name in sorted(PER_SITE):
        assert value(found, name, **OFFICE) >= 0, name


def test_an_interface_that_is_away_is_told(router: Router) -> None:
    assert value(samples(router), "komando_interface_carrier", interface="lan2") == 1
    router.sh("ip link del lan2")
    try:
        assert router.komando("hours").code == 1
        found = samples(router)
        assert value(found, "komando_interface_carrier", interface="lan2", role="lan") == 0
        assert value(found, "komando_interface_carrier", interface="wan0", role="uplink") == 1
        assert value(found, "komando_kernel_agrees") == 0
    finally:
        router.sh(THIRD_LAN)
        assert router.komando("hours").code == 0


def test_a_change_is_told_while_it_waits_and_when_it_is_taken_back(
    router: Router, made: tuple[RouterIntent, Bundle]
) -> None:
    other = bundle_of(City())
    order = ["--within", "300", "--sequence", "3", "--protocol", "2"]
    done = router.komando("activate", other.digest, *order, stdin=cargo_of(other))
    assert done.code == 0, done.words
    found = samples(router)
    assert value(found, "komando_change_pending") == 1
    assert value(found, "komando_last_change_result", result="armed") == 1
    assert value(found, "komando_generation_info", generation=other.digest) == 1
    assert router.komando("revert").code == 0
    found = samples(router)
    assert value(found, "komando_change_pending") == 0
    assert value(found, "komando_last_change_result", result="reverted") == 1
    assert value(found, "komando_last_change_result", result="armed") == 0
    when = value(found, "komando_last_change_timestamp_seconds")
    assert time.time() - 120 < when <= time.time()
    assert value(found, "komando_generation_info", generation=made[1].digest) == 1


def test_a_bypass_is_told(router: Router) -> None:
    assert router.komando("bypass", "on").code == 0
    try:
        found = samples(router)
        assert (value(found, "komando_bypass"), value(found, "komando_kernel_agrees")) == (1, 0)
        assert "komando_profile_info" not in found
    finally:
        assert router.komando("bypass", "off").code == 0
    assert value(samples(router), "komando_bypass") == 0


def test_a_generation_that_cannot_be_read_is_told(router: Router) -> None:
    folder = (router.root / "var/lib/komando/current").resolve()
    path, copy = folder / "etc/komando/calendar", folder / "bundle.tar.gz"
    kept = path.read_bytes(), copy.read_bytes()
    try:
        for one in (path, copy):
            one.write_bytes(b"mine")
        assert router.komando("hours").code == 1
        found = samples(router)
        assert value(found, "komando_kernel_agrees") == 0
        assert time.time() - value(found, "komando_written_timestamp_seconds") < 30
    finally:
        path.write_bytes(kept[0])
        copy.write_bytes(kept[1])
        assert router.komando("hours").code == 0


# --- the files -------------------------------------------------------------------------------


def test_the_exporter_may_read_them_and_nobody_else_write(router: Router) -> None:
    for name in ("komando.prom", "komando-uplink.prom"):
        link = exporter(router.root) / name
        assert link.is_symlink()
        assert stat.S_IMODE(link.stat().st_mode) == 0o644
        assert link.resolve().parent == router.root / "run/komando"
    before = (exporter(router.root) / "komando.prom").lstat()
    assert router.komando("hours").code == 0
    assert (exporter(router.root) / "komando.prom").lstat() == before, "the disk was touched"


def test_what_stands_in_the_links_place_is_replaced(router: Router) -> None:
    link = exporter(router.root) / "komando.prom"
    link.unlink()
    link.write_text("somebody's\n")
    assert router.komando("hours").code == 0
    assert link.is_symlink()
    assert link.read_text().startswith("# HELP komando_written_timestamp_seconds")


def test_promtool_has_nothing_to_say(router: Router) -> None:
    if not (promtool := tool("promtool")):
        pytest.skip("needs promtool: scripts/setup")
    text = router.komando("metrics").said
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_full_disk_keeps_the_hours_from_nothing(router: Router) -> None:
    link = exporter(router.root) / "komando.prom"
    with full_disk(exporter(router.root)):
        subprocess.run(["mount", "-o", "remount,ro", str(exporter(router.root))], check=True)
        router.sh("ip route del 10.20.1.0/24")
        answer = router.komando("hours")
        assert (answer.code, answer.words) == (0, "")
        assert value(samples(router), "komando_kernel_agrees") == 0
        assert "komando_kernel_agrees 0\n" in link.read_text(), "it is read all the same"


def test_a_memory_that_takes_nothing_keeps_the_hours_from_nothing(router: Router) -> None:
    place = router.root / "run/komando/komando.prom"
    place.unlink()
    place.mkdir()
    (place / "in-the-way").touch()
    try:
        router.sh("ip route del 10.20.1.0/24")
        answer = router.komando("hours")
        assert (answer.code, answer.words) == (0, "")
        assert router.komando("observe").said["kernel"] == "ok"
        assert not [*place.parent.glob(".komando.prom.*")], "nothing half-written is left"
    finally:
        (place / "in-the-way").unlink()
        place.rmdir()


def test_without_an_exporter_nothing_is_written_and_nothing_is_sent(router: Router) -> None:
    folder, away = exporter(router.root), router.root / "away"
    found = [router.root / "run/komando" / f"{name}.prom" for name in ("komando", "komando-uplink")]
    folder.rename(away)
    try:
        for path in found:
            path.unlink()
        before = router.sent("wan0", "1:3")
        assert router.komando("hours").code == 0
        assert not [path for path in found if path.exists()]
        assert router.sent("wan0", "1:3") == before
        answer = router.komando("metrics")
        assert answer.code == 1
        assert answer.words == (
            "komando-host: nothing was measured since this machine started: `komando-host hours` "
            f"does it each minute, where {folder} stands (Debian's prometheus-node-exporter)\n"
        )
    finally:
        away.rename(folder)
