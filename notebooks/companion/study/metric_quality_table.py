"""Whether the paper's metrics tell a better image from a worse one: over exposure, and over methods."""

import pandas as pd

from companion.run import Run
from companion.study import metric_quality


def metric_quality_table(run: Run) -> None:
    """Measure the exposure series, take the methods from the benchmark, and rank the one against the other."""
    points = _points(run)
    run.write_table("metric_quality", points)
    run.write_table("table6_metric_quality", metric_quality.correlate(points, run.config.seed))


def _points(run: Run) -> pd.DataFrame:
    """Return the images to rank; none for a folder, whose frames have no truth."""
    config = run.config
    if config.dataset == "folder":
        return pd.DataFrame(columns=list(metric_quality.POINT))
    if config.dataset == "phantom":
        series = metric_quality.phantom_series(config.seed, (config.height, config.width), metric_quality.PHANTOMS)
    else:
        series = metric_quality.real_series(config.data_root)
    parts = [metric_quality.over_exposure(series), metric_quality.over_methods(run.table("benchmark"))]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)
