"""Running a model on real frames under every reading that its shapes allow, and scoring what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, ValueInfoProto

from edgeenh.padding import upscale
from edgeenh.pixels import GREY, RGB, Pixels
from edgeenh_export.golden import fit, shipped_frames
from edgeenh_export.options import MIN_SIZE, Size
from edgeenh_export.sources.likeness import likeness
from edgeenh_export.sources.onnx_model import shape_of
from edgeenh_export.sources.overrides import LAYOUTS, MAX_SCALE, RANGES, Ends, Overrides
from edgeenh_export.sources.probe import DoesNotRunError, Probe
from edgeenh_export.sources.reading import Reading

if TYPE_CHECKING:
    from edgeenh.pixels import Levels

BRIGHTNESS = (1.0, 0.5)
"""Each reading is tried on so many golden frames, stretched to these parts of the full range: the first shows both of its
ends, and on the second a model that brightens does not saturate."""
GREY_ENDS = Ends("grey", "grey")
"""The order of one channel."""
TRIAL_SIZES: tuple[Size, ...] = ((256, 192), (384, 256), (480, 360), (224, 224), (840, 560))
"""Frames for a model of any size: the first that works. Together they hold most multiples that networks ask for."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How a model can be fed: layout, channels, and a frame size."""

    layout: str
    channels: int
    size: Size

    @property
    def pixels(self) -> Pixels:
        """What the frames are."""
        return RGB if self.channels == RGB.channels else GREY


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A reading, and what it makes of the frames.

    Attributes:
        setup: How the model was fed.
        reading: What its tensors are taken to mean.
        scale: How many times the frame's size came back.
        likeness: Mean over the frames.
        pictures: float32 [H,W,C], one per frame, 0…1.
    """

    setup: Setup
    reading: Reading
    scale: int
    likeness: float
    pictures: tuple[NDArray[np.float32], ...]


def setups(value: ValueInfoProto, overrides: Overrides, size: Size | None) -> list[Setup]:
    """Every way to feed a model that its declared shape allows.

    Args:
        value: Its input, of 4 dimensions.
        overrides: What the user stated.
        size: The frame size that is asked for, for sides that are not fixed.
    """
    dims = shape_of(value) or [0, 0, 0, 0]
    frames = [size] if size else list(TRIAL_SIZES)
    found = []
    for layout in [overrides.layout.given] if overrides.layout else LAYOUTS:
        channels, height, width = (dims[layout.index(letter)] for letter in "CHW")
        sizes = dict.fromkeys((width or frame[0], height or frame[1]) for frame in frames)
        if any(0 < side < min(MIN_SIZE) for side in (height, width)):
            continue  # nothing so narrow is a side of a picture
        kinds = [kind.channels for kind in (RGB, GREY) if channels in (0, kind.channels)]
        found += [(channels != 0, Setup(layout, kind, one)) for kind in kinds for one in sizes]
    declared = any(says for says, _ in found)  # a shape that names its channels names its layout
    return [setup for says, setup in found if says or not declared]


def trial_frames(setup: Setup) -> list[Levels]:
    """Real frames of a setup's size, stretched to `BRIGHTNESS`."""
    top = setup.pixels.top
    frames = zip(shipped_frames(setup.pixels), BRIGHTNESS, strict=False)
    return [_stretched(fit(frame.image, setup.size), top * brightness) for frame, brightness in frames]


def _stretched(image: Levels, top: float) -> Levels:
    """The picture with black at 0 and white at `top`."""
    low, high = np.percentile(image, (0.5, 99.5))
    scaled = (image.astype(np.float32) - low) * (top / max(high - low, 1))
    return np.asarray(np.clip(np.rint(scaled), 0, top), image.dtype)


