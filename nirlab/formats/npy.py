"""Results of npy files: an array of the source's shape and type, written frame after frame."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nircore.data.stack import Stack


def write(stack: Stack, source: Path, target: Path, pages: Iterator[np.ndarray], note: str) -> list[str]:
    """Write the pages of a result in the source's byte order; a npy file has no place for a note."""
    array = np.lib.format.open_memmap(source, mode="r")
    with open(target, "wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": stack.stored}
        np.lib.format.write_array_header_1_0(file, header)
        for pixels in pages:
            file.write(np.ascontiguousarray(pixels, dtype=array.dtype).tobytes())
    return ["Fortran order (now C order)"] if array.flags.f_contiguous and not array.flags.c_contiguous else []
