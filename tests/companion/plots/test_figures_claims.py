"""The chart of verdicts."""

from companion.plots.claims import MARKS, verdicts
from companion.plots.style import save
from companion.run import published
from companion.study.claims import evaluate, load, summary
from companion.study.verdicts import NO, OPEN, UNDECIDED, YES


def test_the_chart_shows_every_claim_and_fits(tmp_path):
    claims = load(published("claims.yaml"))
    judged = evaluate(claims, {})
    figure = verdicts(judged, title := summary(judged))
    texts = [text.get_text() for text in figure.axes[0].texts]
    drawn = " ".join(texts)
    assert all(claim.claim in drawn for claim in claims) and title in drawn
    assert {YES, NO, UNDECIDED, OPEN} == set(MARKS) <= set(texts)
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "none"]
    assert len(hollow) == judged["by_construction"].sum() + 1  # and the one in the legend
    assert save(figure, tmp_path / "claims.png").stat().st_size <= 150_000
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert all(0 <= box.x0 and box.x1 <= width and 0 <= box.y0 and box.y1 <= height for box in boxes)
