"""The steps of a run: functions from artefacts to artefacts, made only when something they rest on changed."""

import sys
from collections.abc import Callable
from functools import cache, update_wrapper
from importlib import import_module

from nircore.errors import NircoreError
from companion.run import Missing, Run, freshness, notebooks, provenance


class Step:
    """A function of a run, and the files that it promises to write; called, it writes them.

    What it reads and uses is recorded while it runs. A step `aside` takes hours, and is made by its own
    notebook alone.
    """

    def __init__(self, function: Callable[[Run], None], promised: tuple[str, ...], aside: bool) -> None:
        update_wrapper(self, function)
        self.name, self.promised, self.aside = function.__name__, promised, aside
        self.write = function

    def __call__(self, run: Run) -> None:
        """Write what is promised, whatever is there already."""
        self.write(run)


def step(*promised: str, aside: bool = False) -> Callable[[Callable[[Run], None]], Step]:
    """Make a function of a run a step, given the files that it promises to write."""
    return lambda function: Step(function, promised, aside)


def make(run: Run, wanted: Step) -> None:
    """Bring a step of the run up to date, and first all that it reads; say what was done.

    Raises:
        NircoreError: what a step had to say; finished steps stay as they are.
    """
    done: dict[str, bool] = {}
    _bring(run, wanted, done)
    freshness.take_in(provenance.ledger(run, wanted.name))
    if not done[wanted.name]:
        print(f"{wanted.name}: nothing changed, made earlier")


@cache
def makers() -> dict[str, Step]:
    """Return the step that makes each promised file, of all steps that the notebooks ask for."""
    steps = [_named(name) for name in notebooks.asked()]
    return {name: one for one in steps for name in one.promised}


def made_in() -> dict[str, str]:
    """Return the notebook that makes each file of a run: by a step that it asks for, or in a cell of its own."""
    return {name: notebooks.asked()[one.name][1] for name, one in makers().items()} | notebooks.written()


def _named(name: str) -> Step:
    return getattr(import_module(notebooks.asked()[name][0]), name)


def _bring(run: Run, wanted: Step, done: dict[str, bool]) -> None:
    """Bring a step up to date; note in `done` whether it had to be made.

    What a step reads is known once it ran. Before, it is begun and says which file it misses, or finds an old one.
    """
    name, entry, known = wanted.name, provenance.of(run, wanted.name), 0
    done[name] = False
    _bring_what_is_read(run, entry, done)
    while len(done) > known and not (_kept(run, wanted) and provenance.fresh(run, entry)):
        known = len(done)  # once more only after another step was looked at
        try:
            entry = _make(run, wanted)
            done[name] = True
            _bring_what_is_read(run, entry, done)
        except Missing as lack:
            if not _bring_maker(run, lack.name, done):
                raise


def _bring_maker(run: Run, name: str, done: dict[str, bool]) -> bool:
    """Make a file that is not there: by its step, or by the notebook in whose cells it is made; say whether."""
    maker = makers().get(name)
    if maker and not maker.aside and maker.name not in done:
        _bring(run, maker, done)
        return True
    return _execute(run, notebooks.written().get(name), done)


def _bring_what_is_read(run: Run, entry: provenance.Record | None, done: dict[str, bool]) -> None:
    """Bring what makes the files that a step reads; what is made aside is only looked at."""
    origins, books = provenance.by_artefact(run), notebooks.written()
    for name in (name for name in (entry.reads if entry else ()) if name in origins):
        if (step := origins[name].step) in notebooks.asked():
            maker = _named(step)
            if not maker.aside and step not in done:
                _bring(run, maker, done)
        elif name in books and not provenance.fresh(run, origins[name]):
            _execute(run, books[name], done)


def _execute(run: Run, book: str | None, done: dict[str, bool]) -> bool:
    """Execute a notebook, once; say whether."""
    if not book or book in done:
        return False
    done[book] = True
    notebooks.execute(run, book, sys.stdout)
    return True


def _kept(run: Run, wanted: Step) -> bool:
    return all(run.path(file).is_file() for file in wanted.promised)


def _make(run: Run, wanted: Step) -> provenance.Record:
    """Make a step's artefacts, and keep what it rests on."""
    with freshness.recording() as ledger:
        ledger.modules.add(wanted.__module__)
        wanted(run)
    if lacking := [file for file in wanted.promised if not run.path(file).is_file()]:
        raise NircoreError(
            f"The step {wanted.name} did not write {', '.join(lacking)}, as {wanted.__module__} promises."
        )
    entry = provenance.record(run, wanted.name, ledger)
    provenance.keep(run, entry)
    print(f"{wanted.name}: done")
    return entry
