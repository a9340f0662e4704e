"""Many files, one bar: what is bad is named and left out, the rest proceeds, here or on a cluster."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nircore import paths
from nircore.errors import NircoreError
from nircore.inference.enhancer import enhancer_for
from nircore.inference.settings import Settings
from nirlab import job as jobs
from nirlab import records
from nirlab.inputs import Pair, pairs
from nirlab.locks import PAUSE_S, Locks

FEW = 20  # files: so many of other kinds are named
Task = tuple[jobs.Job, int]
#: Runs tasks in any order, each at least once; yields each with the frames done, or the error.
Workers = Callable[[Iterable[Task]], Iterator[tuple[jobs.Job, int | Exception]]]
Finished = Callable[[Pair, dict[str, Any]], None]


def here(tasks: Iterable[Task]) -> Iterator[tuple[jobs.Job, int | Exception]]:
    """Run the tasks in this process, one after the other."""
    for job, start in tasks:
        try:
            yield job, jobs.do(job, start)
        except NircoreError as error:
            yield job, error


class Tally:
    """What came of a run: lines on bad files, results made, and results that were there already."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say, self.bad, self.made, self.there = say, 0, 0, 0

    def refuse(self, error: Exception) -> None:
        """Count and name a bad file, on one line."""
        self.bad += 1
        self.say(f"nircore: {' '.join(str(error).split())}")


def enhance_files(
    inputs: list[str],
    out: Path,
    settings: Settings,
    *,
    overwrite: bool = False,
    workers: Workers = here,
    finished: Finished = lambda pair, record: None,
    locks: Locks | None = None,
    say: Callable[[str], None] = tqdm.write,
) -> Tally:
    """Enhance files, folders and patterns into a folder; return what came of it.

    Args:
        inputs: see `nirlab.inputs`.
        out: receives each result and, beside it, its record; made if it is not there.
        settings: what to do to every frame.
        overwrite: replace results that were made otherwise.
        workers: who runs the parts: this process, or a cluster.
        finished: called with each file whose result is in place, also from an earlier run, and its record.
        locks: what `finished` shares with this run, closed here; else its own.
        say: receives one line for each file.

    Raises:
        NircoreError: nothing can be done at all: no weights, no darks, no place to write.
    """
    out = paths.make_folder(out.expanduser().resolve())
    enhancer = enhancer_for(settings)
    enhancer.identity  # noqa: B018 (loads weights and darks: what is wrong with them is wrong for all)
    for line in enhancer.darks.said if enhancer.darks else ():
        say(line)
    tally, others = Tally(say), []
    found, errors = pairs(inputs, out, settings.average, others, settings.raw)
    if others:
        kinds = ", ".join(sorted({path.suffix.lower() for path in others}))
        say(f"passed over, of kinds that are not read ({kinds}): {', '.join(str(path) for path in others[:FEW])}")
    for error in errors:
        tally.refuse(error)
    with tqdm(total=0, unit=" frames", disable=None) as bar, closing(locks or Locks()) as locks:
        run = _Run(settings, overwrite, workers, finished, tally, bar, locks)
        run.all(found)
    return tally


