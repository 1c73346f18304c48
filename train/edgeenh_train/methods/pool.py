"""A pool of earlier fakes: the judge is also shown pictures that the generator made some steps ago.

Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial Training", CVPR 2017 (arXiv 1612.07828), section
2.3; with the rule of CycleGAN (arXiv 1703.10593, section 4): 50 pictures, half of the time an old one is shown and replaced.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIZE = 50


class ImagePool(nn.Module):
    """The last fakes, as buffers: saved with a run and restored with it.

    With several processes each keeps a pool of its own share of the batches. The state that is saved is the first process's,
    so a resumed run of several processes goes on as a run, and not bit for bit.

    Args:
        shape: (C, H, W) of the pictures.
        size: Pictures kept; 0 = every fake is shown at once.
    """

    pictures: Tensor
    count: Tensor

    def __init__(self, shape: tuple[int, int, int], size: int = SIZE) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(size, *shape))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def shown(self, fakes_BCHW: Tensor, seed: int) -> Tensor:
        """Take in fresh fakes and say which to show.

        Args:
            fakes_BCHW: Float [B,C,H,W], of the pool's shape and on its device.
            seed: Of the draws.

        Returns:
            Float [B,C,H,W], a new tensor without gradients: for each fake, itself or an old one.
        """
        size = len(self.pictures)
        if not size:
            return fakes_BCHW.detach().clone()
        draws = torch.Generator().manual_seed(seed)  # on the CPU: the same draws on every device
        return torch.stack([self._swapped(fake, draws, size) for fake in fakes_BCHW])

    def _swapped(self, fake_CHW: Tensor, draws: torch.Generator, size: int) -> Tensor:
        count = int(self.count)
        if count < size:
            self.pictures[count] = fake_CHW
            self.count += 1
            return fake_CHW.clone()
        if float(torch.rand((), generator=draws)) < 0.5:
            return fake_CHW.clone()
        place = int(torch.randint(size, (), generator=draws))
        old = self.pictures[place].clone()
        self.pictures[place] = fake_CHW
        return old
