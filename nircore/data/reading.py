"""Opening a file for reading: whatever is wrong with it is said in one sentence that names the file and a way out."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from errno import (
    EACCES,
    EAGAIN,
    EBUSY,
    EIO,
    ELOOP,
    EMFILE,
    ENAMETOOLONG,
    ENFILE,
    ENODEV,
    ENOENT,
    ENOMEM,
    ENOTCONN,
    EPERM,
    ESTALE,
    ETIMEDOUT,
    ETXTBSY,
)  # fmt: skip
from pathlib import Path
from typing import Any

from nircore.data.stack import Stack
from nircore.errors import NircoreError

MIN_SIDE = 16  # pixels: the smallest frame the generator takes
MAX_PIXELS = 2**26  # 8192 x 8192: far above any InGaAs sensor, and small enough to allocate
MAX_PAGES = 2**24  # frames: twelve days at 16 frames per second

#: The first bytes of files that stand in for a frame whose content was not fetched, and how to fetch it.
STAND_INS = {
    b"version https://git-lfs": "a Git LFS pointer, not the frame: run git lfs pull",
    b"/annex/objects/": "a git-annex pointer, not the frame: run git annex get",
}
#: What a decoder says that has nothing to do with damage, and what helps.
TOLD = {
    "Python objects in dtype": "holds Python objects (pickle), which are not loaded: save plain numbers",
    "allow_pickle": "holds Python objects (pickle), which are not loaded: save plain numbers",
    "requires the 'imagecodecs' package": "is compressed in a way not installed here ({}): pip install imagecodecs",
    "codec not available": "is compressed in a way that is not installed ({}): save it with another compression",
    "Unknown codec": "is compressed in a way that is not installed ({}): save it with another compression",
    "required filter": "is compressed with an HDF5 filter that is not installed ({}): pip install hdf5plugin",
    "Permission denied": "may not be read (Permission denied): ask its owner for permission",
    "unable to lock file": "is open in another program: close it there, then run this again",
    "already open for write": "is open in another program: close it there, then run this again",
}
#: What the system says, by its number, and what helps.
REFUSED = {
    (EACCES, EPERM): "may not be read ({}): ask its owner for permission",
    (EIO, ENOENT, ESTALE, ETIMEDOUT, ENOTCONN, ENODEV): "cannot be read ({}): check the disk or the share it is on",
    (EMFILE, ENFILE): "cannot be opened ({}): close other programs, or raise the limit of open files",
    (ENOMEM,): "needs more memory than there is ({}): cut it into smaller frames",
    (EAGAIN, EBUSY, ETXTBSY): "is open in another program ({}): close it there, then run this again",
    (ELOOP,): "is a link that leads back to itself ({}): put the file itself there",
    (ENAMETOOLONG,): "cannot be opened ({}): choose a shorter name",
}
#: Which extra of the wheel brings a package that reads a kind of file.
EXTRAS = {"h5py": "formats", "zarr": "formats", "imageio": "formats"}

# tifffile's remarks on damaged tags would stand between our lines, where nobody has asked for its log.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


@contextmanager
def opened(path: Path, reader: Callable[[Path], AbstractContextManager[Stack]]) -> Iterator[Stack]:
    """Open a file with a reader and check its header; whatever the reader raises, then or later, is one sentence.

    What is raised in the body of the `with` statement is not touched: it may have nothing to do with the file.

    Raises:
        NircoreError: the file cannot be read, or its header is refused by `check_header`.
    """
    with ExitStack() as files:
        with in_one_sentence(path):
            stack = files.enter_context(reader(path))
            check_header(path, stack)
        yield stack._replace(read=_guarded(path, stack.read), layout=_guarded(path, stack.layout))


@contextmanager
def in_one_sentence(path: Path) -> Iterator[None]:
    """Turn whatever a decoder or the system says of a file into a NircoreError of one sentence."""
    try:
        yield
    except NircoreError:
        raise
    except MemoryError as error:
        raise NircoreError(f"{path} needs more memory than there is: cut it into smaller frames.") from error
    except ImportError as error:
        package = (error.name or str(error)).split(".")[0]
        way_out = f"pip install 'nircore[{EXTRAS.get(package, 'cameras')}]'"
        raise NircoreError(f"{path} cannot be read without the package {package}: {way_out}.") from error
    except Exception as error:  # each decoder has its own exceptions for a damaged file
        raise NircoreError(_sentence(path, error)) from error


def _guarded(path: Path, function: Callable) -> Callable:
    def guarded(*given: Any) -> Any:
        with in_one_sentence(path):
            return function(*given)

    return guarded


def _sentence(path: Path, error: Exception) -> str:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    for what, words in TOLD.items():
        if what in reason:
            return f"{path} {words.format(reason)}."
    codes = error.errno if isinstance(error, OSError) else None
    for known, words in REFUSED.items():
        if codes in known:
            return f"{path} {words.format(os.strerror(codes))}."
    return f"{path} cannot be read ({reason}): it is damaged or truncated, so copy or export it again."


def check_file(path: Path) -> None:
    """Refuse what is no file, a file of 0 bytes, and one that stands in for another.

    Raises:
        NircoreError: the path is one of these.
    """
    if path.is_symlink() and not path.exists():
        raise NircoreError(f"{path} is a link to nothing ({os.readlink(path)}): fetch what it stands for.")
    if not path.exists():
        raise NircoreError(f"{path} does not exist: check the path.")
    if not path.is_file():
        raise NircoreError(f"{path} is not a file: name one frame.")
    with in_one_sentence(path), open(path, "rb") as file:
        first = file.read(24)
    if not first:
        raise NircoreError(f"{path} is empty (0 bytes): copy or export it again.")
    for mark, words in STAND_INS.items():
        if first.startswith(mark):
            raise NircoreError(f"{path} is {words}.")


def check_header(path: Path, stack: Stack) -> None:
    """Refuse a header that cannot be true, frames that the network cannot take, and a file that is not whole.

    Raises:
        NircoreError: the header is one of these.
    """
    if not 0 < stack.pages:
        raise NircoreError(f"{path} holds no frame: it is damaged or empty, so copy or export it again.")
    height, width = stack.shape
    if height * width > MAX_PIXELS or stack.pages > MAX_PAGES:
        raise NircoreError(
            f"{path} claims {height} x {width} pixels (x {stack.pages} pages), above the limit of {MAX_PIXELS:,} "
            f"(x {MAX_PAGES:,}): its header is damaged, or the frame must be cut into smaller ones."
        )
    if min(height, width) < MIN_SIDE:
        raise NircoreError(f"{path} is {height} x {width} pixels: export it with at least {MIN_SIDE} on a side.")
    if stack.dtype.kind not in "uif":
        raise NircoreError(f"{path} holds pixels of type {stack.dtype}: export integers or real numbers.")
    if stack.missing:
        raise NircoreError(
            f"{path} cannot be read whole ({stack.missing}): it is truncated or incomplete; copy or export it again."
        )


def check_page(path: Path | str, stack: Stack, page: int) -> None:
    """Refuse a page that a file does not have."""
    if not 0 <= page < stack.pages:
        raise NircoreError(f"{path} holds {stack.pages} page(s), so page={page} must be 0 to {stack.pages - 1}.")


def below(folder: Path, is_frame: Callable[[Path], bool], holes: list[NircoreError]) -> list[Path]:
    """Return the files and folder stores below a folder, without hidden ones; links are followed, not in circles.

    A folder that cannot be looked through is added to `holes`.
    """
    return sorted(_walk(folder, is_frame, (), holes))


def _walk(
    folder: Path, is_frame: Callable[[Path], bool], above: tuple[str, ...], holes: list[NircoreError]
) -> Iterator[Path]:
    here = os.path.realpath(folder)
    if here in above:  # a link that leads back up
        return
    try:
        names = [name for name in os.listdir(folder) if not name.startswith(".")]
    except OSError as error:
        holes.append(NircoreError(f"{folder} cannot be looked through ({error.strerror}): ask for permission."))
        return
    for path in (folder / name for name in names):
        if path.is_dir() and not is_frame(path):
            yield from _walk(path, is_frame, (*above, here), holes)
        else:
            yield path
