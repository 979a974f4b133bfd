"""`komando lab forge`: a forge for the lab, and what people do there with pull requests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from komando.cli.options import policies_option
from komando.cli.streams import tell
from komando.lab.place import DEFAULT, LabError, Place

if TYPE_CHECKING:
    from komando.lab.forge.state import Pull, State, Work
    from komando.lab.forge.store import Store

name_option = click.option("--name", default=DEFAULT, show_default=True, help="Which lab.")
number_argument = click.argument("number", type=click.IntRange(1), metavar="N")
login_option = click.option(
    "--as", "login", required=True, metavar="LOGIN", help="Who does it, by their login."
)

STAND = {"APPROVED": "approved", "CHANGES_REQUESTED": "wants changes", "COMMENTED": "commented"}


class _Forge(click.Group):
    """A group whose verbs tell on one line what git would not do."""

    def invoke(self, ctx: click.Context) -> object:
        from komando.ledger.errors import LedgerError

        try:
            return super().invoke(ctx)
        except LedgerError as error:
            raise LabError(str(error)) from error


@click.group(cls=_Forge, short_help="A forge for the lab: push, approve, merge.")
def forge() -> None:
    """A forge for the lab, which plays GitHub: a repository to push to, and pull requests.

    A pushed branch opens a pull request, and its plan comes back to whoever pushed. A merge is
    applied from the controller's clone, as the workflows do it. KOMANDO_LAB_LOGIN says who pushes.

    \b
    komando lab forge start                       prints what to clone, and to push to
    komando lab forge approve 1 --as LOGIN        somebody else, as policies/people.yaml has them
    komando lab forge merge 1 --as LOGIN          merges, applies, and shows how that went
    """  # noqa: D301


@forge.command(short_help="Make the lab have a forge; print what to push to.")
@name_option
@click.option("--from", "source", default="HEAD", show_default=True, metavar="COMMIT|FOLDER",
              help="What main begins with: a commit of this repository, or a folder.")  # fmt: skip
@policies_option
@click.option("--mail", "mails", multiple=True, metavar="LOGIN=ADDRESS",
              help="An address in the commits of an account.")  # fmt: skip
def start(name: str, source: str, policies: Path, mails: tuple[str, ...]) -> None:
    """Make the lab have a forge, whose main begins with this project and those policies.

    Prints the repository to clone and push to. The controller's clone of it, which every apply
    works in, stands beside it: the first apply is by hand, from there.
    """
    from komando.lab.forge.life import Beginning, begin
    from komando.lab.forge.seed import Seed
    from komando.lab.forge.store import Store

    place = Place(name)
    store, seed = Store(place.folder), Seed(Path(), source, policies)
    accounts = dict(_account(mail) for mail in mails)
    first = begin(store, Beginning(f"lab/{name}", seed, _work(place), accounts))
    # the lab's own clone of the ledger has no policies, and `ci apply` goes on from their commit
    options = " ".join((*store.read().work.apply, "--remote", "origin"))
    tell(f"main begins with {first[:12]}. The first apply is by hand:", err=True)
    tell(f"  cd {store.controller} && komando apply --record {options}", err=True)
    click.echo(str(store.bare))


@forge.command(short_help="The pull requests, or one with all that was said.")
@name_option
@click.argument("number", type=click.IntRange(1), required=False, metavar="[N]")
def show(name: str, number: int | None) -> None:
    """Show the pull requests, or all of one: reviews, labels, the plan and the comments."""
    state = _store(name).read()
    for pull in state.pulls if number is None else [_known(name, number)]:
        tell("\n".join(_lines(state, pull)))
        if number is not None:
            for one in state.comments:
                if one.number == number:
                    tell(f"\n{one.login} wrote:\n{one.body}")


@forge.command(short_help="Approve a pull request as it is now.")
@name_option
@number_argument
@login_option
def approve(name: str, number: int, login: str) -> None:
    """Approve a pull request as it is now, merged or not; one's own cannot be."""
    from komando.lab.forge.life import approve as approved

    pull = approved(_store(name), number, login)
    tell(f"{login} approved #{number} at {pull.head[:12]}", err=True)


