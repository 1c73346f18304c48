"""`python -m edgeenh_bench.targets [NAME …] [--model F.edgeenh] [--threads N] [--out DIR]`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edgeenh.cli.output import exit_code_of, remark, say
from edgeenh.errors import EdgeenhError, GateFailed, UsageError
from edgeenh.files import make_folder
from edgeenh_bench.conditions import Conditions
from edgeenh_bench.result import doubts
from edgeenh_bench.source_tree import ROOT
from edgeenh_bench.targets import TARGETS
from edgeenh_bench.targets.figures import Measurement, document, write

DEFAULT_OUT = ROOT / "benchmarks" / "results"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the targets named and return the exit code: 0 all reached, 3 one missed, otherwise that of the error."""
    options = _parser().parse_args(argv)
    names = options.names or list(TARGETS)
    return exit_code_of(lambda: run_all(names, options.model, options.threads, options.out))


def run_all(names: Sequence[str], model: Path | None, threads: int | None, out: Path) -> None:
    """Measure every target named, also after one was missed or could not be measured.

    Raises:
        UsageError: A name is unknown, or `out` cannot be written to; nothing was measured.
        EdgeenhError: One could not be measured; the first reason. GateFailed: Otherwise, where a target was missed.
    """
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        raise UsageError(f"there is no target {unknown[0]!r}: choose among {', '.join(TARGETS)}")
    make_folder(out.absolute())  # before the work, not after it
    missed, errors = list[str](), dict[str, EdgeenhError]()
    for name in names:
        try:
            if not run(name, model, threads, out):
                missed.append(name)
        except EdgeenhError as exc:
            errors[name] = exc
            remark(f"{name} was not measured: {exc}")
    if errors:
        remark(f"not measured: {', '.join(errors)}; missed: {', '.join(missed) or 'none'}")
        raise next(iter(errors.values()))
    if missed:
        raise GateFailed(f"missed: {', '.join(missed)}; the figures stand in {out}")


def run(name: str, model: Path | None, threads: int | None, out: Path) -> bool:
    """Measure one target, say and write its figures; True when it was reached.

    Raises:
        EdgeenhError: It could not be measured.
    """
    remark(f"{name}: {TARGETS[name]}")
    conditions = Conditions()
    module = importlib.import_module(f"edgeenh_bench.targets.{name.replace('-', '_')}")
    measured: Measurement = module.measure(model, threads)
    result = document(name, measured, conditions.to_json(), datetime.now(UTC), model)
    for line in doubts(result):
        remark(line)
    for figure in measured.figures:  # before they are written: what cannot be is not lost
        say(figure.line())
    say(f"written: {write(out, result)}")
    return measured.passed


def _parser() -> argparse.ArgumentParser:
    listing = "\n".join(f"  {name:14} {what}" for name, what in TARGETS.items())
    parser = argparse.ArgumentParser(
        prog="python -m edgeenh_bench.targets",
        description=f"Measure the project's targets for speed and memory.\n\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="targets to measure; default: all")
    parser.add_argument(
        "--model", type=Path, metavar="F.edgeenh", help="or the name of one that ships; default: dental-n"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads per frame; default: all cores")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help="default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
