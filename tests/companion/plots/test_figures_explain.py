"""The curves, bars and marks of the explanations are their tables' numbers."""

import numpy as np
import pandas as pd
import pytest

from companion.plots import benchmark, explain
from companion.plots.palette import GREY
from companion.plots.style import save
from tests.companion.plots import drawn

RNG = np.random.default_rng(0)
MAPS = {"LAM": "method", "saliency": "method", "edge map": "control"}
SHARES = (0.0, 0.01, 0.5)


def curves(counts=True):
    return pd.DataFrame(
        {"frame": f, "map": m, "kind": kind, "order": order, "share": s, "deletion": RNG.random(),
         "insertion": RNG.random(), "counts": counts}
        for f in range(3) for m, kind in MAPS.items() for order in ("signed", "size") for s in SHARES
    )  # fmt: skip


def scores():
    return pd.DataFrame({"map": list(MAPS), "kind": list(MAPS.values()), "score": [0.4, 0.9, 0.5]})


def test_faithfulness_draws_medians_over_the_questions_and_sorted_scores(tmp_path):
    table = curves()
    *axes, bars = (figure := explain.faithfulness(table, scores())).axes
    signed = table[table["order"] == "signed"]
    for ax, which in zip(axes, ("deletion", "insertion"), strict=True):
        drawn_ = {tuple(line.get_ydata()): line for line in ax.lines if len(line.get_xdata())}
        wanted = signed.groupby(["map", "share"])[which].median()
        assert set(drawn_) == {tuple(wanted[name]) for name in MAPS}
        control = drawn_[tuple(wanted["edge map"])]
        assert control.get_color() == GREY and control.get_linestyle() != "-"
    assert [label.get_text() for label in bars.get_yticklabels()] == ["saliency", "edge map", "LAM"]
    assert sorted(patch.get_width() for patch in bars.patches) == [0.4, 0.5, 0.9]
    assert bars.lines[0].get_xdata()[0] == 0.5  # the best control
    save(figure, tmp_path / "a.png")


def test_trust_draws_each_score_s_mean_over_the_frames():
    kinds = {"trust map": "trust", "output edges": "control"}
    table = pd.DataFrame({"score": s, "kind": kind, "auc_wrong": RNG.random(), "auc_inserted": np.nan}
                         for _ in range(2) for s, kind in kinds.items())  # fmt: skip
    *_, wrong, inserted = explain.trust(
        {"mouse": dict(zip("abcd", RNG.random((4, 20, 16)), strict=True))}, table
    ).axes
    means = table.groupby("score", sort=False)["auc_wrong"].mean()
    assert [label.get_text() for label in wrong.get_yticklabels()] == list(kinds)
    assert [dots.get_offsets()[0, 0] for dots in wrong.collections] == pytest.approx(list(means))
    assert not any(len(dots.get_offsets()) for dots in inserted.collections)


def test_a_term_s_worth_is_drawn_with_the_table_s_own_interval():
    table = pd.DataFrame(
        {"part": part, "seeds": 3} | {f"{key}_{end}": k + step for key in benchmark.WORTH for end, step in
                                      (("worth", 0.0), ("low", -0.5), ("high", 1.0))}
        for k, part in enumerate(("nothing", "saliency", "all"))
    )  # fmt: skip
    for ax in benchmark.worth(table, "whole").axes:
        assert drawn.means(ax) == {0: 1.0, 1: 2.0}
        (lines,) = ax.collections
        assert [segment[:, 0].tolist() for segment in lines.get_segments()] == [[0.5, 2.0], [1.5, 3.0]]
    none = table.assign(**{name: np.nan for name in table if name.endswith(("_low", "_high"))})
    assert len(benchmark.worth(none, "whole").axes) == 3


def test_shift_draws_every_pair_and_the_truth_as_a_line():
    table = pd.DataFrame({"method": m, **{key: k + n for key in benchmark.MEASURES}}
                         for k, m in enumerate(("low-light", "another", "truth")) for n in (0.0, 1.0))  # fmt: skip
    for ax in benchmark.shift(table).axes:
        assert [list(dots.get_offsets()[:, 0]) for dots in ax.collections] == [[0, 1], [1, 2]]
        assert drawn.means(ax) == {0: 0.5, 1: 1.5}
        assert ax.lines[0].get_xdata()[0] == 2.5


def test_maps_show_window_output_change_and_every_map_of_each_question(tmp_path):
    region = np.zeros((16, 16), bool)
    region[4:8, 4:8] = True
    parts = {
        "input": RNG.random((16, 16)),
        "output": RNG.random((16, 16)),
        "region": region,
        "LAM": RNG.random((16, 16)),
    }
    asked = ["mouse, vessel: contrast (DN)", "mouse, background: texture"]
    figure = explain.maps(dict.fromkeys(asked, parts))
    titles = [title for ax in figure.axes if (title := ax.get_title(loc="left"))]
    assert titles == ["input", "output", "G(x) - x", "LAM"] * 2
    change = next(ax for ax in figure.axes if ax.get_title(loc="left") == "G(x) - x").images[0].get_array()
    assert np.allclose(change, parts["output"] - parts["input"])
    assert [part._suptitle.get_text() for part in figure.subfigs] == asked
    save(figure, tmp_path / "a.png")


def test_patch_verdicts_lay_each_probability_over_its_frame(tmp_path):
    parts = {"image": RNG.random((16, 12)), "chance": np.full((16, 12), 0.25)}
    figure = explain.patch_verdicts({"low-light: real A?": parts, "enhanced: real A?": parts})
    assert [ax.get_title() for ax in figure.axes[:2]] == ["low-light: real A? 25%", "enhanced: real A? 25%"]
    assert all(np.allclose(ax.images[1].get_array(), 0.25) for ax in figure.axes[:2])
    save(figure, tmp_path / "a.png")
