"""Which key a machine shows that is not trusted yet: asked for with OpenSSH, and kept nowhere."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from komando.cli.progress import working
from komando.documents.keys import PublicKey
from komando.inventory import Access, Host
from komando.inventory.known import read_known_hosts
from komando.openssh import configuration, question

SLACK = 5.0
"""Seconds beyond the patience for each step of the way, after which ssh itself is ended."""


@dataclass(frozen=True)
class ShownKey:
    """The key that a machine shows, and the picture of it that OpenSSH draws."""

    key: PublicKey
    picture: str


def shown_key(host: Host, access: Access, kinds: Sequence[str]) -> ShownKey:
    """The key that answers at a host's address, of the first of `kinds` that it has.

    Nobody logs in there, but on the jump hosts on the way, whose keys have to be known. Ends the
    verb with exit status 1 where nobody answers.
    """
    with TemporaryDirectory(prefix="komando-trust-") as folder:
        config, kept = Path(folder, "config"), Path(folder, "shown")
        config.write_text(configuration([host], access))
        words = _asked([*access.prefix, *question(host, config, kept, kinds)], host, access)
        found = read_known_hosts(kept)
        if found.diagnostics:
            raise click.ClickException(
                f"{host.name} shows a key that is not to be trusted: {found.diagnostics[0].message}"
            )
        if not found.keys:
            raise click.ClickException(_reason(host, words))
        return ShownKey(found.keys[0].key, _picture(kept))


def _asked(command: list[str], host: Host, access: Access) -> str:
    """The last words of ssh, which ends with an error: nobody is let in without a key."""
    patience = access.patience * (len(host.hops) + 1) + SLACK
    try:
        with working(f"asking {host.name} for its key"):
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=patience,
            )
    except subprocess.TimeoutExpired:
        return f"no answer in {patience:g} s"
    except FileNotFoundError:
        raise click.ClickException("there is no ssh here: install openssh-client") from None
    return done.stderr.strip()


def _reason(host: Host, words: str) -> str:
    """Why no key came, with what ssh said of it."""
    where = f"{host.address} port {host.port}"
    last = words.splitlines()[-1].strip() if words else "it said nothing"
    changed = "REMOTE HOST IDENTIFICATION HAS CHANGED" in words
    if changed:
        hops = " or ".join(hop.name for hop in host.hops)
        return (
            f"{host.name} was not reached: the jump host {hops} shows another key than known_hosts "
            "has for it. Was it set up anew? If nobody knows, somebody stands between: do not go on"
        )
    if "no matching host key type" in words:
        return (
            f"{host.name} has no key of a kind that is taken here: `ssh-keygen -A` there makes one"
        )
    if not host.hops:
        return f"{host.name} ({where}) does not answer: {last}"
    way = " over ".join(hop.name for hop in reversed(host.hops))
    said = "; ".join(line.strip() for line in words.splitlines() if line.strip()) or last
    return f"{host.name} ({where}) does not answer over {way}: {said}"


def _picture(kept: Path) -> str:
    """What `ssh-keygen -lv` draws: a look tells more than 43 characters do."""
    done = subprocess.run(
        ["ssh-keygen", "-lvf", str(kept)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return "\n".join(done.stdout.splitlines()[1:])
