"""A result in another process's hands; apart from the tests, for that process imports no more than this."""

from pathlib import Path

from nirlab.locks import Locks


def hold(target: Path, held, free) -> None:
    """Take a result, say so, and keep it until `free` is set."""
    locks = Locks()
    assert locks.take(target)
    held.set()
    free.wait(60)
    locks.close()
