"""`komando status`, asked of played hosts over real ssh: whom it asks, and how it ends."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from komando.inventory import Access
from komando.rollout.observe import ask_status
from komando.rollout.session import Session
from tests.rollout.played import PlayedHost
from tests.rollout.rolled import Komando, Play, command_line, press_ctrl_c

BOTH = {"down": 20_000_000, "up": 20_000_000}
QUIET = {"rate": 0, "packets": 0, "dropped": 0, "backlog": 0, "queued": 0.0}


def office(slug: str, **more: Any) -> dict[str, Any]:
    """As the host program tells of one that asks for nothing."""
    rates = dict.fromkeys(("promised", "guarantee", "floor", "ceiling"), BOTH)
    return {
        "slug": slug, "kind": "opd", "name": slug.upper(), "pool": "working-week",
        "segment": "metro", "mode": "enforce", "calendar": "working-week",
        "networks": ["10.20.5.0/24"], "exceptions": [], "device": "lan0", "carrier": True,
        "gateways": {"172.20.1.5": "answers"}, "down": QUIET, "up": QUIET, **rates, **more,
    }  # fmt: skip


@pytest.fixture
def router(host: PlayedHost, komando: Komando) -> PlayedHost:
    """It has two offices in force, and the policies beside it say something else."""
    del komando
    shutil.rmtree("policies")
    host.offices["bpbd"] = office("bpbd")
    host.offices["dinas-kesehatan"] = office("dinas-kesehatan", carrier=False)
    return host


def test_the_router_is_asked_once_and_no_policy_is_read(
    router: PlayedHost, komando: Komando
) -> None:
    done = komando("status", "opd/dinas-kesehatan", "--seconds", "2")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("The cable of segment metro is out: lan0 has no signal.\n")
    assert router.words == [["status", "dinas-kesehatan", "--seconds", "2"]]


def test_all_of_them_stand_in_one_table(router: PlayedHost, komando: Komando) -> None:
    done = komando("status")
    assert done.exit_code == 0, done.output
    assert "opd/bpbd             nothing comes" in done.output
    assert "opd/dinas-kesehatan  cable out" in done.output
    assert router.words == [["status", "--seconds", "1"]]


def test_an_office_that_two_routers_have_is_told_by_both(
    play: Play, access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It moved, and one of them was not applied since."""
    hosts = [play("core-1"), play("core-2")]
    for one in hosts:
        one.offices["bpbd"] = office("bpbd")
    done = command_line(hosts, access, tmp_path, monkeypatch)("status", "opd/bpbd")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("note: core-1 and core-2 have opd/bpbd in force, and one of")
    assert "opd/bpbd, core-1, " in done.output
    assert "opd/bpbd, core-2, " in done.output


@pytest.mark.usefixtures("router")
def test_an_unknown_office_is_an_error_with_a_near_name(komando: Komando) -> None:
    done = komando("status", "opd/dinas-kesehatn")
    assert done.exit_code == 1
    assert "no router has opd/dinas-kesehatn in force; did you mean opd/dinas-kesehatan?" in (
        done.output
    )


def test_a_router_that_is_away_cannot_be_asked(router: PlayedHost, komando: Komando) -> None:
    router.close()
    for words in (["opd/bpbd"], []):
        done = komando("status", *words)
        assert done.exit_code == 1
        assert "core-1: " in done.output


def test_a_router_without_a_known_key_is_named_before_any_is_asked(
    router: PlayedHost, komando: Komando
) -> None:
    Path("inventories/production/known_hosts").write_text("")
    done = komando("status")
    assert done.exit_code == 1
    assert "error[host-key-missing]" in done.output
    assert "komando trust core-1" in done.output
    assert router.words == []


def test_one_that_is_away_keeps_no_other_from_answering(play: Play, access: Access) -> None:
    one, other = play("core-1"), play("core-2")
    one.offices["bpbd"] = office("bpbd")
    other.close()
    with Session([one.host, other.host], access) as session:
        told, failures = ask_status(session, ["core-1", "core-2"], "bpbd", 1)
    assert [found.slug for found in told["core-1"].offices] == ["bpbd"]
    assert failures.keys() == {"core-2"}


def test_one_that_answers_oddly_keeps_no_other_from_answering(play: Play, access: Access) -> None:
    one, other = play("core-1"), play("core-2")
    one.offices["bpbd"] = office("bpbd")
    other.offices["bpbd"] = office("bpbd", down={**QUIET, "rate": float("inf")})
    with Session([one.host, other.host], access) as session:
        told, failures = ask_status(session, ["core-1", "core-2"], "", 1)
    assert told.keys() == {"core-1"}
    assert failures["core-2"].startswith("status is not understood: ValueError(")


def test_an_answer_of_another_release_is_told(router: PlayedHost, komando: Komando) -> None:
    del router.offices["bpbd"]["gateways"]
    done = komando("status", "opd/bpbd")
    assert done.exit_code == 1
    assert "core-1: status is not understood: KeyError('gateways')" in done.output


def test_watching_asks_again_until_ctrl_c(router: PlayedHost, komando: Komando) -> None:
    found = watched(router, komando, "opd/bpbd", "--format", "json")
    assert found.exit_code == 0, found.output
    answers = objects(found.stdout)
    assert len(answers) >= 2
    assert {one["asked"] for one in answers} == {"bpbd"}


def test_watching_goes_on_when_the_line_was_cut(router: PlayedHost, komando: Komando) -> None:
    router.cut_at = "status"
    found = watched(router, komando, "--format", "json")
    assert found.exit_code == 0, found.output
    first, *later = objects(found.stdout)
    assert (first["routers"], first["failures"].keys()) == ([], {"core-1"})
    assert [len(one["routers"]) for one in later if not one["failures"]]
    assert "core-1: " in found.stderr


def test_watching_waits_for_what_is_not_there_yet(router: PlayedHost, komando: Komando) -> None:
    found = watched(router, komando, "opd/dinas-kesehatn")
    assert found.exit_code == 0, found.output
    assert found.stderr.count("did you mean opd/dinas-kesehatan?") >= 2
    assert found.stdout == ""


def watched(router: PlayedHost, komando: Komando, *words: str) -> Result:
    """`--watch` until the router was asked three times."""
    done = threading.Event()
    threading.Thread(target=_after, args=(router, 3, done), daemon=True).start()
    press_ctrl_c(1, done)
    return komando("status", *words, "--watch")


def objects(text: str) -> list[dict[str, Any]]:
    """The JSON objects of a text, in order."""
    found = []
    while text := text.lstrip():
        said, end = json.JSONDecoder().raw_decode(text)
        text = text[end:]
        found.append(said)
    return found


def _after(router: PlayedHost, times: int, done: threading.Event) -> None:
    """Says that it was asked so often."""
    while router.verbs.count("status") < times:
        time.sleep(0.05)
    done.set()
