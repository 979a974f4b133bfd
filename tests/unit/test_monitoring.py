"""Alerts, and the dashboard, as far as no machine is needed for it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dashboard import DASHBOARD, LABELS, ROOT, RULES, panels, questions
from tests.platforms.told import tool

TESTS = [RULES.with_name(f"komando.rules{one}.test.yml") for one in ("", ".days")]
UNITS = {"bps", "percentunit", "s", "decbytes", "none", "short", "dateTimeFromNow"}
UNITS |= {"bool_yes_no", "bool_on_off"}


def promtool(*arguments: str) -> str:
    program = tool("promtool")
    if not program:
        pytest.skip("needs promtool: scripts/setup")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def test_promtool_reads_the_rules() -> None:
    assert "rules found" in promtool("check", "rules", str(RULES))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_each_alert_fires_and_does_not(path: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", str(path))


def test_every_alert_is_seen_both_ways() -> None:
    wakes: set[str] = set()
    sleeps: set[str] = set()
    for path in TESTS:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for one in case.get("alert_rule_test", ()):
                (wakes if one["exp_alerts"] else sleeps).add(one["alertname"])
    assert wakes == sleeps == {rule["alert"] for rule in alerts()}


def test_every_recording_rule_is_reckoned_in_a_test() -> None:
    asked = "".join(
        one["expr"]
        for path in TESTS
        for case in yaml.safe_load(path.read_text())["tests"]
        for one in case.get("promql_expr_test", ())
    )
    untold = {
        rule["record"] for rule in rules() if "record" in rule and rule["record"] not in asked
    }
    # parts of ratios that are
    assert untold == {
        "komando:site_dropped_packets:rate5m",
        "komando:unmatched_sent_bytes:rate5m",
        "komando:uplink_sent_bytes:rate5m",
    }


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_and_where_to_look(rule: dict[str, Any]) -> None:
    said = rule["annotations"]
    assert {*said} == {"summary", "description", "runbook"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert said["description"].endswith(".")
    assert (ROOT / said["runbook"]).is_file()
    page = (ROOT / "docs/metrics.md").read_text()
    assert f"`{rule['alert']}`" in page


def test_what_prometheus_adds_hides_no_label_of_ours() -> None:
    template = ROOT / "roles/controller/templates/prometheus.yml.j2"
    (added,) = re.findall(r"^ *labels: \{(.*)\}$", template.read_text(), re.MULTILINE)
    names = set(re.findall(r"(\w+): \{\{", added))
    assert "instance" in names, "alerts and dashboard name machines by it"
    assert not names & LABELS


def test_a_dashboard_names_what_it_shows() -> None:
    assert DASHBOARD["schemaVersion"] >= 38, "Grafana 10"
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in panels():
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
    names = {one["name"] for one in DASHBOARD["templating"]["list"]}
    assert names == {"datasource", "instance", "slug", "direction"}
    used = set(re.findall(r"\$(\w+)", " ".join(str(panel["targets"]) for panel in panels())))
    assert used <= names


def test_no_panel_lies_over_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells


def test_promtool_reads_each_question_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": "asked", "expr": expression} for _, expression in questions()]
    path = tmp_path / "questions.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    # one name for all of them is what it warns of, and it does not count
    assert f"{len(rules)} rules found" in promtool("check", "rules", "--lint=none", str(path))
