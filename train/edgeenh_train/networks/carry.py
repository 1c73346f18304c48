"""Enlarging by bilinear interpolation in the layout of frames: what `BilinearDeconv` gives, without ever writing it down.

    cells [1,C,h+2,w+2] ── 1×3 convolution ── [h+2,1,W·C] ── every row: shares of the cell above, its own, the one below ── [h,f,W·C]

A transposed convolution writes planes of the picture's size, which must then be interleaved: two passes over memory that is far larger
than a CPU's cache, for a handful of values per cell. Here the convolution writes a row of pixels per row of cells, interleaved as frames
are, and each row of the picture is a blend of three of them: elementwise, so that a compiler makes it one loop with what is done to the pixels.
A row of pixels is one axis of W·C values: over an innermost axis of three, OpenVINO's loops take four times as long.

Letters: f factor, h and w rows and columns of cells, H = f·h and W = f·w those of the picture, C channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class FrameCarry(nn.Module):
    """See the module's docstring. `forward` is `columns` and then `rows`.

    Args:
        channels: C.
        factor: f, even as that of `BilinearDeconv`.
    """

    kernel: Tensor
    shares: Tensor

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        from_centre = (torch.arange(factor) + 0.5) / factor - 0.5  # of a cell to a pixel of it, in cells
        before, after = (-from_centre).clamp_min(0.0), from_centre.clamp_min(0.0)
        shares = torch.stack([before, 1.0 - before - after, after])
        kernel = torch.einsum("kf,cd->fcdk", shares, torch.eye(channels)).reshape(factor * channels, channels, 1, 3)
        self.factor = factor
        self.register_buffer("kernel", kernel, persistent=False)
        self.register_buffer("shares", shares.reshape(3, factor, 1), persistent=False)

    def columns(self, cells_1CHW: Tensor) -> Tensor:
        """Enlarge sideways.

        Args:
            cells_1CHW: Float [1,C,h+2,w+2] of the kernel's dtype: the cells, continued by one on every side.

        Returns:
            [h+2,1,W·C], the same dtype.
        """
        wide: Tensor = functional.conv2d(cells_1CHW, self.kernel).permute(0, 2, 3, 1)
        return wide.reshape(wide.shape[1], 1, wide.shape[2] * wide.shape[3])

    def rows(self, columns: Tensor) -> Tensor:
        """Enlarge downwards: [h+2,1,W·C] of the shares' dtype to [h,f,W·C], which is [H,W,C] row by row."""
        above, own, below = self.shares
        rows: Tensor = columns[:-2] * above + columns[1:-1] * own + columns[2:] * below
        return rows

    def forward(self, cells_1CHW: Tensor) -> Tensor:
        """Float [1,C,h+2,w+2] to [h,f,W·C]."""
        return self.rows(self.columns(cells_1CHW))
