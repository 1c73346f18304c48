r"""Train every row of the quality tables and judge them all; every step is an `edgeenh` command that is printed before it runs.

    python -m edgeenh_bench.quality PHOTOGRAPHS --out DIR --subject 'Voluntario(\d+)' --hold-out 7,10 [--setting reduced|full] [--threads N]

Steps whose results are in DIR are not run again, and an interrupted training goes on: the same command, again, finishes the study.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import subprocess
import sys
from pathlib import Path

from edgeenh.cli.output import exit_code_of, remark, say
from edgeenh.errors import JobFailed, UsageError
from edgeenh.files import make_folder, write_text
from edgeenh_bench.quality.claims import judge, markdown
from edgeenh_bench.quality.plan import ROWS, SETTINGS, Row, config_text, dataset_commands, slug
from edgeenh_train.losses.convert_squeezenet import convert
from edgeenh_train.methods.networks import FACTS_HEIGHT, FACTS_WIDTH
from edgeenh_train.networks.cost import convolution_macs
from edgeenh_train.networks.rivals import UeganGenerator

CHECKPOINT = "generator.safetensors"
DONE = "done"
BACKBONE = "squeezenet.safetensors"


def study(options: argparse.Namespace) -> None:
    """Run what is missing, in order.

    Raises:
        UsageError: An unknown row. JobFailed: A command ended with an error.
    """
    folder = make_folder(options.out)
    unknown = set(options.rows) - {slug(row.name) for row in ROWS}
    if unknown:
        raise UsageError(f"row '{min(unknown)}' is unknown; choose of {', '.join(slug(row.name) for row in ROWS)}")
    rows = [row for row in ROWS if not options.rows or slug(row.name) in options.rows]
    for words in dataset_commands(options.photographs.resolve(), options.subject, options.hold_out):
        if not (folder / words[words.index("--out") + 1]).exists():
            _run(words, folder)
    for row in rows:
        _train(row, folder, options)
    if options.train_only:
        return
    models = [word for row in rows for word in ("--model", f"{row.name}=runs/{slug(row.name)}/{CHECKPOINT}")]
    _run(["evaluate", "test", "test-b", *models, *options.evaluate, "--out", "tables"], folder)
    _judge(folder / "tables")


def _judge(tables: Path) -> None:
    """Say which claims hold, set by set, and write it down."""
    document = json.loads((tables / "quality.json").read_text(encoding="utf-8"))
    macs = convolution_macs(UeganGenerator(), 3, FACTS_HEIGHT, FACTS_WIDTH) / (FACTS_HEIGHT * FACTS_WIDTH)
    verdict = "\n".join(f"## {table['name']}\n\n{markdown(judge(table, macs))}" for table in document["sets"])
    write_text(tables / "claims.md", verdict)
    say(verdict)
    say(str(tables))


def _train(row: Row, folder: Path, options: argparse.Namespace) -> None:
    out = folder / "runs" / slug(row.name)
    if (out / DONE).exists():
        return
    config = make_folder(folder / "configs") / f"{slug(row.name)}.toml"
    write_text(config, config_text(row, options.setting, _backbone(folder, options.squeezenet)))
    resume = ["--resume"] if (out / "state.safetensors").exists() else []
    threads = ["--threads", str(options.threads)] if options.threads else []
    where = ["--out", str(out.relative_to(folder)), "--config", str(config.relative_to(folder))]
    _run(["train", "--preset", row.preset, *row.folders, *where, *threads, *resume], folder)
    write_text(out / DONE, "")


def _backbone(folder: Path, onnx: Path | None) -> dict[str, object]:
    """Settings of SqueezeNet as the backbone, converted once into the study's folder; none without a file."""
    if onnx is None:
        return {}
    target = folder / BACKBONE
    digest = hashlib.sha256(target.read_bytes()).hexdigest() if target.exists() else convert(onnx, target)
    return {"backbone": "squeezenet", "backbone_file": BACKBONE, "backbone_sha256": digest}


def _run(words: list[str], folder: Path) -> None:
    remark(f"edgeenh {shlex.join(words)}")
    code = subprocess.run([sys.executable, "-m", "edgeenh", *words], cwd=folder, check=False).returncode
    if code:
        raise JobFailed(f"`edgeenh {shlex.join(words)}` ended with {code}; mend that, and run the study again to go on")


def main(argv: list[str] | None = None) -> int:
    """The command line above; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m edgeenh_bench.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--subject", required=True, help="regular expression; its first group is the person")
    parser.add_argument("--hold-out", required=True, help="people to hold back, with commas")
    parser.add_argument("--setting", choices=SETTINGS, default="reduced")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--rows", type=lambda text: text.split(","), default=[], help="only these, with commas")
    parser.add_argument(
        "--squeezenet", type=Path, help="SqueezeNet 1.1 as ONNX: the consistency of the rows whose papers use ImageNet"
    )
    parser.add_argument("--train-only", action="store_true", help="make no tables: for several queues side by side")
    parser.add_argument(
        "--evaluate", type=shlex.split, default=[], help="further options for `edgeenh evaluate`, quoted"
    )
    options = parser.parse_args(argv)
    return exit_code_of(lambda: study(options))


if __name__ == "__main__":
    sys.exit(main())
