"""A change with a way back, on disk: refused, armed, confirmed, taken back, and settled later."""

from __future__ import annotations

import errno
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from komando.bundle import Bundle
from komando.host import aside
from komando.host.__main__ import main
from komando.host.archive import unpack
from komando.host.change import LONGEST, Changes, Order
from komando.host.configuration import Configuration, read_configuration
from komando.host.errors import HostError
from komando.host.generation import DAYS_KEPT, NEWEST_KEPT, NUMBER_KEPT, Generations
from komando.host.layout import Paths
from komando.host.reconcile import Outcome
from tests.host_bundle import City, cargo_of, files_of


def bundle(text: str) -> Bundle:
    extra = {"etc/komando/intent.json": json.dumps({"text": text})}
    return Bundle("core-1", files_of(City(extra=extra)))


OLD, NEW, OTHER = bundle("old"), bundle("new"), bundle("other")


class Alarm:
    """A timer that never rings: what was set, and what was taken away."""

    def __init__(self) -> None:
        self.set: dict[str, float] = {}
        self.taken: list[str] = []
        self.refuses = ""

    def start(self, token: str, seconds: float) -> None:
        if self.refuses:
            raise HostError(self.refuses)
        self.set[token] = seconds

    def stop(self, token: str) -> None:
        self.taken.append(token)


class OnDisk(Changes):
    """Changes of a host without a kernel; what was brought in force, in order."""

    def __init__(self, root: Path) -> None:
        self.alarm = Alarm()
        super().__init__(Paths(root), self.alarm)
        self.paths.state.mkdir(parents=True, exist_ok=True)
        self.brought: list[str | None] = []
        self.refused: dict[str, str] = {}

    def _stage(self, digest: str, archive: bytes, previous: str | None) -> Configuration:
        del previous
        if archive:
            self.generations.stage(digest, unpack(archive, digest).files)
        return read_configuration(self.generations.read(digest))

    def bring(
        self, digest: str, configuration: Configuration, *, thorough: bool = False
    ) -> tuple[Outcome, str]:
        del configuration, thorough
        if words := self.refused.get(digest):
            raise HostError(words)
        self.brought.append(digest)
        return Outcome(), "day"

    def _bring_back(self, previous: str | None) -> None:
        self.brought.append(previous)

    def change(self, bundle: Bundle, order: Order | None = None) -> None:
        """Brings a bundle in force, by an apply or at the console."""
        self.activate(bundle.digest, cargo_of(bundle), order)

    @property
    def said(self) -> list[tuple[str, int, str]]:
        """The record: event, sequence and reason of each line."""
        lines = map(json.loads, self.record.lines().splitlines())
        return [(line["event"], line["sequence"], line["reason"]) for line in lines]


@pytest.fixture
def host(tmp_path: Path) -> OnDisk:
    """A host on which the old generation was brought in force at the console."""
    made = OnDisk(tmp_path)
    made.change(OLD)
    return made


def overdue(host: OnDisk, **other: object) -> None:
    """Lets the time of the open window be over."""
    pending = host.windows.pending()
    assert pending is not None
    host.windows.open(replace(pending, **({"deadline": 0.0} | other)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (Order(6, 60), "apply 6 comes late: apply 7 was here already; plan again"),
        (Order(7, 60, OTHER.digest), f"generation {OLD.digest} runs here, where the plan saw"),
        (Order(7, 60, "none"), f"generation {OLD.digest} runs here, where the plan saw none: plan"),
        (Order(7, 0.5), "a window of 0.5 s; it has 1 to 3600"),
        (Order(7, LONGEST + 1), "a window of 3601 s; it has 1 to 3600"),
    ],
)
def test_an_apply_that_does_not_fit_is_refused_and_nothing_is_changed(
    host: OnDisk, order: Order, words: str
) -> None:
    host.windows.see(7)
    with pytest.raises(HostError, match="^" + words.replace("?", r"\?")):
        host.change(NEW, order)
    assert host.generations.current() == OLD.digest
    assert (host.windows.pending(), host.alarm.set, host.windows.sequence()) == (None, {}, 7)
    assert [event for event, *_ in host.said] == ["activated"]
    host.change(NEW, Order(7, 60, OLD.digest))
    assert host.generations.current() == NEW.digest


def test_a_host_that_runs_nothing_fits_a_plan_that_saw_nothing(tmp_path: Path) -> None:
    host = OnDisk(tmp_path)
    with pytest.raises(HostError, match=f"^generation none runs here, where .* {OLD.digest}: plan"):
        host.change(NEW, Order(1, 60, OLD.digest))
    host.change(NEW, Order(1, 60, "none"))
    assert host.generations.current() == NEW.digest
    host.revert(None, "by hand")
    assert host.generations.current() is None
    assert host.brought == [NEW.digest, None]


