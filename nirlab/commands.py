"""The commands for a lab's own frames: `nircore enhance`, `nircore train`, `nircore fetch`."""

from pathlib import Path
from typing import Annotated

import typer

SMALLEST = 32  # pixels: the side of the smallest crop that trains


def enhance(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="files, folders or patterns in quotes")],
    out: Annotated[Path, typer.Option(help="folder for the results")],
    model: Annotated[str, typer.Option(help="best, or realtime: faster, .3 dB less")] = "best",
    weights: Annotated[str, typer.Option(help="a generator of your own, in place of a model that ships")] = "",
    dark: Annotated[str, typer.Option(help="a dark frame, or a folder of darks at several exposures")] = "",
    gain: Annotated[float | None, typer.Option(help="of the camera, e-/DN; else read off the frames")] = None,
    read_noise: Annotated[float | None, typer.Option(help="of the camera, DN; else read off the frames")] = None,
    engine: Annotated[
        str, typer.Option(help="what runs the network; auto: the fastest that is worth its start")
    ] = "auto",
    exposure: Annotated[float | None, typer.Option(help="seconds; else from metadata or names like _0020ms")] = None,
    pedestal: Annotated[float | None, typer.Option(help="DN under the signal, with a dark; else the dark's")] = None,
    average: Annotated[int, typer.Option(help="movies: mean of so many frames comes first; odd")] = 1,
    report: Annotated[bool, typer.Option("--report", help="a page for each file, and an index")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="a map of the expected error in DN for each file")] = False,
    shape: Annotated[str, typer.Option(help="of raw pixels, in files of no known kind: H,W or N,H,W")] = "",
    dtype: Annotated[str, typer.Option(help="of raw pixels: uint16, >u2 for big-endian, ...")] = "",
    offset: Annotated[int, typer.Option(help="bytes before the first of raw pixels")] = 0,
    scheduler: Annotated[str, typer.Option(help="address of a Dask scheduler, such as tcp://host:8786")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace results that were made otherwise")] = False,
) -> None:
    """Denoise your own frames and movies: same size, same type, same scale, same container.

    Run the same command again to go on after an interruption; what is done stays done. The exit status is 0 when
    every file came out, 1 when some could not be used (each is named), 2 when nothing could be done.
    """
    from nirlab.formats.raw import Raw
    from nircore.inference.settings import Settings
    from nirlab import cluster, companions, locks, run

    # Workers of a cluster run elsewhere: what is named here is meant from here.
    weights, dark = (str(Path(name).expanduser().resolve()) if name else "" for name in (weights, dark))
    settings = Settings(
        weights, dark, exposure, pedestal, average, model, engine, gain, read_noise, Raw.parsed(shape, dtype, offset)
    )
    workers = cluster.on(scheduler) if scheduler else run.here
    held = locks.Locks()
    beside = companions.Companions(out, settings, report, trust, held)
    tally = run.enhance_files(
        inputs, out, settings, overwrite=overwrite, workers=workers, finished=beside, locks=held
    )
    beside.close()
    print(f"{tally.made} enhanced, {tally.there} already there, {tally.bad} could not be used: {out}")
    raise typer.Exit(1 if tally.bad else 0)


def stream(
    source: Annotated[Path, typer.Argument(help="folder that is being written, or a TIFF/HDF5/npy stack")],
    output: Annotated[Path, typer.Option(help="folder for the results, 32-bit TIFFs in DN")] = Path("enhanced"),
    model: Annotated[str, typer.Option(help="realtime, or best: slower")] = "realtime",
    checkpoint: Annotated[str, typer.Option(help="a generator of your own, in place of a model that ships")] = "",
    dark: Annotated[str, typer.Option(help="a dark frame, or a folder of darks at several exposures")] = "",
    exposure: Annotated[float | None, typer.Option(help="seconds; else from metadata or names like _0020ms")] = None,
    engine: Annotated[str, typer.Option(help="what runs the network; see `nircore real-time`")] = "auto",
    queue: Annotated[int, typer.Option(help="frames that may wait")] = 8,
    when_full: Annotated[str, typer.Option(help="block: hold the source; drop: lose frames, and count")] = "block",
    idle: Annotated[float, typer.Option(help="s without a new file after which a folder is done")] = 5.0,
) -> None:
    """Enhance frames as they come; say at the end how many, how late, and how many were dropped.

    Results are called by the number and the name of their source. With a dark, they are the signal above it. A page
    of what happened is left in OUTPUT/report.
    """
    from nircore.errors import NircoreError

    if source.is_dir() and output.expanduser().resolve() == source.expanduser().resolve():
        raise NircoreError(f"--output {output} is the folder that is watched: results would be taken for new frames.")

    from nircore.inference.engines import Enhancer as Steps
    from nircore.inference.enhancer import Enhancer
    from nircore.inference.settings import Settings
    from nirlab import stream as streams
    from nirlab import stream_page
    from nirlab.arrivals import Arrivals

    enhancer = Enhancer(Settings(checkpoint, dark, exposure, model=model, engine=engine))
    passed = stream_page.PassedOver()

    def say(line: str) -> None:
        passed(line)
        typer.echo(line, err=True)

    arrivals = Arrivals(source, idle, enhancer.signal, say)
    writer = stream_page.Ends(streams.to_folder(output, arrivals.names))
    account = streams.stream(arrivals, Steps(engine, enhancer.generator), writer, queue, when_full)
    print(account)
    if arrivals.passed_over:
        print(f"{arrivals.passed_over} frames or files were passed over, each named above")
    print(f"Page: {stream_page.write(output / 'report', source, account, passed, writer)}")


