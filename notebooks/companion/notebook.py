"""What a notebook does with itself: leave out its remaining cells where they have nothing to work on."""

from companion.run import MARK


def leave_out_the_rest(reason: str) -> None:
    """Say why, and make nothing of the cells that follow until the parameters cell is run again."""
    from IPython import get_ipython

    shell = get_ipython()

    def nothing(lines: list[str]) -> list[str]:
        if not lines or not lines[0].startswith(MARK):
            return ["pass\n"]
        shell.input_transformers_cleanup.remove(nothing)
        return lines

    shell.input_transformers_cleanup.append(nothing)
    print(reason)
