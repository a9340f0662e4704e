"""What `make` calls: `python -m companion reproduce` brings a run up to date, `publish` keeps results."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from companion.run import Run, chain, places
from nircore.config import available, load_file, parse, require_folders
from nircore.errors import NircoreError
from nircore.recipe import resolve

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)


@app.command()
def reproduce(
    profile: Annotated[str, typer.Option(help="how much compute: " + ", ".join(available("profiles")))] = "cpu",
    recipe: Annotated[str, typer.Option(help="which system: " + ", ".join(available("recipes")))] = "ssgan",
    dataset: Annotated[str, typer.Option(help="phantom, swir-hdr or folder")] = "phantom",
    data_root: Annotated[str | None, typer.Option(help="folder of the swir-hdr set")] = None,
    low_light: Annotated[str | None, typer.Option(help="folder of low-light frames (domain A)")] = None,
    target: Annotated[str | None, typer.Option(help="folder of target frames (domain B)")] = None,
    run: Annotated[str | None, typer.Option(help="name of the folder under reports/")] = None,
    last: Annotated[str, typer.Option(help="the notebook up to which the run is made")] = chain.LAST,
    set: Annotated[list[str] | None, typer.Option(help="any setting, as key=value; repeatable")] = None,
) -> None:
    """Execute the numbered notebooks that are not up to date, and write tables, figures and the report of a run."""
    folders = {"data_root": data_root, "low_light": low_light, "target": target}
    given: dict[str, Any] = {"profile": profile, "recipe": recipe, "dataset": dataset, "run": run}
    # The notebooks run elsewhere: a path given here means here.
    given |= {key: str(Path(value).expanduser().resolve()) for key, value in folders.items() if value}
    config = resolve(given | dict(map(parse, set or [])))
    require_folders(config)
    if config.dataset == "folder":
        from nircore.data.folder import two_folders

        two_folders(config.low_light, config.target)  # a bad one is named before a kernel starts
    ran = chain.bring(config, last)
    print(f"{config.name}: " + (f"{ran} notebooks ran" if ran else "nothing changed, all up to date"))
    print(f"Report: {Run(config).path('report.html')}")


@app.command()
def showcase(run: Annotated[str, typer.Argument(help="name of a run of the phantom under reports/")]) -> None:
    """Keep a run in reports/showcase: tables, figures, report and executed notebooks, as a forge shows them."""
    from companion import publish

    saved = places.run_folder(run) / "config.yaml"
    if not saved.is_file():
        raise NircoreError(f"There is no run {run!r}: {saved} does not exist.")
    print(publish.showcase(Run(load_file(saved)), places.run_folder("showcase")))


@app.command()
def publish(
    data_root: Annotated[str, typer.Option(help="folder of the swir-hdr set, with its plate and boards")],
) -> None:
    """Make anew what is published beside the default run, with one version; hours, and interrupted it goes on."""
    from companion import publish as pages

    pages.publish(Path(data_root).expanduser().resolve())


@app.command()
def quote() -> None:
    """Renew the blocks of README and docs that quote published tables."""
    from companion import quoted

    quoted.renew()


def main() -> None:
    """Run a command; what a user can mend is one sentence on standard error and exit status 2."""
    try:
        app()
    except NircoreError as error:
        sys.exit(f"companion: {error}")


if __name__ == "__main__":
    main()
