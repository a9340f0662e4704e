"""The loss curves are the tables' numbers."""

import numpy as np
import pandas as pd
import pytest

from companion.plots import losses as figures
from nircore.losses import EQUILIBRIUM
from nircore.training.cyclegan import COLUMNS as TERMS

RNG = np.random.default_rng(0)
NAMES = ["generator", "discriminator_a", "discriminator_b"]


def _table1() -> pd.DataFrame:
    values = RNG.random((10, 6)) + 0.1
    table = pd.DataFrame(values, columns=[*NAMES, *(f"published_{name}" for name in NAMES)])
    return table.assign(sample=range(10), epoch=[0, 3, 6, 10, 13, 16, 19, 23, 26, 29])


def _epochs(count: int) -> pd.DataFrame:
    table = pd.DataFrame(RNG.random((count, len(TERMS))), columns=TERMS)
    table["generator"] = table[list(TERMS[1:7])].sum(axis=1)
    return table.assign(epoch=range(count), psnr=20 + RNG.random(count), selection=RNG.random(count))


@pytest.mark.parametrize("gan", EQUILIBRIUM)
def test_losses_draws_both_tables_and_the_equilibrium(gan):
    table = _table1()
    left, right = figures.losses(table, EQUILIBRIUM[gan]).axes
    for ax, names in ((left, NAMES[:1]), (right, NAMES[1:])):
        for k, name in enumerate(names):
            ours, published = ax.lines[k], ax.lines[len(names) + k]
            assert np.array_equal(ours.get_xydata(), table[["sample", name]])
            assert np.array_equal(published.get_ydata(), table[f"published_{name}"])
            assert (ours.get_linestyle(), published.get_linestyle()) == ("-", "--")
    assert set(right.lines[-1].get_ydata()) == {EQUILIBRIUM[gan]}
    notes = " ".join(text.get_text() for text in right.texts)
    assert "chance" in notes and "if halved" in notes and "collapse" in notes
    assert right.get_ylim()[0] == 0
    assert [label.get_text() for label in left.get_xticklabels()][3] == "3\n10"


@pytest.mark.parametrize("count", [1, 30])
def test_generator_terms_stack_up_to_the_generator(count):
    table = _epochs(count)
    (ax,) = figures.generator_terms(table).axes
    assert len(ax.containers) == 6
    for bars, name in zip(ax.containers, TERMS[1:7], strict=True):
        assert [bar.get_height() for bar in bars] == pytest.approx(list(table[name]))
    tops = [bar.get_y() + bar.get_height() for bar in ax.containers[-1]]
    assert tops == pytest.approx(list(table["generator"]))
    assert np.array_equal(ax.lines[0].get_ydata(), table["generator"])


def test_validation_marks_the_first_best_epoch():
    table = _epochs(8)
    table["selection"] = [0, 1, 3, 2, 3, 1, 0, 0]
    psnr, selection = figures.validation(table).axes
    assert np.array_equal(psnr.lines[0].get_xydata(), table[["epoch", "psnr"]])
    for ax, name in ((psnr, "psnr"), (selection, "selection")):
        assert set(ax.lines[1].get_xdata()) == {2}
        assert ax.lines[2].get_xydata().tolist() == [[2, table.loc[2, name]]]
    assert len(figures.validation(table.assign(ssim=0.5)).axes) == 3
    assert len(figures.validation(table.assign(selection=table["psnr"])).axes) == 1
    assert len(figures.validation(table.drop(columns="psnr")).axes) == 1
