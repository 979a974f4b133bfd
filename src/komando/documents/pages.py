"""Pages and pictures from templates: whatever a value holds stands there as text."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def pages(package: str) -> Environment:
    """The templates of a package, in its folder `templates`; a name without a value is an error."""
    return Environment(
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
