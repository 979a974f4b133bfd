"""Diagnostics for machines: JSON, annotations of GitHub's workflows, and SARIF 2.1.0."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from komando import __version__
from komando.diagnostics import Diagnostic, Location, Severity

PAGES = Path("docs/checks")

MOST_ANNOTATIONS = 10
"""Errors, and as many warnings, that GitHub shows of one step; what comes after is dropped.

Source: GitHub's documentation, "Workflow commands", and the limits of actions/toolkit.
"""


def as_json(diagnostics: Sequence[Diagnostic], counts: dict[str, int]) -> str:
    """One object: the counts, and each diagnostic with the same keys as in the text."""
    return _dumped({"format": 1, **counts, "diagnostics": [_plain(one) for one in diagnostics]})


def _dumped(whole: dict[str, Any]) -> str:
    """JSON in UTF-8; in names of files that are not, the strange bytes stand escaped."""
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()


def _plain(one: Diagnostic) -> dict[str, Any]:
    return {
        "id": one.id,
        "severity": one.severity,
        "message": one.message,
        "found": one.found,
        "expected": one.expected,
        "remedy": one.remedy,
        **one.location._asdict(),
        "related": [{"message": two.message, **two.location._asdict()} for two in one.related],
        "page": one.page,
    }


def as_github(diagnostics: Sequence[Diagnostic], command: str = "komando check") -> str:
    """One workflow command a line, which GitHub shows at the line of a pull request.

    Errors first, then warnings, each in the order given, and no more than are shown: the last of a
    severity counts the rest, and names the command that tells them.
    """
    severities: tuple[Severity, ...] = ("error", "warning")
    text = "\n".join(
        line
        for severity in severities
        for line in _annotations([one for one in diagnostics if one.severity == severity], command)
    )
    return text.encode("utf-8", "replace").decode()  # names of files that are not UTF-8


def _annotations(alike: Sequence[Diagnostic], command: str) -> Iterator[str]:
    """Those of one severity that are shown."""
    left = len(alike) - MOST_ANNOTATIONS
    for place, one in enumerate(alike[:MOST_ANNOTATIONS], start=1):
        if left > 0 and place == MOST_ANNOTATIONS:
            more = f"{left} more {one.severity}{'' if left == 1 else 's'}"
            yield _annotation(one, f"{one.id}, and {more}", f"\n\n{more}; `{command}` shows all")
        else:
            yield _annotation(one, one.id)


def _annotation(one: Diagnostic, title: str, more: str = "") -> str:
    at = one.location
    text = f"{one.message}\nfound: {one.found}\nexpected: {one.expected}\nhelp: {one.remedy}"
    for two in one.related:
        text += f"\nsee: {two.location}: {two.message}"
    properties = {"file": _relative(at.file), "line": at.line, "col": at.column, "title": title}
    written = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{one.severity} {written}::{_data(text + more)}"


def _data(text: str) -> str:
    """Escaped as GitHub's own toolkit does it (actions/toolkit, command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _relative(file: str) -> str:
    """A file under the working folder without that folder: annotations want the repository's."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd()).as_posix()
    return path.as_posix()


def as_sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """SARIF 2.1.0 (OASIS), one run, with a rule for each check that found something."""
    ids = sorted({one.id for one in diagnostics})
    rules = [_rule(next(one for one in diagnostics if one.id == name)) for name in ids]
    run = {
        "tool": {"driver": {"name": "komando", "version": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, ids.index(one.id)) for one in diagnostics],
    }
    whole = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return _dumped(whole)


def _rule(one: Diagnostic) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": one.id,
        "shortDescription": {"text": one.id.replace("-", " ")},
        "defaultConfiguration": {"level": one.severity},
    }
    if (uri := _page_uri(one)) is not None:
        rule["helpUri"] = uri
    page = PAGES / f"{one.id}.md"
    try:
        text = page.read_text(encoding="utf-8")
    except OSError:  # it helps where it is at hand
        return rule
    rule["shortDescription"]["text"] = _first_sentence(text)
    rule["help"] = {"text": text, "markdown": text}
    return rule


def _first_sentence(page: str) -> str:
    """What a page says below its heading, up to the first full stop."""
    said = page.partition("\n\n")[2].partition("\n\n")[0].replace("\n", " ").strip()
    head, stop, _ = f"{said} ".partition(". ")
    return head + stop.rstrip()


def _page_uri(one: Diagnostic) -> str | None:
    """An absolute address, as SARIF wants it: on the forge where a workflow runs, else here.

    None outside of the repository, where no page is.
    """
    server, repository = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    if server and repository:
        return f"{server}/{repository}/blob/HEAD/{one.page}"
    page = Path.cwd() / one.page
    return page.as_uri() if page.is_file() else None


def _result(one: Diagnostic, rule: int) -> dict[str, Any]:
    text = f"{one.message}. Found: {one.found}. Expected: {one.expected}. Help: {one.remedy}"
    result: dict[str, Any] = {
        "ruleId": one.id,
        "ruleIndex": rule,
        "level": one.severity,
        "message": {"text": text},
        "locations": [_sarif_location(one.location)],
    }
    if one.related:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": two.message}, **_sarif_location(two.location)}
            for number, two in enumerate(one.related, 1)
        ]
    return result


def _sarif_location(at: Location) -> dict[str, Any]:
    path = Path(_relative(at.file))
    uri = path.as_uri() if path.is_absolute() else _quoted(path.as_posix())
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri},
            "region": {"startLine": at.line, "startColumn": at.column},
        }
    }


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(os.fsencode(path))
