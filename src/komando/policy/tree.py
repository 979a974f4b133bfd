"""The files of a policy tree: which there are, and what does not belong.

Nothing is opened or followed here, and nothing is skipped in silence: whatever stands in the tree
is either a policy or has a diagnostic.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from komando.diagnostics import Diagnostic, Location, Related
from komando.documents.fields import is_slug, near_slug
from komando.documents.files import refused, unreadable, whole

Kind = Literal["region", "people", "opd", "hotspots", "acknowledgements"]

SINGLE: Final[dict[str, Kind]] = {"region.yaml": "region", "people.yaml": "people"}
"""The kinds of which there is one file, by its name."""

_FOLDERS: Final[tuple[Kind, ...]] = ("opd", "hotspots", "acknowledgements")
_WELCOME: Final = frozenset({"README.md", ".gitkeep"})
_WELCOME_AT_THE_ROOT: Final = _WELCOME | {"OWNERS"}


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A file that should hold a policy. `slug` is "" for those of `SINGLE`.

    `twin`: another file has this slug already, so that this one is only read by itself.
    """

    kind: Kind
    slug: str
    path: str
    twin: bool = False


def scan(root: Path) -> tuple[list[PolicyFile], list[Diagnostic]]:
    """All policy files under a root, sorted by kind and name, and complaints about the rest."""
    diagnostics: list[Diagnostic] = []
    files: list[PolicyFile] = []
    entries = _root_entries(root, diagnostics)
    if entries is None:
        return files, diagnostics
    names = {entry.name for entry in entries}
    for entry in entries:
        if entry.name in _FOLDERS and _proper(entry, "folder", diagnostics):
            files += _folder(root, entry, diagnostics)
        elif entry.name in SINGLE:
            if _proper(entry, "file", diagnostics):
                files.append(PolicyFile(SINGLE[entry.name], "", entry.path))
        elif entry.name not in _WELCOME_AT_THE_ROOT and entry.name not in _FOLDERS:
            diagnostics.append(_stray(entry, near=_near(entry, (*SINGLE, *_FOLDERS))))
    if "region.yaml" not in names:
        diagnostics.append(
            whole(
                "region-missing",
                str(root / "region.yaml"),
                "the region's file is missing",
                found="no such file",
                expected="region.yaml with uplinks, segments, calendars and pools",
                remedy="write it, or name the right folder with --policies",
            )
        )
    opd = str(root / "opd")
    if not any(file.kind == "opd" for file in files) and not any(
        one.location.file == opd for one in diagnostics
    ):
        diagnostics.append(
            whole(
                "offices-missing",
                opd,
                "no office at all",
                found="no file in opd/",
                expected="opd/<office>.yaml for each office",
                remedy="look whether the whole repository is checked out",
            )
        )
    return files, diagnostics


def _root_entries(root: Path, diagnostics: list[Diagnostic]) -> list[os.DirEntry[str]] | None:
    """What stands in the root; None where it cannot be listed, with the reason told."""
    try:
        mode = root.stat().st_mode
        missing = "" if stat.S_ISDIR(mode) else "not a folder"
    except (FileNotFoundError, NotADirectoryError):
        missing = "no such folder"
    except OSError as error:
        diagnostics.append(unreadable(str(root), error))
        return None
    if missing:
        diagnostics.append(
            whole(
                "policies-missing",
                str(root),
                "no policies here",
                found=missing,
                expected="a folder with region.yaml, opd/ and hotspots/",
                remedy="name the folder with --policies",
            )
        )
        return None
    entries = _entries(root, diagnostics)
    return None if diagnostics else entries


