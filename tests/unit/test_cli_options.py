"""Options that many verbs share mean the same in each, and none is taken that nobody reads."""

from __future__ import annotations

import click
import pytest

from komando.cli import main
from tests.unit.test_cli_streams import commands

SHARED = ("--inventory", "--policies", "--lab", "--identity", "--ledger-key")


def options_of(path: tuple[str, ...]) -> dict[str, click.Option]:
    """The options of a verb, by their first name."""
    command: click.Command | None = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command is not None
    return {one.opts[0]: one for one in command.params if isinstance(one, click.Option)}


@pytest.mark.parametrize("name", SHARED)
def test_one_name_has_one_meaning(name: str) -> None:
    found = [options_of(path) for path in commands(main)]
    meanings = {
        (one[name].help, str(one[name].default), one[name].envvar) for one in found if name in one
    }
    assert len(meanings) == 1


@pytest.mark.parametrize(
    ("verb", "keys"),
    [
        ("show", set()),
        ("verify", {"--identity"}),
        ("push", {"--ledger-key"}),
        ("restore", {"--ledger-key"}),
    ],
)
def test_a_ledgers_verb_takes_the_keys_that_it_uses(verb: str, keys: set[str]) -> None:
    assert options_of(("ledger", verb)).keys() & {"--identity", "--ledger-key"} == keys


def test_a_secrets_key_says_which_one_is_asked_for() -> None:
    rekey = options_of(("secret", "rekey"))["--secrets-key"].help
    assert rekey == "The file of the private key that opens them now."
    assert "only where a host with secrets changes" in (
        options_of(("apply",))["--secrets-key"].help or ""
    )
