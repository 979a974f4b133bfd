"""The dashboard as Grafana would ask it: panels, and their questions with all variables filled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CONTROLLER = ROOT / "roles/controller/files"
DASHBOARD: dict[str, Any] = json.loads((CONTROLLER / "grafana/komando.json").read_text())
RULES = CONTROLLER / "prometheus/komando.rules.yml"

LABELS = {
    *("slug", "kind", "direction", "name", "pool", "mode", "class"),
    *("interface", "role", "gateway", "generation", "profile", "result"),
}
"""Of the host program's metrics; what Prometheus itself adds must be called otherwise."""

FILLED = {"$instance": ".*", "$direction": ".*", "$slug": "sekretariat-daerah"}


def panels() -> list[dict[str, Any]]:
    """All but the headings of rows."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def questions() -> list[tuple[str, str]]:
    """Each expression with the title of its panel."""
    found = []
    for panel in panels():
        for target in panel["targets"]:
            expression = str(target["expr"])
            for name, value in FILLED.items():
                expression = expression.replace(name, value)
            found.append((str(panel["title"]), expression))
    return found
