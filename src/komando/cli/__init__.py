"""The command line: one verb, one file, loaded when it is called."""

from __future__ import annotations

from importlib import import_module

import click

from komando import __version__

VERBS = {
    "check": ("komando.cli.check:check", "Validate the policies."),
    "show": ("komando.cli.show:show", "What a policy means: hours, rates, router, class, why."),
    "render": ("komando.cli.render:render", "The files of each host, into a folder."),
    "plan": ("komando.cli.plan:plan", "What would change."),
    "apply": ("komando.cli.apply:apply", "Carry a plan out."),
    "verify": ("komando.cli.verify:verify", "Observed against intended."),
    "lab": ("komando.cli.lab:lab", "The miniature city on this machine."),
    "schema": ("komando.cli.schema:schema", "JSON Schemas of the policy files, for editors."),
}
"""Each verb: where its click command stands (`module:attribute`), and its line in the help.

A new verb is a new file and a line here. Nothing is imported before the verb is called, so that
`komando check` does not wait for the packages of `komando apply`.
"""


class _Verbs(click.Group):
    """A group that imports a verb's module when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table, which is the order of work."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb's command; None for an unknown verb, which click then reports."""
        if cmd_name not in VERBS:
            return None
        module, _, attribute = VERBS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """The table's own lines: help must not import every verb."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="komando")
def main() -> None:
    """Offices' bandwidth and public internet of one regency, as reviewed policy."""
