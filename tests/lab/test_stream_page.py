"""A stream leaves a page with its frames, its latencies, and what was passed over and why."""

import re

import numpy as np
import pytest

from nirlab import stream_page
from nirlab.line import Account


def page_of(folder, source, **facts):
    ends, passed = stream_page.Ends(lambda index, image: None), stream_page.PassedOver()
    return ends, passed, lambda: stream_page.write(folder, source, Account(**facts), passed, ends).read_text()


def test_the_command_leaves_a_page(nircore, tmp_path):
    draw = np.random.default_rng(2)
    movie = draw.normal(1100, 10, (4, 40, 48)).astype(np.uint16)
    movie[2] = 1100
    np.save(tmp_path / "movie.npy", movie)
    status, out, _ = nircore("stream", tmp_path / "movie.npy", "--output", tmp_path / "out")
    text = (tmp_path / "out" / "report" / "index.html").read_text(encoding="utf-8")
    assert status == 0 and str(tmp_path / "out" / "report" / "index.html") in out
    assert "3 read, 3 written, 0 dropped" in text and "movie.npy, frame 2, is blank" in text
    assert re.search(r"median \d+ ms, p95 \d+ ms", text) and "engine " in text
    assert text.count("data:image/png") == 2 and "frame 0 of the source" in text and "frame 2 of the source" in text


def test_numbers_are_those_of_the_account(tmp_path):
    _, _, page = page_of(
        tmp_path, tmp_path / "a<b", read=5, written=3, dropped=2, latencies_s=[0.01] * 99 + [0.5], interrupted=True
    )
    text = page()
    assert "median 10 ms, p95 10 ms" in text and "interrupted" in text and "2 dropped" in text
    assert "a&lt;b" in text and "a<b" not in text and "No frame was written" in text


def test_first_and_last_are_kept_and_thousands_passed_over_are_counted(tmp_path):
    ends, passed, page = page_of(tmp_path, tmp_path)
    for index in range(5):
        ends(index, np.full((20, 30), index, np.float32) + np.eye(20, 30, dtype=np.float32))
        assert (ends.first[0], ends.last[0]) == (0, index)
    for index in range(stream_page.NAMED + 7):
        passed(f"nircore: file {index} is blank.")
    text = page()
    assert text.count(" is blank.") == stream_page.NAMED and "and 7 more" in text


@pytest.mark.parametrize("spelling", ["in", "link", "in/../in"])
def test_results_into_the_watched_folder_are_refused(nircore, tmp_path, spelling):
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    status, _, said = nircore("stream", tmp_path / "in", "--output", tmp_path / spelling)
    assert status == 2 and "is the folder that is watched" in said and list((tmp_path / "in").iterdir()) == []
