"""Several processes, one batch: what must be agreed between them so that they train as one process would.

`torchrun --nproc-per-node N -m edgeenh train …` starts them and Fabric joins them (DistributedDataParallel averages the gradients).
That alone is not enough here: a relativistic loss compares with the mean judgement of the whole batch, and batch norm with
the mean of the whole batch. Both means are taken over all processes below. Without other processes everything is plain torch.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed
from torch import Tensor, nn


def process_count_of_torchrun(environment: Mapping[str, str] = os.environ) -> int:
    """How many processes `torchrun` started, by the variable it sets; 1 without it."""
    return int(environment.get("WORLD_SIZE", "1"))


def processes() -> int:
    """How many processes train together."""
    return torch.distributed.get_world_size() if _joined() else 1


def rank() -> int:
    """This process's number, 0 for the first or only one."""
    return torch.distributed.get_rank() if _joined() else 0


def leave_at_exit() -> None:
    """Take this process out of its group before the interpreter ends.

    Fabric does that for NCCL alone. Gloo's threads, left running, end a process that shuts down with `std::terminate` (SIGABRT)
    after all its work was done: in most runs on a busy machine.
    """
    atexit.register(_leave)


def _leave() -> None:
    if _joined():
        torch.distributed.destroy_process_group()


def _joined() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def global_mean(value: Tensor) -> Tensor:
    """Mean over the processes of a tensor that every process holds with the same shape; gradients flow to all of them."""
    if processes() == 1:
        return value
    total: Tensor = _Sum.apply(value)  # type: ignore[no-untyped-call]  # torch's
    return total / processes()


class _Sum(torch.autograd.Function):
    """The sum over the processes. Every process's result depends on every process's value, so gradients are summed likewise."""

    @staticmethod
    def forward(_context: Any, value: Tensor) -> Tensor:
        total = value.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, *gradients: Any) -> Tensor:
        total: Tensor = gradients[0].clone()
        torch.distributed.all_reduce(total)
        return total


def whole_losses(losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Detached scalars of this process's share of a batch to those of the whole batch, the same in every process."""
    if processes() == 1:
        return losses
    together = torch.stack([value.float() for value in losses.values()])
    torch.distributed.all_reduce(together)
    return dict(zip(losses, together / processes(), strict=True))


def in_any(flag: bool, device: torch.device) -> bool:  # noqa: FBT001  # there is nothing else to say
    """Whether `flag` is set in any process; all of them ask together."""
    if processes() == 1:
        return flag
    flags = torch.tensor(float(flag), device=device)
    torch.distributed.all_reduce(flags)
    return bool(flags)


def bare(module: nn.Module) -> nn.Module:
    """The network inside Fabric's and DistributedDataParallel's wrappers."""
    inner = getattr(module, "module", None)  # what both wrappers call it
    return bare(inner) if isinstance(inner, nn.Module) else module


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the batch of all processes, on any device; torch's own SyncBatchNorm is for CUDA only.

    In `eval` mode, and with one process, exactly `torch.nn.BatchNorm2d`.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # the name that torch gave it
        """Float [B,C,H,W] to the same."""
        if not self.training or processes() == 1:
            return super().forward(input)
        wide = input.to(torch.promote_types(input.dtype, torch.float32))  # the squares of fp16 values leave its range
        mean = global_mean(wide.mean(dim=(0, 2, 3)))
        centred = wide - mean[:, None, None]
        variance = global_mean(centred.square().mean(dim=(0, 2, 3)))
        self._note(mean.detach(), variance.detach(), input.numel() // input.shape[1] * processes())
        scale = torch.rsqrt(variance + self.eps) * self.weight
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(input.dtype)

    def _note(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics, as torch does: the unbiased variance goes in."""
        momentum = 0.1 if self.momentum is None else self.momentum
        statistics: tuple[Any, Any] = (self.running_mean, self.running_var)
        for running, latest in zip(statistics, (mean, variance * count / max(1, count - 1)), strict=True):
            running.lerp_(latest, momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


def with_global_norm(network: nn.Module) -> nn.Module:
    """`network` with every `BatchNorm2d` turned into a `GlobalBatchNorm2d`, in place: same parameters, same names in its state."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = GlobalBatchNorm2d
    return network
