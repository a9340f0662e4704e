"""A figure of a notebook is kept and shown; where a table says why there is nothing to draw, so does the figure."""

import pandas as pd
import pytest

from companion.plots import picture as pictures
from companion.plots.picture import NO_TRUTH, picture
from companion.plots.style import canvas


@pytest.fixture
def noted(monkeypatch):
    """What was written in place of a figure."""
    said = []
    monkeypatch.setattr(pictures, "note", lambda text: said.append(text) or canvas(1))
    return said


def drawn(*data):
    return canvas(1)


def test_it_is_on_disk_and_has_words_for_who_cannot_see_it(tmp_path, noted):
    shown = picture(tmp_path / "fig3c_losses.png", drawn, pd.DataFrame({"a": [1]}), {"part": [0]})
    assert shown.data == (tmp_path / "fig3c_losses.png").read_bytes() and noted == []
    assert shown.alt == "fig3c losses"


@pytest.mark.parametrize(
    "table, reason",
    [(pd.DataFrame({"reason": ["Trains no critic."]}), "Trains no critic."), (pd.DataFrame(columns=["a"]), NO_TRUTH)],
)
def test_a_table_with_nothing_to_show_says_why(tmp_path, noted, table, reason):
    picture(tmp_path / "a.png", lambda *data: pytest.fail("it was drawn"), {}, table)
    assert noted == [reason] and (tmp_path / "a.png").is_file()
