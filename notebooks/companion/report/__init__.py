"""Assemble what a run made into one page: Markdown that reads well on a forge, and HTML that stands alone."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from companion.run import Run, chain
from companion.study.fidelity.summary import nothing
from nircore import files

HERE = Path(__file__).parent
TEMPLATE = "report.md.j2"  # its sections: what to look for, and the tables and figures that stand below


def render(template: str, **values: Any) -> str:
    """Return a template filled in; in HTML, all text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=lambda name: str(name).endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values)


def report(run: Run) -> None:
    """Write `report.md` and `report.html` from the run's tables and figures."""
    markdown = render(
        TEMPLATE,
        config=run.config,
        nothing=nothing(run.table("table5_fidelity")),
        rows=partial(_table, run),
        file=partial(_made, run),
        origins=chain.origins(run),
    )
    files.write_text(run.path("report.md"), markdown)
    files.write_text(run.path("report.html"), _html(run, markdown))


def contents() -> pd.DataFrame:
    """Return what the report holds: one row per section."""
    _, *sections = (HERE / TEMPLATE).read_text(encoding="utf-8").split("\n## ")
    rows = [
        {"section": text.splitlines()[0], "figures": text.count("{{ figure("), "tables": text.count("{{ table(")}
        for text in sections
    ]
    return pd.DataFrame(rows)


def _made(run: Run, name: str) -> str:
    """Return the name of a file of the run, once it is there."""
    run.made(name)
    return name


def _table(run: Run, name: str, columns: Sequence[str]) -> str:
    """Render a table as Markdown with four significant digits; what is missing stays empty."""
    table = run.table(name)[list(columns) or slice(None)]
    cells = table.astype(object).where(table.notna(), None)
    return cells.to_markdown(index=False, floatfmt=".4g", missingval="") if len(table) else "(no rows)"


def _html(run: Run, markdown: str) -> str:
    """Render Markdown through nbconvert into one page that stands alone: figures inside, nothing fetched."""
    import nbformat
    from nbconvert import HTMLExporter

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(markdown)])
    exporter = HTMLExporter(template_name="basic", embed_images=True)
    body, _ = exporter.from_notebook_node(book, resources={"metadata": {"path": str(run.folder)}})
    return render("report.html.j2", title=f"nircore report: {run.config.name}", rendered=body)
