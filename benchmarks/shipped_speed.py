"""How fast the models that ship are on this machine: every engine, the network alone, and a busy process beside.

python benchmarks/shipped_speed.py [--seconds 6] [--threads 2]    # writes reports/real_time/{shipped,machine}.csv
"""

import argparse

from companion.workshop import speed

from nircore import paths

SHOWN = ["recipe", "engine", "precision", "threads", "busy"]
SHOWN += ["median_ms", "alone_ms", "prepare_ms", "gap", "fps", "io_fps"]


def main() -> None:
    """Time, write the tables and print what matters of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="budget of each case")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    table = speed.shipped(paths.run_folder("real_time"), given.seconds, given.threads)
    shown = table[table["height"] == 640].sort_values(["recipe", "busy", "median_ms"])
    print(shown[SHOWN].round(2).to_string(index=False))


if __name__ == "__main__":
    main()