def test_a_change_is_armed_with_an_alarm_and_confirmed_for_good(host: OnDisk) -> None:
    host.change(NEW, Order(7, 45, OLD.digest))
    pending = host.windows.pending()
    assert pending is not None
    assert host.alarm.set == {pending.token: 45}
    assert (pending.generation, pending.previous, pending.sequence) == (NEW.digest, OLD.digest, 7)
    assert 40 < pending.left <= 45
    for _ in range(2):
        answer = host.confirm(NEW.digest)
        assert answer == {"confirmed": NEW.digest, "head": host.record.head()}
    assert host.said[1:] == [("armed", 7, ""), ("confirmed", 7, "")]
    assert host.alarm.taken == [pending.token]
    assert host.revert(None, "by hand")["generation"] == NEW.digest, "there is nothing to revert"
    assert host.said[-1][0] == "confirmed"


@pytest.mark.parametrize("order", [Order(8, 60), None])
def test_a_second_change_while_one_waits_is_refused(host: OnDisk, order: Order | None) -> None:
    host.change(NEW, Order(7, 60))
    for wanted in (OTHER, NEW):
        with pytest.raises(HostError, match=rf"^armed: generation {NEW.digest} waits .* in \d+ s"):
            host.change(wanted, order)
    assert host.windows.pending() is not None
    assert host.generations.current() == NEW.digest
    host.confirm(NEW.digest)
    host.change(OTHER, order)


def test_nothing_is_activated_while_the_policy_is_bypassed(host: OnDisk) -> None:
    host.paths.bypass.write_text("2026-11-24T03:00:00Z\n")
    with pytest.raises(HostError, match=r"^bypass is on: a person at the console"):
        host.change(NEW, Order(7, 60))


def test_what_is_overdue_is_taken_back_by_whoever_comes_first(host: OnDisk) -> None:
    host.change(NEW, Order(7, 60))
    overdue(host)
    assert host.standing.in_force() == OLD.digest, "even before anybody could do anything about it"
    with pytest.raises(HostError, match=r"^too late: nobody confirmed it in time$"):
        host.confirm(NEW.digest)
    assert host.generations.current() == OLD.digest
    assert host.brought == [OLD.digest, NEW.digest, OLD.digest]
    assert host.said[2:] == [("reverted", 7, "nobody confirmed it in time")]
    host.settle()
    assert len(host.said) == 3


def test_a_restart_takes_it_back_and_leaves_the_kernel_to_the_first_hours(host: OnDisk) -> None:
    host.change(NEW, Order(7, 60))
    overdue(host, boot="before")
    host.settle(kernel=False)
    assert host.generations.current() == OLD.digest
    assert host.brought == [OLD.digest, NEW.digest]
    assert host.said[-1] == ("reverted", 7, "the machine restarted before it was confirmed")


def test_a_change_that_fails_is_taken_back_at_once_and_says_why(host: OnDisk) -> None:
    host.refused[NEW.digest] = "tc: no such device"
    with pytest.raises(HostError, match=rf"^tc: no such device; generation {OLD.digest} is in"):
        host.change(NEW, Order(7, 60))
    assert host.generations.current() == OLD.digest
    assert (host.windows.pending(), host.windows.reverting()) == (None, None)
    assert host.said[1:] == [("armed", 7, ""), ("reverted", 7, "tc: no such device")]
    assert host.alarm.taken == list(host.alarm.set)
    assert host.generations.read(NEW.digest), "what failed is kept as evidence"


def test_a_revert_that_cannot_be_done_stays_to_be_done(host: OnDisk) -> None:
    host.change(NEW, Order(7, 60))
    flip_back = host.generations.flip_back
    host.generations.flip_back = refuses  # type: ignore[method-assign, assignment]
    with pytest.raises(HostError, match=r"^the kernel is as it was before, and .* Read-only"):
        host.revert(NEW.digest, "by hand")
    assert host.brought[-1] == OLD.digest
    assert host.windows.reverting() is not None
    assert host.standing.in_force() == OLD.digest
    host.generations.flip_back = flip_back  # type: ignore[method-assign]
    host.settle()
    assert host.generations.current() == OLD.digest
    assert host.said[-1] == ("reverted", 7, "by hand")


def refuses(*_: object) -> None:
    raise OSError(errno.EROFS, "Read-only file system")


