"""What each of the processes of `test_distributed` does: norm, a paired run, a Ctrl-C that reaches one of them, a full disk, an uneven batch."""

from __future__ import annotations

import atexit
import io
import json
import os
import signal
import sys
from contextlib import redirect_stderr
from pathlib import Path

import torch
import torch.distributed
from safetensors.torch import save_file

from edgeenh.cli import main
from edgeenh.errors import OutputFailed, UsageError
from edgeenh_train import run
from edgeenh_train.config import TrainConfig
from edgeenh_train.distributed import GlobalBatchNorm2d, in_any, rank, whole_losses
from edgeenh_train.methods import Batch
from edgeenh_train.methods.base import Losses
from edgeenh_train.run import Run, make_fabric

OUT = Path(sys.argv[1])
WORDS = sys.argv[2:]


def norm() -> None:
    """This process's half of a batch through the norm; values, statistics and gradients to a file."""
    whole = torch.load(OUT / "norm-input.pt", weights_only=True)
    norm = GlobalBatchNorm2d(3)
    norm.load_state_dict(whole.pop("state"))
    features = whole["features"][rank() :: 2].clone().requires_grad_()
    result = norm(features)
    (result * whole["weights"][rank() :: 2]).sum().backward()
    found = {"result": result, "gradient": features.grad, "d weight": norm.weight.grad, "d bias": norm.bias.grad}
    tensors = {key: value.detach().contiguous() for key, value in (found | norm.state_dict()).items()}
    save_file(tensors, OUT / f"norm-{rank()}.safetensors")


def ctrl_c_in_one_process() -> tuple[int, bool]:
    """A run in whose second step the signal reaches the second process alone; the command's exit code."""
    real = Run.advance

    def advance(self: Run, batch: Batch) -> Losses:
        if self.step == 1 and rank() == 1:
            signal.raise_signal(signal.SIGINT)
        return real(self, batch)

    Run.advance = advance  # type: ignore[method-assign]
    code = main(["train", *WORDS, "--images", "4000", "--out", str(OUT / "interrupted")])
    Run.advance = real  # type: ignore[method-assign]
    return code


def full_disk_of_the_first_process() -> tuple[int, str]:
    """A run whose first process cannot save; the command's exit code, and what it says."""
    real = run.save_state

    def save_state(*_: object) -> None:
        raise OutputFailed("no space left to write the state")

    run.save_state = save_state
    with redirect_stderr(io.StringIO()) as said:
        code = main(["train", *WORDS, "--out", str(OUT / "full")])
    run.save_state = real
    return code, said.getvalue()


def refusal_of_an_uneven_batch() -> str:
    try:
        Run(TrainConfig(batch=3), make_fabric("cpu", processes=2), epoch=4)
    except UsageError as exc:
        return str(exc)
    return ""


def say_whether_the_group_was_left() -> None:
    (OUT / f"left-{os.environ['RANK']}.json").write_text(json.dumps(not torch.distributed.is_initialized()))


torch.set_num_threads(1)
atexit.register(say_whether_the_group_was_left)  # first in, last out: after all that the training registers
codes = [main(["train", *WORDS, "--out", str(OUT / "two")])]
norm()
codes.append(ctrl_c_in_one_process())
full = full_disk_of_the_first_process()
report = {
    "full": full,
    "codes": codes,
    "uneven": refusal_of_an_uneven_batch(),
    "mean": whole_losses({"a": torch.tensor(float(rank()))})["a"].item(),
    "any": [in_any(rank() == 1, torch.device("cpu")), in_any(False, torch.device("cpu"))],
}
(OUT / f"report-{os.environ['RANK']}.json").write_text(json.dumps(report))
