"""The commands for a lab's own frames: `nircore enhance`, `nircore train`, `nircore fetch`."""

from pathlib import Path
from typing import Annotated, Optional

import typer

FEW = 20  # files: so many are named when the summary is printed


def enhance(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="files, folders or patterns in quotes")],
    out: Annotated[Path, typer.Option(help="folder for the results")],
    weights: Annotated[str, typer.Option(help="a generator of your own; else the one that ships with nircore")] = "",
    dark: Annotated[str, typer.Option(help="a dark frame, or a folder of darks at several exposures")] = "",
    exposure: Annotated[
        Optional[float], typer.Option(help="seconds; else from metadata or names like _0020ms")
    ] = None,  # noqa: UP045
    pedestal: Annotated[
        Optional[float], typer.Option(help="DN under the signal, with a dark; else the dark's")
    ] = None,  # noqa: UP045
    average: Annotated[int, typer.Option(help="movies: mean of so many frames comes first; odd")] = 1,
    report: Annotated[bool, typer.Option("--report", help="a page for each file, and an index")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="a map of the expected error in DN for each file")] = False,
    scheduler: Annotated[str, typer.Option(help="address of a Dask scheduler, such as tcp://host:8786")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace results that were made otherwise")] = False,
) -> None:
    """Denoise your own frames and movies: same size, same type, same scale, same container.

    Run the same command again to go on after an interruption; what is done stays done. The exit status is 0 when every
    file came out, 1 when some could not be used (each is named), 2 when nothing could be done.
    """
    from nircore.own import cluster, run
    from nircore.own.enhancer import Settings

    # Workers of a cluster run elsewhere: what is named here is meant from here.
    weights, dark = (str(Path(name).expanduser().resolve()) if name else "" for name in (weights, dark))
    settings = Settings(weights, dark, exposure, pedestal, average)
    workers = cluster.on(scheduler) if scheduler else run.here
    tally = run.enhance_files(inputs, out, settings, overwrite=overwrite, workers=workers)
    print(f"{tally.made} enhanced, {tally.there} already there, {tally.bad} could not be used: {out}")
    raise typer.Exit(1 if tally.bad else 0)
