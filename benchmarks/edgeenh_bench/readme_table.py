"""README's tables of measured figures, made from `benchmarks/results/`: `make results` writes them, and a test holds them against it.

Of every target that there is, the newest result counts. `benchmarks/results/README.md` has every figure with a limit (`edgeenh_bench.results_page`); what
only informs stays in its file. README has the comparison of backends (target `latency`) and of each target all that is missed, or else the figure nearest its limit.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from edgeenh_bench.figure_table import Json, nearest, newest, number, table, where
from edgeenh_bench.results_page import page_of

BEGIN, END = "<!-- results: made by `make results` -->", "<!-- /results -->"


def made_of(folder: Path) -> str:
    """All that stands between README's marks."""
    latency = newest(folder).get("latency")
    first = [] if latency is None else [backends(json.loads(latency.read_text(encoding="utf-8")))]
    return "\n\n".join([*first, table(folder, nearest)])


def backends(result: Json) -> str:
    """What ran in target `latency`, row by row, under a line that says on what."""
    document = result["details"]["comparison"]
    model, frames = document["model"], document["frames"]
    head = (
        "backend",
        "precision",
        "p50 ms",
        "p90 ms",
        "frames/s",
        "load ms",
        "first frame ms",
        "PSNR dB",
        "largest difference",
        "MB",
    )
    lines = [
        f"`{model['id']}` {model['version']}, {frames['size'][0]}×{frames['size'][1]}, {where('latency', result)}; drift is against the FP32 graph on ONNX Runtime, memory the peak above the process before loading:",
        "",
        f"| {' | '.join(head)} |",
        "|---|---|" + "---:|" * (len(head) - 2),
    ]  # fmt: skip
    for row in document["rows"]:
        if row["available"]:
            psnr = "identical" if row["identical"] else number(row["psnr_db"])
            times = [number(row["latency_ms"][key]) for key in ("p50", "p90")]
            rest = [number(row[key]) for key in ("throughput_fps", "load_ms", "first_frame_ms")]
            cells = [
                row["backend"],
                row["precision"],
                *times,
                *rest,
                psnr,
                number(row["max_abs"]),
                number(row["rss_mb"]),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def with_table(text: str, made: str) -> str:
    """`text` with what stands between the two marks replaced.

    Raises:
        ValueError: It does not have each mark once, in their order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"expected {BEGIN} and then {END}, each once")
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}"


def main(arguments: Sequence[str]) -> int:
    """`python -m edgeenh_bench.readme_table RESULTS README.md`: write both pages."""
    results, readme = map(Path, arguments)
    (results / "README.md").write_text(page_of(results), encoding="utf-8")
    readme.write_text(with_table(readme.read_text(encoding="utf-8"), made_of(results)), encoding="utf-8")
    print(f"{readme}: {len(newest(results))} targets")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
