"""What a person sees who writes a policy in an editor: yaml-language-server, by our settings."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from komando.policy.sites import Opd
from tests.editor.server import PROGRAM, ROOT, LanguageServer

pytestmark = pytest.mark.skipif(
    not PROGRAM.is_file() or shutil.which("node") is None,
    reason="yaml-language-server is not installed: scripts/setup does it where npm is at hand",
)

OFFICE = ROOT / "policies/opd/dinas-kesehatan.yaml"
TEXT = OFFICE.read_text()
SHIPPED = sorted([*ROOT.glob("policies/**/*.yaml"), *ROOT.glob("inventories/*/hosts.yaml")])
KEYS = {field.alias or name for name, field in Opd.model_fields.items()} - {"slug"}
NEW = (OFFICE.with_name(f"unsaved-{number}.yaml") for number in itertools.count())


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "stderr"


@pytest.fixture(scope="module")
def server(log: Path) -> Iterator[LanguageServer]:
    settings = json.loads((ROOT / ".vscode/settings.json").read_text())
    with LanguageServer(ROOT, settings, log) as started:
        yield started


def written(server: LanguageServer, text: str) -> tuple[str, int, int]:
    """An unsaved office of this text; its URI, and the line and character of its end."""
    line, _, last = text.rpartition("\n")
    return server.open(next(NEW), text), line.count("\n") + 1, len(last)


def said(found: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    """Message, line and column of diagnostics, counted from 1 as `komando check` counts."""
    starts = [(one["message"], one["range"]["start"]) for one in found]
    return [(words, at["line"] + 1, at["character"] + 1) for words, at in starts]


def without(key: str) -> str:
    """The office without a key of one line."""
    kept = [line for line in TEXT.splitlines(keepends=True) if not line.startswith(f"{key}:")]
    assert len(kept) == TEXT.count("\n") - 1
    return "".join(kept)


def test_no_shipped_file_is_complained_of(server: LanguageServer) -> None:
    assert len(SHIPPED) > 50
    opened = {file: server.open(file) for file in SHIPPED}
    found = {str(file): server.diagnostics(uri) for file, uri in opened.items()}
    assert not {file: said(complaints) for file, complaints in found.items() if complaints}


def test_at_the_beginning_of_a_line_the_keys_are_offered_that_may_follow(
    server: LanguageServer,
) -> None:
    first = TEXT.partition("\n")[0]
    assert set(server.labels(*written(server, f"{first}\n"))) >= KEYS
    offered = set(server.labels(*written(server, TEXT)))
    assert offered == {"mode", "exceptions"}, "the office has all others"
    assert offered < KEYS


def test_a_file_without_its_first_line_is_known_by_its_place(server: LanguageServer) -> None:
    assert set(server.labels(*written(server, "id: 5\n"))) >= KEYS - {"id"}


def test_the_words_of_a_choice_are_offered(server: LanguageServer) -> None:
    assert server.labels(*written(server, f"{TEXT}mode: ")) == ["observe", "enforce"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("guarantee", "20 Mbit/s"), ("ceiling", "64 kbit/s"), ("calendar", "working-week")],
)
def test_a_value_is_offered_in_its_form(server: LanguageServer, key: str, value: str) -> None:
    assert value in server.labels(*written(server, f"{without(key)}{key}: "))


def test_the_keys_of_an_exception_are_offered(server: LanguageServer) -> None:
    offered = server.labels(*written(server, f"{TEXT}exceptions:\n  - "))
    assert {"from", "until", "guarantee", "calendar", "reason", "request"} <= set(offered)


def test_a_key_is_explained(server: LanguageServer) -> None:
    lines = TEXT.splitlines()
    (line,) = (number for number, text in enumerate(lines) if text.startswith("guarantee:"))
    shown = server.hover(server.open(OFFICE), line, 3)
    assert "What it gets in its hours whatever the others do." in shown
    assert "kbit/s, Mbit/s or Gbit/s" in shown
    assert "20 Mbit/s" in shown


@pytest.mark.parametrize(
    ("line", "message", "column"),
    [
        ("guaranty: 20 Mbit/s", "Property guaranty is not allowed.", 1),
        ("mode: watch", 'Value is not accepted. Valid values: "observe", "enforce".', 7),
    ],
)
def test_a_wrong_line_is_marked_while_it_is_written(
    server: LanguageServer, line: str, message: str, column: int
) -> None:
    uri, end, _ = written(server, f"{TEXT}{line}")
    assert said(server.diagnostics(uri)) == [(message, end + 1, column)]


@pytest.mark.parametrize("rate", ["20 Mbit", "20Mbit/s", "20 MB/s"])
def test_a_rate_in_another_form_is_told_the_right_one(server: LanguageServer, rate: str) -> None:
    uri, end, _ = written(server, f"{without('guarantee')}guarantee: {rate}")
    ((words, line, column),) = said(server.diagnostics(uri))
    assert "Bits per second, decimal: kbit/s, Mbit/s or Gbit/s." in words
    assert (line, column) == (end + 1, 12)


def test_the_network_was_not_tried(server: LanguageServer, log: Path) -> None:
    """By this time all the others have asked what they ask; `log` holds what was tried."""
    server.diagnostics(server.open(OFFICE.with_name("bpbd.yaml")))
    assert "network:" not in log.read_text()


def test_the_guard_sees_a_try(tmp_path: Path) -> None:
    """The other way round: with the store on, the server does go out, and the log says so."""
    log = tmp_path / "stderr"
    with LanguageServer(ROOT, {"yaml.schemaStore.enable": True}, log) as eager:
        eager.labels(*written(eager, f"{TEXT}mode: "))
    assert "network:" in log.read_text()
