"""The doctor and the forge: a server on this machine answers as GitHub's API does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from komando.cli.doctor_looks import looked_at_forge
from komando.doctor import Symptom
from komando.doctor.forge import Said, forge
from komando.forge import Protection, Runner

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
RULES = [{"type": "pull_request"}, {"type": "non_fast_forward"}, {"type": "deletion"}]


@contextmanager
def served(
    answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch, *, ends: str = "", status: int = 404
) -> Iterator[None]:
    """The environment names a forge that has these answers, by path; all else is not found."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0].removeprefix("/repos/diskominfo/komando")
            found = answers.get(path)
            raw = json.dumps({"message": "Not Found"} if found is None else found).encode()
            self.send_response(status if found is None else 200)
            if ends:
                self.send_header("github-authentication-token-expiration", ends)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("KOMANDO_FORGE_TOKEN", "secret-word")
    monkeypatch.setenv("GITHUB_REPOSITORY", "diskominfo/komando")
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{server.server_port}")
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(*, offline: bool = False) -> list[Symptom]:
    return list(looked_at_forge("lab", NOW, offline=offline))


def test_a_forge_that_holds_people_to_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "": {"full_name": "diskominfo/komando"},
        "/rules/branches/main": RULES,
        "/rules/branches/deployments/lab": RULES[1:],
        "/branches/main/protection": None,
        "/actions/runners": {
            "total_count": 1,
            "runners": [{"name": "controller-1", "status": "online", "labels": []}],
        },
    }
    with served(answers, monkeypatch, ends="2027-03-31 00:00:00 UTC"):
        found = asked()
    assert [(one.id, one.level) for one in found] == [
        ("forge-token", "ok"),
        ("forge-protection", "ok"),
        ("forge-protection", "ok"),
        ("forge-runner", "ok"),
    ]


def test_a_forge_that_is_away_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    with served({}, monkeypatch, status=410):
        pass  # and now it is gone
    (one,) = asked()
    assert (one.id, one.level) == ("forge-away", "warning")


def test_a_forge_that_answers_a_page_is_away_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with served({}, monkeypatch, status=200):  # an object that is none of those asked for
        found = [one for one in asked() if one.id == "forge-away"]
    (one,) = found
    assert "other questions" in one.what


def test_what_the_token_may_not_ask_is_told_without_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with served({}, monkeypatch, status=403):
        found = asked()
    assert [(one.id, one.level) for one in found] == [("forge-refused", "note")]
    assert "secret-word" not in " ".join(one.what for one in found)


def test_nobody_is_asked_offline_or_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with served({}, monkeypatch):
        (one,) = asked(offline=True)
    assert one.id == "forge-unasked"
    assert one.mend.startswith("leave out --offline; the token has to read")
    for name in ("KOMANDO_FORGE_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (one,) = asked()
    assert (one.id, one.level) == ("forge-unasked", "note")
    assert "KOMANDO_FORGE_TOKEN or GITHUB_TOKEN" in one.mend
    assert "GITHUB_REPOSITORY" not in one.mend
    assert "--offline" not in one.mend
    monkeypatch.setenv("GITHUB_TOKEN", "secret-word")
    monkeypatch.delenv("GITHUB_REPOSITORY")
    (one,) = asked()
    assert "GITHUB_REPOSITORY" in one.mend
    assert "TOKEN" not in one.mend


@pytest.mark.parametrize(
    ("day", "level"), [(datetime(2026, 7, 1, 13, tzinfo=UTC), "warning"),
                       (datetime(2026, 7, 2, 13, tzinfo=UTC), "ok")]
)  # fmt: skip
def test_a_token_that_ends(day: datetime, level: str) -> None:
    (one,) = forge(Said(token_ends=day), "lab", NOW)
    assert (one.id, one.level) == ("forge-token", level)
    assert str(day.date()) in one.what


def test_a_token_without_an_end_is_no_symptom() -> None:
    assert not list(forge(Said(), "lab", NOW))


@pytest.mark.parametrize(
    ("branch", "protection", "level", "words"),
    [
        ("main", Protection(False, True, True), "warning", "takes pushes without a pull request"),
        ("main", Protection(True, False, True), "warning", "main takes force pushes"),
        ("main", Protection(True, True, False), "warning", "main can be deleted"),
        ("main", Protection(None, None, None), "note", "does not say"),
        ("deployments/lab", Protection(False, True, True), "ok", "deployments/lab is protected"),
        ("deployments/lab", Protection(False, False, False), "warning", "takes force pushes, can"),
        ("deployments/lab", Protection(True, True, True), "error", "no apply can record"),
    ],
)
def test_what_a_branch_is_protected_from(
    branch: str, protection: Protection, level: str, words: str
) -> None:
    (one,) = forge(Said(protection={branch: protection}), "lab", NOW)
    assert (one.id, one.level) == ("forge-protection", level)
    assert words in one.what


@pytest.mark.parametrize(
    ("runners", "level", "words"),
    [
        ((), "note", "no runner is registered"),
        ((Runner("controller-1", online=False, labels=()),), "warning", "controller-1 is away"),
        ((Runner("controller-1", online=True, labels=()),), "ok", "controller-1 is there"),
    ],
)
def test_the_runner(runners: tuple[Runner, ...], level: str, words: str) -> None:
    (one,) = forge(Said(runners=runners), "lab", NOW)
    assert (one.id, one.level) == ("forge-runner", level)
    assert words in one.what
