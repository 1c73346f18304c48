"""How a user's own loop gets frames out of a video file, as each library's documentation shows it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from edgeenh.errors import BackendUnavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

Frames = Iterator["Picture"]
"""uint8 [H,W,3] RGB, each in memory of its own; closing the iterator ends what it started."""

_MODULES = {"pyav": ("av", "pip install 'edgeenh[video]'"), "inference": ("inference", "pip install inference")}
_PROGRAMS = {
    "ffmpeg": ("ffmpeg", "apt install ffmpeg"),
    "gstreamer": ("gst-launch-1.0", "apt install gstreamer1.0-tools gstreamer1.0-plugins-good gstreamer1.0-libav"),
}


def missing(way: str) -> tuple[str, str]:
    """Why a way cannot run here and what to do about that; two empty texts where it can."""
    module, how = _MODULES.get(way, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        return f"not installed: there is no module {module}", how
    program, how = _PROGRAMS.get(way, ("", ""))
    if program and shutil.which(program) is None:
        return f"not installed: there is no program {program}", how
    return "", ""


def pyav(path: Path, size: tuple[int, int]) -> Frames:  # noqa: ARG001  # every reader is called alike
    """PyAV with its frame threads."""
    import av

    with av.open(str(path.absolute())) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            yield cast("Picture", frame.to_ndarray(format="rgb24"))


def opencv(path: Path, size: tuple[int, int]) -> Frames:  # noqa: ARG001
    """cv2.VideoCapture, and its BGR turned round."""
    import cv2

    capture = cv2.VideoCapture(str(path.absolute()))
    try:
        while (found := capture.read())[0]:
            yield cast("Picture", cv2.cvtColor(found[1], cv2.COLOR_BGR2RGB))
    finally:
        capture.release()


def ffmpeg(path: Path, size: tuple[int, int]) -> Frames:
    """The program ffmpeg into a pipe."""
    name = str(path.absolute())
    return _piped(["ffmpeg", "-v", "error", "-nostdin", "-i", name, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], size)


def gstreamer(path: Path, size: tuple[int, int]) -> Frames:
    """The program gst-launch-1.0 into a pipe."""
    words = ["filesrc", f"location={path.absolute()}", "!", "decodebin", "!", "videoconvert", "!"]
    return _piped(["gst-launch-1.0", "-q", *words, "video/x-raw,format=RGB", "!", "fdsink", "fd=1"], size)


def _piped(command: list[str], size: tuple[int, int]) -> Frames:
    """Raw RGB frames from a program's stdout.

    Raises:
        BackendUnavailable: It gave no frame at all; the message has its last word.
    """
    width, height = size
    given = 0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
        assert process.stdout is not None
        try:
            while len(data := process.stdout.read(width * height * 3)) == width * height * 3:
                given += 1
                yield np.frombuffer(data, np.uint8).reshape(height, width, 3)
            if not given:
                process.wait()
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
                raise BackendUnavailable(
                    f"{command[0]} gave no frame (exit code {process.returncode}): {lines[0][:200]}"
                )
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


READERS: dict[str, Callable[[Path, tuple[int, int]], Frames]] = {
    "pyav": pyav,
    "opencv": opencv,
    "ffmpeg": ffmpeg,
    "gstreamer": gstreamer,
}


def run_inference_pipeline(path: Path, take: Callable[[Picture], None]) -> None:
    """Give every frame of a file to `take` from Roboflow's pipeline, which reads files without a loss. Not yet run here."""
    import cv2

    os.environ.setdefault("TELEMETRY_OPT_OUT", "True")
    pipeline_of = importlib.import_module("inference").InferencePipeline

    def on_video_frame(frames: list[Any]) -> list[dict[str, Any]]:
        for frame in frames:
            take(cast("Picture", cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)))
        return [{} for _ in frames]

    pipeline = pipeline_of.init_with_custom_logic(
        video_reference=str(path.absolute()), on_video_frame=on_video_frame, on_prediction=lambda *_: None
    )
    pipeline.start()
    pipeline.join()
