from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from komando.cli import VERBS, main
from komando.cli.check import check as check_command
from komando.cli.formats import as_github, as_sarif
from komando.diagnostics import Diagnostic, Location, Related, Sources, as_text, token_at
from komando.policy import load_policy
from tests.errors.cases import as_somebody

FINDING = Diagnostic(
    "rate-unit",
    "error",
    "a rate, 100% wrong:\nthe unit",
    "20",
    "a rate",
    "write `20 Mbit/s`",
    Location("policies/opd/a,b.yaml", 9, 12),
    (Related("the link", Location("policies/opd/a,b.yaml", 6, 3)),),
)


def policies(folder: Path, guarantee: str) -> Path:
    base = Path(__file__).parents[1] / "errors" / "base" / "policies"
    for path in base.rglob("*.yaml"):
        copy = folder / path.relative_to(base)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text().replace("guarantee: 10 Mbit/s", guarantee))
    return folder


def check(folder: Path, *arguments: str) -> tuple[str, str, int]:
    result = CliRunner().invoke(
        main, ["check", "--policies", str(folder), "--today", "2026-06-01", *arguments]
    )
    return result.stdout, result.stderr, result.exit_code


def test_good_policies(tmp_path: Path) -> None:
    out, _, status = check(policies(tmp_path, "guarantee: 10 Mbit/s"))
    assert (out, status) == ("All is well: 3 offices and 1 public point\n", 0)


def test_findings_end_with_where_their_pages_are(tmp_path: Path) -> None:
    out, err, _ = check(policies(tmp_path, "guarantee: 10"))
    assert "[rate-unit]" in out
    assert err == "what an id means: docs/checks/<id>.md\n"
    assert not check(policies(tmp_path, "guarantee: 10 Mbit/s"))[1]


def test_with_calendars_that_have_ended_all_is_not_well(tmp_path: Path) -> None:
    out, _, status = check(policies(tmp_path, "guarantee: 10 Mbit/s"), "--today", "2031-01-01")
    assert status == 0
    assert out.endswith(
        "\n\nThe calendars have ended, and routers stay in their last profile: "
        "3 offices and 1 public point, 1 warning\n"
    )


def test_today_is_the_regions_day_and_not_that_of_greenwich(tmp_path: Path) -> None:
    root = policies(tmp_path, "guarantee: 10 Mbit/s")
    evening = datetime(2027, 12, 31, 16, 59, tzinfo=UTC)
    for moment, words in (
        (evening, "the calendars end in 0 days"),
        (evening + timedelta(minutes=1), "the calendars have ended"),
    ):
        (found,) = load_policy(root, moment).diagnostics
        assert found.message == words


def test_json_has_every_field(tmp_path: Path) -> None:
    out, _, status = check(policies(tmp_path, "guarantee: 10"), "--format", "json")
    found = json.loads(out)
    assert status == 1
    assert {key: found[key] for key in ("offices", "points", "errors", "warnings")} == {
        "offices": 3,
        "points": 1,
        "errors": 1,
        "warnings": 0,
    }
    (one,) = found["diagnostics"]
    assert one["id"] == "rate-unit"
    assert (one["line"], one["column"]) == (9, 12)
    assert one["file"] == str(tmp_path / "opd" / "bpbd.yaml")
    assert one["page"] == "docs/checks/rate-unit.md"
    assert one["remedy"] == "write `10 Mbit/s` if megabits per second are meant"


def test_sarif_names_no_page_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    (rule,) = json.loads(as_sarif([FINDING]))["runs"][0]["tool"]["driver"]["rules"]
    assert "helpUri" not in rule


def test_an_annotation_is_escaped_and_stays_on_its_line() -> None:
    assert as_github([FINDING]) == (
        "::error file=policies/opd/a%2Cb.yaml,line=9,col=12,title=rate-unit::"
        "a rate, 100%25 wrong:%0Athe unit%0Afound: 20%0Aexpected: a rate"
        "%0Ahelp: write `20 Mbit/s`%0Asee: policies/opd/a,b.yaml:6:3: the link"
    )


