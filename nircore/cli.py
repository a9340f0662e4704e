"""The command line: `nircore reproduce` makes every table and figure, `nircore benchmark` compares the methods."""

import sys
from typing import Annotated, Any, Optional

import typer

from nircore import __version__
from nircore.config import available, parse, resolve
from nircore.errors import NircoreError
from nircore.own import commands

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)


@app.callback()
def _root() -> None:
    """Reproducible companion to unpaired NIR-II low-light image enhancement."""


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


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

    from nircore.reproduce import reproduce as execute

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
    report = execute(config)
    print(f"Report: {report}")


@app.command()
def benchmark(
    data_root: Annotated[Optional[str], typer.Option(help="folder of the swir-hdr set; without: phantom")] = None,  # noqa: UP045
    profile: Annotated[str, typer.Option(help="how much compute: " + ", ".join(available("profiles")))] = "benchmark",
) -> None:
    """Run the full benchmark, three trainings of each learnt method, and gather its tables in reports/benchmark/."""
    from pathlib import Path

    from nircore import paths
    from nircore.gather import gather
    from nircore.reproduce import reproduce as execute
    from nircore.run import Run

    given: list[dict[str, Any]] = [{"dataset": "phantom"}]
    if data_root:
        given.append({"dataset": "swir-hdr", "data_root": str(Path(data_root).expanduser().resolve())})
    runs = [Run(resolve({"profile": profile} | settings)) for settings in given]
    for run in runs:
        execute(run.config)
    print(f"Tables: {gather(runs, paths.run_folder('benchmark'))}")


for command in (commands.enhance, commands.train, commands.fetch, commands.ship):
    app.command()(command)


def main() -> None:
    """Run the command line; what a user can mend is one sentence on standard error and exit status 2."""
    try:
        app()
    except NircoreError as error:
        print(f"nircore: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("nircore: interrupted; run the same command again to go on from the last checkpoint.", file=sys.stderr)
        sys.exit(130)
