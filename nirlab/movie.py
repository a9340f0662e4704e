"""A file of frames that is open for reading, on its way through the network."""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nircore.data.frames import check_pixels, exposure_in
from nircore.data.stack import Stack
from nircore.errors import NircoreError
from nircore.inference.enhancer import Enhancer, telling
from nircore.inference.prepared import Camera
from nirlab.formats.axes import neighbours, series

SATURATED = 0.5  # share of a frame's pixels with its largest value, from which on a single frame is refused


class Movie:
    """The frames of an open file, each averaged with those around it where that is asked for.

    Args:
        source: the file.
        stack: what it holds.
        enhancer: what is done to the frames.

    Raises:
        NircoreError: frames are to be averaged or to rest on others, and the file does not say which axis is time.
    """

    def __init__(self, source: Path, stack: Stack, enhancer: Enhancer) -> None:
        self.source, self.stack, self.enhancer = source, stack, enhancer
        self.average = enhancer.settings.average
        self._around = neighbours(source, stack, self.average)
        self._page = lru_cache(maxsize=self.average)(self._read)
        self._series = series(source, stack) if enhancer.settings.temporal else [range(stack.pages)]
        self._results: dict[int, Iterator[tuple[np.ndarray, dict[str, Any]]]] = {}

    @property
    def shape(self) -> tuple[int, int, int]:
        """(N, H, W)."""
        return self.stack.pages, *self.stack.shape

    def enhanced(self, page: int) -> tuple[np.ndarray, dict[str, Any]]:
        """Return a frame (H, W) after the network, of the file's type, and what was measured on it.

        Pages are asked for in ascending order; where each frame rests on those before it, the pages before the first
        one that is asked for are read again, and do not go through the network.

        Raises:
            NircoreError: a frame cannot be read or used; names the file and the frame.
        """
        number = next(k for k, pages in enumerate(self._series) if page in pages)
        try:
            if number not in self._results:
                self._results[number] = self._begin(self._series[number], page)
            return next(self._results[number])
        except NircoreError as error:
            raise self._at(page, error) from error

    def used(self, page: int) -> np.ndarray | None:
        """Return on how many frames each pixel of a page rests, (H, W); None where nothing tells of the camera."""
        pages = next(pages for pages in self._series if page in pages)
        if self._camera is None:
            return None
        return self.enhancer.used(
            lambda index: self._mean(pages[index]), len(pages), self._camera,
            lambda index: self.exposure_s(pages[index]), pages.index(page),
        )  # fmt: skip

    def _begin(self, pages: range, page: int) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
        """Yield the results of a series of frames, from a page on."""
        _, network = self.enhancer.network_for(self.stack.pages)
        return self.enhancer.movie(
            lambda index: self._mean(pages[index]), len(pages), self.stack.dtype, self._camera, network,
            lambda index: self.exposure_s(pages[index]), pages.index(page),
        )  # fmt: skip

    @property
    def engine(self) -> str:
        """What runs the network."""
        return self.enhancer.network_for(self.stack.pages)[0]

    def signal(self, page: int) -> np.ndarray:
        """Return a frame (H, W) float32 in DN less its dark, where there is one."""
        try:
            return self.enhancer.signal(self._mean(page), self.exposure_s(page))
        except NircoreError as error:
            raise self._at(page, error) from error

    def exposure_s(self, page: int) -> float | None:
        """Return a frame's exposure in seconds, as the file or its name states it."""
        return self.stack.exposures_s[page] if self.stack.exposures_s else exposure_in(self.source)

    @cached_property
    def _camera(self) -> Camera | None:
        """What the frames tell of the camera: read off the same few of them, wherever a run goes on."""
        pages = telling(self.stack.pages)
        if len(pages) == 1:  # it tells its camera on its way
            return None
        return self.enhancer.camera([self.signal(page) for page in pages], self.exposure_s(pages[-1]))

    def _mean(self, page: int) -> np.ndarray:
        return np.mean([self._page(one) for one in self._around(page)], axis=0)

    def _read(self, page: int) -> np.ndarray:
        """Read a page; a movie may hold blank frames, but no NaN, and a file of one blank frame is a mistake."""
        pixels = self.stack.frame(page)
        alone = self.stack.pages == 1
        if alone or not np.isfinite(pixels).all():
            check_pixels(self.source, pixels, None if alone else page)
        if alone and (share := float((pixels == pixels.max()).mean())) > SATURATED:
            raise NircoreError(
                f"{self.source} is saturated: {share:.0%} of its pixels have its largest value, {pixels.max():g}: "
                "expose for a shorter time, or leave it out."
            )
        return pixels

    def _at(self, page: int, error: NircoreError) -> NircoreError:
        if str(error).startswith(str(self.source)):
            return error
        return NircoreError(f"{self.source}{'' if self.stack.pages == 1 else f', frame {page}'}: {error}")
