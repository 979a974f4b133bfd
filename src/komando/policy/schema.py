"""JSON Schemas of the policy files."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from komando.documents.described import schema_of
from komando.policy.acknowledgements import Acknowledgement
from komando.policy.regions import Region
from komando.policy.sites import Hotspot, Opd
from komando.policy.tree import Kind

MODELS: dict[Kind, type[BaseModel]] = {
    "region": Region,
    "opd": Opd,
    "hotspots": Hotspot,
    "acknowledgements": Acknowledgement,
}


def file_schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one kind of file, for editors."""
    file = "region.yaml" if kind == "region" else f"{kind}/<slug>.yaml"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"policies/{file}",
        **{key: value for key, value in schema_of(MODELS[kind]).items() if key != "title"},
    }
