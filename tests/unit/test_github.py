"""The adapter to GitHub's API, against a server that speaks it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from komando.forge import ForgeError, Label, Protection, Push, RefusedError, Review
from komando.forge.environment import forge_from_environment
from komando.forge.github import GitHub
from komando.lab.forge.server import Fault, Served, serving
from komando.lab.forge.state import Comment, Event, Move, Runner
from komando.lab.forge.state import Protection as Older
from komando.lab.forge.state import Review as Stored
from komando.lab.forge.store import Store
from komando.lab.forge.views import Views
from tests.unit.forge_ground import REPOSITORY, T0, begun, git, opened

WRITES = "lab_writes"
MARK = "<!-- komando plan -->"


@dataclass(frozen=True)
class Ground:
    """A forge that is served."""

    store: Store
    served: Served

    def asking(self, token: str = WRITES) -> GitHub:
        """The adapter with one of its tokens."""
        return GitHub(self.served.url, REPOSITORY, token)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    store = begun(tmp_path / "lab")
    with serving(store) as served:
        yield Ground(store, served)


def moved(
    branch: str, kind: str, after: str, login: str | None = "requester-1", **more: object
) -> Move:
    return Move.model_validate(
        {"branch": branch, "before": "0" * 40, "after": after, "kind": kind, "login": login,
         "at": T0, **more}
    )  # fmt: skip


def said(login: str, state: str, of: str) -> Stored:
    return Stored(number=1, login=login, state=state, commit=of, at=T0)


def labelled(event: Literal["labeled", "unlabeled"], login: str, at: datetime) -> Event:
    return Event(number=1, event=event, label="emergency", login=login, at=at)


def test_a_request_is_read_with_all_that_a_review_rests_on(ground: Ground) -> None:
    pull = opened(ground.store, commits=2)
    first = git(ground.store.bare, "rev-parse", f"{pull.head}~1").strip()
    ground.store.change(
        lambda state: state.with_pull(pull.model_copy(update={"labels": ("emergency", "old")})).but(
            moves=(moved("raise", "branch_creation", first), moved("raise", "push", pull.head)),
            reviews=(
                said("approver-1", "CHANGES_REQUESTED", first),
                said("approver-1", "APPROVED", pull.head),
                said("approver-2", "DISMISSED", first),
                said("approver-2", "COMMENTED", first),
            ),
            events=(
                labelled("labeled", "requester-1", T0),
                labelled("unlabeled", "approver-2", T0),
                labelled("labeled", "approver-2", T0 + timedelta(minutes=1)),
                Event(number=1, event="base_ref_changed", label=None, login="a", at=T0),
            ),
        )
    )
    request = ground.asking().request(1)
    assert (request.number, request.author, request.base) == (1, "requester-1", "main")
    assert (request.head, request.head_ref, request.ref) == (pull.head, "raise", "refs/pull/1/head")
    assert request.url.endswith(f"/{REPOSITORY}/pull/1")
    assert [one.id for one in request.commits] == [first, pull.head]
    assert {(one.author, one.committer) for one in request.commits} == {("requester-1",) * 2}
    assert request.pushes == (Push("requester-1", first, T0), Push("requester-1", pull.head, T0))
    assert request.reviews == (
        Review("approver-1", "changes", first, T0),
        Review("approver-1", "approved", pull.head, T0),
        Review("approver-2", "dismissed", first, T0),
        Review("approver-2", "commented", first, T0),
    )
    assert request.label("emergency") == Label("emergency", "approver-2", T0 + timedelta(minutes=1))
    assert request.retargeted == T0
    assert request.label("old") == Label("old", None, None)
    assert (request.merged, request.merge, request.merged_by) == (None, None, None)


def test_a_merged_request_is_found_by_its_commits_and_an_open_one_is_not(ground: Ground) -> None:
    merged, waiting = opened(ground.store, "raise"), opened(ground.store, "lower")
    start = git(ground.store.bare, "rev-parse", "main").strip()
    git(ground.store.bare, "update-ref", "refs/heads/main", merged.head)
    done = {"merged": T0, "merged_by": "approver-1", "merge": merged.head, "start": start}
    ground.store.change(lambda state: state.with_pull(merged.model_copy(update=done)))
    forge = ground.asking()
    assert forge.requests_of(merged.head) == (1,)
    assert forge.requests_of(waiting.head) == ()
    assert forge.requests_of(start) == ()
    request = forge.request(1)
    assert (request.merged, request.merge, request.merged_by) == (T0, merged.head, "approver-1")
    with pytest.raises(ForgeError, match="No commit found"):
        forge.requests_of("1" * 40)


def test_lists_are_read_over_all_their_pages(ground: Ground) -> None:
    pull = opened(ground.store, commits=101)
    pushes = tuple(
        moved("raise", "push", pull.head, at=T0 + timedelta(seconds=number))
        for number in range(230)
    )
    ground.store.change(
        lambda state: state.but(
            moves=(moved("raise", "branch_creation", pull.head), *pushes),
            comments=tuple(
                Comment(id=number, number=1, login="requester-1", body="-", at=T0, changed=T0)
                for number in range(1, 131)
            ),
        )
    )
    forge = ground.asking()
    request = forge.request(1)
    assert len(request.commits) == 101
    assert [one.at for one in request.pushes] == sorted(one.at for one in request.pushes)
    assert len(request.pushes) == 231
    asked = [line for line in ground.served.asked if "/activity" in line]
    assert len(asked) == 3
    address = forge.comment(1, MARK, f"{MARK}\none")
    assert forge.comment(1, MARK, f"{MARK}\ntwo") == address
    assert [one.body for one in ground.store.read().comments[130:]] == [f"{MARK}\ntwo"]


def test_more_commits_than_are_listed_is_an_error(ground: Ground) -> None:
    opened(ground.store, commits=251)
    with pytest.raises(ForgeError, match="has 251 commits, and the forge lists 250"):
        ground.asking().request(1)


def test_a_request_that_goes_on_while_it_is_read_is_not_told(ground: Ground) -> None:
    """Reviews of one head must not be counted for another."""
    opened(ground.store, commits=2)
    state = ground.store.read()
    before = Views(state, ground.store.git, "-").pull(state.pulls[0])
    for change in ({"commits": 1}, {"head": {**before["head"], "sha": "1" * 40}}):
        body = json.dumps({**before, **change}).encode()
        ground.served.faults.append(Fault(200, body=body))
        with pytest.raises(ForgeError, match="went on while it was read"):
            ground.asking().request(1)


def test_pushes_count_whoever_made_the_branch_anew_and_not_where_one_is_nameless(
    ground: Ground,
) -> None:
    pull = opened(ground.store)
    old = (
        moved("raise", "push", pull.head, "approver-2"),
        moved("raise", "branch_deletion", "0" * 40),
    )
    new = (
        moved("raise", "branch_creation", pull.head),
        moved("raise", "pr_merge", pull.head, "approver-1"),
    )
    other = moved("other", "push", pull.head, "approver-3")
    ground.store.change(lambda state: state.but(moves=(*old, *new, other)))
    pushes = ground.asking().request(1).pushes
    assert [one.login for one in pushes] == ["approver-2", "requester-1", "approver-1"]
    gone = moved("raise", "branch_deletion", "0" * 40, "approver-1")
    ground.store.change(lambda state: state.but(moves=(*state.moves, gone)))
    assert ground.asking().request(1).pushes == pushes
    nameless = moved("raise", "push", pull.head, None)
    ground.store.change(lambda state: state.but(moves=(*new, nameless)))
    assert ground.asking().request(1).pushes == ()


def test_the_pushes_of_a_fork_are_asked_of_the_fork(ground: Ground) -> None:
    pull = opened(ground.store)
    fork = "elsewhere/satu-komando"
    ground.store.change(
        lambda state: state.with_pull(pull.model_copy(update={"repository": fork})).but(
            moves=(
                moved("raise", "push", pull.head, "approver-1"),
                moved("raise", "push", pull.head, "requester-2", repository=fork),
            )
        )
    )
    assert [one.login for one in ground.asking().request(1).pushes] == ["requester-2"]
    ground.store.change(lambda state: state.but(moves=()))  # a fork that this token may not see
    assert ground.asking().request(1).pushes == ()


def test_a_comment_is_made_and_then_put_in_its_place_and_a_strangers_is_left_alone(
    ground: Ground,
) -> None:
    opened(ground.store)
    foreign = Comment(id=1, number=1, login="requester-1", body=MARK, at=T0, changed=T0)
    ground.store.change(lambda state: state.but(comments=(foreign,)))
    forge = ground.asking()
    address = forge.comment(1, MARK, f"{MARK}\nfirst")
    assert address.endswith("#issuecomment-2")
    assert forge.comment(1, MARK, f"{MARK}\nsecond") == address
    kept, ours = ground.store.read().comments
    assert kept == foreign
    assert (ours.login, ours.body) == ("github-actions[bot]", f"{MARK}\nsecond")
    ground.asking("lab_person").comment(1, MARK, f"{MARK}\nthird")
    assert [one.login for one in ground.store.read().comments] == [
        "requester-1", "github-actions[bot]", "approver-1",
    ]  # fmt: skip


def test_an_issue_of_ours_is_opened_found_and_closed(ground: Ground) -> None:
    opened(ground.store)
    forge = ground.asking()
    assert forge.issue(MARK) is None
    issue = forge.open_issue("Drift", f"{MARK}\ncore-1", ("drift",))
    assert ground.asking("lab_person").issue(MARK) is None
    assert forge.issue(MARK) == issue
    forge.update_issue(issue.number, f"{MARK}\nnone")
    assert forge.issue(MARK) is not None
    forge.update_issue(issue.number, f"{MARK}\nnone", close=True)
    assert forge.issue(MARK) is None
    stored = ground.store.read().issues[0]
    assert (stored.title, stored.labels, stored.open) == ("Drift", ("drift",), False)


def test_what_a_token_may_not_is_refused_with_the_right_that_it_needs(ground: Ground) -> None:
    opened(ground.store)
    forge = ground.asking("lab_reads")
    assert forge.request(1).number == 1
    with pytest.raises(RefusedError, match=r"needs the right to write on pull requests \(pull-req"):
        forge.comment(1, MARK, MARK)
    with pytest.raises(RefusedError, match="administration: read"):
        forge.runners()
    with pytest.raises(RefusedError, match="either it does not stand, or the token needs"):
        forge.request(99)
    with pytest.raises(RefusedError, match="does not know this token") as refused:
        ground.asking("lab_nobody").comment(1, MARK, MARK)
    assert "lab_nobody" not in str(refused.value)


def test_protection_is_what_either_kind_of_rule_holds_people_to(ground: Ground) -> None:
    may, may_not = ground.asking("lab_person"), ground.asking("lab_reads")
    assert may.protection("main") == Protection(request=False, force=False, delete=False)
    assert may_not.protection("main") == Protection(request=None, force=None, delete=None)
    rules = {"main": ("pull_request", "deletion")}
    older = {"main": Older(request=False, force=True, delete=False)}
    ground.store.change(lambda state: state.but(rules=rules, protections=older))
    assert may.protection("main") == Protection(request=True, force=True, delete=True)
    assert may_not.protection("main") == Protection(request=True, force=None, delete=True)


def test_runners_and_the_tokens_end(ground: Ground) -> None:
    runner = Runner(name="controller", online=False, labels=("self-hosted", "komando"))
    ground.store.change(lambda state: state.but(runners=(runner,)))
    forge = ground.asking("lab_person")
    (found,) = forge.runners()
    assert (found.name, found.online, found.labels) == ("controller", False, runner.labels)
    assert forge.expires() == datetime(2027, 3, 31, 17, 0, tzinfo=UTC)
    assert ground.asking().expires() is None


def test_a_bad_gateway_is_asked_again_and_a_comment_is_not_written_twice(ground: Ground) -> None:
    opened(ground.store)
    ground.served.faults.append(Fault(502))
    assert ground.asking().request(1).number == 1
    forge = ground.asking()
    forge.issue(MARK)  # it knows who it is
    bad = Fault(502, body=b'{"message": "Bad Gateway"}')
    ground.served.faults.extend([Fault(200, body=b"[]"), bad])
    with pytest.raises(ForgeError, match=r"answered repos/.*/comments with 502 \(Bad Gateway\)"):
        forge.comment(1, MARK, MARK)
    assert sum(line.startswith("POST") for line in ground.served.asked) == 1


def test_a_forge_that_is_away_is_named(tmp_path: Path) -> None:
    with serving(begun(tmp_path / "lab")) as served:
        pass
    with pytest.raises(ForgeError, match=r"could not be asked: .*refused"):
        GitHub(served.url, REPOSITORY, "lab_reads").request(1)


def test_the_token_goes_to_no_other_host(ground: Ground, tmp_path: Path) -> None:
    with serving(begun(tmp_path / "other")) as other:
        elsewhere = {"Location": f"{other.url}/repos/{REPOSITORY}/pulls/1"}
        ground.served.faults.append(Fault(302, elsewhere))
        with pytest.raises(ForgeError, match="to another host"):
            ground.asking().request(1)
        next_page = {"Link": f'<{other.url}/next>; rel="next"'}
        ground.served.faults.append(Fault(200, next_page, b"[]"))
        with pytest.raises(ForgeError, match="to another host"):
            ground.asking().requests_of("1" * 40)
        assert other.asked == []


def test_a_repository_that_was_renamed_is_followed_on_its_host(ground: Ground) -> None:
    opened(ground.store)
    here = {"Location": f"/repos/{REPOSITORY}/pulls/1"}
    ground.served.faults.append(Fault(301, here))
    assert ground.asking().request(1).number == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "no JSON"),
        (b"[]", "cannot be understood: the whole of it"),
        (b'{"number": 1}', "cannot be understood: title: field required"),
        (b'{"number": "1"}', "cannot be understood: number: "),
    ],
)
def test_an_answer_that_is_none_names_the_question_and_the_field(
    ground: Ground, body: bytes, words: str
) -> None:
    ground.served.faults.append(Fault(200, body=body))
    with pytest.raises(ForgeError, match=f"answered repos/{REPOSITORY}/pulls/1 .*{words}"):
        ground.asking().request(1)


def test_a_limit_is_waited_for_within_a_minute_and_told_beyond(ground: Ground) -> None:
    opened(ground.store)
    ground.served.faults.append(Fault(429, {"Retry-After": "1"}))
    assert ground.asking().request(1).number == 1
    reset = str(int(datetime.now(UTC).timestamp()) + 1800)
    used_up = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    for fault in (Fault(403, used_up), Fault(429, {"Retry-After": "3600"})):
        ground.served.faults.append(fault)
        with pytest.raises(ForgeError, match="no more questions for") as raised:
            ground.asking().request(1)
        assert not isinstance(raised.value, RefusedError)


@pytest.mark.parametrize(
    ("api", "repository", "token", "words"),
    [
        ("http://forge.example", REPOSITORY, "t", "https://"),
        ("https://user:word@forge.example", REPOSITORY, "t", "https://"),
        ("ftp://127.0.0.1", REPOSITORY, "t", "https://"),
        ("https://forge.example", "../user", "t", "owner/name"),
        ("https://forge.example", "kotim", "t", "owner/name"),
        ("https://forge.example", REPOSITORY, "secret\nword", "one word"),
    ],
)
def test_what_cannot_be_a_forge_is_refused_at_once(
    api: str, repository: str, token: str, words: str
) -> None:
    with pytest.raises(ForgeError, match=words) as refused:
        GitHub(api, repository, token)
    assert "word@" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_environment_names_the_forge(ground: Ground) -> None:
    opened(ground.store)
    environment = {
        "GITHUB_API_URL": ground.served.url,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_TOKEN": "lab_reads",
    }
    assert forge_from_environment(environment).request(1).number == 1
    with pytest.raises(
        ForgeError, match=r"KOMANDO_FORGE_TOKEN or GITHUB_TOKEN .* GITHUB_REPOSITORY"
    ):
        forge_from_environment({})
