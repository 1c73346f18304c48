"""`python -m edgeenh_bench.demo --out DIR`: the whole path once, with the commands that users type.

    edgeenh export --fp16      the shipped checkpoint becomes a bundle that passed the gate
    edgeenh run CLIP           a real clip through it, on the best backend of this machine
    edgeenh enhance FRAME      one frame of it, without the losses of a video
    edgeenh bench CLIP         every backend on the same frames

What it leaves in DIR: the bundle, a clip and pictures with originals left and enhanced right, the table and the JSON files.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edgeenh.bundle import Bundle
from edgeenh.cli.output import exit_code_of, next_step, remark, say
from edgeenh.errors import JobFailed
from edgeenh.files import make_folder, write_text
from edgeenh.pictures import read_picture, write_picture
from edgeenh_bench.before_after import middle_frame, side_by_side, stack, write_clip
from edgeenh_bench.table import render
from edgeenh_bench.targets.figures import CLIP
from edgeenh_bench.worker_process import worker_environment

GOLDEN_HEIGHT = 360


class CommandError(JobFailed):
    """A command of the demo failed; the demo ends with the same exit code."""

    def __init__(self, words: Sequence[str], code: int) -> None:
        super().__init__(f"`edgeenh {shlex.join(words)}` ended with exit code {code}; the demo stops here")
        self.exit_code = code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit code of the command that failed, or 0."""
    parser = argparse.ArgumentParser(prog="python -m edgeenh_bench.demo", description="The whole path on a real clip.")
    parser.add_argument("--out", type=Path, default=Path("out/demo"), metavar="DIR", help="default: %(default)s")
    parser.add_argument(
        "--clip", default=str(CLIP), metavar="SOURCE", help="default: the endoscope clip in benchmarks/clips"
    )
    parser.add_argument("--frames", type=int, default=100, metavar="N", help="frames per row of the comparison")
    parser.add_argument("--model", type=Path, metavar="F.edgeenh", help="skip the export and take this bundle")
    options = parser.parse_args(argv)
    return exit_code_of(lambda: demo(options.out, options.clip, options.frames, options.model))


def demo(out: Path, clip: str, frames: int, model: Path | None = None) -> None:
    """Export, run, compare; then say where everything is.

    Raises:
        CommandError: A command failed.
        EdgeenhError: The results could not be put together.
    """
    make_folder(out)
    if model is None:
        model = out / "dental-n.edgeenh"
        edgeenh("export", "--fp16", "--out", str(model), "--json", str(out / "export.json"))
    enhanced, still = out / "enhanced.mp4", out / "frame.png"
    chosen = ("--model", str(model))
    edgeenh("run", clip, *chosen, "--mode", "offline", "--out", str(enhanced), "--json", str(out / "run.json"))
    write_clip(clip, str(enhanced), out / "before-after.mp4")
    write_picture(still, middle_frame(clip))
    edgeenh("enhance", str(still), *chosen, "--out", str(out / "enhanced"))
    pair = (read_picture(still), read_picture(out / "enhanced" / still.name))
    write_picture(out / "before-after.png", side_by_side(*pair))
    write_golden(model, out / "before-after-golden.png")
    edgeenh("bench", *chosen, "--source", clip, "--frames", str(frames), "--json", str(out / "bench.json"))
    write_text(out / "bench.md", render(json.loads((out / "bench.json").read_text("utf-8"))) + "\n")
    tell(out, model)


def edgeenh(*words: str) -> None:
    """Run one command as a user would, its output on our own.

    Raises:
        CommandError: It did not end with 0.
    """
    remark(f"$ edgeenh {shlex.join(words)}")
    command = [sys.executable, "-m", "edgeenh.cli", *words]
    code = subprocess.run(command, check=False, env=worker_environment(os.environ)).returncode
    if code:
        raise CommandError(words, code if code > 0 else 128 - code)


def write_golden(model: Path, picture: Path) -> None:
    """The bundle's golden frames beside what the FP32 graph makes of them, as one picture; none without golden frames."""
    pairs = [(image, reference) for _, image, reference in Bundle.open(model).golden()]
    if pairs:
        write_picture(picture, stack(pairs, GOLDEN_HEIGHT))


def tell(out: Path, model: Path) -> None:
    """Say what lies where."""
    say("")
    say(f"{'bundle':16} {model}")
    for name, what in (
        ("enhanced.mp4", "enhanced clip"),
        ("before-after.mp4", "before/after"),
        ("before-after.png", "one frame of it"),
        ("before-after-golden.png", "golden frames"),
        ("bench.md", "table"),
        ("bench.json", "figures"),
        ("run.json", "accounting"),
        ("export.json", "gate"),
    ):
        if (out / name).exists():
            say(f"{what:16} {out / name}")
    next_step(f"edgeenh run camera:0 --model {shlex.quote(str(model))} --out enhanced.mp4")


if __name__ == "__main__":
    sys.exit(main())
