"""A change on disk: refused, armed, confirmed; and a repair, which needs none of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from komando.host.__main__ import main
from komando.host.change import LONGEST, Order
from komando.host.errors import HostError
from komando.host.layout import Paths
from tests.unit.host_on_disk import NEW, OLD, OTHER, OnDisk, standing


@pytest.fixture
def host(tmp_path: Path) -> OnDisk:
    return standing(tmp_path)


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


@pytest.mark.parametrize("beside", ["damaged", "bypassed"])
def test_a_confirmation_is_written_down_whatever_came_after_the_change(
    host: OnDisk, beside: str
) -> None:
    host.change(NEW, Order(7, 60))
    if beside == "damaged":
        with host.record.path.open("a") as stream:
            stream.write("something else\n")
    else:
        host.record.append("bypassed", NEW.digest, sequence=7)
        host.record.append("restored", NEW.digest, sequence=7)
    host.confirm(NEW.digest)
    last = host.record.last()
    assert last is not None
    assert (last.event, last.generation, last.sequence) == ("confirmed", NEW.digest, 7)
    assert host.alarm.taken == list(host.alarm.set)


def test_a_confirmation_that_was_cut_off_is_written_down_by_whoever_comes_next(
    host: OnDisk,
) -> None:
    host.change(NEW, Order(7, 60))
    assert host.windows.confirm()
    host.record.append("bypassed", NEW.digest, sequence=7)
    host.settle()
    host.settle()
    assert [event for event, *_ in host.said] == ["activated", "armed", "bypassed", "confirmed"]
