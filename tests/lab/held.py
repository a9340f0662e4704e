"""A result in another process's hands; apart from the tests, for that process imports no more than this."""

from pathlib import Path

from nirlab.partial import lock


def hold(target: Path, held, free) -> None:
    """Take a result, say so, and keep it until `free` is set."""
    with lock(target) as mine:
        assert mine
        held.set()
        free.wait(60)
