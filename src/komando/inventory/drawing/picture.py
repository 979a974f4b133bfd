"""The drawing as SVG: machines as cards, from the controller on the left to the last on the right.

All measures are in pixels. A text's width is guessed from its length: whoever shows the picture
has fonts of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from komando.documents.pages import pages
from komando.inventory.drawing.chart import Chart, Node
from komando.inventory.drawing.sources import COLOURS
from komando.inventory.known import place_of
from komando.inventory.machines import Host

WIDTH = 264
GAP = 96
ROW_GAP = 20
MARGIN = 32
HEAD = 84
FOOT = 64
CARD = 66
CHIP = 24
CHIP_GAP = 6
PAD = 18
BUS = 30
BOW, BESIDE = 44, 9
TURN = 12
LEAST = 820
LEAST_BUS = 190
OF_NAME, OF_KIND, OF_CHIP = 8.8, 7.6, 6.5
"""Widths of a letter in the sizes in which names, kinds and interfaces are written."""


@dataclass(frozen=True)
class Chip:
    """An interface on a card."""

    x: float
    y: float
    width: float
    segment: str
    interface: str


@dataclass
class Card:
    """A machine where it is drawn."""

    host: Host
    x: float
    y: float
    width: float
    chips: list[Chip] = field(default_factory=list)
    height: float = CARD
    keyless: bool = False

    @property
    def middle(self) -> float:
        """Where lines meet its sides."""
        return self.y + self.height / 2

    @property
    def right(self) -> float:
        """Its right side."""
        return self.x + self.width

    @property
    def place(self) -> str:
        """Its address, with the port where that is another than ssh's."""
        return place_of(self.host)

    @property
    def colour(self) -> str:
        """That of its kind."""
        return COLOURS[self.host.kind]


def as_svg(chart: Chart) -> str:
    """One self-contained SVG file."""
    template = pages("komando.inventory.drawing").get_template("graph.svg.j2")
    return template.render(drawn=_Drawing(chart))


