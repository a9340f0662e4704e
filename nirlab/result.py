"""One file enhanced: under a lock, atomic, and gone on with after a kill. The source is open all the while."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tifffile
from tqdm import tqdm

from nircore import files, paths
from nircore.data.stack import Stack
from nircore.errors import NircoreError
from nircore.inference import conformal
from nircore.inference.settings import Settings
from nirlab import record, trust_maps
from nirlab.darks import enhancer_for
from nirlab.formats.containers import CONTAINERS, Container, container, opened
from nirlab.formats.raw import Raw
from nirlab.inputs import Pair
from nirlab.movie import Movie
from nirlab.partial import Partial, hidden, lock


@dataclass(frozen=True)
class Order:
    """What is asked for, as plain values that travel to other machines.

    Attributes:
        out: receives each result and, beside it, its record.
        settings: what to do to every frame.
        raw: what files of no known kind hold; None: they are refused.
        overwrite: replace results that were made otherwise.
        report: whether pages are wanted, in `out/report`.
        trust: whether trust maps are wanted, in `out/trust`.
        version: of the package that was asked.
    """

    out: Path
    settings: Settings
    raw: Raw | None = None
    overwrite: bool = False
    report: bool = False
    trust: bool = False
    version: str = paths.VERSION


@dataclass
class Outcome:
    """What came of one file.

    Attributes:
        busy: another process is at work on it.
        failed: there is no result.
        made: the result was made now, and not by an earlier run.
        line: what is said of a result that was made.
        errors: sentences on what could not be done.
        entry: the line in the index of the pages.
    """

    busy: bool = False
    failed: bool = False
    made: bool = False
    line: str = ""
    errors: list[str] = field(default_factory=list)
    entry: Any = None


def enhance_file(pair: Pair, order: Order, waited: bool = False) -> Outcome:
    """Enhance one file, with its trust maps and its page; what is done already is not done again.

    Args:
        pair: the file, and where its result goes.
        order: what is asked for.
        waited: another process had this result in hand: what it made is taken, even where results are overwritten.
    """
    outcome, work = Outcome(), hidden(pair.target)
    try:
        if order.version != paths.VERSION:
            raise NircoreError(f"{pair.source}: nircore {paths.VERSION} is on this machine, not {order.version}.")
        with lock(pair.target) as mine:
            if not mine:
                return Outcome(busy=True)
            _under_lock(pair, order, waited, work, outcome)
            shutil.rmtree(work, ignore_errors=True)
    except NircoreError as error:
        outcome.failed, outcome.errors = True, [str(error)]
    except OSError as error:  # what was done before the disk refused stays for another try
        outcome.failed, outcome.errors = True, [str(files.cannot_write(pair.target, error))]
    return outcome


def _under_lock(pair: Pair, order: Order, waited: bool, work: Path, outcome: Outcome) -> None:
    try:
        with opened(pair.source, order.raw) as stack:
            result = Result(pair, order, Movie(pair.source, stack, enhancer_for(order.settings)), work)
            made = result.there(order.overwrite and not waited)
            if made is None:
                made = result.make()
                outcome.made, outcome.line = True, record.line(pair.target, made)
            if doubt := made["summary"].get("doubt"):
                outcome.errors.append(f"{pair.target} is written, and to be doubted: {doubt}.")
            result.add_trust_and_page(made, outcome)
    except NircoreError:
        shutil.rmtree(work, ignore_errors=True)
        raise


class Result:
    """One result in the making: the source is open, and nobody else works on it.

    Args:
        pair: the source, and where the result goes.
        order: what is asked for.
        movie: the frames of the source.
        work: the hidden folder for what is done.
    """

    def __init__(self, pair: Pair, order: Order, movie: Movie, work: Path) -> None:
        self.pair, self.order, self.movie, self.work = pair, order, movie, work
        self.container: Container = container(pair.source, order.raw)
        self.container.check(pair.source, movie.stack)
        raw = order.raw if pair.source.is_file() and pair.source.suffix.lower() not in CONTAINERS else None
        self.identity = record.identity(pair.source, movie.enhancer, raw)
        self.name = str(pair.target.relative_to(order.out))

    def there(self, overwrite: bool) -> dict[str, Any] | None:
        """Return the record of the result if it is there, made the same way.

        Raises:
            NircoreError: a result that was made otherwise is there, and not to be overwritten.
        """
        target = self.pair.target
        if overwrite or not target.exists():
            return None
        found = record.read(record.path_of(target))
        if found.get("identity") == self.identity:
            return found
        if self.order.overwrite:
            return None
        said = record.difference(found.get("identity"), self.identity)
        raise NircoreError(f"{target} is already there and {said}: use --overwrite, or another --out.")

    def make(self) -> dict[str, Any]:
        """Enhance the frames that are not done, put the result together, and return its record.

        The record is written before the result takes its name: a result without a record does not occur.
        """
        movie, target = self.movie, self.pair.target
        identity = self.identity | {"engine": movie.engine}  # a result is never made by two engines
        partial = Partial(self.work, "frames", identity, movie.shape, movie.stack.dtype)
        with self._bar() as bar:
            bar.update(len(partial.facts))
            partial.make(movie.enhanced, bar.update)
        made = record.of(self.identity, movie.enhancer, movie.engine, partial.facts)
        temporary = self.work / f"whole{target.suffix}"
        _remove(temporary)
        made["not_kept"] = self._write(movie.stack, temporary, partial)
        made["said"] = [*movie.stack.said]
        if self.container.suffix:
            made["said"].append(f"{self.pair.source.suffix} is only read, so the result is an OME-TIFF")
        _remove(target)
        record.write(made, record.path_of(target))
        os.replace(temporary, target)
        return made

    def _bar(self) -> tqdm:
        return tqdm(total=self.movie.shape[0], unit=" frames", desc=self.pair.source.name, leave=False, disable=None)

    def _write(self, stack: Stack, temporary: Path, partial: Partial) -> list[str]:
        """Write the result under a temporary name; return what of the source is not kept in it, in words."""
        note = f"nircore {paths.VERSION} enhance, model {self.identity['model_sha256'][:8]}; record beside this file"
        if self.movie.average > 1:
            note += f"; mean of {self.movie.average} frames"
        source = self.pair.source
        try:
            lost = self.container.write(stack, source, temporary, partial.frames(), note)
        except NircoreError:
            raise
        except OSError as error:
            if error.errno is not None:
                raise
            # Without a number it is a library's word on the source that is copied, not the system's on the disk.
            raise NircoreError(f"{source} is damaged ({error}): copy or export it again.") from error
        except Exception as error:  # each encoder has its own exceptions
            raise NircoreError(f"{self.pair.target} cannot be written like its source ({error}).") from error
        if temporary.is_file():
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
        return lost

    def add_trust_and_page(self, made: dict[str, Any], outcome: Outcome) -> None:
        """Make the trust maps and the page that are wanted; the result stays where these cannot be made."""
        try:
            trust = self._trust(made) if self.order.trust else None
            if self.order.report:
                outcome.entry = self._page(made, trust)
        except NircoreError as error:
            outcome.errors.append(str(error))

    def _trust(self, made: dict[str, Any]) -> tuple[Any, str]:
        """Have the trust maps made; return that of the frame that the page shows, and what it was calibrated with."""
        from nirlab import result_page

        calibration = conformal.load(self.movie.enhancer.weights)
        place = self.order.out / "trust" / f"{result_page.flat(self.name)}.trust.tif"
        with self._bar() as bar:
            trust_maps.make(place, self.movie, made["identity"], calibration, self.work, bar.update)
        return tifffile.imread(place, key=result_page.shown(made)), calibration.sentence()

    def _page(self, made: dict[str, Any], trust: tuple[Any, str] | None) -> Any:
        from nirlab import pages, result_page

        half_width, sentence = trust or (None, "")
        page = f"{result_page.flat(self.name)}.html"
        report = result_page.report(self.name, self.movie, self.pair.target, made, half_width, sentence)
        return pages.write(report, self.order.out / "report", page)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
