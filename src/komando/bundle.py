"""A bundle: the exact files of one host, and the digest that names them."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import NoReturn


class Plaintexts:
    """The secrets of one host in the clear, by name: for its archive, and for nothing else.

    They are no part of the bundle, so that no plan, cache or diff can hold them. It shows its
    names alone, and refuses to be pickled or copied.
    """

    __slots__ = ("_contents",)

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = dict(sorted(contents.items()))

    def __repr__(self) -> str:
        return f"Plaintexts({', '.join(self._contents)})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("plaintexts are not to be copied or written")

    @property
    def names(self) -> tuple[str, ...]:
        """Which secrets these are, in order."""
        return tuple(self._contents)

    def members(self) -> Mapping[str, bytes]:
        """What they are in an archive, by path."""
        return {f"secrets/{name}": content for name, content in self._contents.items()}


NO_SECRETS = Plaintexts({})


@dataclass(frozen=True)
class Bundle:
    """The files that one host shall have, as data: no program, no unit, nothing executable.

    `files` maps paths below the root, without a leading slash ("etc/komando/manifest.json"), to
    contents. Raises ValueError for a path that is absolute, not normal, or leaves the root.
    """

    host: str
    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        for path in self.files:
            _refuse_stray(path)
        object.__setattr__(self, "files", MappingProxyType(dict(sorted(self.files.items()))))

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of what `sha256sum` prints for the files, sorted by path.

        So a person on the host can recompute it with coreutils alone.
        """
        from komando.host.generation import digest_of

        return digest_of(self.files)

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """The names of the secrets that its host needs with it, in order."""
        from komando.host.secrets import stated

        return tuple(one.name for one in stated(self.files))

    def archive(self, plaintexts: Plaintexts = NO_SECRETS) -> bytes:
        """The files as tar.gz; the same bundle gives the same bytes at any time and place.

        With the secrets of its host behind them, where they are given. Raises ValueError when
        these are not all that the bundle states.
        """
        if plaintexts.names and plaintexts.names != self.secrets:
            raise ValueError(
                f"the bundle of {self.host} states the secrets {', '.join(self.secrets) or 'none'}"
                f", and {', '.join(plaintexts.names)} came"
            )
        from komando.host.archive import packed

        return packed(self.files, plaintexts.members())

    @classmethod
    def from_archive(cls, host: str, archive: bytes) -> Bundle:
        """Read what `archive` or a host's `export` wrote.

        Raises ValueError when it is damaged, or holds anything but plain files and folders.
        """
        from komando.host.archive import inflated, members
        from komando.host.errors import HostError

        try:
            entries = list(members(inflated(archive)))
        except (tarfile.TarError, zlib.error, ValueError, HostError) as error:
            raise ValueError(f"the archive of {host} cannot be read: {error}") from error
        files: dict[str, bytes] = {}
        for entry, content in entries:
            if entry.isdir():
                continue
            if entry.type != tarfile.REGTYPE:
                raise ValueError(f"the archive of {host} holds {entry.name}, not a file")
            files[entry.name.removeprefix("./")] = content
        return cls(host, files)

    def text(self, path: str) -> str:
        """One file as text. Raises KeyError when the bundle has no such file."""
        return self.files[path].decode()

    def write(self, folder: Path) -> None:
        """Write the files below `folder`, which is made when it does not stand."""
        for path, content in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    @classmethod
    def read(cls, host: str, folder: Path) -> Bundle:
        """Read a folder that `write` made. Raises FileNotFoundError when there is none."""
        if not folder.is_dir():
            raise FileNotFoundError(folder)
        found = (path for path in folder.rglob("*") if path.is_file())
        return cls(host, {path.relative_to(folder).as_posix(): path.read_bytes() for path in found})


def _refuse_stray(path: str) -> None:
    pure = PurePosixPath(path)
    if not pure.parts or pure.is_absolute() or ".." in pure.parts or str(pure) != path:
        raise ValueError(f"a bundle's path must be relative and normal, not {path!r}")
