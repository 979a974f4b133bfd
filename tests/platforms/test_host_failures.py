"""Half a change is no change: what fails is taken back, what was killed is mended."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from komando.bundle import Bundle
from tests.host_bundle import City, Office, bundle_of, cargo_of
from tests.host_network import Answer, Probe, Router, loaded_by_hand
from tests.platforms.standing import NIGHT, full_disk, router_by_day

pytestmark = pytest.mark.root

OLD = City()
NEW = OLD.with_office(Office(4)).without(2)


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    with router_by_day(tmp_path / "root") as one:
        yield one


def changed(city: City, path: str, old: str, new: str) -> Bundle:
    """A bundle with one file spoilt; the files are otherwise those of `city`."""
    text = bundle_of(city).files[path].decode()
    assert old in text
    return bundle_of(City(**{**vars(city), "extra": {path: text.replace(old, new)}}))


def refused(answer: Answer, *words: str) -> None:
    assert answer.code == 1
    assert answer.said == ""
    for word in words:
        assert word in answer.words


SPOILT_NETWORK = changed(NEW, "etc/komando/network", "via 172.20.0.2", "via 192.0.2.99")
SPOILT = [
    pytest.param(
        changed(NEW, "etc/komando/tc/download.tc", "404: pfifo limit 100", "404: pfifo limit x"),
        ("download.tc:13: tc refused `qdisc replace dev ifb0 parent 1:404", "limit"),
        id="the kernel refuses a leaf of a class that stays",
    ),
    pytest.param(
        changed(NEW, "etc/komando/tc/upload.tc", "410: pfifo limit 100", "410: pfifo limit x"),
        ("upload.tc:17: tc refused `qdisc add dev wan0 parent 1:410 handle 410:", "limit"),
        id="the kernel refuses a new leaf, after the download is done",
    ),
    pytest.param(
        SPOILT_NETWORK,
        ("network:", "Nexthop has invalid gateway"),
        id="a route leads nowhere",
    ),
    pytest.param(
        changed(NEW, "etc/sysctl.d/90-komando.conf", "forward = 1", "no_such = 1"),
        ("90-komando.conf", "no_such"),
        id="a setting is unknown",
    ),
]


def test_all_routes_that_lead_nowhere_are_named(router: Router) -> None:
    answer = router.activate(SPOILT_NETWORK)
    lines = SPOILT_NETWORK.text("etc/komando/network").splitlines()
    wrong = [number for number, line in enumerate(lines, 1) if "192.0.2.99" in line]
    assert len(wrong) == 2
    refused(answer, *(f"etc/komando/network:{number}: Error: Nexthop" for number in wrong))


@pytest.mark.parametrize(("bundle", "words"), SPOILT)
def test_an_activation_that_fails_is_taken_back(
    router: Router, bundle: Bundle, words: tuple[str, ...]
) -> None:
    old = bundle_of(OLD)
    router.activate(old)
    router.settle()
    before = router.state()
    probe = Probe(router, "inet", "seg1", "10.20.3.1", seconds=2, port=5001)
    refused(router.activate(bundle), *words, f"generation {old.digest} is in force again")
    assert router.state() == before
    assert probe.lost() == 0
    assert router.komando("observe").said["generation"] == old.digest
    assert router.komando("observe").said["kernel"] == "ok"
    assert router.komando("hours").said["changes"] == []
    # the evidence stays, and does no harm
    assert (router.root / "var/lib/komando/generations" / bundle.digest).is_dir()


def test_a_first_activation_that_fails_leaves_no_generation(router: Router) -> None:
    look = "ip route; ip -6 route show proto 75; ip -br address; nft list tables; tc qdisc show"
    before = router.sh(look)
    refused(router.activate(SPOILT_NETWORK), "no generation is in force, as before")
    observed = router.komando("observe").said
    assert observed["generation"] is None
    assert observed["kernel"] == "ok"
    after = router.sh(look)
    for trace in ("htb", "clsact", "proto 75", "shaper", "komando", "198.51.100"):
        assert (trace in after) == (trace in before), trace
    assert router.komando("hours").said["generation"] is None
    assert router.activate(bundle_of(OLD)).code == 0


@pytest.mark.parametrize(
    ("bundle", "words"),
    [
        pytest.param(
            changed(OLD, "etc/komando/manifest.json", "router", "hotspot"),
            "a bundle of kind 'hotspot' on a router",
            id="kind",
        ),
        pytest.param(
            changed(OLD, "etc/komando/nft/shaper.nft", "10.20.1.0/24 :", "10.20.0.0/16 :"),
            "shaper.nft: nft -c -f -: ",
            id="nft",
        ),
        pytest.param(
            changed(OLD, "etc/komando/tc/steer.tc", "dev ifb0", "dev lo"), "not to ifb0", id="steer"
        ),
    ],
)
def test_what_can_be_seen_beforehand_is_refused_before_anything_is_written(
    router: Router, bundle: Bundle, words: str
) -> None:
    old = bundle_of(NEW)
    router.activate(old)
    before = router.state()
    with router.monitored() as said:
        refused(router.activate(bundle), words)
    assert said == []
    assert router.state() == before
    generations = router.root / "var/lib/komando/generations"
    assert [path.name for path in generations.iterdir()] == [old.digest]


def test_an_interface_that_is_not_there_is_held_against_the_bundle_that_brings_it(
    router: Router,
) -> None:
    router.sh("ip link set lan1 down; ip link set lan1 name away")
    refused(router.activate(bundle_of(OLD)), "there is no interface lan1")
    assert router.komando("observe").said["generation"] is None


def test_an_interface_that_was_away_before_is_not_held_against_a_new_bundle(
    router: Router,
) -> None:
    router.activate(bundle_of(OLD))
    router.sh("ip link set lan1 down; ip link set lan1 name away")
    new = bundle_of(OLD.with_office(Office(1, guarantee=11_000_000)))
    answer = router.activate(new)
    assert answer.code == 0, answer.words
    assert "interface lan1 is away" in answer.said["other"]
    assert "rate 31Mbit" in router.sh("tc class show dev ifb0 | grep 1:10")
    assert router.komando("observe").said["generation"] == new.digest


def test_words_of_tc_that_nobody_understands_lead_back_too(
    router: Router, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    router.activate(bundle_of(OLD))
    before = router.state()
    tc, asked = shutil.which("tc"), tmp_path / "asked"
    stand_in = tmp_path / "tc"
    stand_in.write_text(
        f'#!/bin/sh\ncase "$*" in *"-j -batch"*) echo >>{asked};'
        f' [ $(wc -l <{asked}) -le 2 ] && echo "[{{" && exit;; esac\nexec {tc} "$@"\n'
    )
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    refused(router.activate(bundle_of(NEW)), "no JSON", bundle_of(OLD).digest)
    monkeypatch.undo()
    assert router.komando("hours").code == 0
    assert router.state() == before


def test_an_archive_that_does_not_fit_its_digest_is_refused(router: Router) -> None:
    old, new = bundle_of(OLD), bundle_of(NEW)
    router.activate(old)
    before = router.state()
    cut = cargo_of(new)[: -len(cargo_of(new)) // 3]
    refused(router.komando("activate", new.digest, stdin=cut), "the archive is damaged")
    refused(router.komando("activate", new.digest, stdin=cargo_of(old)), f"not {new.digest}")
    refused(router.komando("activate", new.digest), "no archive came with it")
    refused(router.komando("activate", "../../etc"), "is no digest")
    assert router.state() == before
    assert router.komando("observe").said["generation"] == old.digest


def test_a_generation_damaged_on_disk_is_seen_and_mended(router: Router) -> None:
    old = bundle_of(OLD)
    router.activate(old)
    before = router.state()
    calendar = router.root / "var/lib/komando/current/etc/komando/calendar"
    calendar.write_text("2026-01-01T00:00:00Z night\n")
    assert "is damaged on disk" in router.komando("observe").said["kernel"]
    router.sh(
        "tc qdisc del dev ifb0 root; ip route flush proto 75; sysctl -qw net.ipv4.ip_forward=0"
    )
    assert router.komando("hours").said["profile"] == "day", "by the copy it kept"
    assert router.state() == before
    assert "is damaged on disk" in router.komando("observe").said["kernel"], "and it goes on saying"
    assert router.komando("activate", old.digest).said["changes"] == []
    assert router.komando("observe").said["kernel"] == "ok"
    calendar.write_text("2026-01-01T00:00:00Z night\n")
    (router.root / "var/lib/komando/current/bundle.tar.gz").unlink()
    refused(router.komando("hours"), "is damaged on disk")
    words = "is damaged on disk: its files differ, and no archive came with it"
    refused(router.komando("activate", old.digest), words)
    assert router.activate(old).said["changes"] == []
    assert router.komando("observe").said["kernel"] == "ok"


ARMED = ("--within", "60", "--sequence", "3", "--protocol", "2")


def test_a_memory_that_is_full_keeps_the_way_back_from_nothing(router: Router) -> None:
    router.activate(bundle_of(OLD))
    router.settle()
    before = router.state()
    new = bundle_of(NEW)
    done = router.komando("activate", new.digest, *ARMED, stdin=cargo_of(new))
    assert done.code == 0, done.words
    assert router.state() != before
    with full_disk(router.root / "run/komando"):
        done = router.komando("revert", new.digest)
        assert done.code == 0, done.words
        assert router.state() == before
    assert router.komando("hours").code == 0
    assert router.komando("observe").said["kernel"] == "ok"


def test_a_clock_that_cannot_be_read_keeps_the_way_back_from_nothing(router: Router) -> None:
    assert router.komando("clock", "off").code == 0
    router.activate(bundle_of(OLD))
    before = router.state()
    new = bundle_of(NEW)
    assert router.komando("activate", new.digest, *ARMED, stdin=cargo_of(new)).code == 0
    (router.root / "run/komando/clock").write_text("soon\n")
    assert router.komando("revert", new.digest).code == 0
    assert router.state() == before


def test_verbs_at_the_same_time_take_turns(router: Router) -> None:
    old, new = bundle_of(OLD), bundle_of(NEW)
    router.activate(old)
    verbs = [
        (("activate", new.digest), cargo_of(new)),
        (("hours",), b""),
        (("clock", NIGHT), b""),
        (("activate", old.digest), b""),
        (("observe",), b""),
        (("hours",), b""),
    ]
    running = []
    for verb, stdin in verbs:
        one = subprocess.Popen(
            router.argv(*verb),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running.append((one, stdin))
    for one, stdin in running:
        out, err = one.communicate(stdin, timeout=60)
        assert one.returncode == 0, err
        assert json.loads(out)["generation"] in (old.digest, new.digest)
    assert router.komando("hours").said["changes"] == []
    assert router.komando("observe").said["kernel"] == "ok"


@pytest.fixture
def two(router: Router, tmp_path: Path) -> tuple[Router, dict[str, str]]:
    """A router that has run two generations, and what each shows when it is loaded by hand."""
    bundles = [bundle_of(OLD), bundle_of(NEW)]
    for bundle in bundles:
        assert router.activate(bundle).code == 0
    router.settle()
    yardsticks = {
        bundle.digest: loaded_by_hand(bundle, "day", tmp_path / bundle.digest) for bundle in bundles
    }
    return router, yardsticks


def mended(router: Router, yardsticks: dict[str, str]) -> None:
    """The next `hours` brings the kernel to whatever generation is current, in place."""
    answer = router.komando("hours")
    assert answer.code == 0, answer.words
    assert answer.said["rebuilt"] is False
    assert router.shaping() == yardsticks[answer.said["generation"]]
    again = router.komando("hours").said
    assert (again["changes"], again["other"]) == ([], [])


def test_a_run_that_dies_at_any_command_is_mended_without_loss(
    two: tuple[Router, dict[str, str]],
) -> None:
    router, yardsticks = two
    old, new = yardsticks
    probe = Probe(router, "inet", "seg1", "10.20.3.1", seconds=600, port=5001)
    for step in range(1, 100):
        assert router.komando("activate", old).code == 0
        done = subprocess.run(
            router.argv("activate", new, dies_at=step), input=b"", capture_output=True, check=False
        )
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        mended(router, yardsticks)
    # four batches of classes, the maps, the pools that grow, routes, and the class that left
    assert step > 2 * 8
    assert probe.stop() == 0


def test_a_run_that_is_killed_from_outside_is_mended_without_loss(
    two: tuple[Router, dict[str, str]],
) -> None:
    """Here the tc that it has started lives on: the next run waits for it."""
    router, yardsticks = two
    old, new = yardsticks
    record = router.root / "run/komando/applied/tree-ifb0.json"
    chance = random.Random(20261124)  # noqa: S311  # moments to kill at, no secret
    probe = Probe(router, "inet", "seg1", "10.20.3.1", seconds=300, port=5001)
    killed = 0
    for number in range(8):
        target = old if number % 2 == 0 else new
        with subprocess.Popen(
            router.argv("activate", target), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        ) as one:
            while one.poll() is None and not json.loads(record.read_text())["uncertain"]:
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.05))
            killed += one.poll() is None
            one.kill()
        mended(router, yardsticks)
    assert killed >= 4
    assert probe.stop() == 0


def test_a_lost_terminal_does_not_end_a_run_half_way(two: tuple[Router, dict[str, str]]) -> None:
    router, yardsticks = two
    old, new = yardsticks
    record = router.root / "run/komando/applied/tree-ifb0.json"
    with subprocess.Popen(
        router.argv("activate", old), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as one:
        while one.poll() is None and not json.loads(record.read_text())["uncertain"]:
            time.sleep(0.001)
        for lost in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            one.send_signal(lost)
        out, _ = one.communicate(timeout=60)
    assert one.returncode == 0
    assert json.loads(out)["previous"] == new
    assert router.shaping() == yardsticks[old]
