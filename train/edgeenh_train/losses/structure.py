"""Structure loss: every edge of the picture must stand in the enhanced picture, and no other.

The contrast–structure part of SSIM (Wang, Bovik, Sheikh and Simoncelli, IEEE TIP 13(4), 2004, equation 13) is a correlation of
windows: it forgives any change of brightness and contrast that is even over a window, and falls when something is blurred,
moved or drawn in. The loss is 1 − correlation of luminance, on square windows, at half and quarter size: finer detail is noise in a
low picture, and the tone curve cannot touch it anyway.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import avg_pool2d

from edgeenh_train.losses.precision import at_least_float32

_WINDOW = 7
_FLOOR = 0.01**2  # variance of noise, in units of the full range squared: below it there is no structure to keep
_SCALES = 2


def structure_loss(enhanced_BCHW: Tensor, image_BCHW: Tensor) -> Tensor:
    """1 − mean local correlation of luminance.

    Args:
        enhanced_BCHW: Float [B,C,H,W], 0…1; H and W at least 28.
        image_BCHW: What it was made of, or its truth, likewise.

    Returns:
        A scalar tensor from 0 (every window is a positive linear function of its partner) to 2.
    """
    a, b = (at_least_float32(image).mean(dim=1, keepdim=True) for image in (enhanced_BCHW, image_BCHW))
    # variances are differences of large sums in float32: without the pictures' means they keep their digits
    a, b = (image - image.mean(dim=(2, 3), keepdim=True) for image in (a, b))
    total = a.new_zeros(())
    for _ in range(_SCALES):
        a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
        total = total + (1.0 - _correlation(a, b)).mean()
    return total / _SCALES


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    mean_a, mean_b = _mean(a), _mean(b)
    variance_a = (_mean(a * a) - mean_a * mean_a).clamp_min(0.0)
    variance_b = (_mean(b * b) - mean_b * mean_b).clamp_min(0.0)
    covariance = _mean(a * b) - mean_a * mean_b
    result: Tensor = (covariance + _FLOOR) / ((variance_a + _FLOOR).sqrt() * (variance_b + _FLOOR).sqrt())
    return result


def _mean(plane_B1HW: Tensor) -> Tensor:
    return avg_pool2d(plane_B1HW, _WINDOW, stride=1)
