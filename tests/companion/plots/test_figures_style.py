"""Figures become small PNG files with stable bytes, and refuse what cannot be drawn."""

import io

import numpy as np
import pytest
import seaborn
from PIL import Image

from companion.plots import frames, palette, style


def _chart(seed: int = 0):
    figure = style.canvas(3.0)
    ax = style.tidy(figure.subplots(), "epoch", "loss", "Title")
    ax.plot(np.random.default_rng(seed).random(50), color=palette.LOW_LIGHT)
    return figure


def test_the_same_figure_gives_the_same_bytes_which_say_nothing_of_software_or_time(tmp_path):
    figure = _chart()
    first, second = (style.save(figure, tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert b"Software" not in first and b"tIME" not in first
    with Image.open(tmp_path / "a.png") as image:
        assert image.info.keys() <= {"transparency", "gamma", "dpi"}
    again = style.save(_chart(), tmp_path / "c.png").read_bytes()
    assert first == second == again
    assert first != style.save(_chart(seed=1), tmp_path / "d.png").read_bytes()


def test_a_notebook_shows_a_figure_with_its_titles_for_those_who_cannot_see_it():
    figure = style.canvas(2.5, 7)
    for ax, title in zip(figure.subplots(1, 2), ("before", "after\nthe step"), strict=True):
        ax.set_title(title)
    png, about = figure._repr_png_()
    assert Image.open(io.BytesIO(png)).size == (1050, 375) and len(png) <= style.LARGEST
    assert about == {"alt": "before; after the step", "width": 700}


@pytest.mark.parametrize("kind", ["uniform", "low-light"])
def test_twelve_noisy_frames_fit(tmp_path, kind):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:320, :256]
    clean = 200 * np.exp(-((x - 128) ** 2 + (y - 160) ** 2) / 5000)
    noise = {"uniform": lambda: rng.random((320, 256)), "low-light": lambda: rng.normal(clean, 12)}[kind]
    figure = frames.across_epochs([noise() for _ in range(12)], [f"epoch {k}" for k in range(12)])
    path = style.save(figure, tmp_path / "grid.png")
    assert path.stat().st_size <= style.LARGEST
    if kind == "low-light":
        with Image.open(path) as image:
            assert image.width >= 800  # what the README shows


def test_the_colours_are_seaborns():
    assert set(palette.PALETTE) < set(seaborn.color_palette("colorblind").as_hex())
