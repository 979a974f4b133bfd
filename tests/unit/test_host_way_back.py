"""The way back of a change, on disk: taken at once, or by whoever comes later."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from komando.host import aside
from komando.host.change import Order
from komando.host.errors import HostError
from tests.unit.host_on_disk import NEW, OLD, OTHER, OnDisk, overdue, standing


@pytest.fixture
def host(tmp_path: Path) -> OnDisk:
    return standing(tmp_path)


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


@pytest.mark.parametrize("how", ["waited", "asked"])
def test_a_record_that_somebody_damaged_keeps_no_change_from_its_way_back(
    host: OnDisk, how: str
) -> None:
    host.change(NEW, Order(7, 60))
    with host.record.path.open("a") as stream:
        stream.write("something else\n")
    if how == "waited":
        overdue(host)
        host.settle()
    else:
        host.revert(NEW.digest, "by hand")
    assert host.generations.current() == OLD.digest
    assert host.brought == [OLD.digest, NEW.digest, OLD.digest]
    assert host.windows.reverting() is None
    last = host.record.last()
    assert last is not None
    assert (last.event, last.sequence) == ("reverted", 7)


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


@pytest.mark.parametrize("by", ["apply", "console", "repair"])
def test_a_way_back_that_is_blocked_does_not_bar_the_change_that_mends_it(
    host: OnDisk, by: str
) -> None:
    host.change(NEW, Order(7, 60))
    host.blocked = "ip: no such gateway"
    with pytest.raises(HostError, match="no such gateway"):
        host.revert(NEW.digest, "by hand")
    with pytest.raises(HostError, match="no such gateway"):
        host.settle()
    assert host.windows.reverting() is not None, "who looks each minute tries again"
    wanted = OLD if by == "repair" else OTHER
    host.change(wanted, None if by == "console" else Order(8, 60))
    assert host.generations.current() == wanted.digest
    assert host.windows.reverting() is None
    assert ("reverted", 7, "by hand; and not wholly: ip: no such gateway") in host.said


def test_a_link_that_does_not_lead_back_bars_another_change(host: OnDisk) -> None:
    host.change(NEW, Order(7, 60))
    host.generations.flip_back = refuses  # type: ignore[method-assign, assignment]
    with pytest.raises(HostError):
        host.revert(NEW.digest, "by hand")
    with pytest.raises(HostError, match="Read-only"):
        host.change(OTHER, Order(8, 60))
    assert host.generations.current() == NEW.digest
    assert host.windows.reverting() is not None


def test_the_reason_is_on_record_though_the_disk_took_no_note_of_it(
    host: OnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.change(NEW, Order(7, 60))
    monkeypatch.setattr(host.windows, "explain", lambda _: None)
    host.revert(NEW.digest, "taken back by hand")
    assert host.said[-1] == ("reverted", 7, "taken back by hand")
