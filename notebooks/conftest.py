"""For `pytest --nbval notebooks`: a fresh reports folder for the chain, and no comparison of warnings."""

import os
import tempfile

_reports = tempfile.TemporaryDirectory(prefix="nircore-nbval-")
os.environ["NIRCORE_REPORTS"] = _reports.name
os.environ["MPLBACKEND"] = "agg"
os.environ["NIRCORE_IN_CHAIN"] = "1"  # the notebooks run here in their order


def pytest_collectstart(collector):
    """Leave out what differs between machines: progress and warnings on stderr."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr",)
