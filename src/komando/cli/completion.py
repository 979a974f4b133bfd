"""`komando completion`: the script by which a shell completes verbs, options and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from komando.cli import main


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script by which SHELL completes verbs, options, offices and machines.

    A line in the shell's own file reads it at each start:

    \b
    bash   ~/.bashrc                     eval "$(komando completion bash)"
    zsh    ~/.zshrc                      eval "$(komando completion zsh)"
    fish   ~/.config/fish/config.fish    komando completion fish | source

    `komando` has to be on the path there: give it as <this folder>/.venv/bin/komando where it is
    not. Offices and machines are those of the folder that you stand in.
    """  # noqa: D301
    made = get_completion_class(shell)
    if made is None:  # the choice above has none that click does not know
        raise click.ClickException(f"no completion for {shell}")
    click.echo(made(main, {}, "komando", "_KOMANDO_COMPLETE").source())
