"""The chart of verdicts."""

import pytest

from companion.plots.claims import verdicts
from companion.plots.style import save
from companion.run import published
from companion.study.claims import evaluate, load, summary


@pytest.mark.parametrize(
    "title", ["so it is", summary(evaluate(load(published("claims.yaml")), {})), 12 * "ten words. "]
)
def test_the_chart_shows_every_claim_and_fits(tmp_path, title):
    claims = load(published("claims.yaml"))
    figure = verdicts(evaluate(claims, {}), title)
    texts = [text.get_text() for text in figure.axes[0].texts]
    drawn = " ".join(texts)
    assert all(claim.claim in drawn for claim in claims) and title in texts
    assert save(figure, tmp_path / "claims.png").stat().st_size <= 150_000
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert all(0 <= box.x0 and box.x1 <= width and 0 <= box.y0 and box.y1 <= height for box in boxes)