def train(
    low_light: Annotated[Path, typer.Option(help="folder of low-light frames")],
    target: Annotated[Path, typer.Option(help="folder of frames as you would like them; no pairs needed")],
    start: Annotated[str, typer.Option("--from", help="shipped, scratch, or a generator's file")] = "shipped",
    dark: Annotated[str, typer.Option(help="a dark frame, or a folder of darks at several exposures")] = "",
    run: Annotated[str, typer.Option(help="name of the folder under reports/")] = "own",
    set: Annotated[list[str] | None, typer.Option(help="any setting, as key=value; repeatable")] = None,
) -> None:
    """Adapt the shipped weights to your own camera (minutes), or train from scratch (about an hour on two cores)."""
    from nircore.config import parse
    from nirlab.train import train as execute

    folders = low_light.expanduser().resolve(), target.expanduser().resolve()
    _check_size(folders[1])
    final, table = execute(*folders, start=start, dark=dark, run=run, given=dict(map(parse, set or [])))
    print("Target frames that did not train, degraded like your low-light ones, PSNR in dB:")
    print(table.round(2).to_string(index=False) if len(table) else "fewer than five target frames: none was held out")
    print(f"Use it: nircore enhance INPUT... --out DIR --weights {final}")


def _check_size(folder: Path) -> None:
    """Refuse target frames that no crop fits into; what else is wrong with a folder is said where it is read."""
    from nircore.data.frames import frame_shape, list_frames
    from nircore.errors import NircoreError

    for path in list_frames(folder) if folder.is_dir() else ():
        try:
            height, width = frame_shape(path)
        except NircoreError:
            continue
        if min(height, width) < SMALLEST:
            raise NircoreError(f"{path} is {height} x {width} pixels: training takes {SMALLEST} or more on a side.")


def fetch(
    name: Annotated[str, typer.Argument(help="swir-hdr: the public set of real NIR-II frames (MIT), about 100 MB")],
    out: Annotated[Path | None, typer.Option(help="folder; else swir_hdr in the data folder")] = None,
    mirror: Annotated[str, typer.Option(help="another address with the same files")] = "",
    only: Annotated[str, typer.Option(help="files whose name begins so, such as qd/M8-1 or dark")] = "",
) -> None:
    """Fetch public frames, each checked by its SHA-256; run it again to go on after an interruption."""
    from nircore import paths
    from nircore.data.fetch import fetch as execute
    from nircore.errors import NircoreError

    if name != "swir-hdr":
        raise NircoreError(f"{name!r} is no data set: swir-hdr is the one there is.")
    place = (out or paths.data() / "swir_hdr").expanduser().resolve()
    there, errors = execute(place, mirror, only)
    for error in errors:
        typer.echo(f"nircore: {error}", err=True)
    print(f"{there} files are there, {len(errors)} are missing: {place}")
    raise typer.Exit(1 if errors else 0)


def ship(
    data_root: Annotated[Path, typer.Option(help="folder of the swir-hdr set")],
    tables: Annotated[Path | None, typer.Option(help="folder for the card's tables; else reports/benchmark")] = None,
) -> None:
    """Make the weights that come with the package, and their model card (for maintainers): hours, it goes on."""
    from nircore import paths
    from nircore.inference.shipped import CARD
    from companion.workshop import real_frames, shipping

    root = data_root.expanduser().resolve()
    shipping.ship(root)
    real_frames.publish(root, tables or paths.run_folder("benchmark"))
    print(f"Card: {CARD}")
