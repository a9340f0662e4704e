"""Several processes, one training: each takes its slice of the batch, and all take the same step.

`torchrun --nproc-per-node 2 -m nircore.training recipe=physics batch=8` starts them; without torchrun,
everything here does nothing. Gradients are averaged by hand rather than by DistributedDataParallel: its hooks expect
one forward pass per network and step, and here a CycleGAN's generators pass twice.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

from nircore.errors import NircoreError


def start() -> None:
    """Join the other processes, if torchrun started any: NCCL with a GPU for each process, else gloo."""
    if dist.is_available() and int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        local = int(os.environ.get("LOCAL_RANK", "0"))
        enough = torch.cuda.is_available() and torch.cuda.device_count() > local
        if enough:
            torch.cuda.set_device(local)
        dist.init_process_group("nccl" if enough else "gloo")


def stop() -> None:
    """Leave the others."""
    if _together():
        dist.destroy_process_group()


def _together() -> bool:
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """Return this process's number; 0 writes the files."""
    return dist.get_rank() if _together() else 0


def world() -> int:
    """Return how many processes there are."""
    return dist.get_world_size() if _together() else 1


def share(batch: Tensor) -> Tensor:
    """Return this process's part of a batch (N, ...).

    Raises:
        NircoreError: N is not a multiple of the number of processes; parts must weigh the same in the mean.
    """
    if len(batch) % world():
        raise NircoreError(f"batch={len(batch)} cannot be shared by {world()} processes: make it a multiple of that.")
    return batch.chunk(world())[rank()]


def whole(part: Tensor) -> Tensor:
    """Return the batch that every process has a part of, detached; `share(whole(x))` is x."""
    part = part.detach()
    if not _together():
        return part
    parts = [torch.empty_like(part) for _ in range(world())]
    dist.all_gather(parts, part.contiguous())
    return torch.cat(parts)


def average_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Replace every gradient by its mean over the processes, in one message."""
    if not _together():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def mean(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean over the processes of every scalar."""
    if not _together():
        return values
    flat = torch.stack(list(values.values()))
    dist.all_reduce(flat)
    return dict(zip(values, flat / world(), strict=True))


@contextlib.contextmanager
def first() -> Iterator[None]:
    """Let process 0 go through the block before the others do."""
    if _together() and rank() > 0:
        dist.barrier()
    yield
    if _together() and rank() == 0:
        dist.barrier()
