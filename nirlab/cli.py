"""The command line: `reproduce` makes every table and figure, `benchmark` compares methods, `recipes` systems."""

import sys
from typing import Annotated, Any, Optional

import typer
from typer.core import TyperGroup

from nircore.config import available, parse, require_folders, resolve
from nircore.errors import NircoreError
from nirlab import commands
from nircore.paths import VERSION


class _Commands(TyperGroup):
    """The commands; one that is interrupted says so on one line."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is asked for."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            print(f"\n{INTERRUPTED}", file=sys.stderr)
            raise typer.Exit(130) from interrupt


INTERRUPTED = "nircore: interrupted; run the same command again to go on: what is finished stays finished."
app = typer.Typer(
    cls=_Commands, no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False
)


@app.callback()
def _root() -> None:
    """Reproducible companion to unpaired NIR-II low-light image enhancement."""


@app.command()
def version() -> None:
    """Print the version."""
    print(VERSION)


@app.command()
def reproduce(
    profile: Annotated[str, typer.Option(help="how much compute: " + ", ".join(available("profiles")))] = "cpu",
    recipe: Annotated[str, typer.Option(help="which system: " + ", ".join(available("recipes")))] = "ssgan",
    dataset: Annotated[str, typer.Option(help="phantom, swir-hdr or folder")] = "phantom",
    data_root: Annotated[Optional[str], typer.Option(help="folder of the swir-hdr set")] = None,  # noqa: UP045
    low_light: Annotated[Optional[str], typer.Option(help="folder of low-light frames (domain A)")] = None,  # noqa: UP045
    target: Annotated[Optional[str], typer.Option(help="folder of target frames (domain B)")] = None,  # noqa: UP045
    run: Annotated[Optional[str], typer.Option(help="name of the folder under reports/")] = None,  # noqa: UP045
    set: Annotated[Optional[list[str]], typer.Option(help="any setting, as key=value; repeatable")] = None,  # noqa: UP045
) -> None:
    """Execute the numbered notebooks and write tables, figures and the report of a run."""
    from pathlib import Path

    given: dict[str, Any] = {
        # The notebooks run elsewhere: a path given here means here.
        key: str(Path(value).expanduser().resolve())
        for key, value in (("data_root", data_root), ("low_light", low_light), ("target", target))
        if value
    }
    given |= dict(map(parse, set or []))
    if run:
        given["run"] = run
    config = resolve({"profile": profile, "recipe": recipe, "dataset": dataset} | given)
    require_folders(config)

    from nircore.data.folder import two_folders
    from companion.reproduce import reproduce as execute

    if config.dataset == "folder":
        two_folders(config.low_light, config.target)  # a bad one is named before a kernel starts

    report = execute(config)
    print(f"Report: {report}")


def _datasets(data_root: str | None) -> list[dict[str, Any]]:
    """Return the settings of the phantom and, where their folder is given, of the real frames."""
    from pathlib import Path

    phantom: dict[str, Any] = {"dataset": "phantom"}
    if not data_root:
        return [phantom]
    return [phantom, {"dataset": "swir-hdr", "data_root": str(Path(data_root).expanduser().resolve())}]


@app.command()
def benchmark(
    data_root: Annotated[Optional[str], typer.Option(help="folder of the swir-hdr set; without: phantom")] = None,  # noqa: UP045
    profile: Annotated[str, typer.Option(help="how much compute: " + ", ".join(available("profiles")))] = "benchmark",
) -> None:
    """Run the full benchmark, three trainings of each learnt method, and gather its tables in reports/benchmark/."""
    from companion import publish
    from nircore import paths
    from companion.reproduce import reproduce as execute
    from companion.run import Run

    # On real frames the main table compares the methods (`nircore publish`); here one training of each is enough.
    seeds = {"phantom": {}, "swir-hdr": {"seeds": 1}}
    runs = [Run(resolve({"profile": profile} | seeds[one["dataset"]] | one)) for one in _datasets(data_root)]
    for run in runs:
        execute(run.config)
    print(f"Tables: {publish.benchmark(runs, paths.run_folder('benchmark'))}")


@app.command()
def recipes(
    data_root: Annotated[Optional[str], typer.Option(help="folder of the swir-hdr set; without: phantom")] = None,  # noqa: UP045
    profile: Annotated[str, typer.Option(help="how much compute: " + ", ".join(available("profiles")))] = "ablation",
) -> None:
    """Compare all recipes, ablate pssgan and test the spectrum shift; gather the tables in reports/recipes/."""
    from companion import publish
    from nircore import paths
    from companion.reproduce import ASIDE, execute_aside
    from companion.run import Run

    runs = [
        Run(resolve({"profile": profile, "run": f"recipes-{one['dataset']}"} | one)) for one in _datasets(data_root)
    ]
    for run in runs:
        for name in ASIDE:
            execute_aside(run.config, name)
        if run.config.dataset == "swir-hdr":
            publish.spectrum_shift(run, paths.run_folder("recipes"))
    print(f"Tables: {publish.recipes(runs, paths.run_folder('recipes'))}")


@app.command("real-time")
def real_time(
    data_root: Annotated[Optional[str], typer.Option(help="folder of the swir-hdr set; without: phantom")] = None,  # noqa: UP045
    profile: Annotated[str, typer.Option(help="how much compute: " + ", ".join(available("profiles")))] = "benchmark",
) -> None:
    """Time every recipe on every engine, beside the benchmark's quality, and gather it in reports/real_time/."""
    from companion import publish
    from nircore import paths
    from companion.reproduce import execute_aside
    from companion.run import Run

    run = Run(resolve({"profile": profile} | _datasets(data_root)[-1]))
    execute_aside(run.config, "08_real_time")
    print(f"Tables: {publish.real_time(run, paths.run_folder('real_time'))}")


