"""`python tests/fuzz/run.py [TARGET …] --inputs N`: fuzz with atheris (libFuzzer), each target in its own process.

Ends with exit code 1 at the first find, which is written to out/fuzz/. A find is: an exception that is not edgeenh's, an
input that takes more than 2 s, more than 2 GiB of memory, or any file, socket or process touched while parsing.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HANG_S = 2
MEMORY_MB = 2048
LONGEST = 16 * 1024
FINDS = Path("out/fuzz")


def main() -> int:
    """Fuzz the targets named, or be the process that fuzzes one."""
    options = _parser().parse_args()
    if options.child:
        _fuzz(options.targets[0], options.inputs, options.child, options.seed)
    import atheris  # noqa: F401  said here, once, where it is missing
    from targets import TARGETS

    FINDS.mkdir(parents=True, exist_ok=True)
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        print(f"there is no target {', '.join(sorted(unknown))}: choose among {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    return max(_run(name, options.inputs, options.seed) for name in options.targets or TARGETS)


def _run(name: str, inputs: int, seed: int) -> int:
    with tempfile.TemporaryDirectory(prefix="edgeenh-fuzz-") as corpus:
        started = time.monotonic()
        words = [sys.executable, __file__, name, "--inputs", str(inputs), "--seed", str(seed), "--child", corpus]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
    ran = re.findall(r"number_of_executed_units:\s*(\d+)", done.stderr)
    slowest = re.findall(r"slowest_unit_time_sec:\s*(\d+)", done.stderr)
    peak = re.findall(r"peak_rss_mb:\s*(\d+)", done.stderr)
    edges = re.findall(r"cov: (\d+)", done.stderr)
    facts = f"{(ran or ['?'])[-1]} inputs, {seconds:.0f} s, slowest {(slowest or ['?'])[-1]} s, {(edges or ['?'])[-1]} edges"
    print(
        f"{name:<12} {facts}, peak {(peak or ['?'])[-1]} MB: {'no find' if done.returncode == 0 else 'FIND'}",
        flush=True,
    )
    if done.returncode:
        print(done.stderr[-4000:], file=sys.stderr)
    return 1 if done.returncode else 0


def _fuzz(name: str, inputs: int, corpus: str, seed: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["edgeenh", "edgeenh_bench"]):
        from seeds import seeds
        from targets import TARGETS
    from watch import Watch

    target = TARGETS[name]
    for number, seed_input in enumerate(seeds(name)):
        Path(corpus, f"{number:03}").write_bytes(seed_input)
        target(seed_input)  # what is imported or read once, such as the schema, is read before the watch begins
    flags = [f"-runs={inputs}", f"-timeout={HANG_S}", f"-rss_limit_mb={MEMORY_MB}", f"-max_len={LONGEST}"]
    flags += [f"-seed={seed}", "-print_final_stats=1", f"-artifact_prefix={FINDS}/{name}-"]
    atheris.Setup([sys.argv[0], *flags, corpus], Watch(target))
    atheris.Fuzz()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    parser.add_argument("--inputs", type=int, default=100_000, metavar="N", help="per target; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the fuzzer; default: %(default)s")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
