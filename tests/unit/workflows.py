"""What workflow files come to: what sets each job going, what it runs, where, with which rights.

`findings` holds it against the rules of docs/adr/0030-the-runner-is-only-a-bell.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Rights = Mapping[str, str]

REVIEWED = {"push to main", "schedule", "workflow_dispatch"}
"""What runs only what people of the house merged, or asked for. All else is a request's."""

FORGES_RUNNERS = ("ubuntu-24.04",)
"""Machines of the forge's own: new for each job, and away from the management network."""

CONTROLLER = ("self-hosted", "komando-controller")

BELL = {"/usr/local/bin/komando-ring apply", "/usr/local/bin/komando-ring drift"}
"""All that may run on the controller."""

MAINS = {
    "scripts/setup --runtime",
    '.venv/bin/komando ci plan --base origin/main --head "$HEAD" --out out/plan',
    '.venv/bin/komando ci comment out/plan --request "$REQUEST"',
}
"""What a job of a request runs that may write: code of main, which reads the request's commits."""

ACTIONS: Mapping[str, Rights] = {
    "actions/checkout": {"contents": "read"},
    "actions/upload-artifact": {},
}
"""Each action that may be used, and the rights that it needs."""

COMMANDS: Mapping[str, Rights] = {
    "komando ci comment": {"pull-requests": "write"},
    "komando-ring apply": {"contents": "read", "pull-requests": "write"},
    "komando-ring drift": {"contents": "read", "issues": "write", "pull-requests": "read"},
}
"""The rights that commands need; others need none."""


@dataclass(frozen=True)
class Step:
    """One step: an action with its input, or a script; and all of its text."""

    uses: str
    given: Mapping[str, str]
    run: str
    text: str

    @property
    def action(self) -> str:
        return self.uses.partition("@")[0]

    @property
    def needs(self) -> Rights:
        if self.uses:
            return ACTIONS.get(self.action, {})
        found = [rights for words, rights in COMMANDS.items() if words in self.run]
        return found[0] if found else {}


@dataclass(frozen=True)
class Job:
    """One job. `rights` is None where it states none, and has what the repository gives."""

    name: str
    triggers: tuple[str, ...]
    rights: Rights | None
    runner: tuple[str, ...]
    environment: str
    steps: tuple[Step, ...]
    text: str
    cancelled: bool

    @property
    def of_a_request(self) -> bool:
        """Whether anything but a merge or people of the house can set it going."""
        return not set(self.triggers) <= REVIEWED

    @property
    def writes(self) -> bool:
        return self.rights is None or "write" in self.rights.values()

    @property
    def checks_out(self) -> str:
        """Whose code is fetched; nothing but an exact `main` is main in a job of a request."""
        fetched = [step.given.get("ref", "") for step in self.steps if "checkout" in step.action]
        whose = {
            ref if ref == "main" else "the request" if self.of_a_request else "main"
            for ref in fetched
        }
        return ", ".join(sorted(whose))

    @property
    def secrets(self) -> str:
        """What expressions hand to steps: `token`, and names of secrets."""
        named = set(re.findall(r"secrets\.(\w+)|secrets\[", self.text))
        token = {"token"} if re.search(r"github\.token|secrets\.GITHUB_TOKEN", self.text) else set()
        return ", ".join(sorted(token | {name or "any" for name in named} - {"GITHUB_TOKEN"}))

    @property
    def row(self) -> tuple[str, ...]:
        """The job as a line of the table."""
        rights = ", ".join(
            f"{name}: {right}" for name, right in sorted((self.rights or {}).items())
        )
        runner = "controller" if self.runner == CONTROLLER else ", ".join(self.runner)
        triggers = ", ".join(self.triggers)
        row = (self.name, triggers, self.checks_out, rights, self.secrets, runner, self.environment)
        return tuple(cell or "-" for cell in row)


