"""A bundle on its way in: looked through, and laid on the disk, before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping

from .configuration import Configuration, read_configuration
from .errors import HostError
from .files import file_findings, folder_findings
from .generation import Generations
from .kernel import CommandError, links, run
from .layout import GUARD, NAT, SHAPER
from .typed import TYPE_CHECKING

if TYPE_CHECKING:
    from .archive import Arrived

_NFT_CHECK = ("nft", "-c", "-f", "-")


def stage(
    generations: Generations, digest: str, archive: bytes, previous: str | None
) -> Configuration:
    """Stages a bundle, whose `archive` may be empty where its files are on this host already.

    Gives its configuration; raises HostError with whatever of it cannot work on this machine. An
    interface that the generation before (`previous`) lacked, too, is not held against it.
    """
    arrived, standing = _files(generations, digest, archive)
    configuration = read_configuration(arrived.files)
    _check_tables(arrived.files)
    missing = set(configuration.interfaces) - links()
    if missing and (missing := missing - _interfaces(generations, previous)):
        raise HostError(f"there is no interface {', '.join(sorted(missing))}")
    if not standing:
        generations.stage(digest, arrived.files, arrived.secrets)
    return configuration


def _files(generations: Generations, digest: str, archive: bytes) -> tuple[Arrived, bool]:
    """The files of a generation, and whether they lie on this host as if they were just staged.

    Where somebody edited them, they are those of the archive, or of the copy that was kept: it
    is as if they were not here. Secrets that are whole are kept, where none come.
    """
    from .archive import Arrived, unpack

    try:
        files = generations.read(digest)
        if ailing := generations.ailing(digest, files):
            raise HostError(f"generation {digest} is not whole: {'; '.join(ailing)}")
        folder = generations.folder(digest)
        if not any((*file_findings(folder, files), *folder_findings(folder, files))):
            return Arrived(files), True
        arrived = Arrived(files)
    except HostError as error:
        original = generations.original(digest)
        if archive.strip():
            arrived = unpack(archive, digest)
        elif original and not generations.ailing(digest, original):
            arrived = Arrived(original)
        else:
            raise HostError(f"{error}, and no archive came with it") from None
    return generations.with_secrets(digest, arrived), False


def _interfaces(generations: Generations, digest: str | None) -> set[str]:
    """What a generation names of this machine: that is no news to it when it is away."""
    if digest is None:
        return set()
    try:
        return set(read_configuration(generations.read(digest), staged=True).interfaces)
    except HostError:
        return set()


def _check_tables(files: Mapping[str, bytes]) -> None:
    """Lets nft read the tables before anything is touched."""
    texts = {path: files[path].decode() for path in (SHAPER, NAT, GUARD) if path in files}
    try:
        run(_NFT_CHECK, "\n".join(texts.values()))
    except CommandError as error:
        for path, text in texts.items():  # which of them it is
            try:
                run(_NFT_CHECK, text)
            except CommandError as found:
                raise HostError(f"{path}: {found}") from None
        raise HostError(f"the tables together: {error}") from None
