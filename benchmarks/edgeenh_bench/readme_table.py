"""README's tables of measured figures, made from `benchmarks/results/`: `make results` writes them, and a test holds them against it.

Of every target that there is, the newest result counts. `benchmarks/results/README.md` has every figure with a limit (`edgeenh_bench.results_page`); what
only informs stays in its file. README has the comparison of backends (target `latency`) and of each target all that is missed, or else the figure nearest its limit.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeenh_bench.result import BUSY
from edgeenh_bench.targets import TARGETS

BEGIN, END = "<!-- results: made by `make results` -->", "<!-- /results -->"
_NAME = re.compile(r"(\d{4}-\d\d-\d\d)-([a-z0-9-]+?)-(?:amd|intel|arm|apple|nvidia)[a-z0-9-]*\.json")

Json = Mapping[str, Any]


def newest(folder: Path) -> dict[str, Path]:
    """What was asked for, such as `fp16-precision --model xray-n` → its newest result; of one day, the last by name."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.json")):
        if (match := _NAME.fullmatch(path.name)) and (asked := _asked(match[2])):
            found[asked] = path
    return dict(sorted(found.items()))


def _asked(name: str) -> str | None:
    """The target's name, with the model that another name than the target's ends in; None where there is no such target."""
    if name in TARGETS:
        return name
    target = max((target for target in TARGETS if name.startswith(f"{target}-")), key=len, default=None)
    return target and f"{target} --model {name[len(target) + 1 :]}"


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
            psnr = "identical" if row["identical"] else _number(row["psnr_db"])
            times = [_number(row["latency_ms"][key]) for key in ("p50", "p90")]
            rest = [_number(row[key]) for key in ("throughput_fps", "load_ms", "first_frame_ms")]
            cells = [
                row["backend"],
                row["precision"],
                *times,
                *rest,
                psnr,
                _number(row["max_abs"]),
                _number(row["rss_mb"]),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def where(command: str, result: Json) -> str:
    """What was run, on what and when, and how busy the machine was if it was."""
    cpu = result["environment"]["cpu"]
    simd = "AVX-512" if "avx512f" in cpu["flags"] else "AVX2" if "avx2" in cpu["flags"] else "no AVX2"
    busy = result.get("cpu_share_of_other_programs") or 0.0
    where = f"`{command}`, {cpu['model']} ({cpu['cores_allowed']} cores, {simd}), {result['created'][:10]}"
    return where + (f"; other programs used {busy:.0%}" if busy > BUSY else "")


def nearest(figures: Sequence[Json]) -> list[tuple[Json, int]]:
    """Of one target's figures those that are missed, or else the one nearest its limit; with each how many more hold."""
    missed = [figure for figure in figures if not figure["passed"]]
    if missed:
        return [(figure, 0 if at else len(figures) - len(missed)) for at, figure in enumerate(missed)]
    return [(min(figures, key=_headroom), len(figures) - 1)] if figures else []


def _headroom(figure: Json) -> float:
    """How far a figure that holds is from its nearer limit, in parts of the limit.

    Farthest are limits of 0, and counts at their limit (none lost, 100 of 100): these could not be better, and tell least.
    """
    limits = [limit for limit in (figure["at_least"], figure["at_most"]) if limit not in (None, 0.0, figure["value"])]
    return min((abs(figure["value"] - limit) / abs(limit) for limit in limits), default=math.inf)


def table(folder: Path, choose: Callable[[Sequence[Json]], Sequence[tuple[Json, int]]]) -> str:
    """The figures that `choose` takes of each target's as Markdown; each row names the command, the machine and the day."""
    lines = [
        "| figure | measured | limit | | `python -m edgeenh_bench.targets …`, machine, day |",
        "|---|---|---|---|---|",
    ]
    for target, path in newest(folder).items():
        result = json.loads(path.read_text(encoding="utf-8"))
        figures = [figure for figure in result["figures"] if figure["passed"] is not None]
        lines += [_row(figure, more, where(target, result)) for figure, more in choose(figures)]
    return "\n".join(lines)


def _row(figure: Json, more: int, where: str) -> str:
    limits = [
        f"{word} {_number(figure[key])}"
        for word, key in (("≥", "at_least"), ("≤", "at_most"))
        if figure[key] is not None
    ]
    unit = f" {figure['unit']}" if figure["unit"] else ""
    verdict = "holds" if figure["passed"] else "**missed**"
    verdict += f"; {more} more hold" if more else ""
    return f"| {figure['name']} | {_number(figure['value'])}{unit} | {', '.join(limits)} | {verdict} | {where} |"


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "none"
    return f"{value:.0f}" if value == round(value) else f"{value:.3g}"


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
    from edgeenh_bench.results_page import page_of

    results, readme = map(Path, arguments)
    (results / "README.md").write_text(page_of(results), encoding="utf-8")
    readme.write_text(with_table(readme.read_text(encoding="utf-8"), made_of(results)), encoding="utf-8")
    print(f"{readme}: {len(newest(results))} targets")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
