"""Lines that are cut: what became of the host is asked for until it is known."""

from __future__ import annotations

import threading
import time

import pytest

from komando.inventory import Access
from komando.rollout.session import Session
from tests.rollout.played import PlayedHost
from tests.rollout.rolled import NEW, OLD, Play, bundle, outcome, rolled, states

CUT = "the connection was lost before it answered"


@pytest.fixture
def pair(play: Play) -> list[PlayedHost]:
    """Two hosts that run the old generation, in one wave with windows of 3 s."""
    hosts = [play("core-1"), play("core-2")]
    for host in hosts:
        host.run(bundle(host.name, "old"))
        host.within = 3
    return hosts


def test_a_confirmation_whose_answer_is_lost_is_carried(
    pair: list[PlayedHost], access: Access
) -> None:
    for host in pair:
        host.within = 60
    pair[0].cut_at = "confirm"
    begun = time.monotonic()
    rollout = rolled(pair, access, at_once=True)
    assert rollout.holds
    assert states(rollout) == {"core-1": "carried", "core-2": "carried"}
    assert [host.digest for host in pair] == [NEW, NEW]
    assert pair[0].events == ["activated", "armed", "confirmed"]
    assert outcome(rollout, "core-1").runs == NEW
    assert outcome(rollout, "core-1").head == pair[0].program().record.head()
    assert time.monotonic() - begun < 30, "no window is waited for"


def test_a_confirmation_that_never_came_takes_the_wave_back_at_once(
    pair: list[PlayedHost], access: Access
) -> None:
    for host in pair:
        host.within = 60
    pair[0].cut_before = "confirm"
    begun = time.monotonic()
    rollout = rolled(pair, access, at_once=True)
    assert states(rollout) == {"core-1": "reverted", "core-2": "reverted"}
    assert [host.digest for host in pair] == [OLD, OLD]
    assert outcome(rollout, "core-1").reason == CUT
    assert time.monotonic() - begun < 30, "it is taken back over a new connection"


def test_an_activation_whose_answer_is_lost_is_asked_for_until_its_window_closes(
    pair: list[PlayedHost], access: Access
) -> None:
    pair[0].cut_at = "activate"
    said: list[str] = []
    rollout = rolled(pair, access, at_once=True, told=lambda *one: said.append(": ".join(one)))
    assert not rollout.holds
    assert states(rollout) == {"core-1": "reverted", "core-2": "reverted"}
    assert [host.digest for host in pair] == [OLD, OLD]
    assert outcome(rollout, "core-1").reason == (
        f"{CUT}; the host says: nobody confirmed it in time"
    )
    assert outcome(rollout, "core-2").reason == f"core-1: {CUT}"
    assert pair[0].events == ["activated", "armed", "reverted"]
    assert "core-1: waiting for its window to close" in said
    assert said[-1] == "core-1: taken back"


def test_an_activation_that_never_came_changes_nothing(
    pair: list[PlayedHost], access: Access
) -> None:
    pair[0].cut_before = "activate"
    rollout = rolled(pair, access, at_once=True)
    assert states(rollout) == {"core-1": "refused", "core-2": "reverted"}
    assert pair[0].events == ["activated"]
    assert [host.digest for host in pair] == [OLD, OLD]


@pytest.mark.parametrize(("cut", "state"), [("cut_before", "refused"), ("cut_at", "carried")])
def test_a_repair_whose_answer_is_lost_is_judged_by_the_kernel(
    play: Play, access: Access, cut: str, state: str
) -> None:
    host = play("core-1")
    host.run(bundle("core-1"))
    host.kernel = "table inet shaper is missing"
    setattr(host, cut, "activate")
    told = outcome(rolled([host], access), "core-1")
    assert (told.state, told.runs) == (state, NEW)
    assert told.reason == (CUT if state == "refused" else "")


def test_a_generation_that_cuts_the_way_in_reverts_by_itself(
    pair: list[PlayedHost], access: Access
) -> None:
    pair[0].cutting.add(NEW)
    rollout = rolled(pair, access, at_once=True)
    assert states(rollout) == {"core-1": "reverted", "core-2": "reverted"}
    assert [host.digest for host in pair] == [OLD, OLD]
    told = outcome(rollout, "core-1").reason
    assert told.startswith("it could not be reached: ")
    assert "confirm" not in pair[0].verbs + pair[1].verbs


