"""The figures of the fidelity tests show every row of their tables, where it belongs."""

import numpy as np
import pandas as pd
import pytest

from companion.plots import fidelity as draw
from tests.companion.plots import drawn

RNG = np.random.default_rng(0)
NAMES = ("low-light", "non-local means", "enhanced", "another")


def swept():
    pairs = [("lesion", "lesion"), ("probe", "lesion"), ("probe", "vessels")]
    return pd.DataFrame(
        {"animal": a, "sweep": s, "region": r, "denoiser": n, "concentration": c,
         "signal_dn": c * (k + 1) + a, "sbr": 1 + c, "tnr": 2 + c + 0.1 * k + a}
        for s, r in pairs for c in (0.25, 1.0, 4.0) for a in (0, 1)
        for k, n in enumerate(("clean low-light", "truth", *NAMES))
    )  # fmt: skip


def counted(**more):
    rows = [
        {"denoiser": n, "lesion": lesion, "lesion_share": RNG.normal(float(lesion), 0.1)}
        | {key: int(RNG.integers(0, 9)) for key in ("vessels_inserted", "vessels_erased")}
        | {key: int(RNG.integers(0, 9)) for key in ("blobs_invented", "blobs_erased")}
        for n in NAMES
        for lesion in (True, False, True)
    ]
    return pd.DataFrame(rows).assign(**more)


def test_linearity_draws_the_means_over_animals():
    lesion, vessels, ratio = draw.linearity(swept()).axes
    for ax in (lesion, vessels):
        assert [list(line.get_ydata()) for line in curves(ax)] == [
            pytest.approx([c * (k + 1) + 0.5 for c in (0.25, 1, 4)]) for k in (1, 2, 3, 4, 5, 0)
        ]
    *made, without = curves(ratio)
    assert len(made) == 4  # all but the truth, which is of another window
    clean = [2.75, 3.5, 6.5]
    assert list(without.get_xdata()) == list(without.get_ydata()) == pytest.approx(clean)
    assert list(made[-1].get_ydata()) == pytest.approx([x + 0.5 for x in clean])
    assert list(made[-1].get_xdata()) == pytest.approx(clean)


def curves(ax):
    return [line for line in ax.lines if len(line.get_xdata())]  # a legend's are empty


def dots(ax):
    return [collection.get_offsets() for collection in ax.collections]


def test_structures_draws_every_frame():
    table = counted()
    *panels, lesion = draw.numbers(table, "structures").axes
    for ax, column in zip(panels, draw.NUMBERS["structures"], strict=True):
        for k, name in enumerate(NAMES):
            rows = table[table["denoiser"] == name]
            assert list(dots(ax)[k][:, 0]) == list(rows[column])
            assert drawn.means(ax)[k] == pytest.approx(rows[column].mean())
    assert sorted(x for cloud in dots(lesion) for x in cloud[:, 0]) == pytest.approx(sorted(table["lesion_share"]))
    assert [label.get_text() for label in panels[0].get_yticklabels()] == list(NAMES)


def test_emptiness_leaves_out_what_has_no_noise():
    table = pd.DataFrame(
        {"frame": f, "denoiser": n, "noise_dn": 0.0 if f == "constant" else 11.0, "excursion": k + 0.1,
         "structures": float(k)}
        for f in ("dark", "blank", "noise", "constant") for k, n in enumerate(NAMES)
    )  # fmt: skip
    far, found = draw.emptiness(table).axes
    assert [list(d[:, 0]) for d in dots(found)] == [[k] * 3 for k in range(4)]
    assert drawn.means(far)[2] == pytest.approx(2.1)


def test_cycle_draws_ratios():
    table = pd.DataFrame(
        {"frame": f, "between": b, "error": e * s, "noise": 4.0}
        for f, s in (("x", 1.0), ("y", 2.0)) for b, e in (("as it is", 2.0), ("8 bits", 3.0), ("smoothed", 8.0))
    )  # fmt: skip
    left, right = draw.cycle(table).axes
    assert [list(d[:, 0]) for d in dots(left)] == [[0.5, 1.0], [0.75, 1.5], [2.0, 4.0]]
    assert [list(d[:, 0]) for d in dots(right)] == [[1, 1], [1.5, 1.5], [4, 4]]


def test_prevalence_draws_a_row_per_share():
    table = pd.concat([counted(share=share) for share in (0.0, 0.5, 1.0)])
    invented, erased, _ = draw.prevalence(table).axes
    assert [label.get_text() for label in invented.get_yticklabels()] == ["0%", "50%", "100%"]
    assert list(dots(erased)[1][:, 0]) == list(table.loc[table["share"] == 0.5, "blobs_erased"])
