"""Train a system from a shell, on a phantom or on folders of frames; under torchrun, in several processes."""

import sys
from pathlib import Path

from nircore.config import parse
from nircore.data import sets, split
from nircore.errors import NircoreError
from nircore.recipe import resolve
from nircore.training import crops, distributed, evaluation
from nircore.training.loop import Training


def main(folder: str, *settings: str) -> None:
    """Train what `key=value` settings describe, into a folder; under torchrun, in several processes.

    `torchrun --nproc-per-node 2 -m nircore.training FOLDER recipe=physics batch=8` takes the same steps as one
    process does; every argument is a setting of `nircore.config`. Interrupted, the same command goes on.
    """
    distributed.start()
    try:
        config = resolve(dict(map(parse, settings)))
        with distributed.first():
            table, _ = sets.divided(config)
        rows = split.rows_of(table)
        Training(config, crops.of(rows, config), Path(folder), evaluation.Validator(config, rows)).run()
    finally:
        distributed.stop()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except NircoreError as problem:
        sys.exit(f"nircore: {problem}")