def test_sarif(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://forge.example")
    monkeypatch.setenv("GITHUB_REPOSITORY", "kotim/komando")
    whole = json.loads(as_sarif([FINDING]))
    assert whole["version"] == "2.1.0"
    (run,) = whole["runs"]
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["id"] == "rate-unit"
    assert rule["helpUri"] == (
        "https://forge.example/kotim/komando/blob/HEAD/docs/checks/rate-unit.md"
    )
    assert rule["help"]["markdown"].startswith("# rate-unit\n")
    assert rule["shortDescription"]["text"] == "A rate without its unit."
    (result,) = run["results"]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("rate-unit", 0, "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "policies/opd/a%2Cb.yaml"
    assert place["region"] == {"startLine": 9, "startColumn": 12}
    assert result["relatedLocations"][0]["message"]["text"] == "the link"


@pytest.mark.parametrize(
    ("line", "column", "token"),
    [
        ("guarantee: 20 MB/s # why", 12, "20 MB/s"),
        ("guarantee: 20 MB/s # why", 1, "guarantee"),
        ("a: [x, 07:00 - 1]", 5, "x"),
        ("a: [x, 07:00 - 1]", 8, "07:00 - 1"),
        ('a: "07:00, 1" # x', 4, '"07:00, 1"'),
        ("a: &anchor 5", 4, "&anchor"),
        ("a: {b: 1}", 4, ""),
        ("a: http://x#y", 4, "http://x#y"),
    ],
)
def test_the_caret_covers_one_token(line: str, column: int, token: str) -> None:
    assert token_at(line, column) == token


def test_a_long_line_is_cut_around_the_fault(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(f"a: {'x' * 500} \u001b[31m\nb: 1\n")
    text = as_text(
        Diagnostic("x", "error", "m", "f", "e", "r", Location(str(file), 1, 504)), Sources()
    )
    row, caret = text.splitlines()[2:4]
    assert len(row) < 180
    assert "\u001b" not in row
    assert row[caret.index("^")] == " "


def test_check_starts_without_the_packages_of_other_verbs() -> None:
    code = (
        "import sys, komando.cli.check, komando.intent\n"
        "print(*(name for name in ('pyinfra', 'gevent', 'jinja2', 'rich.console', 'matplotlib')"
        " if name in sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "\n"


def test_help_lists_every_verb_without_importing_one() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for verb in VERBS:
        assert f"  {verb} " in result.output


@pytest.mark.parametrize("kind", ["opd", "hotspots", "region", "hosts"])
def test_schemas_describe_every_key(kind: str) -> None:
    result = CliRunner().invoke(main, ["schema", kind])
    schema = json.loads(result.output)
    assert schema["$schema"].endswith("2020-12/schema")
    assert "slug" not in schema["properties"]
    assert '"null"' not in result.output
    for name, part in [("", schema), *schema["$defs"].items()]:
        for key, value in part.get("properties", {}).items():
            assert "description" in value or "$ref" in value, f"{name}.{key}"


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
def test_no_name_of_a_file_breaks_a_line_or_the_encoding(form: str, tmp_path: Path) -> None:
    root = policies(tmp_path / "policies", "guarantee: 10 Mbit/s")
    (root / "opd" / "a\n::error::b\u001b[31m.yaml").write_text("id: 1")
    Path(os.fsdecode(os.fsencode(root / "opd") + b"/\xff.yaml")).write_text("id: 2")
    out, _, status = check(root, "--format", form)
    assert status == 1
    assert "\u001b" not in out.replace("\\u001b", "")
    assert not any(line.startswith("::error::b") for line in out.splitlines())
    out.encode("utf-8")
    if form in ("json", "sarif"):
        json.loads(out)


@pytest.mark.parametrize("today", ["0001-01-01", "9999-12-31"])
def test_every_day_that_can_be_written_can_be_today(tmp_path: Path, today: str) -> None:
    root = policies(tmp_path, "guarantee: 10 Mbit/s")
    office = root / "opd" / "bpbd.yaml"
    item = "{from: 2026-05-04, until: 2026-05-04, guarantee: 11 Mbit/s, reason: Ujian}"
    office.write_text(office.read_text() + f"exceptions:\n  - {item}\n")
    result = CliRunner().invoke(main, ["check", "--policies", str(root), "--today", today])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("days", ["2000-01-01, until: 2001-12-31", "2098-01-01, until: 2099-12-31"])
def test_the_first_and_the_last_years_that_can_be_covered_are_computed(
    tmp_path: Path, days: str
) -> None:
    region = policies(tmp_path, "guarantee: 10 Mbit/s") / "region.yaml"
    text = region.read_text().replace("2026-01-01, until: 2027-12-31", days)
    start, end = text.index("periods:"), text.index("pools:")
    region.write_text(text[:start] + text[end:])
    out, _, status = check(tmp_path)
    assert status == 0, out


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
@pytest.mark.parametrize("within", ["", "below"])
def test_a_folder_that_may_not_be_entered_is_a_finding_in_every_form(
    form: str, within: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = policies(Path(folder) / "policies", "guarantee: 10 Mbit/s")
        root.chmod(0)
        arguments = ["--policies", str(root / within), "--format", form]
        with as_somebody(Path(folder), arguments):
            result = CliRunner().invoke(check_command, arguments)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 1
    assert "file-unreadable" in result.stdout
    assert "permission denied" in result.stdout


def test_a_name_that_no_file_system_takes_is_a_finding() -> None:
    out, _, status = check(Path("x" * 300))
    assert status == 1
    assert "error[file-unreadable]" in out
    assert "file name too long" in out