@forge.command(short_help="Set a label on a pull request.")
@name_option
@number_argument
@click.argument("label_name", metavar="NAME")
@login_option
def label(name: str, number: int, label_name: str, login: str) -> None:
    """Set a label on a pull request, as `emergency`."""
    from komando.lab.forge.life import label as labelled

    labelled(_store(name), number, label_name, login)
    tell(f"{login} set {label_name} on #{number}", err=True)


@forge.command(short_help="Merge a pull request, and apply it.")
@name_option
@number_argument
@login_option
def merge(name: str, number: int, login: str) -> None:
    """Merge a pull request into main, whoever approved it, and apply main as it then is.

    While another apply runs this one waits, and makes room for a newer one, which has this merge
    in it. Exit status: that of `komando ci apply`; 0, too, where a newer one took its place.
    """
    from komando.lab.forge.jobs import Jobs
    from komando.lab.forge.life import merge as merged

    store = _store(name)
    made = merged(store, number, login)
    tell(f"merged #{number} as {made[:12]}", err=True)
    sys.exit(Jobs(store, lambda words: tell(words, err=True)).apply())


@forge.command(short_help="Look for drift, as each night; show the issue.")
@name_option
def drift(name: str) -> None:
    """Run `komando ci drift` from the controller's clone, and show the issue that it keeps.

    Exit status: that of `komando ci drift`.
    """
    from komando.lab.forge.jobs import Jobs

    store = _store(name)
    status = Jobs(store, lambda words: tell(words, err=True)).drift()
    for issue in store.read().issues:
        tell(f"#{issue.number} {'open' if issue.open else 'closed'}  {issue.title}\n{issue.body}")
    sys.exit(status)


def _store(name: str) -> Store:
    from komando.lab.forge.store import Store

    return Store(Place(name).folder)


def _known(name: str, number: int) -> Pull:
    from komando.lab.forge.life import known_pull

    return known_pull(_store(name), number)


def _work(place: Place) -> Work:
    """What the jobs of a lab add to `komando ci`: a fleet has an inventory of its own."""
    from komando.lab.fleet.fleet import inventory_of, is_fleet
    from komando.lab.forge.state import Work

    inventory = str(inventory_of(place)) if is_fleet(place.name) else "lab"
    return Work(plan=("--inventory", "lab"), apply=("--inventory", inventory, "--lab", place.name))


def _account(mail: str) -> tuple[str, str]:
    login, sign, address = mail.partition("=")
    if not (login and sign and "@" in address):
        raise click.BadParameter(f"{mail!r}: write LOGIN=ADDRESS", param_hint="--mail")
    return address, login


def _lines(state: State, pull: Pull) -> list[str]:
    """A pull request in a few lines."""
    stand = "open" if pull.open else "merged" if pull.merged else "closed"
    lines = [
        f"#{pull.number} {stand}  {pull.title}",
        f"  {pull.branch} at {pull.head[:12]}, by {pull.author}",
    ]
    if pull.merge:
        lines.append(f"  merged by {pull.merged_by} as {pull.merge[:12]}")
    if pull.head in state.plans:
        lines.append("  plan: good" if state.plans[pull.head] == 0 else "  plan: it stops")
    for one in state.reviews:
        if one.number == pull.number:
            older = "" if one.commit == pull.head else ", of an older commit"
            lines.append(
                f"  {one.login} {STAND.get(one.state, one.state)} {one.commit[:12]}{older}"
            )
    for label_name in pull.labels:
        by = [
            one.login
            for one in state.events
            if (one.number, one.label) == (pull.number, label_name)
        ]
        lines.append(f"  {label_name}, set by {by[-1]}")
    return lines
