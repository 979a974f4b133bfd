"""The archive in which a generation travels, and in which a copy of it is kept: a tar.gz.

Apart from the generations on the disk, because who only looks at those need not load any of it.
"""

from __future__ import annotations

import base64
import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from . import secrets
from .errors import HostError
from .frozen import Frozen
from .generation import digest_of
from .layout import allowed
from .typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

LIMIT = 256 * 2**20
"""Bytes that a bundle may unpack to; one with 10,000 offices has about 20 MiB."""

ARCHIVE_LIMIT = 32 * 2**20
"""Bytes of base64 in which a bundle may come; one with 10,000 offices has about 2 MiB."""


class Arrived(Frozen):
    """What an archive held: the files that the digest covers, and the secrets beside them."""

    files: Mapping[str, bytes]
    secrets: Mapping[str, bytes] = MappingProxyType({})

    def __repr__(self) -> str:
        """Names only: a secret stands in no traceback."""
        return f"Arrived({sorted(self.files)}, secrets={sorted(self.secrets)})"


def received(stream: BinaryIO) -> bytes:
    """The archive that a sender gives; raises HostError when there is more than a bundle may be."""
    archive = stream.read(ARCHIVE_LIMIT + 1)
    if len(archive) > ARCHIVE_LIMIT:
        raise HostError(f"no bundle: more than {ARCHIVE_LIMIT} bytes came on standard input")
    return archive


def unpack(archive: bytes, digest: str) -> Arrived:
    """What a base64 tar.gz holds; raises HostError for all but the bundle of this digest.

    Its secrets are all that the bundle states, or none: a host that has them needs no others.
    """
    files: dict[str, bytes] = {}
    private: dict[str, bytes] = {}
    try:
        packed = base64.b64decode(b"".join(archive.split()), validate=True)
        for member, content in members(inflated(packed)):
            name = secrets.member_name(member.name)
            held, key = (files, member.name) if name is None else (private, name)
            known = name is not None or allowed(member.name)
            if member.type != tarfile.REGTYPE or not known or key in held:
                raise HostError(f"the archive holds {member.name!r}, which it may not")
            held[key] = content
    except (tarfile.TarError, zlib.error, ValueError) as error:
        raise HostError(f"the archive is damaged: {error}") from None
    found = digest_of(files)
    if found != digest:
        raise HostError(f"the archive has the digest {found}, not {digest}")
    if private:
        secrets.agree(secrets.stated(files), private)
    return Arrived(files, private)


def inflated(packed: bytes) -> bytes:
    """What a gzip holds, its checksum verified; raises zlib.error or ValueError for damage.

    A HostError where that is more than LIMIT.
    """
    decompressor = zlib.decompressobj(wbits=31)
    plain = decompressor.decompress(packed, LIMIT)
    if decompressor.unconsumed_tail:
        raise HostError(f"the archive unpacks to more than {LIMIT} bytes")
    if not decompressor.eof:
        raise ValueError("it ends too early")
    return plain


def members(plain: bytes) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """The entries of a tar, each as it stands there; raises TarError or ValueError for damage.

    tarfile's own reader would carry out what an entry asks for: a sparse file of 144 octets may
    say that it has gigabytes. None of that is in a bundle.
    """
    start = 0
    while any(header := plain[start : start + tarfile.BLOCKSIZE]):
        entry = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
        start += tarfile.BLOCKSIZE
        end = start + entry.size
        if not start <= end <= len(plain):
            raise tarfile.ReadError(f"{entry.name!r} is not whole")
        yield entry, plain[start:end]
        start = end + -entry.size % tarfile.BLOCKSIZE
    if not header:
        raise tarfile.ReadError("it ends too early")


def contents(packed: bytes) -> dict[str, bytes]:
    """The files of a copy that was kept; raises HostError for one that is damaged."""
    try:
        return {member.name: content for member, content in members(inflated(packed))}
    except (tarfile.TarError, zlib.error, ValueError) as error:
        raise HostError(f"the copy is damaged: {error}") from None


def packed(files: Mapping[str, bytes], private: Mapping[str, bytes] | None = None) -> bytes:
    """Files as tar.gz, the same bytes each time; `private` ones, behind them, are their user's."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for group, mode in ((files, 0o644), (private or {}, 0o600)):
            for path, content in sorted(group.items()):
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(content), mode
                tar.addfile(entry, io.BytesIO(content))
    return zlib.compress(plain.getvalue(), level=6, wbits=31)