def read(name: str, text: str) -> list[Job]:
    """The jobs of a workflow file; its stem is `name`. Every scalar stays as it is written."""
    flow = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes none but strings
    triggers = tuple(sorted(_triggers(flow["on"])))
    around = {key: value for key, value in flow.items() if key not in ("jobs", "on")}
    cancelled = _cancels(flow)
    return [
        Job(
            name=f"{name}/{key}",
            triggers=triggers,
            rights=_rights(job.get("permissions", flow.get("permissions"))),
            runner=_words(job.get("runs-on", "")),
            environment=_environment(job),
            steps=tuple(_steps(job)),
            text=str(around) + str(job),
            cancelled=cancelled or _cancels(job),
        )
        for key, job in flow["jobs"].items()
    ]


def _cancels(part: Mapping[str, Any]) -> bool:
    concurrency = part.get("concurrency", {})
    return (
        isinstance(concurrency, dict) and concurrency.get("cancel-in-progress", "false") != "false"
    )


def _triggers(on: Any) -> Iterator[str]:
    named = on if isinstance(on, dict) else dict.fromkeys(_words(on))
    for name, how in named.items():
        main = name == "push" and isinstance(how, dict) and how == {"branches": ["main"]}
        yield "push to main" if main else name


def _rights(stated: Any) -> Rights | None:
    """A word for all (`write-all`) is a right of that name, which no step needs."""
    return {stated: "write"} if isinstance(stated, str) and stated else stated


def _words(stated: Any) -> tuple[str, ...]:
    return tuple(stated) if isinstance(stated, list) else (str(stated),)


def _environment(job: Mapping[str, Any]) -> str:
    stated = job.get("environment", "")
    return str(stated["name"] if isinstance(stated, dict) else stated)


def _steps(job: Mapping[str, Any]) -> Iterator[Step]:
    # a workflow that is called is a step of its own
    for step in job.get("steps", [job]):
        run = step.get("run", "").strip()
        yield Step(step.get("uses", ""), step.get("with", {}), run, str(step))


def findings(job: Job) -> set[str]:
    """The rules that a job breaks, by their names."""
    return {rule for rule, broken in _broken(job).items() if broken}


def _broken(job: Job) -> Mapping[str, bool]:
    fetches = [step for step in job.steps if "checkout" in step.action]
    needs: dict[str, str] = {}
    for step in job.steps:
        for name, right in step.needs.items():
            needs[name] = max(needs.get(name, ""), right)  # `write` comes after `read`
    return {
        "trigger": bool({"pull_request_target", "workflow_run"} & set(job.triggers)),
        "request on a runner of ours": job.of_a_request and job.runner not in _forges(),
        "request with an environment": job.of_a_request and bool(job.environment),
        "request with a secret": job.of_a_request
        and bool(set(job.secrets.split(", ")) - {"", "token"}),
        "request that may write": job.of_a_request and job.writes and not _runs_main_alone(job),
        "more than the bell": job.runner not in _forges() and not _only_rings(job),
        "a bell that is cancelled": job.runner not in _forges() and job.cancelled,
        "rights": job.rights != needs,
        "pinned": not all(_is_pinned(step) for step in job.steps),
        "expanded": any("${{" in step.run for step in job.steps),
        "credentials": any(step.given.get("persist-credentials") != "false" for step in fetches),
    }


def _forges() -> set[tuple[str, ...]]:
    return {(name,) for name in FORGES_RUNNERS}


def _runs_main_alone(job: Job) -> bool:
    """Whether what a request brings is data to it, and no command."""
    known = all(step.run in MAINS if step.run else step.action in ACTIONS for step in job.steps)
    return job.checks_out == "main" and known


def _only_rings(job: Job) -> bool:
    return job.runner == CONTROLLER and all(
        step.run in BELL and not step.uses for step in job.steps
    )


def _is_pinned(step: Step) -> bool:
    return not step.uses or (
        step.action in ACTIONS and re.fullmatch(r"[^@]+@[0-9a-f]{40}", step.uses) is not None
    )
