"""What is said of a file that cannot be read: one sentence that names the file, the reason and a way out of it."""

import os
from pathlib import Path

from nircore.data import stack
from nircore.errors import NircoreError
from nircore.files import by_reason

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
    "EACCES EPERM": "may not be read ({}): ask its owner for permission",
    "EIO ENOENT ESTALE ETIMEDOUT ENOTCONN ENODEV": "cannot be read ({}): check the disk or the share it is on",
    "EMFILE ENFILE": "cannot be opened ({}): close other programs, or raise the limit of open files",
    "ENOMEM": "needs more memory than there is ({}): cut it into smaller frames",
    "EAGAIN EBUSY ETXTBSY": "is open in another program ({}): close it there, then run this again",
    "ELOOP": "is a link that leads back to itself ({}): put the file itself there",
    "ENAMETOOLONG": "cannot be opened ({}): choose a shorter name",
}
#: Which extra of the wheel brings a package that reads a kind of file.
EXTRAS = {"h5py": "formats", "zarr": "formats"}


def sentence(path: Path, error: Exception) -> str:
    """Say of a file why it cannot be read, given what the system or a decoder raised."""
    if isinstance(error, MemoryError):
        return f"{path} needs more memory than there is: cut it into smaller frames."
    if isinstance(error, ImportError):
        package = (error.name or str(error)).split(".")[0]
        way_out = f"pip install 'nircore[{EXTRAS.get(package, 'cameras')}]'"
        return f"{path} cannot be read without the package {package}: {way_out}."
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    for what, words in TOLD.items():
        if what in reason:
            return f"{path} {words.format(reason)}."
    if isinstance(error, OSError) and (words := by_reason(error, REFUSED)):
        return f"{path} {words.format(os.strerror(error.errno))}."
    return f"{path} cannot be read ({reason}): it is damaged or truncated, so copy or export it again."


def check_file(path: Path) -> None:
    """Refuse, with a `NircoreError`, what is no file, a file of 0 bytes, and one that stands in for another."""
    if path.is_symlink() and not path.exists():
        raise NircoreError(f"{path} is a link to nothing ({os.readlink(path)}): fetch what it stands for.")
    stack.check_file(path)
    with stack.in_one_sentence(path, sentence), open(path, "rb") as file:
        first = file.read(24)
    for mark, words in STAND_INS.items():
        if first.startswith(mark):
            raise NircoreError(f"{path} is {words}.")