class _Drawing:
    """Every card and line of a chart, laid out."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.networks = ", ".join(map(str, chart.management))
        every = [*chart.controllers, *(node.host for node in chart.nodes())]
        self.count = len(every)
        self.width_of_cards = max(map(_width, every), default=WIDTH)
        self.cards: dict[str, Card] = {}
        self.ways: list[str] = []
        self._start = MARGIN + self.width_of_cards
        self._column = self._start + GAP + BUS + GAP / 2
        inside = [node for node in chart.direct if chart.managed(node.host)]
        outside = [node for node in chart.direct if not chart.managed(node.host)]
        end = self._stack(inside, 0, HEAD)
        self.bus = (self._start + GAP / 2, HEAD, max(end - ROW_GAP, HEAD + LEAST_BUS))
        self._stack(outside, 0, self.bus[2] + ROW_GAP)
        self.nobody = (
            None if chart.controllers else (MARGIN, (self.bus[1] + self.bus[2] - CARD) / 2)
        )
        self._controllers(chart.controllers, self.bus)
        self._lines(inside, outside)
        right = max((card.right for card in self.cards.values()), default=self._column)
        self.neighbours = list(self._dashes())
        self.width = max(
            right + MARGIN + (BOW + len(self.neighbours) * BESIDE if self.neighbours else 0), LEAST
        )
        self.legend = max((card.y + card.height for card in self.cards.values()), default=HEAD)
        self.legend = max(self.legend, self.bus[2]) + 44
        self.height = self.legend + FOOT - 24

    def _stack(self, nodes: Sequence[Node], depth: int, y: float) -> float:
        """Cards below one another, those behind a jump host on its right; where the next begins."""
        x = self._column + depth * (self.width_of_cards + GAP)
        for node in nodes:
            card = self._card(node.host, x, y)
            end = self._stack(node.behind, depth + 1, y)
            if node.behind:
                card.y = max(y, (y + end - ROW_GAP) / 2 - card.height / 2)
                for number, chip in enumerate(card.chips):
                    card.chips[number] = Chip(
                        chip.x, chip.y + card.y - y, chip.width, chip.segment, chip.interface
                    )
            y = max(card.y + card.height + ROW_GAP, end)
        return y

    def _card(self, host: Host, x: float, y: float) -> Card:
        card = Card(host, x, y, self.width_of_cards, keyless=host.name in self.chart.keyless)
        card.chips = list(_chips(host, card))
        if card.chips:
            card.height = card.chips[-1].y + CHIP + PAD - 4 - y
        self.cards[host.name] = card
        return card

    def _controllers(self, hosts: Iterable[Host], bus: tuple[float, float, float]) -> None:
        every = list(hosts)
        tall = len(every) * (CARD + ROW_GAP) - ROW_GAP
        y = (bus[1] + bus[2]) / 2 - tall / 2
        for host in every:
            self._card(host, MARGIN, y)
            y += CARD + ROW_GAP

    def _lines(self, inside: Sequence[Node], outside: Sequence[Node]) -> None:
        left, right = self.bus[0], self.bus[0] + BUS
        begin = [self.cards[host.name] for host in self.chart.controllers]
        middles = [card.middle for card in begin] or [(self.bus[1] + self.bus[2]) / 2]
        self.ways += [f"M{self._start} {middle}H{left}" for middle in middles]
        for node in inside:
            card = self.cards[node.host.name]
            self.ways.append(f"M{right} {card.middle}H{card.x}")
        for node in outside:
            card = self.cards[node.host.name]
            x = MARGIN + self.width_of_cards / 2
            y = middles[-1] + CARD / 2
            self.ways.append(f"M{x} {y}V{card.middle - 12}q0 12 12 12H{card.x}")
        for node in (*inside, *outside):
            for one in node.walk():
                for next_ in one.behind:
                    self.ways.append(_elbow(self.cards[one.host.name], self.cards[next_.host.name]))

    def _dashes(self) -> Iterator[tuple[str, str]]:
        """A curve on the right for each pair of neighbours, around what stands between them."""
        pairs = dict.fromkeys(frozenset(pair) for pair in self.chart.neighbours())
        for number, pair in enumerate(pairs):
            one, other = sorted((self.cards[name] for name in pair), key=lambda card: card.y)
            beside = [
                card.right
                for card in self.cards.values()
                if card.y < other.y + other.height and card.y + card.height > one.y
            ]
            out = max(beside) + BOW + number * BESIDE
            path = (
                f"M{one.right} {one.middle}H{out - TURN}q{TURN} 0 {TURN} {TURN}"
                f"V{other.middle - TURN}q0 {TURN} {-TURN} {TURN}H{other.right}"
            )
            yield path, " and ".join(sorted(pair))


def _width(host: Host) -> float:
    return max(WIDTH, 2 * PAD + 24 + len(host.name) * OF_NAME + len(host.kind) * OF_KIND)


def _chips(host: Host, card: Card) -> Iterator[Chip]:
    x, y = card.x + PAD, card.y + CARD
    for segment, interface in host.interfaces.items():
        width = 20 + (len(segment) + 1 + len(interface)) * OF_CHIP
        if x > card.x + PAD and x + width > card.right - PAD + 4:
            x, y = card.x + PAD, y + CHIP + CHIP_GAP
        yield Chip(x, y, width, segment, interface)
        x += width + CHIP_GAP


def _elbow(one: Card, other: Card) -> str:
    """From a card's right side to another's left, around a rounded corner."""
    x = one.right + GAP / 2
    drop = other.middle - one.middle
    if abs(drop) < 1:
        return f"M{one.right} {one.middle}H{other.x}"
    turn = min(12, abs(drop) / 2) * (1 if drop > 0 else -1)
    return (
        f"M{one.right} {one.middle}H{x - 12}q12 0 12 {turn}"
        f"V{other.middle - turn}q0 {turn} 12 {turn}H{other.x}"
    )
