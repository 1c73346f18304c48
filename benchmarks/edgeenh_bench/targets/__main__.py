"""`python -m edgeenh_bench.targets [NAME …] [--model F.edgeenh] [--threads N] [--out DIR]`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edgeenh.cli.output import exit_code_of, remark, say
from edgeenh.errors import GateFailed, MissingExtra, UsageError
from edgeenh_bench.result import BUSY
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
    """Measure every target named, also after one was missed.

    Raises:
        UsageError: A name is unknown; nothing was measured. GateFailed: A target was missed.
        EdgeenhError: One could not be measured.
    """
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        raise UsageError(f"there is no target {unknown[0]!r}: choose among {', '.join(TARGETS)}")
    missed = [name for name in names if not run(name, model, threads, out)]
    if missed:
        raise GateFailed(f"missed: {', '.join(missed)}; the figures stand in {out}")


def run(name: str, model: Path | None, threads: int | None, out: Path) -> bool:
    """Measure one target, say and write its figures; True when it was reached.

    Raises:
        EdgeenhError: It could not be measured.
    """
    remark(f"{name}: {TARGETS[name]}")
    try:
        from edgeenh_bench.other_load import OtherLoad
    except ImportError as exc:
        raise MissingExtra("measuring a target", "bench") from exc
    load = OtherLoad()
    module = importlib.import_module(f"edgeenh_bench.targets.{name.replace('-', '_')}")
    measured: Measurement = module.measure(model, threads)
    busy = load.share()
    path = write(out, document(name, measured, busy, datetime.now(UTC), model))
    if busy > BUSY:
        remark(f"other programs used {busy:.0%} of this machine's CPU time: run it again on an idle machine")
    for figure in measured.figures:
        say(figure.line())
    say(f"written: {path}")
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
