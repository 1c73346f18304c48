"""Target: verifying and loading the shipped bundle, signed and with its key demanded, ≤ 100 ms from a cold process."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from edgeenh.bundle import Bundle, sign_bundle
from edgeenh.bundle.keys import generate, load_private, public_of
from edgeenh.bundle.reader import read_bundle_file
from edgeenh_bench.targets.figures import Figure, Measurement
from edgeenh_bench.targets.startup import edgeenh_command, run_command, time_command

LIMIT_MS = 100.0

_MEASURE = """
import json, sys, time
from pathlib import Path
started = time.perf_counter()
from edgeenh.bundle import Bundle
imported = time.perf_counter()
for _ in range(2):
    begun = time.perf_counter()
    bundle = Bundle.open(Path(sys.argv[1]), public_key=sys.argv[2], floor=0)
    models = [bundle.model(precision) for precision in bundle.precisions]
    print(json.dumps([imported - started, time.perf_counter() - begun]))
"""


def measure(model: Path | None, threads: int | None, *, repeats: int = 9) -> Measurement:
    """Sign a copy of the bundle, then open it in `repeats` fresh processes, alternating with whole commands."""
    del threads  # reading takes one
    with tempfile.TemporaryDirectory(prefix="edgeenh-verify-") as folder:
        bundle, key = Path(folder, "m.edgeenh"), Path(folder, "k")
        source = (Bundle.shipped() if model is None else Bundle.open(model)).path
        shutil.copyfile(source, bundle)
        generate(key)
        sign_bundle(bundle, load_private(key))
        public = str(public_of(key))
        script = [sys.executable, "-c", _MEASURE, str(bundle), public]
        command = [*edgeenh_command(), "verify", str(bundle), "--public-key", public]
        rows, whole = [], []
        for _ in range(repeats):
            rows.append([json.loads(line) for line in run_command(script).splitlines()])
            whole.append(time_command(command))
        size = len(read_bundle_file(bundle))
    first = [1000 * cold[1] for cold, _ in rows]
    figures = [
        Figure("verify and load, first in its process", statistics.median(first), "ms", at_most=LIMIT_MS),
        Figure("verify and load again", statistics.median(1000 * again[1] for _, again in rows), "ms"),
        Figure("import edgeenh.bundle", statistics.median(1000 * cold[0] for cold, _ in rows), "ms"),
        Figure("edgeenh verify, whole process", statistics.median(whole), "s"),
    ]
    return Measurement(figures, {"bytes": size, "raw_s": rows, "whole_s": whole})
