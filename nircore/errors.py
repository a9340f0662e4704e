"""The one exception a user is meant to read."""


class NircoreError(Exception):
    """One clear sentence: which file or parameter, what is wrong with it, and the way out."""
