"""The one error that the program raises, apart from all that takes time to load."""


class HostError(Exception):
    """What went wrong, in words for the person who reads the log."""
