"""Who is reached over whom: as a tree, as a picture, and in the words of other drawing programs."""

from __future__ import annotations

from komando.inventory.drawing.chart import Chart, Node, chart_of
from komando.inventory.drawing.picture import as_svg
from komando.inventory.drawing.sources import as_dot, as_json, as_mermaid
from komando.inventory.drawing.tree import as_tree

__all__ = ["Chart", "Node", "as_dot", "as_json", "as_mermaid", "as_svg", "as_tree", "chart_of"]
