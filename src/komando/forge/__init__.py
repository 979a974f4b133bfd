"""The forge: pull requests, who approved them, comments and issues, behind one small adapter."""

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

__all__ = [
    "Approval",
    "Commit",
    "Forge",
    "ForgeError",
    "Issue",
    "Label",
    "Protection",
    "Push",
    "RefusedError",
    "Request",
    "Review",
    "Runner",
]
