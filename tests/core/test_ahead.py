"""Batches made ahead, by another thread: they change nothing and hide no error."""

import pytest
import torch

from nircore.inference.threads import ahead


def test_batches_made_ahead_are_those_of_the_steps_in_order():
    asked = []

    class Crops:
        def at(self, step):
            asked.append(step)
            return torch.tensor(step), torch.tensor(-step)

    found = [(int(a), int(b)) for a, b in ahead(map(Crops().at, range(3, 9)))]
    assert found == [(k, -k) for k in range(3, 9)] and asked == list(range(3, 9))


def test_an_error_in_the_crops_is_raised_where_they_are_used():
    class Crops:
        def at(self, step):
            raise ValueError(f"step {step}")

    with pytest.raises(ValueError, match="step 3"):
        list(ahead(map(Crops().at, range(3, 9))))