class Trials:
    """Runs a model under one reading after another.

    Args:
        probe: The model.
        overrides: What the user stated.
        kind: ONNX type of its input; a model for uint8 has one range.

    Attributes:
        refusals: Why tensors that came back are no pictures, in words.
    """

    def __init__(self, probe: Probe, overrides: Overrides, kind: int) -> None:
        self._probe, self._overrides = probe, overrides
        self._whole = kind == TensorProto.UINT8
        self.refusals: dict[str, None] = {}

    def feed(self, setup: Setup) -> str:
        """Try to feed the model; what it says against it, empty when nothing."""
        reading = Reading(Ends(setup.layout, setup.layout), Ends("byte", "byte"), "")
        image = np.zeros((setup.size[1], setup.size[0], setup.channels), np.uint8)
        try:
            self._probe.run(self._typed(reading.encode(image, 255)))
        except DoesNotRunError as exc:
            return str(exc)
        return ""

    def candidates(self, setup: Setup) -> Iterator[Candidate]:
        """Every reading of what comes back, scored."""
        frames = trial_frames(setup)
        stated = self._overrides.range
        for given in [stated.given] if stated else ["byte"] if self._whole else list(RANGES):
            results = [self._run(Reading(Ends(setup.layout, ""), Ends(given, ""), ""), f, setup) for f in frames]
            for output in self._probe.outputs:
                batches = [result[output] for result in results]
                yield from self._readings(setup, frames, batches, output, given)

    def again(self, candidate: Candidate, reading: Reading) -> Candidate:
        """The same frames under another reading of the same output."""
        frames = trial_frames(candidate.setup)
        batches = [self._run(reading, frame, candidate.setup)[reading.output] for frame in frames]
        return self._scored(candidate.setup, reading, candidate.scale, frames, batches)

    def takes(self, candidate: Candidate, size: Size) -> bool:
        """Whether the model turns a frame of `size` into one of that size, scaled."""
        setup = replace(candidate.setup, size=size)
        image = np.full((size[1], size[0], setup.channels), setup.pixels.top // 2, np.uint16)
        try:
            batch = self._probe.run(self._typed(candidate.reading.encode(image, setup.pixels.top)))[
                candidate.reading.output
            ]
        except DoesNotRunError:
            return False
        return self._scale(batch, candidate.reading.layout.back, setup, candidate.reading.output) == candidate.scale

    def _readings(
        self, setup: Setup, frames: Sequence[Levels], batches: Sequence[NDArray[Any]], output: str, given: str
    ) -> Iterator[Candidate]:
        stated = self._overrides
        for layout in [stated.layout.back] if stated.layout else LAYOUTS:
            scale = self._scale(batches[0], layout, setup, output)
            whole = batches[0].dtype == np.uint8
            for back in [stated.range.back] if stated.range else ["byte"] if whole else list(RANGES):
                if scale:
                    reading = Reading(Ends(setup.layout, layout), Ends(given, back), output, _colour(setup))
                    yield self._scored(setup, reading, scale, frames, batches)

    def _scored(
        self, setup: Setup, reading: Reading, scale: int, frames: Sequence[Levels], batches: Sequence[NDArray[Any]]
    ) -> Candidate:
        pictures = tuple(reading.decode(batch) for batch in batches)
        top = np.float32(setup.pixels.top)
        references = [upscale(frame.astype(np.float32) / top, scale) for frame in frames]
        scores = [likeness(*pair) for pair in zip(references, pictures, strict=True)]
        return Candidate(setup, reading, scale, float(np.mean(scores)), pictures)

    def _run(self, reading: Reading, frame: Levels, setup: Setup) -> dict[str, NDArray[Any]]:
        try:
            return self._probe.run(self._typed(reading.encode(frame, setup.pixels.top)))
        except DoesNotRunError:  # the same size ran before: it is the values that it refuses
            return {output: np.full((1,), np.nan, np.float32) for output in self._probe.outputs}

    def _typed(self, batch: NDArray[np.float32]) -> NDArray[Any]:
        return np.rint(batch).astype(np.uint8) if self._whole else batch

    def _scale(self, batch: NDArray[Any], layout: str, setup: Setup, output: str) -> int:
        """How many times the frame's size a tensor is, when it is a picture of the frame's kind; 0 when it is none."""
        shape = "[" + ",".join(map(str, batch.shape)) + "]"
        if batch.ndim != 4 or batch.shape[0] != 1:
            self.refusals[f"{output} is {shape}, which has no height and width"] = None
            return 0
        channels, height, width = (batch.shape[layout.index(letter)] for letter in "CHW")
        if channels != setup.channels:
            likely = min(batch.shape[1], batch.shape[3])
            what = (
                "curves, classes or masks"
                if likely not in (1, 3)
                else "a mask or a depth map"
                if likely == 1
                else "a colouring"
            )
            if (layout == "NCHW") == (batch.shape[1] <= batch.shape[3]):
                self.refusals[
                    f"{output} is {shape}: {likely} channels of {setup.channels}, so {what} and no picture"
                ] = None
            return 0
        scale: int = height // setup.size[1]
        if not 1 <= scale <= MAX_SCALE or (height, width) != (setup.size[1] * scale, setup.size[0] * scale):
            frame = f"{setup.size[0]}x{setup.size[1]}"
            self.refusals[f"{output} is {width}x{height} for a frame of {frame}, not 1 to {MAX_SCALE} times it"] = None
            return 0
        return scale


def _colour(setup: Setup) -> Ends:
    return Ends("RGB", "RGB") if setup.channels == RGB.channels else GREY_ENDS
