"""One session with the hosts: starts the pyinfra process and speaks with it."""

from __future__ import annotations

import errno
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from types import FrameType, TracebackType
from typing import Any, Self

from komando.inventory import Access, Host
from komando.rollout.launch import Launched, launch
from komando.rollout.protocol import Cargo, Event, Opening, Peer, Request

Listener = Callable[[Event], None]
"""Is told of each event as it comes; for progress on a terminal."""


class WorkerFailedError(RuntimeError):
    """The pyinfra process ended when it should have answered; the message holds its last words."""


@dataclass
class Answers:
    """What came of one request, by host.

    `lost` holds the hosts that may have begun and gave no answer: their state is unknown. `waiting`
    holds those that are still asked.
    """

    results: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)

    def note(self, event: Event) -> None:
        """Take in what the worker says of one host."""
        if event.kind == "result":
            self.results[event.host] = event.value
        elif event.kind == "failed":
            self.failures[event.host] = str(event.value)
        elif event.kind == "lost":
            self.lost[event.host] = str(event.value)
        else:
            return
        self.waiting.discard(event.host)

    def of(self, hosts: Iterable[str]) -> Answers:
        """Those of some hosts alone."""
        names = set(hosts)
        return Answers(
            {name: one for name, one in self.results.items() if name in names},
            {name: one for name, one in self.failures.items() if name in names},
            {name: one for name, one in self.lost.items() if name in names},
            self.waiting & names,
        )


def _ignore(event: Event) -> None:
    del event


