"""Denoise NIR-II frames and movies: files, folders and streams; train on your own camera; export the network."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nircore.errors import NircoreError
from nircore.paths import VERSION

INTERRUPTED = "nircore: interrupted; run the same command again to go on: what is finished stays finished."

Dark = Annotated[str, typer.Option(help="a dark frame, or a folder of darks at several exposures")]
Weights = Annotated[str, typer.Option(help="a generator of your own, in place of a model that ships")]
Engine = Annotated[str, typer.Option(help="what runs the network; auto: the fastest that is worth its start")]
Exposure = Annotated[float | None, typer.Option(help="seconds; else from metadata or names like _0020ms")]


class _Commands(TyperGroup):
    """The commands; one that is interrupted says so on one line."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is asked for."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            print(f"\n{INTERRUPTED}", file=sys.stderr)
            raise typer.Exit(130) from interrupt


app = typer.Typer(
    cls=_Commands, no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False
)


@app.command()
def version() -> None:
    """Print the version."""
    print(VERSION)


@app.command()
def enhance(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="files, folders or patterns in quotes")],
    out: Annotated[Path, typer.Option(help="folder for the results")],
    model: Annotated[str, typer.Option(help="best, or realtime: faster, .3 dB less")] = "best",
    weights: Weights = "",
    dark: Dark = "",
    gain: Annotated[float | None, typer.Option(help="of the camera, e-/DN; else read off the frames")] = None,
    read_noise: Annotated[float | None, typer.Option(help="of the camera, DN; else read off the frames")] = None,
    engine: Engine = "auto",
    exposure: Exposure = None,
    pedestal: Annotated[float | None, typer.Option(help="DN under the signal, with a dark; else the dark's")] = None,
    average: Annotated[int, typer.Option(help="movies: mean of so many frames comes first; odd")] = 1,
    keep_spots: Annotated[bool, typer.Option("--keep-spots", help="beads and speckles are no hot pixels")] = False,
    temporal: Annotated[bool, typer.Option("--temporal", help="movies: the frames before a frame help")] = False,
    both_ways: Annotated[bool, typer.Option("--both-ways", help="movies: those after it as well")] = False,
    report: Annotated[bool, typer.Option("--report", help="a page for each file, and an index")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="a map of the expected error in DN for each file")] = False,
    shape: Annotated[str, typer.Option(help="of raw pixels, in files of no known kind: H,W or N,H,W")] = "",
    dtype: Annotated[str, typer.Option(help="of raw pixels: uint16, >u2 for big-endian, ...")] = "",
    offset: Annotated[int, typer.Option(help="bytes before the first of raw pixels")] = 0,
    scheduler: Annotated[str, typer.Option(help="address of a Dask scheduler, such as tcp://host:8786")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace results that were made otherwise")] = False,
) -> None:
    """Denoise your own frames and movies: same size, same type, same scale.

    TIFF, PNG and zarr stay what they are, all else becomes OME-TIFF. Run the same command again to go on after an
    interruption; what is done stays done. The exit status is 0 when every file came out, 1 when some could not be
    used (each is named), 2 when nothing could be done.
    """
    from nircore.inference.settings import Settings
    from nirlab.enhance import enhance_files
    from nirlab.formats.raw import Raw
    from nirlab.result import Order

    # Workers of a cluster run elsewhere: what is named here is meant from here.
    weights, dark = (str(Path(name).expanduser().resolve()) if name else "" for name in (weights, dark))
    ways = "both" if both_ways else "causal" if temporal else ""
    given = (weights, dark, exposure, pedestal, average, model, engine, gain, read_noise, ways, keep_spots)
    raw = Raw.parsed(shape, dtype, offset)
    order = Order(out.expanduser().resolve(), Settings(*given), raw, overwrite, report, trust)
    _tell(enhance_files(inputs, order, scheduler), out)


def _tell(outcomes: list[Any], out: Path) -> None:
    made, bad = sum(one.made for one in outcomes), sum(len(one.errors) for one in outcomes)
    there = sum(not one.made and not one.failed for one in outcomes)
    print(f"{made} enhanced, {there} already there, {bad} could not be used: {out}")
    raise typer.Exit(1 if bad else 0)


