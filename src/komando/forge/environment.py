"""The forge that the environment names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from komando.forge.github import GitHub
from komando.forge.model import ForgeError

API: Final = "https://api.github.com"


def forge_from_environment(environment: Mapping[str, str] = os.environ) -> GitHub:
    """The forge that the environment names, as a workflow does.

    KOMANDO_FORGE_TOKEN or GITHUB_TOKEN, GITHUB_REPOSITORY (owner/name), and GITHUB_API_URL where it
    is not GitHub's own. Raises ForgeError with what is missing.
    """
    token = environment.get("KOMANDO_FORGE_TOKEN") or environment.get("GITHUB_TOKEN")
    repository = environment.get("GITHUB_REPOSITORY")
    missing = [
        words
        for words, value in (
            ("KOMANDO_FORGE_TOKEN or GITHUB_TOKEN (the token)", token),
            ("GITHUB_REPOSITORY (owner/name)", repository),
        )
        if not value
    ]
    if not token or not repository:
        raise ForgeError(f"no forge can be asked: set {' and '.join(missing)} in the environment")
    return GitHub(environment.get("GITHUB_API_URL") or API, repository, token)
