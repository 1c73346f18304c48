"""Measures of likeness between two pictures in whole numbers; plain functions without thresholds.

PSNR = 10·log10(R² / MSE) with MSE over all values and R the data range, 255 unless said otherwise. SSIM after Wang, Bovik, Sheikh and Simoncelli, "Image quality
assessment: from error visibility to structural similarity", IEEE TIP 13(4), 2004: Gaussian window 11×11 with σ = 1.5,
K1 = 0.01, K2 = 0.03, on each of R, G and B (or on grey), mean over all windows that lie wholly inside the picture. The
data range is what the pictures could hold, e.g. 255 or 65535; nothing is normalised by the pictures' own maximum.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

DATA_RANGE = 255
"""Of 8-bit pictures."""
WINDOW = 11
SIGMA = 1.5
C1 = (0.01 * DATA_RANGE) ** 2
C2 = (0.03 * DATA_RANGE) ** 2
_CENTRE = np.float32(128)
_STRIP_ROWS = (
    64  # a strip's float32 planes stay in the cache: faster than whole planes, and 64 megapixels fit in memory
)


def psnr(sum_of_squares: float, values: int, data_range: int = DATA_RANGE) -> float:
    """PSNR in dB from the sum of squared differences of so many values; `math.inf` when it is 0."""
    if sum_of_squares == 0:
        return math.inf
    return 10.0 * math.log10(float(data_range) * data_range * values / sum_of_squares)


def ssim(reference: Levels, candidate: Levels, data_range: int = DATA_RANGE) -> float:
    """Mean SSIM of two pictures; exactly 1.0 when they are identical.

    Args:
        reference: uint8 or uint16, [H,W,3] or [H,W,1], at least 11×11.
        candidate: The same type and shape.
        data_range: What full brightness is; pictures of another range than 255 are brought to that scale first, on
            which the formula, whose constants go with the square of the range, gives the same.

    With d = x − y, SSIM = (1 − μd² / (μx² + μy² + C1)) · (1 − σd² / (σx² + σy² + C2)). That is Wang's formula
    rearranged: it keeps its digits near 1 in float32, where the textbook form takes the difference of two numbers of up
    to 65 025 to find a hundredth.
    """
    height, width, channels = reference.shape
    rows, columns = height - WINDOW + 1, width - WINDOW + 1
    if channels == 1:  # OpenCV gives single channels back without their dimension
        reference, candidate = reference[..., 0], candidate[..., 0]
    scale = np.float32(DATA_RANGE / data_range)
    total = 0.0
    for top in range(0, rows, _STRIP_ROWS):
        window = slice(top, min(top + _STRIP_ROWS, rows) + WINDOW - 1)
        total += math.fsum(cv2.sumElems(_ssim_deficit(reference[window], candidate[window], scale)))
    return 1.0 - total / float(rows * columns * channels)


def _ssim_deficit(reference: Levels, candidate: Levels, scale: np.float32) -> NDArray[np.float32]:
    """1 − SSIM of every window inside a strip, float32 [H−10,W−10] with the strip's channels."""
    x, y = _centred(reference, scale), _centred(candidate, scale)
    mean_x, mean_y = _window_means(x), _window_means(y)
    variance_d = _window_means((x - y) ** 2)
    variances = _window_means(x * x + y * y)
    square_d = (mean_x - mean_y) ** 2
    variance_d -= square_d
    variances -= mean_x**2 + mean_y**2
    np.maximum(variance_d, 0, out=variance_d)  # rounding can leave a little less than nothing
    np.maximum(variances, variance_d / 2, out=variances)  # σd² ≤ 2 (σx² + σy²)
    luminance = square_d / ((mean_x + _CENTRE) ** 2 + (mean_y + _CENTRE) ** 2 + np.float32(C1))
    structure = variance_d / (variances + np.float32(C2))
    deficit = luminance + structure - luminance * structure
    return deficit.astype(np.float32, copy=False)


def _centred(levels: Levels, scale: np.float32) -> NDArray[np.float32]:
    """On the scale −128…127, as float32: squares stay small and their sums precise."""
    if scale == 1:
        return np.subtract(levels, _CENTRE, dtype=np.float32)
    centred: NDArray[np.float32] = np.multiply(levels, scale, dtype=np.float32)
    centred -= _CENTRE
    return centred


def _window_means(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gaussian mean of every window that lies wholly inside: float32 [H,W] or [H,W,3] → 10 rows and columns less."""
    kernel = cv2.getGaussianKernel(WINDOW, SIGMA, cv2.CV_32F)
    margin = WINDOW // 2
    means = cv2.sepFilter2D(plane, cv2.CV_32F, kernel, kernel)[margin:-margin, margin:-margin]
    return means.astype(np.float32, copy=False)


def worst_window(difference: Levels, side: int) -> tuple[int, int, float]:
    """Find the window of `side`×`side` pixels with the largest sum of squares.

    Args:
        difference: uint8 or uint16, [H,W,3] or [H,W,1], absolute differences.
        side: Side of the window, at most H and W.

    Returns:
        Left and top of the window, and its sum of squares; the first one, row by row, among equals.
    """
    height, width, channels = difference.shape
    rows = height - side + 1
    exact: Any = np.float32 if difference.dtype == np.uint8 else np.float64  # squares of 16 bits do not fit float32
    add_channels = np.ones((1, channels), exact)
    worst, worst_x, worst_y = -1.0, 0, 0
    for top in range(0, rows, _STRIP_ROWS):
        strip = difference[top : min(top + _STRIP_ROWS, rows) + side - 1].astype(exact)
        squares = cv2.transform(cv2.multiply(strip, strip), add_channels)
        table = cv2.integral(squares, sdepth=cv2.CV_64F)  # integers below 2⁵³: exact
        sums = table[side:, side:] - table[:-side, side:] - table[side:, :-side] + table[:-side, :-side]
        y, x = divmod(int(sums.argmax()), width - side + 1)
        if sums[y, x] > worst:
            worst, worst_x, worst_y = float(sums[y, x]), x, top + y
    return worst_x, worst_y, worst
