"""The forge: pull requests, who approved them, comments and issues, behind one small adapter.

And what this house asks of a pull request, whatever the forge was set to: the two-person rule.
"""

from komando.forge.hands import Stated
from komando.forge.judges import Judges, judges_of
from komando.forge.model import (
    Approval,
    Commit,
    Forge,
    ForgeError,
    Issue,
    Label,
    Protection,
    Push,
    RefusedError,
    Request,
    Review,
    Runner,
)
from komando.forge.owners import OWNERS_FILES, Owners, read_owners
from komando.forge.rule import EMERGENCY, Missing, Verdict, judge

__all__ = [
    "EMERGENCY",
    "OWNERS_FILES",
    "Approval",
    "Commit",
    "Forge",
    "ForgeError",
    "Issue",
    "Judges",
    "Label",
    "Missing",
    "Owners",
    "Protection",
    "Push",
    "RefusedError",
    "Request",
    "Review",
    "Runner",
    "Stated",
    "Verdict",
    "judge",
    "judges_of",
    "read_owners",
]
