"""`komando ci`: what the workflows of a forge call; all that they decide is decided here."""

from __future__ import annotations

from pathlib import Path

import click

from komando.cli.opened import TO_CHANGE, secrets_key_option
from komando.cli.options import inventory_option
from komando.cli.register import Register, ledger_key_option
from komando.cli.scope import Scope, host_options

BASE = "origin/main"


@click.group()
def ci() -> None:
    """What the forge's workflows call: the plan of a request, the apply of a merge, drift.

    \b
    komando ci plan                          what the checked-out branch would change, from git alone
    komando ci comment DIR --request 7       put that plan under the pull request
    komando ci apply                         on the controller: what was merged since the last apply
    komando ci drift                         on the controller: drift, as one issue that closes itself

    The forge is named by GITHUB_REPOSITORY (owner/name) and GITHUB_API_URL, and asked with the
    token in KOMANDO_FORGE_TOKEN, or GITHUB_TOKEN.
    """  # noqa: D301, E501 - click's mark of a paragraph that keeps its lines


@ci.command(short_help="What a branch would change, from git alone.")
@inventory_option
@click.option("--base", default=BASE, show_default=True, metavar="COMMIT",
              help="What it would be merged into.")  # fmt: skip
@click.option("--head", default="HEAD", show_default=True, metavar="COMMIT",
              help="What would be merged.")  # fmt: skip
@click.option("--remote", default="origin", show_default=True,
              help="Whose deployments/ENVIRONMENT this clone has fetched.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out/ci"),
              show_default=True, help="The folder for plan.json, plan.md, comment.md.")  # fmt: skip
def plan(inventory: str, base: str, head: str, remote: str, out: Path) -> None:
    """What a merge of HEAD into BASE would change on the hosts; needs no host, key or forge.

    The bundles of the last commit that was applied, as the ledger in this clone has it
    (deployments/ENVIRONMENT, fetched beforehand), against those of the merge. Whatever main has
    beyond that commit is in it, too, as an apply would bring it.

    It writes plan.json, plan.md (all of it), comment.md (within a comment's limits) and about.json
    to --out, and in a workflow annotations at the lines that are wrong, and the job's summary.

    Exit status: 0 it can be merged, 1 it cannot: the policies are wrong, it does not merge, or a
    finding stops an apply (docs/safety).
    """
    from komando.cli.ci_plan import planned_request

    planned_request(inventory, base, head, remote, out)


@ci.command(short_help="Put a plan under its pull request.")
@click.argument("folder", metavar="DIR",
                type=click.Path(path_type=Path, exists=True, file_okay=False))  # fmt: skip
@click.option("--request", "number", type=click.IntRange(1), required=True,
              help="The number of the pull request.")  # fmt: skip
def comment(folder: Path, number: int) -> None:
    """Write comment.md of DIR, as `komando ci plan` left it, under a pull request.

    There is one such comment for each environment, and it is put in the place of the last. A plan
    of a commit that is not the request's head any more is left unsaid: a newer run has its own.

    Exit status: 0 it stands there, or this token may not write (the job's summary has it), 1 the
    forge could not be asked.
    """
    from komando.cli.ci_comment import commented

    commented(folder, number)


@ci.command(short_help="Apply what was merged since the last apply.")
@host_options
@ledger_key_option
@secrets_key_option(TO_CHANGE)
@click.option("--remote", default="origin", show_default=True,
              help="Where the ledger's branch and the requests are.")  # fmt: skip
def apply(scope: Scope, ledger_key: Path | None, remote: str) -> None:
    """Apply what is checked out here, where people have reviewed all that came since last time.

    Every commit since the last whole apply has to have come by a pull request, which somebody else
    approved as it was merged (policies/people.yaml, .github/CODEOWNERS; docs/adr/0029). The hosts
    are asked what they run, and each change has to stand in the plan that git alone tells: a host
    or a change that is new stops it, as does a finding that nobody has acknowledged. Then it is
    `komando apply`, verified and recorded with the requests and their approvals; the result goes
    under each request.

    Exit status: 0 all hosts obey, or nothing was merged, 1 something stopped it, failed or was
    taken back, 3 all that was tried holds, but some hosts could not be reached.
    """
    from komando.cli.ci_apply import applied_merges

    applied_merges(scope, Register(Path(), remote, ledger_key, emergency=False))


@ci.command(short_help="Drift, as one issue that closes itself.")
@host_options
@click.option("--remote", default="origin", show_default=True,
              help="Where the ledger's branch and the issue are.")  # fmt: skip
def drift(scope: Scope, remote: str) -> None:
    """Ask every host for drift, and keep one issue on the forge about it.

    The issue is opened when something differs, kept up to date, and closed when all is well again.
    It also reminds of emergency requests that nobody has reviewed since, and has what
    `komando doctor` finds; of that, errors alone keep it open.

    Exit status: 0 nothing differs, 2 something does and the issue says so, 1 an error.
    """
    from komando.cli.ci_drift import told_drift

    told_drift(scope, Register(Path(), remote, None, emergency=False))
