"""What the forge knows, in the words of GitHub's REST API (https://docs.github.com/en/rest).

Objects have the fields that GitHub gives them, as far as anybody here could want them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from komando.lab.forge.state import Comment, Issue, Pull, State, written
from komando.ledger.git import Git

MOST_COMMITS = 250
"""Commits of a pull request that GitHub lists."""

_NOREPLY = "@users.noreply.github.com"

Json = dict[str, Any]


@dataclass(frozen=True)
class Views:
    """One state, seen with the repository beside it; `web` is the address of its pages."""

    state: State
    git: Git
    web: str

    def repository(self) -> Json:
        """The repository itself."""
        name = self.state.repository
        return {
            "full_name": name,
            "name": name.partition("/")[2],
            "private": True,
            "html_url": self.web,
            "default_branch": "main",
        }

    def pull(self, pull: Pull) -> Json:
        """A pull request; one that is open has a merge commit on trial, as on GitHub."""
        base = pull.start or self.git.commit_at(f"refs/heads/{pull.base}")
        return {
            **self.listed(pull),
            "base": {"ref": pull.base, "sha": base, "repo": self.repository()},
            "merged": pull.merged is not None,
            "merged_by": somebody(pull.merged_by),
            "commits": len(self._log(pull)),
        }

    def listed(self, pull: Pull) -> Json:
        """A pull request in a list."""
        head_repository = pull.repository or self.state.repository
        return {
            "number": pull.number,
            "title": pull.title,
            "state": "open" if pull.open else "closed",
            "html_url": f"{self.web}/pull/{pull.number}",
            "user": somebody(pull.author),
            "head": {"ref": pull.branch, "sha": pull.head, "repo": {"full_name": head_repository}},
            "labels": [{"name": name} for name in pull.labels],
            "created_at": written(pull.opened),
            "merged_at": written(pull.merged) if pull.merged else None,
            "merge_commit_sha": pull.merge or pull.head,
        }

    def commits(self, pull: Pull) -> list[Json]:
        """The commits of a pull request, the oldest first."""
        return [
            {
                "sha": commit,
                "commit": {"author": {"email": author}, "committer": {"email": committer}},
                "author": self._account_of(author),
                "committer": self._account_of(committer),
            }
            for commit, author, committer in self._log(pull)[:MOST_COMMITS]
        ]

    def pulls_of(self, commit: str) -> list[Json]:
        """The pull requests that have a commit, or by whose merge it came about."""
        return [
            self.listed(pull)
            for pull in self.state.pulls
            if commit == pull.merge or commit in {one for one, _, _ in self._log(pull)}
        ]

    def reviews(self, number: int) -> list[Json]:
        """The reviews of a pull request, the oldest first."""
        return [
            {
                "id": index,
                "user": somebody(one.login),
                "state": one.state,
                "commit_id": one.commit,
                "submitted_at": written(one.at),
            }
            for index, one in enumerate(self.state.reviews)
            if one.number == number
        ]

    def events(self, number: int) -> list[Json]:
        """What happened to a pull request, the oldest first."""
        return [
            {
                "id": index,
                "event": one.event,
                "actor": somebody(one.login),
                "created_at": written(one.at),
                **({"label": {"name": one.label, "color": "ededed"}} if one.label else {}),
            }
            for index, one in enumerate(self.state.events)
            if one.number == number
        ]

    def activity(self, repository: str, reference: str | None) -> list[Json]:
        """What happened to the branches of a repository, the newest first."""
        own = self.state.repository
        return [
            {
                "id": index,
                "ref": f"refs/heads/{one.branch}",
                "before": one.before,
                "after": one.after,
                "activity_type": one.kind,
                "actor": somebody(one.login),
                "timestamp": written(one.at),
            }
            for index, one in reversed(list(enumerate(self.state.moves)))
            if (one.repository or own) == repository
            and reference in (None, one.branch, f"refs/heads/{one.branch}")
        ]

    def comments(self, number: int) -> list[Json]:
        """The comments on a pull request or an issue, the oldest first."""
        return [self.comment(one) for one in self.state.comments if one.number == number]

    def comment(self, comment: Comment) -> Json:
        """A comment."""
        return {
            "id": comment.id,
            "html_url": f"{self.web}/issues/{comment.number}#issuecomment-{comment.id}",
            "user": somebody(comment.login),
            "body": comment.body,
            "created_at": written(comment.at),
            "updated_at": written(comment.changed),
        }

    def issues(self) -> list[Json]:
        """What is open, pull requests among it, as GitHub has them; the newest first."""
        pulls = [
            {**self._issue_of(one), "pull_request": {"url": f"{self.web}/pull/{one.number}"}}
            for one in self.state.pulls
            if one.open
        ]
        issues = [self.issue(one) for one in self.state.issues if one.open]
        return sorted([*pulls, *issues], key=lambda one: int(one["number"]), reverse=True)

    def issue(self, issue: Issue) -> Json:
        """An issue."""
        return {
            "number": issue.number,
            "title": issue.title,
            "html_url": f"{self.web}/issues/{issue.number}",
            "user": somebody(issue.login),
            "body": issue.body,
            "labels": [{"name": name} for name in issue.labels],
            "state": "open" if issue.open else "closed",
        }

    def rules(self, branch: str) -> list[Json]:
        """The rules of rulesets that hold on a branch."""
        return [
            {"type": kind, "ruleset_source_type": "Repository", "ruleset_id": 1}
            for kind in self.state.rules.get(branch, ())
        ]

    def runners(self) -> list[Json]:
        """The runners that are registered."""
        return [
            {
                "id": index,
                "name": one.name,
                "os": "linux",
                "status": "online" if one.online else "offline",
                "busy": False,
                "labels": [{"name": label, "type": "custom"} for label in one.labels],
            }
            for index, one in enumerate(self.state.runners)
        ]

    def _issue_of(self, pull: Pull) -> Json:
        return self.issue(Issue(number=pull.number, title=pull.title, body="", login=pull.author))

    def _log(self, pull: Pull) -> list[tuple[str, str, str]]:
        """Commits that a pull request brings, the oldest first, with the two addresses of each."""
        start = pull.start or f"refs/heads/{pull.base}"
        form = "--format=%H%x00%ae%x00%ce"
        lines = self.git.ask("log", "--reverse", "--topo-order", form, f"{start}..{pull.head}")
        found = (line.split("\0") for line in lines.decode("utf-8", "replace").splitlines())
        return [(commit, author, committer) for commit, author, committer in found]

    def _account_of(self, mail: str) -> Json | None:
        """The account that has said that an address is its own; that of GitHub's own addresses."""
        login = self.state.mails.get(mail)
        if login is None and mail.endswith(_NOREPLY):
            login = mail.removesuffix(_NOREPLY).rpartition("+")[2]
        return somebody(login)


def somebody(login: str | None) -> Json | None:
    """An account."""
    if login is None:
        return None
    return {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"}
