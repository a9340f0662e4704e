"""One file to enhance: cut into parts of a few frames, each written once, then put together under its final name.

Until it is whole, everything of it lies in a hidden folder beside its place. A part that is there is done, whoever
did it and however often the run was killed; that folder is all the state there is, for one process and for a cluster.
"""

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from nircore import paths
from nirlab.formats.axes import window
from nirlab.formats.containers import CONTAINERS, container, opened
from nirlab.formats.content import content_sha256
from nircore.data.stack import Stack
from nircore.data.frames import check_pixels, exposure_in
from nircore.errors import NircoreError
from nircore.inference import engines
from nircore.inference.enhancer import Camera, enhancer_for, telling, window_mean
from nircore.inference.settings import Settings
from nirlab import records

PART_BYTES = 2**24  # of frames in a part: a few seconds of work, all that a kill can cost


@dataclass(frozen=True)
class Job:
    """A file, its result's name, and how it is cut; plain values, so that it travels to other machines.

    Attributes:
        identity: what the result depends on: the source's path and content, and `Enhancer.identity`.
        frames: how many the file holds, and `part` how many make a part.
    """

    source: Path
    target: Path
    settings: Settings
    identity: dict[str, Any]
    frames: int
    part: int

    @property
    def work(self) -> Path:
        """The hidden folder with the parts that are done (its name short, however long the file's)."""
        return self.target.parent / f".partial-{hashlib.sha256(os.fsencode(self.target.name)).hexdigest()[:20]}"

    def part_file(self, start: int) -> Path:
        """Return the file of the part that begins at a frame."""
        return self.work / f"{start:09d}.npz"

    def todo(self) -> list[int]:
        """Return the starts of the parts that are not done."""
        return [start for start in range(0, self.frames, self.part) if not self.part_file(start).is_file()]

    def left(self) -> int:
        """Return how many frames are not done."""
        return sum(min(self.part, self.frames - start) for start in self.todo())


