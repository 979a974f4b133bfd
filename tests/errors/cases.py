"""Cases of bad files: a small good region with one thing wrong, and what is said of it.

A case is a folder with `expected.txt` and `case.toml`:

- `of`: `inventory`, if the machines are meant and not the policies;
- `replace`: texts of the good region to be replaced (`file`, `old`, `new`; `old` stands once);
- `make`: what git cannot hold, or should not (`file`, `as`: a folder, a pipe, ...);
- `today`: the day to judge on, if the default will not do.

Files in its folder `policies/` are laid over the good region. Paths begin at the folder that is
meant: `policies`, or `inventories/production`.
"""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from komando.cli.check import check
from komando.cli.inventory import check as check_inventory

HERE = Path(__file__).parent
TODAY = "2026-06-01"
NOBODY = 65534
FOLDERS = {"policies": "policies", "inventory": "inventories/production"}


def names() -> list[str]:
    """All cases, by name."""
    return sorted(path.parent.name for path in HERE.glob("*/case.toml"))


def build(case: str, into: Path) -> dict[str, Any]:
    """Lay the case's policies out under a folder; returns what `case.toml` says."""
    said = tomllib.loads((HERE / case / "case.toml").read_text(encoding="utf-8"))
    what = said.get("of", "policies")
    folder = into / FOLDERS[what]
    shutil.copytree(HERE / "base" / what, folder)
    if (HERE / case / "policies").is_dir():
        shutil.copytree(HERE / case / "policies", folder, dirs_exist_ok=True)
    for change in said.get("replace", []):
        path = folder / change["file"]
        text = path.read_text(encoding="utf-8")
        assert text.count(change["old"]) == 1, f"{case}: {change['old']!r} must stand once"
        path.write_text(text.replace(change["old"], change["new"]), encoding="utf-8")
    for thing in said.get("make", []):
        _MAKE[thing["as"]](folder / thing["file"], thing)
    return said


def _nothing(path: Path, _: dict[str, Any]) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _large(path: Path, thing: dict[str, Any]) -> None:
    path.touch()
    os.truncate(path, thing["bytes"])


_MAKE: dict[str, Callable[[Path, dict[str, Any]], object]] = {
    "folder": lambda path, _: path.mkdir(),
    "pipe": lambda path, _: os.mkfifo(path),
    "link": lambda path, thing: path.symlink_to(thing["target"]),
    "unreadable": lambda path, thing: path.chmod(thing.get("mode", 0)),
    "nothing": _nothing,
    "large": _large,
    "bytes": lambda path, thing: path.write_bytes(bytes.fromhex(thing["hex"])),
    "text": lambda path, thing: path.write_text(thing["text"], encoding="utf-8"),
}


def run(into: Path, said: dict[str, Any]) -> tuple[str, int]:
    """What the verb that checks it prints of a case that was built, and its exit status."""
    of_machines = said.get("of") == "inventory"
    verb = check_inventory if of_machines else check
    arguments = [] if of_machines else ["--today", said.get("today", TODAY)]
    unreadable = any(thing["as"] == "unreadable" for thing in said.get("make", []))
    with _inside(into), as_somebody(into, arguments) if unreadable else nullcontext():
        result = CliRunner().invoke(verb, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout, result.exit_code


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Paths in diagnostics begin at `policies/`."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def as_somebody(folder: Path, arguments: list[str]) -> Iterator[None]:
    """Without root's right to read everything: an unreadable file must be so for everybody.

    Modules that are imported on demand come first: root's own may not be open to others.
    """
    if os.geteuid() != 0:
        yield
        return
    CliRunner().invoke(check, arguments)
    folder.chmod(0o755)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
