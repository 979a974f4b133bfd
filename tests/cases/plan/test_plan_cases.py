"""Each case's plan in words; made anew by `python -m tests.cases.plan.cases`."""

from __future__ import annotations

import pytest

from tests.cases.plan.cases import CASES, expected, plan_of, text_of


@pytest.mark.parametrize("case", CASES)
def test_the_plan_reads_as_expected(case: str) -> None:
    assert text_of(plan_of(case)) == expected(case).read_text()
