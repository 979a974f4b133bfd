"""Files for a router whose kernel has more kinds of queue than the machine that reads them."""

from __future__ import annotations

import os

import pytest

from komando import generation
from komando.bundle import Bundle
from komando.intent import compile_intent
from komando.platforms.debian import check, render
from komando.policy import load_policy
from tests.cases.plan.cases import HERE, HOST

pytestmark = pytest.mark.root


@pytest.fixture
def bundle(monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A router with fq_codel, on a machine without."""
    monkeypatch.setitem(check.__globals__, "_kernel_has", lambda kind: kind != "fq_codel")
    policy = load_policy(HERE / "base").policy
    assert policy is not None
    intent = compile_intent(policy).intent
    assert intent is not None
    return render(intent, HOST)


def test_a_queue_that_this_kernel_lacks_is_a_warning(bundle: Bundle) -> None:
    (found,) = check(bundle)
    assert (found.id, found.severity) == ("queue-check-skipped", "warning")
    assert "core-1 (fq_codel) were not read by tc here" in found.message


def test_all_else_is_read_nevertheless(bundle: Bundle) -> None:
    text = bundle.text(generation.UPLOAD)
    broken = text.replace("ceil", "cell", 1)
    files = {**bundle.files, generation.UPLOAD: broken.encode()}
    found = {one.id for one in check(Bundle("core-1", files))}
    assert found == {"syntax-check", "queue-check-skipped"}


def test_files_are_read_where_standard_input_is_closed(bundle: Bundle) -> None:
    kept = os.dup(0)
    os.close(0)
    try:
        (found,) = check(bundle)
    finally:
        os.dup2(kept, 0)
        os.close(kept)
    assert found.id == "queue-check-skipped"
