"""Secrets: encrypted files beside the inventory, and the keys that they are sealed with.

A secret is a reference everywhere but in three places: its age file, the archive that an apply
sends, and the one file of mode 0600 on its host.
"""

from komando.secrets.files import (
    FOLDER,
    RECIPIENTS,
    SecretError,
    sealed_secrets,
    secret_path,
)
from komando.secrets.keys import Key, KeyFileError, open_all, read_key, read_recipients, seal

__all__ = [
    "FOLDER",
    "RECIPIENTS",
    "Key",
    "KeyFileError",
    "SecretError",
    "open_all",
    "read_key",
    "read_recipients",
    "seal",
    "sealed_secrets",
    "secret_path",
]
