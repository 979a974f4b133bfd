"""The schemas for editors: committed as the models say, and named by each file that they are of."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path, PurePath
from typing import Any

import pytest
from click.testing import CliRunner

from komando.cli.schema import KINDS, as_text, schema, schema_of
from komando.documents.modeline import SCHEMAS, modeline, schema_name

ROOT = Path(__file__).parents[2]
AGAIN = "make them anew: `komando schema --write`"
POLICIES = sorted(ROOT.glob("policies/**/*.yaml"))
HOSTS = sorted(ROOT.glob("inventories/*/hosts.yaml"))
SETTINGS = json.loads((ROOT / ".vscode/settings.json").read_text())


def kind_of(file: Path) -> str:
    """The kind by where a file stands: policies/<kind>/, policies/<kind>.yaml, or hosts.yaml."""
    folder = file.parent
    return folder.name if folder.parent == ROOT / "policies" else file.stem


def parts(node: Any) -> list[dict[str, Any]]:
    """Every mapping in a schema."""
    if isinstance(node, list):
        return [one for item in node for one in parts(item)]
    if not isinstance(node, dict):
        return []
    return [node, *(one for value in node.values() for one in parts(value))]


@pytest.mark.parametrize("kind", KINDS)
def test_a_committed_schema_is_what_the_models_say(kind: str) -> None:
    file = ROOT / SCHEMAS / schema_name(kind)
    assert file.is_file(), AGAIN
    assert file.read_text() == as_text(schema_of(kind)), AGAIN


def test_no_other_schema_is_committed() -> None:
    found = {path.name for path in (ROOT / SCHEMAS).iterdir()}
    assert found == {schema_name(kind) for kind in KINDS}


def test_they_are_written_into_any_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(schema, ["--write", str(tmp_path / "a/b")])
    assert result.exit_code == 0
    assert result.stdout == ""
    written = {path.name: path.read_text() for path in (tmp_path / "a/b").iterdir()}
    assert written == {schema_name(kind): as_text(schema_of(kind)) for kind in KINDS}


def test_one_alone_is_written(tmp_path: Path) -> None:
    result = CliRunner().invoke(schema, ["opd", "--write", str(tmp_path)])
    assert result.stderr == f"{tmp_path} has the schemas of opd\n"
    assert [path.name for path in tmp_path.iterdir()] == ["opd.schema.json"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_no_folder(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(schema, ["--write", kind])
    assert f"`komando schema {kind} --write` writes its schema" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("folder", [[], [SCHEMAS]])
def test_where_the_usual_folder_is_not_nothing_is_written(
    folder: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(schema, ["--write", *folder])
    assert result.exit_code == 1
    assert f"no folder {SCHEMAS} here, and nothing was written" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_refuses_what_the_model_refuses(kind: str) -> None:
    """No key that is unknown, and no name that is none where keys are names."""
    found = schema_of(kind)
    for part in parts(found):
        if "properties" in part and part.get("type") == "object":
            assert part["additionalProperties"] is False
        if "patternProperties" in part:
            assert part["additionalProperties"] is False
        assert "$comment" not in part


def test_a_rate_says_its_meaning_and_its_form() -> None:
    (guarantee,) = (
        part["guarantee"] for part in parts(schema_of("opd")) if "ceiling" in part
        and "guarantee" in part
    )  # fmt: skip
    said = guarantee["description"]
    assert said.startswith("What it gets in its hours")
    assert said.endswith("kbit/s, Mbit/s or Gbit/s. One value for both directions, or down and up.")
    assert "20 Mbit/s" in guarantee["examples"]


@pytest.mark.parametrize("file", [*POLICIES, *HOSTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_names_its_schema_in_its_first_line(file: Path) -> None:
    kind = kind_of(file)
    assert kind in KINDS
    first = file.read_text().partition("\n")[0]
    assert first == modeline(str(file.parent.relative_to(ROOT)), kind)
    named = file.parent / first.partition("$schema=")[2]
    assert named.resolve() == ROOT / SCHEMAS / schema_name(kind)


def test_a_file_without_that_line_is_known_by_its_place() -> None:
    """The settings of an editor, a fallback for a file that is being written."""
    mapped = {PurePath(path): pattern for path, pattern in SETTINGS["yaml.schemas"].items()}
    for kind in KINDS:
        pattern = mapped[PurePath(SCHEMAS, schema_name(kind))]
        of_kind = {path for path in (*POLICIES, *HOSTS) if kind_of(path) == kind}
        assert set(ROOT.glob(pattern)) == of_kind


def test_an_editor_downloads_no_schema() -> None:
    assert SETTINGS["yaml.schemaStore.enable"] is False
    assert all(path.startswith("./") for path in SETTINGS["yaml.schemas"])


def test_the_settings_are_in_git() -> None:
    files = [".vscode/settings.json", ".vscode/extensions.json"]
    command = ["git", "-C", str(ROOT), "check-ignore", *files]
    ignored = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ignored.stdout, ignored.returncode) == ("", 1)


def test_the_servers_lock_names_no_registry() -> None:
    """So that npm takes the one of the machine; what it installs is held by its hashes."""
    lock = json.loads((ROOT / "tests/node/package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert not [name for name, one in packages.items() if "resolved" in one]
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
