"""Policies from a folder: every file read, every fault told, nothing stopped at the first."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from komando.diagnostics import Diagnostic, Location, errors_in, in_order
from komando.documents.document import Document
from komando.documents.explain import Explainer
from komando.documents.faults import Fault, faults_of
from komando.documents.files import MOST_TOLD, too_many
from komando.documents.keys import private_key_of
from komando.documents.reader import Reading
from komando.policy.acknowledgements import Acknowledgement
from komando.policy.checks import check_draft
from komando.policy.misplaced import misplaced
from komando.policy.model import Draft, Policy
from komando.policy.people import PeopleFile
from komando.policy.readings import readings
from komando.policy.regions import Region
from komando.policy.schema import MODELS
from komando.policy.sites import Hotspot, Opd
from komando.policy.sound import SoundPart, sound_part
from komando.policy.stand_in import stand_in
from komando.policy.tree import SINGLE, Kind, PolicyFile, scan

Progress = Callable[[int, int], None]
"""Told how many files of how many are read."""


_Refused = tuple[Explainer, list[Fault], Reading]


@dataclass(frozen=True)
class Loaded:
    """The policy, unless a diagnostic is an error; all diagnostics, in order; files by kind.

    `sound`: where there is no policy, the part of it that sums can be taken of.
    """

    policy: Policy | None
    diagnostics: list[Diagnostic]
    files: Mapping[Kind, int] = field(default_factory=dict)
    sound: SoundPart | None = None


def load_policy(root: Path, today: date | None = None, progress: Progress | None = None) -> Loaded:
    """Read and check the policies under a folder.

    `today` is for the warnings that depend on the day (coverage that ends, exceptions long over);
    without it there are none. A moment stands for its day in the region's zone. Never raises for
    what stands in the folder.
    """
    with _collector_at_rest():
        return _load(root, today, progress)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Load without garbage collection: all that is made lives on, and would be walked in vain.

    Measured on ten thousand offices: a third of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _load(root: Path, today: date | None, progress: Progress | None) -> Loaded:
    files, diagnostics = scan(root)
    draft = Draft()
    refused: list[_Refused] = []
    for number, (file, reading) in enumerate(zip(files, readings(files), strict=True), 1):
        _load_file(file, reading, draft, diagnostics, refused)
        if progress is not None and number % 100 == 0:
            progress(number, len(files))
    for explainer, faults, reading in refused:  # now that all ids are known
        diagnostics += islice(explainer.explain(faults, reading), MOST_TOLD)
    diagnostics += (one for one in check_draft(draft, today) if not draft.doubts(one))
    ordered = in_order(diagnostics)
    counts = Counter(file.kind for file in files)
    if draft.region is None or errors_in(ordered):
        return Loaded(None, ordered, counts, sound_part(draft, ordered, counts["opd"]))
    opd, hotspots = dict(sorted(draft.opd.items())), dict(sorted(draft.hotspots.items()))
    accepted = dict(sorted(draft.acknowledgements.items()))
    policy = Policy(draft.region, opd, hotspots, draft.origins, accepted, draft.people)
    return Loaded(policy, ordered, counts)


def _load_file(
    file: PolicyFile,
    reading: Reading | Diagnostic,
    draft: Draft,
    diagnostics: list[Diagnostic],
    refused: list[_Refused],
) -> None:
    if isinstance(reading, Diagnostic):
        diagnostics.append(reading)
        return
    if file.kind == "people" and (secret := private_key_of(file.path, reading.raw)) is not None:
        diagnostics.append(secret)  # before anything that shows lines of the file
        return
    diagnostics += reading.diagnostics
    document = reading.document
    if document is None:
        return
    model = MODELS[file.kind]
    try:
        found = model.__pydantic_validator__.validate_python(_named(document, file))
    except ValidationError as error:
        if (elsewhere := misplaced(file, document.data)) is not None:
            diagnostics.append(elsewhere)
            return
        faults = list(faults_of(error))
        refused.append((_explainer(model, reading, document, draft), faults, reading))
        if len(faults) > MOST_TOLD:
            diagnostics.append(too_many(file.path))
            return
        found = stand_in(model, _named(document, file), faults)
        draft.faulty |= _places(document, faults)
        if not file.twin:
            draft.faults[file.kind, file.slug] = [fault.path for fault in faults]
    if file.kind not in SINGLE.values() and document.at(("slug",)) is not None:
        diagnostics.append(_explainer(model, reading, document, draft).unknown_key(("slug",)))
    if not file.twin and found is not None:
        _place(file, reading, found, draft)


def _place(file: PolicyFile, reading: Reading, found: BaseModel, draft: Draft) -> None:
    if reading.document is not None:
        draft.origins[file.kind, file.slug] = reading.document
    if isinstance(found, Region):
        draft.region = found
        # what the second of two keys says is not known
        draft.faults.setdefault(("region", ""), []).extend((name,) for name in reading.doubled)
    elif isinstance(found, Opd):
        draft.opd[file.slug] = found
    elif isinstance(found, Hotspot):
        draft.hotspots[file.slug] = found
    elif isinstance(found, Acknowledgement):
        draft.acknowledgements[file.slug] = found
    elif isinstance(found, PeopleFile):
        draft.people = found.persons()


def _named(document: Document, file: PolicyFile) -> Any:
    """The data with the slug, which the file's name says: the key `slug` itself is unknown."""
    data = document.data
    if file.kind in SINGLE.values() or not isinstance(data, dict):
        return data
    return {**data, "slug": file.slug}


def _explainer(
    model: type[BaseModel], reading: Reading, document: Document, draft: Draft
) -> Explainer:
    text = reading.raw.decode("utf-8").removeprefix("\ufeff")
    return Explainer(model, document, text, draft.free_id)


def _places(document: Document, faults: list[Fault]) -> set[Location]:
    """Where a stand-in has other values than the file: at each fault, and in all above it."""
    return {
        place(fault.path[:length])
        for fault in faults
        for length in range(1, len(fault.path) + 1)
        for place in (document.value, document.key)
    }