class Session:
    """Connections to some hosts, open from `__enter__` to `__exit__`.

    `refused` maps each host that could not be reached to the reason; the other hosts go on.
    `interrupts` counts the Ctrl-C that came while something was done on hosts: the first one waits
    for what has begun, the second one does not.
    `launched` is a pyinfra process that was started ahead, and may have asked already.
    Raises FileNotFoundError when the identity or the known hosts' file does not stand.
    """

    def __init__(
        self,
        hosts: Iterable[Host],
        access: Access,
        listener: Listener = _ignore,
        launched: Launched | None = None,
    ) -> None:
        self._launched = launched
        self._hosts = tuple(hosts)
        self._access = access
        self._listener = listener
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._ahead: tuple[str, ...] = ()
        self._begun = False
        self.refused: dict[str, str] = {}
        self.interrupts = 0

    def __enter__(self) -> Self:
        try:
            wanted = opening(self._hosts, self._access)
        except FileNotFoundError:
            if self._launched:
                self._launched.dismiss()
            raise
        launched = self._launched
        if launched and (
            launched.prefix != self._access.prefix or launched.opening not in (None, wanted)
        ):
            launched.dismiss()
            launched = None
        launched = launched or launch(self._access.prefix)
        self._process, self._tell, self._ahead = launched.process, launched.tell, launched.asked
        self._words: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_words, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        try:
            if launched.opening is None:
                self._sent(partial(launched.open, wanted))
            self._hear(answers := Answers())
        except BaseException:
            self._end(kill=True)
            raise
        self.refused = answers.failures
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # a process in which nothing is begun has nothing to carry to its end
        self._end(kill=kind is not None or not self._begun)

    def observe(self, hosts: Iterable[str]) -> Answers:
        """Each host's answer to the one question, as its host program gives it."""
        names = tuple(hosts)
        ahead = set(self._ahead)
        answers = self._asked_ahead()
        if ahead.issuperset(names) and answers:
            return answers.of(names)
        return self._ask(Request("observe", names))

    def drift(self, hosts: Iterable[str]) -> Answers:
        """As `observe`, with all that stands on each host otherwise than it should."""
        return self._ask(Request("drift", tuple(hosts)))

    def export(self, hosts: Iterable[str], digests: Mapping[str, str] | None = None) -> Answers:
        """The base64 text of a generation of each host: the running one, or that of `digests`."""
        return self._ask(Request("export", tuple(hosts), digests=dict(digests or {})))

    def look(self, hosts: Iterable[str]) -> Answers:
        """As `observe`, over fresh connections."""
        return self._do(Request("look", tuple(hosts)))

    def record(self, hosts: Iterable[str]) -> Answers:
        """The lines of each host's own record."""
        return self._ask(Request("record", tuple(hosts)))

    def usage(self, hosts: Iterable[str]) -> Answers:
        """What each host has counted of its offices in the last week."""
        return self._ask(Request("usage", tuple(hosts)))

    def status(self, hosts: Iterable[str], slug: str, seconds: int) -> Answers:
        """What an office is promised and has on each host, looked at for so long; "" is all."""
        return self._ask(Request("status", tuple(hosts), slug=slug, seconds=seconds))

    def activate(self, cargo: Mapping[str, Cargo]) -> Answers:
        """One exec on each host of `cargo`; the results are the host program's JSON texts.

        Every host of it stands in the answers. A first Ctrl-C waits for those that have begun;
        after a second one, or when the process ends, those without an answer are `lost`.
        """
        return self._do(Request("activate", tuple(cargo), cargo=dict(cargo)))

    def reach(self, hosts: Iterable[str], neighbours: Mapping[str, str]) -> Answers:
        """A fresh connection to each host, from here and from its neighbour.

        The result is "", or says why the neighbour could not look: that holds nobody up.
        """
        return self._do(Request("reach", tuple(hosts), neighbours=dict(neighbours)))

    def confirm(self, digests: Mapping[str, str]) -> Answers:
        """Keep the change on each host, if its kernel holds all of it."""
        return self._do(Request("confirm", tuple(digests), digests=dict(digests)))

    def revert(self, digests: Mapping[str, str]) -> Answers:
        """Take the change back on each host that waits for a confirmation of it."""
        return self._do(Request("revert", tuple(digests), digests=dict(digests)))

    def _do(self, request: Request) -> Answers:
        answers = Answers(waiting=set(request.hosts))
        why = "nothing was heard of it"
        self._begun = True
        try:
            with self._patience():
                self._converse(request, answers)
            self._begun = False
        except KeyboardInterrupt:
            why = "interrupted in the middle of it"
        except WorkerFailedError as error:
            why = str(error)
        answers.lost |= dict.fromkeys(answers.waiting, why)
        return answers

    def counting(self) -> AbstractContextManager[None]:
        """Within it each Ctrl-C is counted, and none ends a wave between two of its steps."""
        return _on_ctrl_c(self._count)

    def heeding(self) -> AbstractContextManager[None]:
        """Within it, inside of `counting`, a Ctrl-C is a KeyboardInterrupt again."""
        return _on_ctrl_c(signal.default_int_handler)

    def _count(self, *_: object) -> None:
        self.interrupts += 1

    def _patience(self) -> AbstractContextManager[None]:
        def note(*_: object) -> None:
            self.interrupts += 1
            if self.interrupts > 1:
                raise KeyboardInterrupt

        return _on_ctrl_c(note)

    def _ask(self, request: Request) -> Answers:
        self._converse(request, answers := Answers(waiting=set(request.hosts)))
        return answers

    def _asked_ahead(self) -> Answers | None:
        """The answers to what was asked as the connections were opened; they come first, once."""
        if not self._ahead:
            return None
        self._hear(answers := Answers(waiting=set(self._ahead)))
        self._ahead = ()
        return answers

    def _converse(self, request: Request, answers: Answers) -> None:
        self._asked_ahead()
        self._sent(partial(self._tell, request))
        self._hear(answers)

    def _hear(self, answers: Answers) -> None:
        while (event := self._next()).kind != "done":
            answers.note(event)
            self._listener(event)

    def _sent(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except BrokenPipeError as error:
            raise self._failure() from error
        except KeyboardInterrupt:
            # else closing the pipe would send the rest of what nobody wants any more
            self._process.kill()
            raise

    def _next(self) -> Event:
        line = self._lines.get()
        try:
            return Event.from_json(line)
        except (TypeError, ValueError):  # its output has ended, or it wrote but half a line
            raise self._failure() from None

    def _failure(self) -> WorkerFailedError:
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._readers[1].join(timeout=1)
        words = "".join(self._words[-20:]).strip() or "it said nothing"
        return WorkerFailedError(
            f"the rollout process ended with {self._process.returncode}: {words}"
        )

    def _read_events(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101  # a pipe was asked for
        for line in stdout:
            self._lines.put(line)
        self._lines.put("")

    def _read_words(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None  # noqa: S101  # a pipe was asked for
        for line in stderr:
            self._words.append(line)

    def _end(self, *, kill: bool) -> None:
        process = self._process
        if kill:
            process.kill()
        stdin = process.stdin
        if stdin is not None:
            with suppress(BrokenPipeError):  # it is gone already, which is what we want
                stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for reader in self._readers:
            reader.join(timeout=1)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@contextmanager
def _on_ctrl_c(what: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, what)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def opening(hosts: Iterable[Host], access: Access) -> Opening:
    """What a session with these hosts begins with.

    Raises FileNotFoundError when the identity or the known hosts' file does not stand.
    """
    for path in (access.known_hosts, access.identity):
        if path is not None and not path.is_file():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    identity = None if access.identity is None else str(access.identity)
    return Opening(
        tuple(_peer(host.reached_as(access.user)) for host in hosts),
        known_hosts=str(access.known_hosts),
        identity=identity,
        connect_timeout=access.patience,
    )


def _peer(host: Host) -> Peer:
    hops = tuple(Peer(hop.name, hop.address, hop.port, hop.user) for hop in host.hops)
    return Peer(host.name, host.address, host.port, host.user, hops)