@pytest.mark.parametrize("order", [Order(7, 60), None])
def test_a_disk_that_turns_read_only_in_a_change_that_fails_keeps_the_kernel_from_nothing(
    host: OnDisk, monkeypatch: pytest.MonkeyPatch, order: Order | None
) -> None:
    host.refused[NEW.digest] = "tc: no such device"
    monkeypatch.setattr(host.windows, "take_back", refuses)
    monkeypatch.setattr(host.generations, "flip_back", refuses)
    words = (
        f"^tc: no such device; generation {OLD.digest} is not wholly in force again: the kernel is "
        "as it was before, and the disk cannot be written: .*Read-only file system$"
    )
    with pytest.raises(HostError, match=words):
        host.change(NEW, order)
    assert host.brought == [OLD.digest, OLD.digest]


def test_a_change_that_could_not_be_taken_back_on_the_disk_waits_for_nobody(
    host: OnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.refused[NEW.digest] = "tc: no such device"
    monkeypatch.setattr(host.windows, "take_back", refuses)
    with pytest.raises(HostError, match="not wholly in force again"):
        host.change(NEW, Order(7, 60))
    assert host.standing.in_force() == OLD.digest, "the minute's run brings that"
    with pytest.raises(HostError, match="and the disk cannot be written"):
        host.confirm(NEW.digest)
    monkeypatch.undo()
    host.settle()
    assert host.generations.current() == OLD.digest
    assert host.said[-1] == ("reverted", 7, "tc: no such device")
    del host.refused[NEW.digest]
    host.change(NEW, Order(8, 60))
    host.confirm(NEW.digest)


def test_without_an_alarm_nothing_is_changed(host: OnDisk) -> None:
    host.alarm.refuses = "systemd does not run here"
    with pytest.raises(HostError, match=r"^systemd does not run here$"):
        host.change(NEW, Order(7, 60))
    assert (host.generations.current(), host.windows.pending()) == (OLD.digest, None)
    assert host.brought == [OLD.digest]


@pytest.mark.parametrize("part", ["open", "append"])
def test_a_disk_that_cannot_be_written_arms_nothing(
    host: OnDisk, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(host.windows if part == "open" else host.record, part, refuses)
    with pytest.raises(HostError, match=r"^nothing was changed: .*Read-only file system"):
        host.change(NEW, Order(7, 60))
    monkeypatch.undo()
    assert (host.generations.current(), host.windows.pending()) == (OLD.digest, None)
    assert host.alarm.taken == list(host.alarm.set)
    host.change(NEW, Order(7, 60))


def test_a_change_that_was_armed_and_given_up_is_not_told_as_another_ones_confirmation(
    host: OnDisk,
) -> None:
    host.change(NEW, Order(7, 60))
    host.confirm(NEW.digest)
    host.record.append("armed", OTHER.digest, NEW.digest, 8)  # and then the disk was full
    host.settle()
    assert host.said[-1] == ("armed", 8, "")


def test_a_confirmation_that_was_not_written_down_is_written_by_the_next_run(host: OnDisk) -> None:
    host.change(NEW, Order(7, 60))
    assert host.windows.confirm()
    host.settle()
    assert host.said[-1] == ("confirmed", 7, "")


def leads_to(host: OnDisk, target: str | Path) -> None:
    host.paths.current.unlink()
    host.paths.current.symlink_to(target)


@pytest.mark.parametrize("name", [OLD.digest, NEW.digest, "evil", ".."])
def test_a_link_that_leads_elsewhere_names_none_of_ours_and_the_network_stays(
    host: OnDisk, tmp_path: Path, name: str
) -> None:
    host.generations.stage(NEW.digest, NEW.files)
    for folder in (tmp_path / "evil", Path("elsewhere"), Path("generations/evil")):
        leads_to(host, folder / name)
        assert host.generations.current() is None
        assert host.standing.in_force() == host.revert(None, "")["generation"] == OLD.digest
    host.change(OLD, Order(7, 60, OLD.digest))
    assert str(host.paths.current.readlink()) == f"generations/{OLD.digest}"
    assert host.said[1:] == [("activated", 7, "repaired")]
    host.change(OLD, Order(8, 60, OLD.digest))
    assert len(host.said) == 2, "nothing was to be repaired"


def test_a_change_over_a_link_that_leads_elsewhere_has_its_way_back(host: OnDisk) -> None:
    leads_to(host, f"/nowhere/{OLD.digest}")
    host.refused[NEW.digest] = "tc: no such device"
    with pytest.raises(HostError, match=f"generation {OLD.digest} is in force again$"):
        host.change(NEW, Order(7, 60, OLD.digest))
    assert host.generations.leads(OLD.digest)
    del host.refused[NEW.digest]
    host.change(NEW, Order(8, 60))
    leads_to(host, "/nowhere")
    assert host.standing.in_force() == NEW.digest
    overdue(host)
    host.paths.back.unlink()
    host.paths.back.symlink_to(f"/nowhere/{OLD.digest}")
    host.settle()
    assert host.generations.leads(OLD.digest)


def test_what_was_in_force_is_known_without_link_and_record(host: OnDisk) -> None:
    host.change(NEW, Order(7, 60))
    host.confirm(NEW.digest)
    host.record.append("armed", OTHER.digest, NEW.digest, 8)  # and then the disk was full
    leads_to(host, "/nowhere")
    assert host.standing.in_force() == NEW.digest
    host.paths.record.write_text("not an entry\n")
    assert host.standing.in_force() is None, "nothing is known"
    leads_to(host, f"/nowhere/{OLD.digest}")
    assert host.standing.in_force() == OLD.digest
    host.paths.record.unlink()
    assert host.standing.in_force() == OLD.digest


def test_what_a_run_left_beside_the_generations_goes_with_the_next_one(
    host: OnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = host.paths.generations / f".{NEW.digest}.new"
    (left / "etc/komando/secrets").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(aside, "remove", refuses)
        host.settle()
    assert left.exists()
    host.settle()
    assert not left.exists()


def test_a_repair_waits_for_no_confirmation(host: OnDisk) -> None:
    host.change(OLD, Order(7, 60, OLD.digest))
    assert (host.windows.pending(), host.windows.sequence()) == (None, 7)
    assert host.brought == [OLD.digest, OLD.digest]
    with pytest.raises(HostError, match=r"there is nothing to confirm$"):
        host.confirm(OLD.digest)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--within", "60", "--protocol", "1"), "the controller speaks protocol 1, and 2 is"),
        (("--within", "60", "--protocol", "3"), "the controller speaks protocol 3, and 2 is"),
        (("--within", "60"), "the controller speaks protocol 1, and 2 is"),
        ((), "the controller is older than this host's program: it speaks protocol 1, and 2"),
    ],
)
def test_a_controller_of_another_protocol_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.9 50000 192.0.2.1 22")
    assert main(["activate", NEW.digest, *words], Paths(tmp_path)) == 1
    assert capsys.readouterr().err.startswith(f"komando-host: {said}")


def aged(store: Generations, number: int, days: float) -> str:
    """A generation that was staged so many days ago."""
    digest = f"{number:064x}"
    folder = store.folder(digest)
    (folder / "etc").mkdir(parents=True)
    moment = time.time() - days * 86_400
    os.utime(folder, (moment, moment))
    return digest


def test_old_generations_go_by_number_and_by_age(tmp_path: Path) -> None:
    store = Generations(Paths(tmp_path))
    made = [aged(store, number, days=number) for number in range(NUMBER_KEPT + 5)]
    ancient = aged(store, 900, days=DAYS_KEPT + 1)
    for digest in (made[3], ancient, "f" * 64):
        (store.paths.generations / f".{digest}.damaged").mkdir()
    assert sorted(store.prune(())) == sorted([*made[NUMBER_KEPT:], ancient])
    left = {path.name for path in store.paths.generations.iterdir()}
    assert left == {*made[:NUMBER_KEPT], f".{made[3]}.damaged"}
    assert store.prune(()) == []


def test_a_clock_that_is_a_year_ahead_leaves_ways_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Generations(Paths(tmp_path))
    made = [aged(store, number, days=number) for number in range(NEWEST_KEPT + 2)]
    ahead = time.time() + 366 * 86_400
    monkeypatch.setattr(time, "time", lambda: ahead)
    assert sorted(store.prune(())) == sorted(made[NEWEST_KEPT:])
    assert store.prune(()) == []
    assert store.kept() == made[:NEWEST_KEPT]


def test_what_is_in_force_and_what_was_before_it_stay_however_old(tmp_path: Path) -> None:
    store = Generations(Paths(tmp_path))
    current, previous, other = (aged(store, n, days=DAYS_KEPT + n) for n in (1, 2, 3))
    for number in range(NUMBER_KEPT):
        aged(store, 100 + number, days=0)
    store.flip(current)
    assert store.prune({previous, None}) == [other]


def test_a_confirmation_prunes_and_keeps_the_way_back(host: OnDisk) -> None:
    old = host.generations.folder(OLD.digest)
    for path in (old, host.generations.folder(aged(host.generations, 99, 0))):
        os.utime(path, (0, 0))
    others = {aged(host.generations, number, 1) for number in range(NEWEST_KEPT - 1)}
    host.change(NEW, Order(7, 60))
    host.confirm(NEW.digest)
    left = {path.name for path in host.paths.generations.iterdir()}
    assert left == {OLD.digest, NEW.digest, *others}
