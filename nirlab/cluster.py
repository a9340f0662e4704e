"""The same work on a Dask cluster, whose machines see the same files under the same names. A file is a task."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from nircore.errors import NircoreError
from nirlab.inputs import Pair
from nirlab.result import Order, Outcome, enhance_file

WAIT_S = 30.0  # for the scheduler to answer


def on(address: str) -> Callable[[Iterable[Pair], Order, set[Path]], Iterator[tuple[Pair, Outcome]]]:
    """Return what does the files of `nirlab.enhance.enhance_files` by the scheduler at an address (tcp://host:8786).

    When a machine dies, its file goes to another one, which goes on with the frames that are done.

    Raises:
        NircoreError: dask.distributed is not installed, or nobody answers at the address.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise NircoreError("--scheduler needs dask.distributed: pip install 'nircore[cluster]'.") from error

    def connected() -> Client:
        """Return a client of the scheduler."""
        try:
            return Client(address, timeout=WAIT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise NircoreError(f"No Dask scheduler answers at {address}: check that it runs ({error}).") from error

    connected().close()  # so that nothing is begun where nobody answers

    def run(found: Iterable[Pair], order: Order, waited: set[Path]) -> Iterator[tuple[Pair, Outcome]]:
        """Have files enhanced by the scheduler, in the order in which they are done."""
        with connected() as client:
            asked = {client.submit(enhance_file, one, order, one.target in waited, pure=False): one for one in found}
            for future in as_completed(list(asked), loop=client.loop):
                error, pair = future.exception(), asked.pop(future)
                words = f"{pair.source}: the machine that enhanced it failed ({error})."
                outcome = Outcome(failed=True, errors=[words]) if error is not None else future.result()
                future.release()  # or a worker that dies with this result would have the file done again
                yield pair, outcome

    return run
