"""SHA-256, without what `hashlib` loads for it: OpenSSL, 3 ms of each start of this program."""

from __future__ import annotations

from .typed import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:  # as the standard library's own random.py does, for the same reason
        from _sha2 import sha256  # Python 3.12 and newer
    except ImportError:
        try:
            from _sha256 import sha256  # Python 3.11
        except ImportError:
            from hashlib import sha256

__all__ = ["sha256"]
