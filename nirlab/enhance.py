"""`nircore enhance`: many files, each enhanced under a lock; what is bad is named and left out, the rest proceeds."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tqdm import tqdm

from nircore import files
from nircore.inference import conformal
from nirlab import record
from nirlab.cluster import on
from nirlab.darks import enhancer_for
from nirlab.inputs import Pair, pairs
from nirlab.result import Order, Outcome, enhance_file

FEW = 20  # files: so many are named where others are only counted
Say = Callable[[str], None]
PAUSE_S = 0.2  # between two looks at whether another process has done what it has in hand


def enhance_files(inputs: list[str], order: Order, scheduler: str = "", say: Say = tqdm.write) -> list[Outcome]:
    """Enhance files, folders and patterns into a folder; return what came of each file.

    Args:
        inputs: see `nirlab.inputs`.
        order: what is asked for.
        scheduler: address of the Dask scheduler that has the files done; without, this process does one by one.
        say: receives a line for each file.

    Raises:
        NircoreError: nothing can be done at all: no weights, no darks, no place to write.
    """
    files.make_folder(order.out)
    enhancer = enhancer_for(order.settings)
    record.made_by(enhancer)  # loads weights and darks: what is wrong with them is wrong for all
    if order.trust:
        conformal.load(enhancer.weights)
    for file, count in zip(enhancer.darks.files, enhancer.darks.frames, strict=True) if enhancer.darks else ():
        if count > 1:
            say(f"{file}: the dark is the mean of its {count} frames")
    run = on(scheduler) if scheduler else here
    found, outcomes = _asked_for(inputs, order, say)
    with tqdm(total=len(found), unit=" files", disable=None) as bar:
        for outcome in outcomes:
            _tell(outcome, say)
        for outcome in _all(found, order, run, say):
            outcomes.append(outcome)
            _tell(outcome, say)
            bar.update()
    if order.report:
        from nirlab import pages

        pages.write_index([one.entry for one in outcomes if one.entry], order.out / "report")
    return outcomes


def _asked_for(inputs: list[str], order: Order, say: Say) -> tuple[list[Pair], list[Outcome]]:
    """Return what is to be done, and what came already of inputs that are none."""
    found, errors, others = pairs(inputs, order.out, order.settings.average, order.raw)
    if order.settings.dark:  # the darks of a folder may lie below its frames
        dark = Path(order.settings.dark).expanduser().resolve()
        found = [pair for pair in found if not pair.source.resolve().is_relative_to(dark)]
    if others:
        kinds = ", ".join(sorted({path.suffix.lower() for path in others}))
        say(f"passed over, of kinds that are not read ({kinds}): {', '.join(map(str, others[:FEW]))}")
    return found, [Outcome(failed=True, errors=[str(error)]) for error in errors]


def _tell(outcome: Outcome, say: Say) -> None:
    for line in (outcome.line, *(f"nircore: {' '.join(error.split())}" for error in outcome.errors)):
        if line:
            say(line)


def _all(found: list[Pair], order: Order, run: Callable, say: Say) -> Iterator[Outcome]:
    """Yield what came of each file: first of those that are free, then of those that others had in hand."""
    waited: set[Path] = set()
    while found:
        busy = []
        for pair, outcome in run(found, order, waited):
            if outcome.busy:
                busy.append(pair)
            else:
                yield outcome
        if new := [pair.target for pair in busy if pair.target not in waited]:
            named = ", ".join(map(str, new[:FEW])) + (", ..." if len(new) > FEW else "")
            say(f"another run has {len(new)} of the results in hand, which are waited for: {named}")
            waited.update(new)
        elif busy:
            time.sleep(PAUSE_S)
        found = busy


def here(found: Iterable[Pair], order: Order, waited: set[Path]) -> Iterator[tuple[Pair, Outcome]]:
    """Enhance files in this process, one after the other."""
    for pair in found:
        yield pair, enhance_file(pair, order, pair.target in waited)
