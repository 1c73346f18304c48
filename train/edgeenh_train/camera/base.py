"""What every camera model is: a source of draws, and a function of (picture, draw) alone.

A draw holds everything that chance decides about one picture, as plain numbers, and the seed of the noise field. So a degraded
picture can be described by a line of JSON and made again to the bit.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import InputError, UsageError

Float = NDArray[np.float32]

SEED_END = 2**53  # the integers below it survive every JSON reader
REFERENCE_WIDTH = 640
"""Lengths in draws are in pixels of a picture of this width, so that a draw means the same at every size."""


@dataclasses.dataclass(frozen=True, slots=True)
class Draw:
    """One draw of a camera; each camera adds its own fields.

    Attributes:
        camera: Name of the camera that made it.
        seed: Seed of the noise field, 0 … 2^53 − 1.
    """

    camera: ClassVar[str] = ""
    seed: int

    def to_json(self) -> dict[str, str | int | float | bool]:
        """The draw as plain data, the camera's name included; `from_json` gives back an equal draw."""
        return {"camera": self.camera, **dataclasses.asdict(self)}


DrawT = TypeVar("DrawT", bound=Draw)


class Camera(Protocol):
    """A camera model.

    Attributes:
        name: Its name on the command line.
        channels: Channels of the pictures it takes: 3 RGB, 1 grey.
        draw_type: The type of its draws.
    """

    name: str
    channels: int
    draw_type: type[Draw]

    def draw(self, rng: np.random.Generator) -> Draw:
        """Everything that chance decides about one picture."""

    def degrade(self, image: Float, draw: Draw) -> Float:
        """The picture as this camera would have taken it.

        Args:
            image: float32 [H,W,C] display values 0…1; only read.
            draw: Of this camera.

        Returns:
            float32 [H,W,C] 0…1, a new array, on the levels of the depth that the camera writes; the same bits whenever image
            and draw are the same.

        Raises:
            UsageError: A picture of another shape or dtype, or a draw of another camera.
        """


def draw_from(kind: type[DrawT], document: Mapping[str, Any]) -> DrawT:
    """The draw that `to_json` made `document` of.

    Raises:
        InputError: A key is unknown or missing, a value has the wrong type, or the camera is another one.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if document.get("camera") != kind.camera:
        raise InputError(
            f"a draw of camera {document.get('camera')!r}, expected {kind.camera!r}: use that camera's own draws"
        )
    unknown, missing = sorted(set(document) - set(fields) - {"camera"}), sorted(set(fields) - set(document))
    if unknown or missing:
        raise InputError(
            f"a draw of camera {kind.camera!r} has unknown keys {unknown} and lacks {missing}, "
            f"expected exactly {sorted(fields)}: write the draws again with this version"
        )
    return kind(**{name: _checked(name, document[name], str(field.type)) for name, field in fields.items()})


def _checked(name: str, value: Any, kind: str) -> Any:
    accepted = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}[kind]
    wrong = not isinstance(value, accepted) or (isinstance(value, bool) and kind != "bool")
    if wrong or (isinstance(value, float) and not math.isfinite(value)):
        raise InputError(f"a draw has {name} = {value!r}, expected a finite {kind}: write the draws again")
    if name == "seed" and not 0 <= value < SEED_END:
        raise InputError(f"a draw has seed = {value}, expected 0 to {SEED_END - 1}: write the draws again")
    return float(value) if kind == "float" else value


def own_draw(draw: Draw, kind: type[DrawT]) -> DrawT:
    """`draw` as the type of draw that a camera takes.

    Raises:
        UsageError: It is another camera's.
    """
    if not isinstance(draw, kind):
        raise UsageError(f"a draw of camera {draw.camera!r} was given to camera {kind.camera!r}: use its own draws")
    return draw


def check_image(image: Float, channels: int, camera: str) -> None:
    """Raise `UsageError` unless `image` is float32 [H,W,channels] with at least one pixel."""
    if image.dtype != np.float32 or image.ndim != 3 or image.shape[2] != channels or image.size == 0:
        raise UsageError(
            f"camera {camera!r} was given an array of {image.dtype} {list(image.shape)}, "
            f"expected float32 [H,W,{channels}] 0…1: convert it first"
        )


def new_seed(rng: np.random.Generator) -> int:
    """A seed for a draw's noise field."""
    return int(rng.integers(0, SEED_END))
