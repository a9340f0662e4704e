"""What is known of the way from the target's window to that of low light, as the terms that re-degrade need it."""

from typing import NamedTuple


class Spread(NamedTuple):
    """How much more a shorter window spreads light: core and halo (sigma), and the share that goes into the halo."""

    core: float = 0.0
    halo: float = 0.0
    share: float = 0.0
