"""Numbers and names belong to one office or point each."""

from __future__ import annotations

from collections.abc import Iterator

from komando.diagnostics import Diagnostic, Location, Related
from komando.documents.explain import NO_ID
from komando.policy.model import Draft
from komando.policy.tree import Kind


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Ids and slugs are unique over offices and public points together."""
    ids: dict[int, tuple[Kind, str]] = {}
    for kind, site in draft.sites():
        if draft.faults and not draft.sure(kind, site.slug, "id"):
            continue
        first = ids.setdefault(site.id, (kind, site.slug))
        if first != (kind, site.slug):
            yield Diagnostic(
                "id-twice",
                "error",
                f"the id {site.id} a second time",
                found=str(site.id),
                expected="a number of its own for each office and public point",
                remedy=f"take the next free number, {draft.free_id() or NO_ID}; "
                "ids are never given again",
                location=draft.where(kind, site.slug, "id"),
                related=(Related("the first", draft.where(*first, "id")),),
            )
    for slug in draft.hotspots.keys() & draft.opd.keys():
        file = draft.origins["hotspots", slug].file
        other = draft.origins["opd", slug].file
        yield Diagnostic(
            "slug-twice",
            "error",
            f"a public point with an office's short name `{slug}`",
            found=f"hotspots/{slug}.yaml beside opd/{slug}.yaml",
            expected="a short name of its own for each office and public point",
            remedy=f"rename this file, perhaps to halaman-{slug}.yaml",
            location=Location(file, 1, 1),
            related=(Related("the other file", Location(other, 1, 1)),),
            whole=True,
        )
