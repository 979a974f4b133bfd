"""A page of Markdown that is cut to a size without breaking what is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from komando.plan.wording import count


@dataclass(frozen=True)
class Block:
    """A part of a page that can be cut between its rows, and nowhere else.

    `head` comes before the rows, `end` closes what holds them alone (a fence), `tail` what holds
    all of it. A row is one or more whole lines, and one `noun` of what is counted when rows are
    left out; of more than `most` the rest is, on a page that has a limit. A `spare` block takes
    only what those after it leave.
    """

    head: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    noun: str = "line"
    end: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    spare: bool = False
    most: int | None = None

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join((*self.head, *self.rows, *self.end, *self.tail))

    def cut(self, limit: int, whole: str) -> str:
        """At most `limit` bytes of it, with as many rows as there is room for.

        A line says how many more there are. "" where there is no room for a single row.
        """
        around = _size("\n".join((*self.head, *self.end, "", *self.tail)))
        room = limit - around - _size(_more(len(self.rows), self.noun, whole)) - 2
        ends = accumulate(_size(row) + 1 for row in self.rows)
        shown = min(sum(1 for end in ends if end <= room), self.most or len(self.rows))
        if not shown:
            return ""
        more = _more(len(self.rows) - shown, self.noun, whole)
        return "\n".join((*self.head, *self.rows[:shown], *self.end, "", more, *self.tail))


def paged(blocks: Iterable[Block], limit: int | None, whole: str) -> str:
    """The blocks one below the other, in at most `limit` bytes of UTF-8 (None: however many).

    `whole` says in Markdown where all of it is to be read ("": nowhere). A block that is too long
    gets what those after it do not need, and half of what is left at least; the last line counts
    what there was no room for at all. Raises ValueError where not even the first block and that
    line fit.
    """
    found = list(blocks)
    if limit is None:
        return "".join(f"{part}\n" for part in _joined(block.text for block in found))
    left_out: Counter[str] = Counter()
    room = limit - _size(found[0].text) - _size(_closing(_counted(found), whole)) - 4
    if room < 0:
        raise ValueError(f"{limit} bytes are too few for a headline and where the rest is")
    shown = [found[0].text]
    for block, needed in zip(found[1:], _needed_after(found)[1:], strict=True):
        text = block.text
        budget = room if block.spare else max(room - needed, room // 2)
        if _size(text) + 2 > budget or (block.most and len(block.rows) > block.most):
            text = block.cut(budget - 2, whole)
        if text:
            shown.append(text)
            room -= _size(text) + 2
        else:
            left_out[block.noun] += max(1, len(block.rows))
    return "".join(f"{part}\n" for part in _joined((*shown, _closing(left_out, whole))))


def _joined(parts: Iterable[str]) -> Iterator[str]:
    """The parts that are not empty, a blank line between two."""
    for number, part in enumerate(filter(None, parts)):
        yield ("\n" if number else "") + part.rstrip("\n")


def _needed_after(blocks: Sequence[Block]) -> list[int]:
    """What all blocks below each one take, those apart that take what is left."""
    sizes = [0 if block.spare else _size(block.text) + 2 for block in blocks]
    below = list(accumulate(reversed(sizes), initial=0))
    return below[-2::-1]


def _counted(blocks: Iterable[Block]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for block in blocks:
        counts[block.noun] += max(1, len(block.rows))
    return counts


def _closing(left_out: Counter[str], whole: str) -> str:
    words = ", ".join(count(number, noun) for noun, number in left_out.items())
    parts = [f"Left out here: {words}."] if words else []
    return " ".join([*parts, f"The whole plan is in {whole}."] if whole else parts)


def _more(number: int, noun: str, whole: str) -> str:
    place = f": the whole plan is in {whole}" if whole else ""
    return f"... and {count(number, 'more ' + noun)}{place}"


def _size(text: str) -> int:
    """UTF-8 bytes: no forge counts more, whatever it calls a character."""
    return len(text.encode())
