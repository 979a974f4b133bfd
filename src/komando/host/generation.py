"""Generations on disk: staged whole, checked, and made current by one rename."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path, PurePath

from . import secrets
from .durable import sync
from .errors import HostError
from .frozen import replace
from .hashing import sha256
from .layout import Paths, allowed
from .typed import TYPE_CHECKING

if TYPE_CHECKING:
    from .archive import Arrived

NUMBER_KEPT = 20
"""Generations that stay on a host, the failed ones among them; each has some 100 kB."""

DAYS_KEPT = 180
"""Days after which one goes, unless it is among the NEWEST_KEPT."""

NEWEST_KEPT = 5
"""The newest ones, which stay however old they seem: no clock takes all ways back."""

KEPT_COPY = "bundle.tar.gz"
"""In a generation's folder, beside its files: what was staged, for root alone. A file that is
edited later is compared with it and mended from it; it counts only while it has the digest."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def check_digest(digest: str) -> str:
    """Gives `digest` back; raises HostError when it is no lower-case SHA-256 in hex."""
    if not _DIGEST.fullmatch(digest):
        raise HostError(f"{digest!r} is no digest: 64 digits from 0 to f")
    return digest


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 of what `sha256sum` prints for the files, sorted by path."""
    lines = "".join(f"{sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files))
    return sha256(lines.encode()).hexdigest()


def led(link: Path) -> str | None:
    """The digest of the generation that a link in the folder of the state leads to, if to one."""
    try:
        folder, _, name = str(link.readlink()).rpartition("/")
    except OSError:
        return None
    return name if folder == "generations" and _DIGEST.fullmatch(name) else None


class Generations:
    """The generations of one host, and the link that says which one is current."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def current(self) -> str | None:
        """The digest of the generation that `current` leads to.

        None where it is not there, and where it leads elsewhere: it names none of ours then.
        """
        return led(self.paths.current)

    def leads(self, digest: str | None) -> bool:
        """Whether `current` leads to this generation and no other place; for None, nowhere."""
        there = os.path.lexists(self.paths.current)
        return self.current() == digest and there == (digest is not None)

    def kept(self) -> list[str]:
        """The digests of those on this host, the newest first."""
        folders = [
            path for path in self.paths.generations.glob("*") if _DIGEST.fullmatch(path.name)
        ]
        folders.sort(key=lambda path: (path.stat().st_mtime, path.name), reverse=True)
        return [path.name for path in folders]

    def folder(self, digest: str) -> Path:
        """Where a generation lies, or would."""
        return self.paths.generations / digest

    def read(self, digest: str, *, whole: bool = True) -> dict[str, bytes]:
        """A generation's files; raises HostError when it is not there or not what it says it is.

        Without `whole` it may be damaged. What else lies in the folder (an editor's copy:
        /etc/komando leads there) is left alone.
        """
        folder = self.folder(digest)
        if not folder.is_dir():
            raise HostError(f"generation {digest} is not on this host")
        files = {
            name: path.read_bytes()
            for path in folder.rglob("*")
            if allowed(name := path.relative_to(folder).as_posix()) and path.is_file()
        }
        if whole and digest_of(files) != digest:
            raise HostError(f"generation {digest} is damaged on disk: its files differ")
        return files

    def original(self, digest: str) -> dict[str, bytes] | None:
        """The files as they were staged: those of the copy, or those that lie there.

        None where neither have the digest any more.
        """
        from .archive import contents

        try:
            files = contents((self.folder(digest) / KEPT_COPY).read_bytes())
        except (OSError, HostError):
            files = {}
        if digest_of(files) == digest:
            return files
        try:
            return self.read(digest)
        except HostError:
            return None

    def intact(self, digest: str) -> dict[str, bytes]:
        """As `read`, but of one that somebody edited the copy; raises HostError without any."""
        try:
            return self.read(digest)
        except HostError:
            original = self.original(digest)
            if original is None:
                raise
            return original

    def ailing(self, digest: str, files: Mapping[str, bytes]) -> list[str]:
        """What is wrong with the secrets of a generation that has these files, in words.

        It is asked apart from `read`: the network is kept as it should be whatever became of them.
        """
        return secrets.ailing(self.folder(digest), digest, secrets.stated(files))

    def with_secrets(self, digest: str, arrived: Arrived) -> Arrived:
        """What arrived, and where no secrets came, those of this host that are whole."""
        wanted = secrets.stated(arrived.files)
        if arrived.secrets or secrets.ailing(self.folder(digest), digest, wanted):
            return arrived
        return replace(arrived, secrets=secrets.held(self.folder(digest), wanted))

    def stage(
        self, digest: str, files: Mapping[str, bytes], private: Mapping[str, bytes] | None = None
    ) -> None:
        """Writes a generation beside the others, so that it is there whole or not at all.

        `private` holds its secrets by name; raises HostError unless they are all that it states.
        One that is damaged is replaced, and kept aside as evidence, without its secrets.
        """
        from . import aside
        from .archive import packed

        wanted, private = secrets.stated(files), private or {}
        secrets.agree(wanted, private)
        self.paths.generations.mkdir(parents=True, exist_ok=True)
        for folder in (self.paths.state, self.paths.generations):
            _close(folder)
        with suppress(OSError):  # what cannot be removed is in nobody's way
            aside.tidy(self.paths.generations)
        side = self.paths.generations / f".{digest}.new"
        for path, content in files.items():
            target = side / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            target.chmod(0o644)
        for folder in {side / above for path in files for above in PurePath(path).parents}:
            folder.chmod(0o755)  # whatever the umask
        secrets.lay(side, digest, wanted, private)
        _keep(side / KEPT_COPY, packed(files))
        if os.path.lexists(self.folder(digest)):  # damaged, or it would not be staged again
            aside.put_in_place(side, self.folder(digest))
        else:
            side.rename(self.folder(digest))
        sync(self.paths.generations)

    def flip(self, digest: str | None) -> None:
        """Makes a generation current in one rename; None takes the link away."""
        if digest is None:
            self.paths.current.unlink(missing_ok=True)
        else:
            side = self.paths.state / ".current.new"
            side.unlink(missing_ok=True)
            side.symlink_to(f"generations/{digest}")
            side.replace(self.paths.current)
        sync(self.paths.state)

    def flip_back(self, digest: str | None) -> None:
        """As `flip`, over the link that was laid ahead: it asks a full disk for nothing."""
        if digest and led(self.paths.back) == digest:
            self.paths.back.rename(self.paths.current)
            sync(self.paths.state)
        else:
            self.flip(digest)

    def prune(self, kept: Collection[str | None]) -> list[str]:
        """Removes what is old, by number and by age, and gives the digests.

        Never the current one, none of `kept`, and by age none of the newest few. The evidence of
        one that was damaged goes with it.
        """
        from . import aside

        stays = {*kept, self.current()}
        oldest = time.time() - DAYS_KEPT * 86_400
        gone = [
            self.folder(digest)
            for number, digest in enumerate(self.kept())
            if digest not in stays
            and number >= NEWEST_KEPT
            and (number >= NUMBER_KEPT or self.folder(digest).stat().st_mtime < oldest)
        ]
        for path in gone:
            # renamed first: half a folder must not bear a digest
            path.rename(path.with_name(f".{path.name}.old"))
        aside.tidy(self.paths.generations)
        aside.drop_orphans(self.paths.generations)
        return [path.name for path in gone]

    def tidy(self) -> None:
        """Takes away what a run that was cut off has left beside the generations.

        There may be secrets in it; raises OSError where the disk does not let it go.
        """
        if any(self.paths.generations.glob(".*")):
            from .aside import tidy

            tidy(self.paths.generations)

    def export(self, digest: str) -> bytes:
        """A generation as base64 tar.gz, the same bytes each time."""
        from base64 import encodebytes

        from .archive import packed

        return encodebytes(packed(self.read(digest)))


def _close(folder: Path) -> None:
    """Lets root alone write a folder."""
    state = folder.stat()
    if state.st_uid != os.geteuid() or state.st_mode & 0o022:
        os.chown(folder, os.geteuid(), -1)
        folder.chmod(state.st_mode & 0o7755)


def _keep(path: Path, content: bytes) -> None:
    """Writes what root alone may read, and on to the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
