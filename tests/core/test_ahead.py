"""Batches made ahead, by another thread: they change nothing and hide no error."""

import threading

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


def test_what_is_not_asked_for_to_its_end_is_let_go_at_once():
    """The garbage collector closes a generator that nobody needs, and must never wait there for its thread."""
    held = threading.Event()

    def items():
        yield 0
        held.wait()  # the second item is being made
        yield 1

    asked = ahead(items())
    assert next(asked) == 0
    closing = threading.Thread(target=asked.close)
    closing.start()
    closing.join(timeout=20)
    stuck = closing.is_alive()
    held.set()
    assert not stuck
