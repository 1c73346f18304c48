"""Smooth surfaces: what is left of a grid of values when only light that varies slowly may remain.

A lamp, its fall-off and a cast of colour are smooth over a picture; a tooth is not. A field that could follow teeth would draw along
their edges. So the network's field is projected on the polynomials of degree `DEGREE` in rows and columns, and nothing else of it
remains: least squares, as two small products of matrices on each side. Of which degree, the curve says that the values are for.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


class SmoothSurface(nn.Module):
    """Projects values on a grid onto products of polynomials in x and in y.

    Args:
        grid: Rows and columns.
        degree: Of the polynomials.
    """

    def __init__(self, grid: tuple[int, int], degree: int) -> None:
        super().__init__()
        for name, count in zip(("rows", "columns"), grid, strict=True):
            self.register_buffer(name, _polynomials(count, degree), persistent=False)

    def forward(self, values_BCHW: Tensor) -> Tensor:
        """The nearest surface, float [B,C,H,W]; H and W are the grid's."""
        rows, columns = self.get_buffer("rows"), self.get_buffer("columns")
        parts = rows.T @ values_BCHW @ columns
        return rows @ parts @ columns.T


def _polynomials(count: int, degree: int) -> Tensor:
    """The polynomials up to `degree` at `count` even steps, orthonormal: float32 [count, degree + 1]."""
    steps = np.polynomial.legendre.legvander(np.linspace(-1.0, 1.0, count), degree)
    return torch.from_numpy(np.linalg.qr(steps)[0].astype(np.float32))


class WholePicture(nn.Module):
    """The polynomial of degree 0: the mean, one value for the whole picture."""

    def forward(self, values_BCHW: Tensor) -> Tensor:
        """Float32 [B,C,1,1], whatever the precision of the values: FP16 may not add up a picture."""
        return values_BCHW.float().mean(dim=(2, 3), keepdim=True)
