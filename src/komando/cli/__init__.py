"""The command line: one verb, one file, loaded when it is called."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

from komando import __version__
from komando.cli.streams import clean, give_streams, sentence

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# pydantic would look through all packages for plug-ins, of which nobody has any: 15 ms
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

VERBS = {
    "check": ("komando.cli.check:check", "Validate the policies."),
    "new": (
        "komando.cli.new:new",
        "New policies: an office, a public point, an exception, a signer.",
    ),
    "show": ("komando.cli.show:show", "What a policy means: hours, rates, router, class, why."),
    "status": ("komando.cli.status:status", "Live: rate now, drops, top hosts, what is promised."),
    "render": ("komando.cli.render:render", "The files of each host, into a folder."),
    "plan": ("komando.cli.plan:plan", "What would change."),
    "apply": ("komando.cli.apply:apply", "Carry a plan out."),
    "rollback": ("komando.cli.rollback:rollback", "Bring a host back to what it ran."),
    "drift": ("komando.cli.drift:drift", "What was changed by hand on the hosts."),
    "doctor": ("komando.cli.doctor:doctor", "What is missing or drifting around the network."),
    "prepare": ("komando.cli.prepare:prepare", "Make machines members of the fleet."),
    "verify": ("komando.cli.verify:verify", "Observed against intended."),
    "inventory": ("komando.cli.inventory:inventory", "The machines: check, list, graph."),
    "trust": ("komando.cli.trust:trust", "Compare a machine's host key, and keep it."),
    "ssh-config": ("komando.cli.ssh_config:ssh_config", "How ssh and Ansible reach the machines."),
    "wheelhouse": ("komando.cli.wheelhouse:wheelhouse", "The wheels that machines install."),
    "secret": ("komando.cli.secret:secret", "Encrypted secrets: set, list, rekey."),
    "ledger": ("komando.cli.ledger:ledger", "The chained record of what was done, and by whom."),
    "ci": ("komando.cli.ci:ci", "What a forge's workflows call: plan, comment, apply, drift."),
    "people": ("komando.cli.people:people", "Who may propose and who may approve."),
    "lab": ("komando.cli.lab:lab", "The miniature city on this machine."),
    "schema": ("komando.cli.schema:schema", "JSON Schemas of the policy files, for editors."),
    "completion": ("komando.cli.completion:completion", "Tab in bash, zsh and fish."),
}
"""Each verb: where its click command stands (`module:attribute`), and its line in the help.

A new verb is a new file and a line here. Nothing is imported before the verb is called, so that
`komando check` does not wait for the packages of `komando apply`.
"""


@contextmanager
def changing_nothing() -> Iterator[None]:
    """A part of a verb in which no host can change: a Ctrl-C ends it and says so."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; no host was changed") from None


class _Verbs(click.Group):
    """A group that imports a verb's module when the verb is called.

    What the operating system refuses is told in a sentence. A command line that is wrong ends with
    1: 2 is what `plan` found to change, and nothing else.
    """

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a verb on streams that stand."""
        give_streams()
        try:
            return super().main(*args, **extra)
        except OSError as error:
            with suppress(OSError):  # standard error itself may be what is full
                click.ClickException(sentence(error)).show()
            sys.exit(1)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the group's own options."""
        try:
            return super().make_context(*args, **extra)
        except click.UsageError as error:
            raise _wrong(error) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Read the verb's options, and run it."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _wrong(error) from error
        except click.ClickException as error:
            raise click.ClickException(clean(error.format_message())) from error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table, which is the order of work."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb's command; None for an unknown verb, which click then reports."""
        if cmd_name not in VERBS:
            return None
        module, _, attribute = VERBS[cmd_name][0].partition(":")
        with changing_nothing():
            command: click.Command = getattr(import_module(module), attribute)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The table's own lines: click itself would import every verb for its help."""
        from click.shell_completion import CompletionItem

        verbs = [
            CompletionItem(verb, help=line)
            for verb, (_, line) in VERBS.items()
            if verb.startswith(incomplete)
        ]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """The table's own lines: help must not import every verb."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])


def _wrong(error: click.UsageError) -> click.exceptions.Exit:
    error.show()
    return click.exceptions.Exit(1)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="komando")
def main() -> None:
    """Offices' bandwidth and public internet of one regency, as reviewed policy."""


def run() -> NoReturn:
    """The process `komando`. It ends at once: to take Python apart takes 0.1 s after an apply."""
    gc.set_threshold(200_000, 20, 20)  # a verb loads hundreds of modules, in which nothing is waste
    status: str | int | None = None
    try:
        main()
    except SystemExit as end:
        status = end.code
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # what was said did not all arrive
        status = status or 1
    os._exit(status if isinstance(status, int) else int(status is not None))
