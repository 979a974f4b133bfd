"""Stands in for `komando` in the jobs of a lab's forge: `LOG ci plan|comment|apply`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from komando.forge.environment import forge_from_environment

MARK = "<!-- planned -->"


def head(reference: str = "HEAD") -> str:
    done = subprocess.run(
        ["git", "rev-parse", reference],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def note(log: Path, *words: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(" ".join(words) + "\n")


def main() -> int:
    log, verb, rest = Path(sys.argv[1]), sys.argv[3], sys.argv[4:]
    given = [one for one in os.environ if one.startswith(("KOMANDO_", "GITHUB_", "GIT_", "SSH_"))]
    if verb == "apply":  # as `komando ci apply` does, once all of it was reviewed
        subprocess.run(["git", "fetch", "--quiet", "origin"], check=True)
        subprocess.run(["git", "merge", "--quiet", "--ff-only", "origin/main"], check=True)
    note(log, verb, head(), str(sorted(given)))
    if verb == "plan":
        assert rest[:5] == ["--base", "origin/main", "--head", "HEAD", "--out"]
        out = Path(rest[5])
        out.mkdir()
        words = f"planned {head()} onto {head('origin/main')}"
        print(words)  # noqa: T201 - the plan as text, for whoever pushed
        (out / "comment.md").write_text(f"{MARK}\n{words}", encoding="utf-8")
        return int(Path("rate").read_text(encoding="utf-8") == "fails")
    if verb == "comment":
        body = (Path(rest[0]) / "comment.md").read_text(encoding="utf-8")
        forge_from_environment().comment(int(rest[2]), MARK, body)
        return 0
    assert rest == ["--lab", "kotim"]
    while (log.parent / "hold").exists():
        time.sleep(0.02)
    note(log, "applied", head())
    return 0


sys.exit(main())
