"""Frames of any size for a network that wants multiples: mirrored at the right and bottom edge, and cropped back.

The mirror leaves out the edge pixel itself (`… c b | a b c …` is `reflect_101`), so no line is doubled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Value = TypeVar("Value", bound=np.generic)


def padded_size(height: int, width: int, multiple: int) -> tuple[int, int]:
    """The smallest (height, width) that holds the frame and is a multiple of `multiple` in both."""
    return -(-height // multiple) * multiple, -(-width // multiple) * multiple


def pad_into(image: NDArray[Value], padded: NDArray[Value]) -> None:
    """Write `image` and its mirror into `padded`.

    Args:
        image: uint8 [h,w,3] or float32 [h,w,1]; only read.
        padded: The same type and channels, [H,W,C] with h ≤ H < 2h and w ≤ W < 2w, C-contiguous, owned by the caller,
            overwritten whole.
    """
    bottom, right = padded.shape[0] - image.shape[0], padded.shape[1] - image.shape[1]
    if not (0 <= bottom < image.shape[0] and 0 <= right < image.shape[1]):
        raise ValueError(f"a frame of shape {image.shape} cannot be mirrored into {padded.shape}")
    source, target = _plane(image), _plane(padded)
    written = cv2.copyMakeBorder(source, 0, bottom, 0, right, cv2.BORDER_REFLECT_101, dst=target)
    if written is not target:  # OpenCV chose memory of its own
        target[:] = written


def pad(image: NDArray[Value], multiple: int) -> NDArray[Value]:
    """`image` padded to a multiple: `image` itself where it is one already, else a new array owned by the caller."""
    size = padded_size(image.shape[0], image.shape[1], multiple)
    if size == image.shape[:2]:
        return image
    padded = np.empty((*size, *image.shape[2:]), image.dtype)
    pad_into(image, padded)
    return padded


def crop_into(padded: NDArray[Value], out: NDArray[Value]) -> None:
    """Copy the top left of `padded` [H,W,C] into `out` [h,w,C], h ≤ H and w ≤ W."""
    np.copyto(out, padded[: out.shape[0], : out.shape[1]])


def upscale(image: NDArray[Value], scale: int) -> NDArray[Value]:
    """`image` enlarged by bilinear interpolation: what a model of so many times the size gives at strength 0.

    Pixel centres lie at half steps, and the border is repeated: `Resize` of ONNX, mode `linear`, `half_pixel`.

    Args:
        image: uint8 or uint16 [h,w,C], or float32; only read.
        scale: 1 or more.

    Returns:
        [scale·h,scale·w,C] of the same type, whole numbers rounded half to even: `image` itself where scale is 1, else a
        new array.
    """
    if scale == 1:
        return image
    enlarged = image.astype(np.float32)
    for axis in (0, 1):
        at = (np.arange(image.shape[axis] * scale, dtype=np.float32) + np.float32(0.5)) / scale - np.float32(0.5)
        low = np.floor(at)
        shape = [1] * image.ndim
        shape[axis] = -1
        share = (at - low).reshape(shape)
        ends = [np.clip(low + step, 0, image.shape[axis] - 1).astype(np.intp) for step in (0, 1)]
        before, after = (np.take(enlarged, end, axis) for end in ends)
        enlarged = before * (1 - share) + after * share
    if not np.issubdtype(image.dtype, np.floating):
        np.rint(enlarged, out=enlarged)
    return enlarged.astype(image.dtype)


def _plane(image: NDArray[Any]) -> NDArray[Any]:
    """A view without the dimension of a single channel, which OpenCV does not give back."""
    return image[..., 0] if image.shape[2] == 1 else image
