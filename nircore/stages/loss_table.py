"""Table 1 in the paper's ten rows, ours beside the published values, and figure 3c."""

import pandas as pd

from nircore.losses import EQUILIBRIUM
from nircore.plots import losses as draw
from nircore.plots.style import save
from nircore.run import Run, published
from nircore.training.loop import table_epochs

COLUMNS = ("generator", "discriminator_a", "discriminator_b")


def make(run: Run) -> None:
    """Write the table, its plot, and the generator's loss taken apart."""
    losses = run.table("losses")
    ours = losses.set_index("epoch").loc[table_epochs(len(losses)), list(COLUMNS)].reset_index()
    paper = pd.read_csv(published("table1.csv")).set_index("sample").add_prefix("published_")
    table = ours.rename_axis("sample").reset_index().join(paper, on="sample")
    run.write_table("table1_losses", table)
    save(draw.losses(table, EQUILIBRIUM[run.config.gan]), run.figure("fig3c_losses"))
    save(draw.generator_terms(losses), run.figure("fig3d_generator_terms"))
