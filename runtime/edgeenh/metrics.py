"""Measures of likeness between two 8-bit pictures; plain functions without thresholds.

PSNR = 10·log10(255² / MSE) with MSE over all values. SSIM after Wang, Bovik, Sheikh and Simoncelli, "Image quality
assessment: from error visibility to structural similarity", IEEE TIP 13(4), 2004: Gaussian window 11×11 with σ = 1.5,
K1 = 0.01, K2 = 0.03, on each of R, G and B, mean over all windows that lie wholly inside the picture. The data range is
always 255; nothing is normalised by the pictures' own maximum.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

WINDOW = 11
SIGMA = 1.5
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2
_CENTRE = np.float32(128)
_STRIP_ROWS = (
    64  # a strip's float32 planes stay in the cache: faster than whole planes, and 64 megapixels fit in memory
)


def psnr(sum_of_squares: float, values: int) -> float:
    """PSNR in dB from the sum of squared differences of so many values; `math.inf` when it is 0."""
    return math.inf if sum_of_squares == 0 else 10.0 * math.log10(255.0 * 255.0 * values / sum_of_squares)


def ssim(reference: NDArray[np.uint8], candidate: NDArray[np.uint8]) -> float:
    """Mean SSIM of two pictures, uint8 [H,W,3] of the same shape, at least 11×11; exactly 1.0 when they are identical.

    With d = x − y, SSIM = (1 − μd² / (μx² + μy² + C1)) · (1 − σd² / (σx² + σy² + C2)). That is Wang's formula
    rearranged: it keeps its digits near 1 in float32, where the textbook form takes the difference of two numbers of up
    to 65 025 to find a hundredth.
    """
    height, width, _ = reference.shape
    rows, columns = height - WINDOW + 1, width - WINDOW + 1
    total = 0.0
    for top in range(0, rows, _STRIP_ROWS):
        window = slice(top, min(top + _STRIP_ROWS, rows) + WINDOW - 1)
        total += math.fsum(cv2.sumElems(_ssim_deficit(reference[window], candidate[window])))
    return 1.0 - total / float(rows * columns * 3)


def _ssim_deficit(reference: NDArray[np.uint8], candidate: NDArray[np.uint8]) -> NDArray[np.float32]:
    """1 − SSIM of every window inside a strip, float32 [H−10,W−10,3]."""
    x = np.subtract(reference, _CENTRE, dtype=np.float32)  # centred: squares stay small and their sums precise
    y = np.subtract(candidate, _CENTRE, dtype=np.float32)
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


def _window_means(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gaussian mean of every window that lies wholly inside: float32 [H,W,3] → [H−10,W−10,3]."""
    kernel = cv2.getGaussianKernel(WINDOW, SIGMA, cv2.CV_32F)
    margin = WINDOW // 2
    means = cv2.sepFilter2D(plane, cv2.CV_32F, kernel, kernel)[margin:-margin, margin:-margin]
    return means.astype(np.float32, copy=False)


def worst_window(difference: NDArray[np.uint8], side: int) -> tuple[int, int, float]:
    """Find the window of `side`×`side` pixels with the largest sum of squares.

    Args:
        difference: uint8 [H,W,3], absolute differences.
        side: Side of the window, at most H and W.

    Returns:
        Left and top of the window, and its sum of squares; the first one, row by row, among equals.
    """
    height, width, _ = difference.shape
    rows = height - side + 1
    add_channels = np.ones((1, 3), np.float32)
    worst, worst_x, worst_y = -1.0, 0, 0
    for top in range(0, rows, _STRIP_ROWS):
        strip = difference[top : min(top + _STRIP_ROWS, rows) + side - 1].astype(np.float32)
        squares = cv2.transform(cv2.multiply(strip, strip), add_channels)
        table = cv2.integral(squares, sdepth=cv2.CV_64F)  # integers below 2⁵³: exact
        sums = table[side:, side:] - table[:-side, side:] - table[side:, :-side] + table[:-side, :-side]
        y, x = divmod(int(sums.argmax()), width - side + 1)
        if sums[y, x] > worst:
            worst, worst_x, worst_y = float(sums[y, x]), x, top + y
    return worst_x, worst_y, worst
