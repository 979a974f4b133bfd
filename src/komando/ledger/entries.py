"""The entries of a ledger, and the bytes in which they are kept."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

Kind = Literal["apply", "rollback", "repair", "emergency"]
HostOutcome = Literal["carried", "reverted", "refused", "unreached", "unknown", "untouched"]
"""What became of one host.

carried: it runs what it was given. reverted: it was given it and went back. refused: it took
nothing. unreached: it could not be asked. unknown: it fell silent, and may run either. untouched:
its turn never came.
"""
WholeOutcome = Literal["done", "failed", "partial", "interrupted"]

MOST_WORDS = 2000
"""Characters of a reason that are kept: a program's whole output belongs in a log."""


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _cut(words: object) -> object:
    """Words that fit, without what no UTF-8 file can hold."""
    if not isinstance(words, str):
        return words
    return words.encode("utf-8", "replace").decode()[:MOST_WORDS]


def _by_name(hosts: dict[str, _Entry]) -> dict[str, _Entry]:
    return dict(sorted(hosts.items()))


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Words = Annotated[str, BeforeValidator(_cut)]
Digest = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
"""SHA-256 in hex; "" where there is none: a host that runs nothing, a first entry."""
Commit = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})?$")]
TurnName = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Holder(_Entry):
    """A process that works on an environment, told apart from every other.

    `born` is its start in clock ticks since boot (proc(5), field 22 of /proc/PID/stat), `boot` the
    kernel's boot id and `namespace` that of its process ids: a number alone comes again.
    """

    person: Words
    machine: Words
    process: int = Field(ge=1)
    born: int = Field(ge=0)
    boot: str
    namespace: str


class Move(_Entry):
    """From which generation to which a host shall go; None where it is not known."""

    before: Digest | None
    after: Digest | None


class HostResult(_Entry):
    """What became of one host.

    `after` is what it runs now, None where that is not known. `head` is the SHA-256 of the last
    line of the host's own record, as the host told it, "" where it did not. `time` is when
    the controller knew, or gave up; None of a host that could not be asked, and in old entries.
    """

    before: Digest | None
    after: Digest | None
    result: HostOutcome
    reason: Words = ""
    head: Digest = ""
    time: Moment | None = None


class Approval(_Entry):
    """Somebody approved a commit of a pull request."""

    by: Words
    commit: Commit
    time: Moment


class Request(_Entry):
    """A pull request that an apply carries out, and who answers for it, as the forge had it.

    `author` opened it, `head` is the commit that was approved, `base` the one that it came upon,
    `merge` the one by which the branch got it. `emergency` is who let it through without an
    approval, "" where it had all it needs.
    """

    number: int = Field(ge=1)
    title: Words
    author: Words
    head: Commit
    base: Commit
    merge: Commit
    approvals: tuple[Approval, ...] = ()
    emergency: Words = ""


class _Numbered(_Entry):
    """What every entry has.

    `number` counts from 1 without a gap; `before` is the SHA-256 of the bytes of the entry before,
    "" for the first. `spooled`: it was written while the forge was away, and landed here later.
    """

    form: Literal[1] = 1
    number: int = Field(default=0, ge=0)
    environment: str
    before: Digest = ""
    spooled: bool = False
    time: Moment


class _OfTurn(_Numbered):
    """An entry of one turn: `turn` is its random name; hosts refuse an older `sequence`."""

    turn: TurnName
    sequence: int = Field(ge=1)


class Started(_OfTurn):
    """Somebody begins; until `expires` nobody else may.

    `policy` is the commit whose policies are carried out ("" where there is none), and
    `policy_changed` says that files there differed from it. `limit` names the hosts of a partial
    run; `hosts` says what shall become of each, `acknowledged` has the ids of accepted risks.
    `requests` are the pull requests that came since the last apply, the oldest first.
    """

    entry: Literal["started"] = "started"
    kind: Kind
    holder: Holder
    expires: Moment
    policy: Commit
    policy_changed: bool = False
    limit: tuple[str, ...] = ()
    hosts: Annotated[dict[str, Move], AfterValidator(_by_name)]
    acknowledged: tuple[str, ...] = ()
    requests: tuple[Request, ...] = ()


class Finished(_OfTurn):
    """What came of a turn, host by host and as a whole."""

    entry: Literal["finished"] = "finished"
    result: WholeOutcome
    hosts: Annotated[dict[str, HostResult], AfterValidator(_by_name)]


class Abandoned(_OfTurn):
    """Somebody else closed a turn whose holder had died, or whose time had run out."""

    entry: Literal["abandoned"] = "abandoned"
    by: Holder
    why: Words


class Anew(_Numbered):
    """The first entry of a ledger that replaces one which nobody could bring back."""

    entry: Literal["anew"] = "anew"
    by: Holder
    why: Words


Entry = Started | Finished | Abandoned | Anew

_ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="entry")])


def to_bytes(entry: Entry) -> bytes:
    """The bytes of `entry.json`: one key a line, in the model's order."""
    return entry.model_dump_json(indent=1).encode() + b"\n"


def from_bytes(raw: bytes) -> Entry:
    """Read what `to_bytes` wrote. Raises ValueError that says in one line what is wrong."""
    try:
        return _ENTRY.validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ValueError(f"{where}: {first['msg']}") from None


def digest(raw: bytes) -> str:
    """The SHA-256 that the next entry has as its `before`."""
    return hashlib.sha256(raw).hexdigest()


def identity(entry: Entry) -> tuple[str, str, datetime]:
    """What an entry is, wherever in a chain it comes to stand."""
    return "" if isinstance(entry, Anew) else entry.turn, entry.entry, entry.time


def summary(entry: Entry) -> str:
    """One line on an entry: the subject of its commit."""
    if isinstance(entry, Anew):
        return f"{entry.environment}: a ledger begun anew by {entry.by.person}"
    where = f"{entry.environment} {entry.sequence}"
    if isinstance(entry, Started):
        return f"{where}: {entry.kind} started by {entry.holder.person}"
    if isinstance(entry, Finished):
        return f"{where}: {entry.result}"
    return f"{where}: abandoned, {entry.why}"