def plan(source: Path, target: Path, settings: Settings, overwrite: bool = False) -> Job | None:
    """Look at a file and return its job; None if its result is already there, made the same way.

    Raises:
        NircoreError: the file cannot be used, or its result's name is taken by something else.
    """
    with opened(source, settings.raw) as stack:
        window(source, stack, settings.average)
        container(source, settings.raw).check(source, stack)
        part = max(1, min(64, PART_BYTES // (stack.shape[0] * stack.shape[1] * stack.dtype.itemsize)))
        frames, beside = stack.pages, stack.beside
    identity = {"source": str(source.absolute()), "source_sha256": content_sha256(source, beside)}
    identity |= enhancer_for(settings).identity
    if settings.raw is not None and source.suffix.lower() not in CONTAINERS and source.is_file():
        identity["raw"] = dataclasses.asdict(settings.raw)
    job = Job(source, target, settings, json.loads(json.dumps(identity)), frames, part)
    if target.exists() and not overwrite:
        before = records.read(records.path_of(target)).get("identity")
        if before == job.identity:
            shutil.rmtree(job.work, ignore_errors=True)
            return None
        raise NircoreError(
            f"{target} is already there and {_otherwise(before, job)}: use --overwrite, or another --out."
        )
    if records.read(job.work / "job.json").get("identity") != job.identity:
        shutil.rmtree(job.work, ignore_errors=True)
    paths.make_folder(job.work)
    paths.write_text(job.work / "job.json", json.dumps({"identity": job.identity}))
    return job


def _otherwise(before: Any, job: Job) -> str:
    """Say in what the identity of a result that is there differs from a job's."""
    before = before if isinstance(before, dict) else {}
    if "source_sha256" not in before:
        return "was made otherwise"
    if before["source"] != job.identity["source"]:
        return f"was made from {before['source']}, not from {job.source}"
    if before["source_sha256"] != job.identity["source_sha256"]:
        return f"was made from {job.source} as it was before"
    return "was made otherwise (other settings, weights or darks)"


def do(job: Job, start: int) -> int:
    """Enhance the part that begins at a frame, unless it is there; return how many frames that is.

    Raises:
        NircoreError: a frame cannot be read or used; names the file and the frame.
    """
    stop = min(start + job.part, job.frames)
    if job.part_file(start).is_file() or not job.work.is_dir():  # done, or the whole file is
        return stop - start
    enhancer = enhancer_for(job.settings)
    if any(job.identity[key] != value for key, value in enhancer.identity.items()):
        raise NircoreError(f"{job.source}: another version of nircore, weights or darks is on this machine.")
    frames, dtype, exposures = _frames(job, start, stop)
    camera, (_, run) = _camera(job), enhancer.run(job.frames)
    results, facts = [], []
    for index, (pixels, exposure_s) in enumerate(zip(frames, exposures, strict=True)):
        try:
            array, measured = enhancer(pixels, dtype, exposure_s, camera, run)
        except NircoreError as error:
            where = f"{job.source}" if job.frames == 1 else f"{job.source}, frame {start + index}"
            raise NircoreError(f"{where}: {error}") from error
        results.append(array)
        facts.append(measured)
    columns = {name: np.array([measured[name] for measured in facts]) for name in records.FACTS}
    with paths.atomic(job.part_file(start)) as temporary, open(temporary, "wb") as file:
        np.savez(file, pixels=np.stack(results), **columns)
    return stop - start


@lru_cache(maxsize=8)
def _camera_of(source: Path, frames: int, settings: Settings, stamp: str) -> Camera | None:
    enhancer, signals = enhancer_for(settings), []
    for page in telling(frames):
        job = Job(source, source, settings, {}, frames, 1)
        (pixels,), _, (exposure_s,) = _frames(job, page, page + 1)
        try:
            signals.append(enhancer.signal(pixels, exposure_s))
        except NircoreError as error:
            raise NircoreError(f"{source}{'' if frames == 1 else f', frame {page}'}: {error}") from error
    return enhancer.camera(signals, exposure_s)


def _camera(job: Job) -> Camera | None:
    """Return what all parts of a file take the camera for, whoever does them."""
    return _camera_of(job.source, job.frames, job.settings, json.dumps(job.identity))


def _frames(job: Job, start: int, stop: int) -> tuple[list[np.ndarray], np.dtype, list[float | None]]:
    """Read the frames of a part (or the means around them), their dtype and their exposures."""
    with opened(job.source, job.settings.raw) as stack, np.errstate(over="ignore"):
        around = window(job.source, stack, job.settings.average)
        wanted = [around(page) for page in range(start, stop)]
        raw = {page: np.array(stack.read(page), dtype=np.float32) for page in sorted({*chain(*wanted)})}
        exposures = stack.exposures_s and stack.exposures_s[start:stop]
        dtype = stack.dtype
    for page, pixels in raw.items():
        _check(job, page, pixels)
    means = [_mean(raw, pages, page, job.settings.average) for page, pages in enumerate(wanted, start)]
    return means, dtype, list(exposures or [exposure_in(job.source)] * (stop - start))


def _mean(raw: dict[int, np.ndarray], pages: list[int], page: int, average: int) -> np.ndarray:
    """Return the mean of some pages, of which `page` is the one that it stands for."""
    return window_mean([raw[one] for one in pages], pages.index(page), average)


def _check(job: Job, page: int, pixels: np.ndarray) -> None:
    """Refuse what is no frame: a movie may hold blank ones, but no NaN; a file of one blank frame is a mistake."""
    if job.frames == 1 or not np.isfinite(pixels).all():
        check_pixels(job.source, pixels, None if job.frames == 1 else page)
    share = float((pixels == pixels.max()).mean())
    if job.frames == 1 and share > 0.5:
        raise NircoreError(
            f"{job.source} is saturated: {share:.0%} of its pixels have its largest value, {pixels.max():g}: "
            "expose for a shorter time, or leave it out."
        )


def finish(job: Job) -> dict[str, Any]:
    """Put the parts together under the final name, write the record beside it, clear up; return the record.

    The container, the shape and what stands beside the pixels are the source's. The record is written before the
    result takes its name: a result without a record does not occur, a record without a result counts for nothing.

    Raises:
        NircoreError: the target cannot be written.
    """
    record = records.of(job.identity, job.settings, map(job.part_file, range(0, job.frames, job.part)))
    model = job.identity["model_sha256"][:8]
    if (darks := enhancer_for(job.settings).darks) is not None:
        record["dark_frames"] = {
            Path(file).name: count for file, count in zip(darks.files, darks.frames, strict=True)
        }
    record["engine"] = engines.choose(job.settings.engine, job.frames)
    note = f"nircore {paths.VERSION} enhance, model {model}; record beside this file"
    if job.settings.average > 1:
        note += f"; mean of {job.settings.average} frames"
    for leftover in job.work.glob("whole-*"):  # of a run that was killed right here
        shutil.rmtree(leftover, ignore_errors=True)
    with opened(job.source, job.settings.raw) as stack:
        pass  # its header is all that is needed, and what goes wrong below is not its fault
    try:
        temporary = _temporary(job)
        record["not_kept"] = _write(job, stack, temporary, note)
        record["said"] = list(stack.said)
        _remove(job.target)
        paths.write_text(records.path_of(job.target), json.dumps(record, indent=1) + "\n")
        os.replace(temporary, job.target)
    except OSError as error:
        raise paths.cannot_write(job.target, error) from error
    shutil.rmtree(job.work, ignore_errors=True)
    return record


def _temporary(job: Job) -> Path:
    """Return a name inside the work folder, with the suffix by which writers choose the format."""
    return Path(tempfile.mkdtemp(prefix="whole-", dir=job.work)) / f"whole{job.target.suffix}"


def _write(job: Job, stack: Stack, temporary: Path, note: str) -> list[str]:
    """Write the result under a temporary name; return what of the source is not kept in it, in words."""
    try:
        lost = container(job.source, job.settings.raw).write(job.source, temporary, stack, _pages(job), note)
    except NircoreError:
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        give_up(job)  # a library's word on the source that is copied, not the system's on the disk
        raise NircoreError(f"{job.source} is damaged ({error}): copy or export it again.") from error
    except Exception as error:  # each encoder has its own exceptions; another try would end alike
        give_up(job)
        raise NircoreError(f"{job.target} cannot be written like its source ({error}).") from error
    if temporary.is_file():
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
    return lost


def _pages(job: Job) -> Iterator[np.ndarray]:
    for start in range(0, job.frames, job.part):
        with np.load(job.part_file(start)) as part:
            yield from part["pixels"]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def give_up(job: Job) -> None:
    """Clear away what was done of a file that turned out to be bad."""
    shutil.rmtree(job.work, ignore_errors=True)