class _Run:
    """One pass over many files, of which other runs may have some in hand: those are waited for at the end."""

    def __init__(self, settings: Settings, overwrite: bool, workers: Workers, finished: Finished, tally: Tally,
                 bar: Any, locks: Locks) -> None:  # fmt: skip
        self.settings, self.overwrite, self.workers, self.finished = settings, overwrite, workers, finished
        self.tally, self.bar, self.locks = tally, bar, locks

    def all(self, found: list[Pair]) -> None:
        """Enhance what is free, then what others had in hand and is free by then."""
        waited: set[Path] = set()
        while found:
            free = [pair for pair in found if self.locks.take(pair.target)]
            taken = {pair.target for pair in free}
            found = [pair for pair in found if pair.target not in taken]
            planned = list(self._planned(free, waited))
            self.bar.total += sum(job.frames for job in planned)
            self.bar.update(sum(job.frames - job.left() for job in planned))
            if planned:
                _work(planned, self.workers, self.bar, self.tally, self.finished, self.locks)
            if found and not free and waited >= {pair.target for pair in found}:
                time.sleep(PAUSE_S)
            elif new := [pair.target for pair in found if pair.target not in waited]:
                others = ", ".join(map(str, new[:FEW])) + (", ..." if len(new) > FEW else "")
                self.tally.say(f"another run has {len(new)} of the results in hand, which are waited for: {others}")
                waited.update(new)

    def _planned(self, pairs: list[Pair], waited: set[Path]) -> Iterator[jobs.Job]:
        for pair in pairs:
            try:
                job = self._plan(pair, pair.target in waited)
            except NircoreError as error:
                self._refuse(pair, error)
                continue
            except OSError as error:
                self._refuse(pair, NircoreError(f"{pair.source} cannot be used: {error.strerror}."))
                continue
            if job is not None:
                yield job
                continue
            self.locks.drop(pair.target)
            self.tally.there += 1
            _tell(self.finished, pair, records.read(records.path_of(pair.target)), self.tally)

    def _refuse(self, pair: Pair, error: NircoreError) -> None:
        self.locks.drop(pair.target)
        self.tally.refuse(error)

    def _plan(self, pair: Pair, waited: bool) -> jobs.Job | None:
        """Plan a file; what another run has just made the same way is done, even where results are overwritten."""
        if waited and self.overwrite and pair.target.exists():
            with suppress(NircoreError):
                return jobs.plan(pair.source, pair.target, self.settings)
        return jobs.plan(pair.source, pair.target, self.settings, self.overwrite)


def _tell(finished: Finished, pair: Pair, record: dict[str, Any], tally: Tally) -> None:
    """Have the page or map of a file made; what goes wrong there is named, and the result stays."""
    try:
        finished(pair, record)
    except NircoreError as error:
        tally.refuse(error)


def _work(
    planned: list[jobs.Job], workers: Workers, bar: Any, tally: Tally, finished: Finished, locks: Locks
) -> None:
    """Have all parts done, and finish each file with its last one."""
    todo = {job.target: job.todo() for job in planned}
    waiting = {target: len(starts) for target, starts in todo.items()}
    failed: set[Path] = set()

    def tasks() -> Iterator[Task]:
        for job in planned:
            for start in todo[job.target]:
                if job.target not in failed:
                    yield job, start

    def conclude(job: jobs.Job) -> None:
        try:
            record = jobs.finish(job)
        except NircoreError as error:
            tally.refuse(error)
            return
        finally:
            locks.drop(job.target)
        tally.made += 1
        tally.say(_line(job, record))
        _tell(finished, Pair(job.source, job.target), record, tally)

    for job in planned:
        if not waiting[job.target]:  # a run that was killed between the last part and the end
            conclude(job)
    for job, outcome in workers(tasks()):
        if isinstance(outcome, Exception):
            if job.target not in failed:
                failed.add(job.target)
                tally.refuse(outcome)
                jobs.give_up(job)
                locks.drop(job.target)
            continue
        bar.update(outcome)
        waiting[job.target] -= 1
        if not waiting[job.target] and job.target not in failed:
            conclude(job)


def _line(job: jobs.Job, record: dict[str, Any]) -> str:
    summary = record["summary"]
    parts = [f"{job.target}: {summary['frames']} frame{'s' if summary['frames'] > 1 else ''}"]
    if summary["flux_ratio"] is not None:
        parts.append(f"flux x {summary['flux_ratio']:.3f}")
    for key, words in (("pixels_clipped", "pixels clipped"), ("pixels_at_ceiling", "input pixels saturated"),
                       ("outliers_replaced", "hot or dead pixels replaced")):  # fmt: skip
        if summary[key]:
            parts.append(f"{summary[key]} {words}")
    if summary["blank_frames"]:
        parts.append(f"{summary['blank_frames']} blank frames passed through")
    if summary["assumed"]:
        parts.append(f"assumed {summary['assumed']}")
    if record["temporal_average_frames"] > 1:
        parts.append(f"mean of {record['temporal_average_frames']} frames")
    parts += record["said"]
    if record["not_kept"]:
        parts.append(f"not kept: {', '.join(record['not_kept'])}")
    return ", ".join([*parts, f"by {record['engine']}"])
