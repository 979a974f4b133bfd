"""Each case's plan in words; made anew by `python -m tests.cases.plan.cases`."""

from __future__ import annotations

import pytest

from tests.cases.plan.cases import (
    CASES,
    COMMENTED,
    comment_of,
    expected,
    expected_comment,
    plan_of,
    text_of,
)


@pytest.mark.parametrize("case", CASES)
def test_the_plan_reads_as_expected(case: str) -> None:
    assert text_of(plan_of(case)) == expected(case).read_text()


@pytest.mark.parametrize("case", COMMENTED)
def test_the_comment_reads_as_expected(case: str) -> None:
    assert comment_of(plan_of(case)) == expected_comment(case).read_text()