@app.command()
def stream(
    source: Annotated[Path, typer.Argument(help="folder that is being written, or a file of frames")],
    output: Annotated[Path, typer.Option(help="folder for the results, 32-bit TIFFs in DN")] = Path("enhanced"),
    model: Annotated[str, typer.Option(help="realtime, or best: slower")] = "realtime",
    checkpoint: Weights = "",
    dark: Dark = "",
    exposure: Exposure = None,
    engine: Engine = "auto",
    temporal: Annotated[bool, typer.Option("--temporal", help="the frames before a frame help")] = False,
    queue: Annotated[int, typer.Option(help="frames that may be on their way")] = 8,
    when_full: Annotated[str, typer.Option(help="block: hold the source; drop: lose frames, and count")] = "block",
    idle: Annotated[float, typer.Option(help="s without a new file after which a folder is done")] = 5.0,
) -> None:
    """Enhance frames as they come; say at the end how many, how late, and how many were dropped.

    Results are called by the number and the name of their source. With a dark, they are the signal above it. What
    happened is left in OUTPUT/stream.json.
    """
    if source.is_dir() and output.expanduser().resolve() == source.expanduser().resolve():
        raise NircoreError(f"--output {output} is the folder that is watched: results would be taken for new frames.")

    from nircore.files import write_text
    from nircore.inference.engines import Pipeline
    from nircore.inference.settings import Settings
    from nirlab import stream as streams
    from nirlab.arrivals import Arrivals
    from nirlab.darks import enhancer_for

    enhancer = enhancer_for(Settings(checkpoint, dark, exposure, model=model, engine=engine))
    arrivals = Arrivals(source, idle, enhancer.signal, lambda line: typer.echo(line, err=True))
    writer = streams.to_folder(output, arrivals.names)
    account = streams.stream(arrivals, Pipeline(engine, enhancer.generator, temporal), writer, queue, when_full)
    facts = {"source": str(source), **dataclasses.asdict(account), "passed_over": arrivals.passed_over}
    write_text(output / "stream.json", json.dumps(facts, indent=1) + "\n")
    print(account)
    if arrivals.passed_over:
        print(f"{len(arrivals.passed_over)} frames or files were passed over, each named above")
        raise typer.Exit(1)


@app.command()
def train(
    low_light: Annotated[Path, typer.Option(help="folder of low-light frames")],
    target: Annotated[Path, typer.Option(help="folder of frames as you would like them; no pairs needed")],
    start: Annotated[str, typer.Option("--from", help="shipped, scratch, or a generator's file")] = "shipped",
    dark: Dark = "",
    run: Annotated[str, typer.Option(help="name of the folder under reports/")] = "own",
    set: Annotated[list[str] | None, typer.Option(help="any setting, as key=value; repeatable")] = None,
) -> None:
    """Adapt the shipped weights to your own camera (minutes), or train from scratch (about an hour on two cores)."""
    from nircore.config import parse
    from nirlab.train import train as execute

    folders = low_light.expanduser().resolve(), target.expanduser().resolve()
    final, table = execute(*folders, start=start, dark=dark, run=run, given=dict(map(parse, set or [])))
    print("Target frames that did not train, degraded like your low-light ones, PSNR in dB:")
    print(table.round(2).to_string(index=False) if len(table) else "fewer than five target frames: none was held out")
    print(f"Use it: nircore enhance INPUT... --out DIR --weights {final}")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="swir-hdr: the public set of real NIR-II frames (MIT), about 100 MB")],
    out: Annotated[Path | None, typer.Option(help="folder; else swir_hdr in the data folder")] = None,
    mirror: Annotated[str, typer.Option(help="another address with the same files")] = "",
    only: Annotated[str, typer.Option(help="files whose name begins so, such as qd/M8-1 or dark")] = "",
) -> None:
    """Fetch public frames, each checked by its SHA-256; run it again to go on after an interruption."""
    from nircore import paths
    from nirlab.fetch import fetch as execute

    if name != "swir-hdr":
        raise NircoreError(f"{name!r} is no data set: swir-hdr is the one there is.")
    place = (out or paths.data() / "swir_hdr").expanduser().resolve()
    there, errors = execute(place, mirror, only)
    for error in errors:
        typer.echo(f"nircore: {error}", err=True)
    print(f"{there} files are there, {len(errors)} are missing: {place}")
    raise typer.Exit(1 if errors else 0)


@app.command()
def export(
    checkpoint: Annotated[
        str, typer.Argument(help="best, realtime, or file of a generator (.../generator.safetensors)")
    ],
    format: Annotated[str, typer.Option(help="onnx, openvino, torch-export or bioimageio")] = "onnx",
    output: Annotated[Path | None, typer.Option(help="file to write; without: beside the checkpoint")] = None,
) -> None:
    """Write a generator for other programs, height and width free, checked against PyTorch.

    A bioimageio package holds the whole way from DN to DN; the other formats hold the network alone. What ships with
    nircore is written to the working folder.
    """
    from nircore.inference.shipped import MODELS
    from nircore.models.checkpoint import load_generator
    from nirlab import bioimageio
    from nirlab.export import FORMATS, write

    generator, _, _ = load_generator(MODELS.get(checkpoint, Path(checkpoint)))
    ending = bioimageio.ENDING if format == "bioimageio" else FORMATS.get(format, ("", ()))[0]
    path = output or Path(checkpoint).with_suffix(ending)
    if format == "bioimageio":
        error = bioimageio.build(generator, path, Path(checkpoint).stem)
        print(
            f"{path}: raw frames in DN, {bioimageio.SMALLEST} px a side or more; {error:.1e} DN from PyTorch at most"
        )
        return
    error = write(generator, format, path)
    sides = f"height and width multiples of {generator.multiple}"
    print(f"{path}: (1, 1, height, width) float32, {sides}; at most {error:.1e} from PyTorch")


def main() -> None:
    """Run the command line; what a user can mend is one sentence on standard error and exit status 2."""
    for channel in (sys.stdout, sys.stderr):  # a name that the terminal cannot show is no reason to stop
        if hasattr(channel, "reconfigure"):
            channel.reconfigure(errors="backslashreplace")
    try:
        app()
    except NircoreError as error:
        print(f"nircore: {error}", file=sys.stderr)
        sys.exit(2)
