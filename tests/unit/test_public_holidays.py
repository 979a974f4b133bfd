"""The `holidays` library by our way in: the same days, and one country loaded."""

from __future__ import annotations

import json
import subprocess
import sys

WANTED = ("ID", ("government", "public"), (2026, 2027))

PLAIN = f"""
import holidays, json
country, categories, years = {WANTED!r}
days = holidays.country_holidays(country, categories=categories, years=years)
print(json.dumps({{str(day): name for day, name in days.items()}}))
"""

OURS = f"""
import json, sys
from komando.policy.public_holidays import holidays_in
days = holidays_in(*{WANTED!r})
loaded = [name for name in sys.modules if name.startswith("holidays.countries.")]
print(json.dumps([{{str(day): name for day, name in days.items()}}, loaded]))
"""

EVERY = """
from komando.policy.public_holidays import categories_of, countries
print(all("public" in categories_of(one) for one in countries()), len(countries()) > 200)
"""


def said(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    return done.stdout.decode()


def test_the_days_are_those_of_the_library_and_one_country_is_loaded() -> None:
    days, loaded = json.loads(said(OURS))
    assert days == json.loads(said(PLAIN))
    assert len(days) > 30
    assert loaded == ["holidays.countries.indonesia"]


def test_every_country_of_its_register_is_found() -> None:
    assert said(EVERY).split() == ["True", "True"]
