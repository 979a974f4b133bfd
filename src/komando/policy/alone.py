"""`people.yaml` by itself, out of whatever commit: who judges a change is not for it to say."""

from __future__ import annotations

from itertools import islice

from pydantic import ValidationError

from komando.diagnostics import Diagnostic, errors_in, in_order
from komando.documents.explain import Explainer
from komando.documents.faults import faults_of
from komando.documents.files import MOST_TOLD
from komando.documents.keys import private_key_of
from komando.documents.plaintext import text_of
from komando.documents.reader import read
from komando.policy.checks.people import alone
from komando.policy.people import People, PeopleFile


def read_people(raw: bytes, path: str) -> tuple[People, list[Diagnostic]]:
    """The people of a file's bytes, and what is wrong with it; `path` is its name in that.

    With an error there is nobody: half of a list would judge otherwise than the whole. Whether
    their offices exist is not looked at. Never raises for what the bytes are.
    """
    if (secret := private_key_of(path, raw)) is not None:
        return {}, [secret]
    reading = read(path, raw)
    document, diagnostics = reading.document, list(reading.diagnostics)
    people: People = {}
    if document is not None:
        try:
            people = PeopleFile.model_validate(document.data).persons()
            diagnostics += alone(people, document)
        except ValidationError as error:
            explainer = Explainer(PeopleFile, document, text_of(raw))
            told = explainer.explain(list(faults_of(error)), reading)
            diagnostics += islice(told, MOST_TOLD)
    return ({} if errors_in(diagnostics) else people), in_order(diagnostics)
