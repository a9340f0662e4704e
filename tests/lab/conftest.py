"""The command, run on files of a test's own."""

import pytest


@pytest.fixture
def enhance(nircore, weights, tmp_path):
    """Run `nircore enhance` into `out` of the test's folder; return status, standard output and error."""
    return lambda *given: nircore("enhance", "--out", tmp_path / "out", "--weights", weights, *given)
