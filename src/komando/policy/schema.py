"""JSON Schemas of the policy files."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from komando.documents.described import file_schema
from komando.policy.acknowledgements import Acknowledgement
from komando.policy.people import PeopleFile
from komando.policy.regions import Region
from komando.policy.sites import Hotspot, Opd
from komando.policy.tree import SINGLE, Kind

MODELS: dict[Kind, type[BaseModel]] = {
    "region": Region,
    "people": PeopleFile,
    "opd": Opd,
    "hotspots": Hotspot,
    "acknowledgements": Acknowledgement,
}


def policy_schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of one kind of policy file."""
    file = f"{kind}.yaml" if kind in SINGLE.values() else f"{kind}/<slug>.yaml"
    return file_schema(f"policies/{file}", MODELS[kind])