def _entries(folder: Path, diagnostics: list[Diagnostic]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        diagnostics.append(unreadable(str(folder), error))
        return []


def _folder(
    root: Path, folder: os.DirEntry[str], diagnostics: list[Diagnostic]
) -> list[PolicyFile]:
    kind = next(kind for kind in _FOLDERS if kind == folder.name)
    files: list[PolicyFile] = []
    taken: dict[str, PolicyFile] = {}
    for entry in sorted(_entries(root / folder.name, diagnostics), key=_improper):
        stem, extension = os.path.splitext(entry.name)  # noqa: PTH122 - ten thousand of them
        if extension.lower() not in (".yaml", ".yml"):
            if entry.name not in _WELCOME:
                diagnostics.append(_stray(entry, near=""))
            continue
        slug = stem if is_slug(stem) else near_slug(stem)
        if slug != stem or extension != ".yaml":
            diagnostics.append(_misnamed(entry, slug))
        if not _proper(entry, "file", diagnostics):
            continue
        if slug in taken:
            diagnostics.append(_twin(entry, taken[slug]))
        nameless = not slug and any(not file.slug for file in files)
        files.append(PolicyFile(kind, slug, entry.path, twin=slug in taken or nameless))
        if slug:
            taken.setdefault(slug, files[-1])
    return files


def _improper(entry: os.DirEntry[str]) -> bool:
    """Files with proper names come first: of two with one slug, the other one is told."""
    return not (entry.name.endswith(".yaml") and is_slug(entry.name.removesuffix(".yaml")))


def _proper(
    entry: os.DirEntry[str], wanted: Literal["file", "folder"], diagnostics: list[Diagnostic]
) -> bool:
    """Whether the entry is a plain file or folder; links and everything else are told."""
    try:
        if entry.is_symlink():
            diagnostics.append(_link(entry))
            return False
        right = (
            entry.is_file(follow_symlinks=False)
            if wanted == "file"
            else entry.is_dir(follow_symlinks=False)
        )
    except OSError:  # a file system that tells no kinds, in a folder that may not be entered
        right = False
    if not right:
        diagnostics.append(
            whole(
                "file-kind",
                entry.path,
                f"not a {wanted}",
                found=_kind_of(entry),
                expected=f"a {wanted}",
                remedy="remove it, or give it another name outside of the policies",
            )
        )
    return right


def _kind_of(entry: os.DirEntry[str]) -> str:
    try:
        mode = entry.stat(follow_symlinks=False).st_mode
    except OSError as error:
        return f"something that cannot be looked at: {refused(error)}"
    names = {
        stat.S_IFDIR: "a folder",
        stat.S_IFREG: "a file",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
    }
    return names.get(stat.S_IFMT(mode), "a device")


def _link(entry: os.DirEntry[str]) -> Diagnostic:
    try:
        found = f"a link to {Path(entry.path).readlink()}"
    except OSError as error:
        found = f"a link that cannot be looked at: {refused(error)}"
    return whole(
        "file-link",
        entry.path,
        "a symbolic link",
        found=found,
        expected="a plain file, so that what is reviewed is what is read",
        remedy="put the file itself in its place",
    )


def _stray(entry: os.DirEntry[str], near: str) -> Diagnostic:
    folder = entry.is_dir(follow_symlinks=False)
    return whole(
        "file-stray",
        entry.path,
        "a folder that does not belong here" if folder else "a file that does not belong here",
        found=entry.name,
        expected="region.yaml, people.yaml, OWNERS, opd/<office>.yaml, hotspots/<point>.yaml and "
        "acknowledgements/<id>.yaml",
        remedy=f"did you mean `{near}`?" if near else _way_out(entry.name, folder=folder),
    )


def _way_out(name: str, *, folder: bool) -> str:
    if name.lower().endswith((".yaml", ".yml")) and not folder:
        return "move it to opd/ if it is an office, or to hotspots/ if it is a public point"
    return "move it out of the policies, or remove it"


def _near(entry: os.DirEntry[str], known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    return next(iter(get_close_matches(entry.name.lower(), known, n=1, cutoff=0.6)), "")


def _misnamed(entry: os.DirEntry[str], slug: str) -> Diagnostic:
    return whole(
        "file-name",
        entry.path,
        "a file name that is no short name",
        found=entry.name,
        expected="words of a-z and 0-9 joined by `-`, then .yaml",
        remedy=f"rename it to {slug}.yaml" if slug else "rename it",
    )


def _twin(entry: os.DirEntry[str], other: PolicyFile) -> Diagnostic:
    slug = other.slug
    noun = "acknowledgement" if other.kind == "acknowledgements" else "office"
    return whole(
        "slug-twice",
        entry.path,
        f"a second file for `{slug}`",
        found=entry.name,
        expected="one file for each office, point or acknowledgement",
        remedy=f"keep one of the two, and give the other {noun} its own name",
        related=(Related("the other file", Location(other.path, 1, 1)),),
    )