def test_a_host_that_is_gone_for_good_is_unknown(pair: list[PlayedHost], access: Access) -> None:
    pair[0].within = 2
    hold = pair[0].hold = threading.Event()

    def cut() -> None:
        pair[0].begun.wait(30)
        pair[0].close()

    threading.Thread(target=cut, daemon=True).start()
    rollout = rolled(pair[:1], access)
    hold.set()
    told = outcome(rollout, "core-1")
    assert (told.state, told.reason, told.runs) == ("unknown", CUT, None)


def test_when_the_pyinfra_process_dies_every_host_is_unknown(
    pair: list[PlayedHost], access: Access
) -> None:
    for host in pair:
        host.within = 2
        host.hold = threading.Event()

    def opened(session: Session) -> None:
        def kill() -> None:
            for host in pair:
                host.begun.wait(30)
            session._process.kill()

        threading.Thread(target=kill, daemon=True).start()

    rollout = rolled(pair, access, at_once=True, opened=opened)
    assert states(rollout) == {"core-1": "unknown", "core-2": "unknown"}
    for one in rollout.outcomes:
        assert one.reason == "the rollout process ended with -9: it said nothing"


def test_a_neighbour_that_cannot_reach_a_host_takes_it_back_in_its_own_words(
    pair: list[PlayedHost], access: Access
) -> None:
    host, neighbour = pair
    host.neighbour = neighbour.name
    neighbour.barred.add(host.port)
    rollout = rolled([host], access, neighbours=[neighbour])
    assert states(rollout) == {"core-1": "reverted"}
    assert outcome(rollout, "core-1").reason == (
        "it could not be reached: core-2, its neighbour, says: 127.0.0.1 port 1 cannot be reached "
        "from here: [Errno 111] Connection refused"
    )
    assert neighbour.words == [["probe", "127.0.0.1", str(host.port)]]
    assert host.events == ["activated", "armed", "reverted"]


def test_neighbours_look_at_each_other(pair: list[PlayedHost], access: Access) -> None:
    host, neighbour = pair
    host.neighbour, neighbour.neighbour = neighbour.name, host.name
    rollout = rolled(pair, access, at_once=True)
    assert states(rollout) == {"core-1": "carried", "core-2": "carried"}
    assert host.verbs == neighbour.verbs == ["activate", "probe", "confirm"]
    assert {one.note for one in rollout.outcomes} == {""}


def test_one_neighbour_looks_at_several(pair: list[PlayedHost], access: Access, play: Play) -> None:
    third = play("core-3")
    for host in pair:
        host.neighbour = "core-3"
    third.barred.add(pair[1].port)
    rollout = rolled(pair, access, at_once=True, neighbours=[third])
    assert third.verbs == ["probe", "probe"]
    assert states(rollout) == {"core-1": "reverted", "core-2": "reverted"}
    assert "core-3, its neighbour, says" in outcome(rollout, "core-2").reason
    assert outcome(rollout, "core-1").reason.startswith("core-2: ")


@pytest.mark.parametrize(
    ("away", "note"),
    [
        ("from the beginning", "its neighbour core-2 is away"),
        ("in the middle of it", f"its neighbour core-2 was lost: {CUT}"),
    ],
)
def test_a_neighbour_that_is_itself_away_holds_nobody_up_and_is_told(
    pair: list[PlayedHost], access: Access, away: str, note: str
) -> None:
    host, neighbour = pair
    host.neighbour = neighbour.name
    if away == "from the beginning":
        neighbour.close()
    else:
        neighbour.cut_before = "probe"
    said: list[str] = []

    rollout = rolled(
        [host], access, neighbours=[neighbour], told=lambda *one: said.append(": ".join(one))
    )
    assert states(rollout) == {"core-1": "carried"}
    assert host.digest == NEW
    assert f"core-1: reached; {note}" in said
    assert (outcome(rollout, "core-1").reason, outcome(rollout, "core-1").note) == ("", note)


def test_a_change_that_does_not_stay_says_nothing_of_its_neighbour(
    pair: list[PlayedHost], access: Access
) -> None:
    host, neighbour = pair
    host.neighbour = neighbour.name
    neighbour.close()
    host.lacking[NEW] = "table inet shaper is missing"
    rollout = rolled([host], access, neighbours=[neighbour])
    assert states(rollout) == {"core-1": "reverted"}
    assert "neighbour" not in outcome(rollout, "core-1").reason
