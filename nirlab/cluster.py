"""The same work on a Dask cluster, whose machines see the same files under the same names."""

from collections.abc import Callable, Iterable, Iterator

from nircore.errors import NircoreError
from nirlab import job as jobs

WAIT_S = 30.0  # for the scheduler to answer


def on(address: str) -> Callable[[Iterable[tuple[jobs.Job, int]]], Iterator[tuple[jobs.Job, int | Exception]]]:
    """Return workers for `nirlab.run`: the parts go to the scheduler at an address, such as tcp://host:8786.

    A part is written to the shared disk by whoever did it. When a machine dies, its parts go to another; a part that
    was written before is found there and not done again, and one that is done twice is written twice the same.

    Raises:
        NircoreError: dask.distributed is not installed, or nobody answers at the address.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise NircoreError("--scheduler needs dask.distributed: pip install 'nircore[cluster]'.") from error
    try:
        clients = [Client(address, timeout=WAIT_S, set_as_default=False)]
    except (OSError, ValueError) as error:
        raise NircoreError(f"No Dask scheduler answers at {address}: check that it runs ({error}).") from error

    def work(tasks: Iterable[tuple[jobs.Job, int]]) -> Iterator[tuple[jobs.Job, int | Exception]]:
        with clients.pop() if clients else Client(address, timeout=WAIT_S, set_as_default=False) as client:
            asked = {client.submit(jobs.do, job, start, pure=False): job for job, start in tasks}
            for future in as_completed(list(asked), loop=client.loop):
                error = future.exception()
                outcome = error if error is not None else future.result()
                job = asked.pop(future)
                future.release()  # or a worker that dies with this number would have the part done again
                yield job, outcome

    return work
