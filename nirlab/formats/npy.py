"""npy in and out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nircore.data.stack import Stack, of_array


@contextmanager
def opened(path: Path) -> Iterator[Stack]:
    """Describe the frames of a npy file.

    Mapped, not loaded: a header that claims more than the file holds fails before memory is asked for, and pickled
    objects cannot be mapped at all.
    """
    array = np.lib.format.open_memmap(path, mode="r")
    stack = of_array(path, array)
    left = path.stat().st_size - array.offset - array.nbytes
    yield stack._replace(missing=f"{left} bytes follow the array that its header describes") if left else stack


def write(source: Path, target: Path, stack: Stack, pages: Iterator[np.ndarray], note: str) -> list[str]:
    """Write frame after frame; the byte order of `source` is kept (a npy file has no place for a note)."""
    with open(source, "rb") as file:
        version = np.lib.format.read_magic(file)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = reader(file)
    with open(target, "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": stack.stored}
        np.lib.format.write_array_header_1_0(file, header)
        for pixels in pages:
            file.write(np.ascontiguousarray(pixels, dtype=dtype).tobytes())
    return ["Fortran order (now C order)"] if fortran and len(shape) > 1 else []
