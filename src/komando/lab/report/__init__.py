"""What was measured as a picture and as a page, for people who would rather look than read."""

from __future__ import annotations

from komando.lab.report.write import write_report

__all__ = ["write_report"]
