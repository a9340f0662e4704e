"""Train a run from a shell; under torchrun, in several processes."""

import sys

from nircore.config import parse, resolve
from nircore.errors import NircoreError
from companion.run import Run
from nircore.training import distributed
from companion.study.training import training
from companion.study.split_table import data_split


def main(arguments: list[str]) -> None:
    """Train the run that `key=value` arguments describe; under torchrun, in several processes.

    `torchrun --nproc-per-node 2 -m nircore.training recipe=physics batch=8` takes the same steps as one
    process does; every argument is a setting of `nircore.config`. Interrupted, the same command goes on.
    """
    distributed.start()
    try:
        run = Run(resolve(dict(map(parse, arguments))))
        with distributed.first():
            run.save_config()
            run.make(data_split)
        training(run)
    finally:
        distributed.stop()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except NircoreError as problem:
        sys.exit(f"nircore: {problem}")