@app.command()
def publish(
    data_root: Annotated[str, typer.Option(help="folder of the swir-hdr set, with its plate and boards")],
) -> None:
    """Make every published table and figure anew, with one version (for maintainers): hours, it goes on.

    The default run, its showcase, real frames, times, recipes on the phantom and the spectrum shift on real frames,
    in reports/; the weights stay.
    """
    from pathlib import Path

    from companion import publish
    from nircore import paths
    from companion.workshop import precision, quoted, real_frames, speed
    from companion.reproduce import execute_aside
    from companion.run import Run

    reproduce()
    showcase("phantom-cpu")
    real_frames.publish(Path(data_root).expanduser().resolve(), paths.run_folder("benchmark"))
    speed.shipped(paths.run_folder("real_time"))
    precision.publish(paths.run_folder("benchmark"))
    recipes()
    about = {"profile": "ablation", "run": "recipes-swir-hdr", "dataset": "swir-hdr", "data_root": data_root}
    shifted = Run(resolve(about))
    execute_aside(shifted.config, "13_spectrum_shift")
    publish.spectrum_shift(shifted, paths.run_folder("recipes"))
    for page in quoted.renew():
        print(f"Renewed: {page}")


@app.command()
def crate(run: Annotated[str, typer.Argument(help="name of a run under reports/")]) -> None:
    """Make the folder of a run an RO-Crate: what is in it, what made it, from what."""
    from companion import publish

    print(publish.crate(_made(run)))


@app.command()
def showcase(run: Annotated[str, typer.Argument(help="name of a run of the phantom under reports/")]) -> None:
    """Publish a run in reports/showcase: tables, figures, report and executed notebooks, as a forge shows them."""
    from companion import publish
    from nircore import paths

    print(publish.showcase(_made(run), paths.run_folder("showcase")))


def _made(run: str) -> Any:
    """Return the run of that name, which has to exist."""
    from nircore import paths
    from nircore.config import load_file
    from companion.run import Run

    saved = paths.run_folder(run) / "config.yaml"
    if not saved.is_file():
        raise NircoreError(f"There is no run {run!r}: {saved} does not exist.")
    return Run(load_file(saved))


@app.command()
def export(
    checkpoint: Annotated[
        str, typer.Argument(help="best, realtime, or file of a generator (.../generator.safetensors)")
    ],
    format: Annotated[str, typer.Option(help="onnx, openvino, torch-export or bioimageio")] = "onnx",
    output: Annotated[Optional[str], typer.Option(help="file to write; without: beside the checkpoint")] = None,  # noqa: UP045
) -> None:
    """Write a generator for other programs, height and width free, checked against PyTorch.

    A bioimageio package holds the whole way from DN to DN; the other formats hold the network alone. What ships with
    nircore is written to the working folder.
    """
    from pathlib import Path

    from nircore.inference.export import FORMATS
    from nircore.inference.export import export as write
    from nircore.inference.shipped import MODELS
    from nirlab import bioimageio
    from nircore.models.checkpoint import load_generator

    shipped = checkpoint in MODELS
    generator, _, _ = load_generator(MODELS[checkpoint] if shipped else Path(checkpoint))
    ending = ".zip" if format == "bioimageio" else FORMATS.get(format, ("", ()))[0]
    path = (
        Path(output) if output else Path(f"{checkpoint}{ending}") if shipped else Path(checkpoint).with_suffix(ending)
    )
    if format == "bioimageio":
        error = bioimageio.build(generator, path, Path(checkpoint).stem)
        print(
            f"{path}: raw frames in DN, {bioimageio.SMALLEST} px a side or more; at most {error:.1e} DN from PyTorch"
        )
        return
    error = write(generator, format, path)
    sides = f"height and width multiples of {generator.multiple}"
    print(f"{path}: (1, 1, height, width) float32, {sides}; at most {error:.1e} from PyTorch")


for command in (commands.enhance, commands.stream, commands.train, commands.fetch, commands.ship):
    app.command()(command)


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
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        sys.exit(130)
