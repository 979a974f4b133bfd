"""What is missing or drifting around the network: one module for each subject, all of them pure.

Each is given what was read and asked, and the day; none touches the world. `docs/doctor.md` has a
line for each id.
"""

from komando.doctor.symptom import LEVELS, Level, Symptom, worst_first

__all__ = ["LEVELS", "Level", "Symptom", "worst_first"]
