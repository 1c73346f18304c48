"""README's table of measured figures, made from `benchmarks/results/`: `make results` writes it, and a test holds README against it.

Of every target the newest result counts. A row is a figure that has a limit; what only informs stays in the file.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- results: made by `make results` -->", "<!-- /results -->"
_NAME = re.compile(r"(\d{4}-\d\d-\d\d)-([a-z0-9-]+?)-(?:amd|intel|arm|apple|nvidia)[a-z0-9-]*\.json")

Json = Mapping[str, Any]


def newest(folder: Path) -> dict[str, Path]:
    """Target → its newest result; of one day, the last by name."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.json")):
        if match := _NAME.fullmatch(path.name):
            found[match[2]] = path
    return dict(sorted(found.items()))


def table(folder: Path) -> str:
    """The table as Markdown; each row names the command, the machine and the day."""
    lines = [
        "| figure | measured | limit | | `python -m edgeenh_bench.targets …`, machine, day |",
        "|---|---|---|---|---|",
    ]
    for target, path in newest(folder).items():
        result = json.loads(path.read_text(encoding="utf-8"))
        cpu = result["environment"]["cpu"]
        simd = "AVX-512" if "avx512f" in cpu["flags"] else "AVX2" if "avx2" in cpu["flags"] else "no AVX2"
        busy = result.get("cpu_share_of_other_programs") or 0.0
        where = f"`{target}`, {cpu['model']} ({cpu['cores_allowed']} cores, {simd}), {result['created'][:10]}"
        where += f"; other programs used {busy:.0%}" if busy > 0.10 else ""
        lines += [_row(figure, where) for figure in result["figures"] if figure["passed"] is not None]
    return "\n".join(lines)


def _row(figure: Json, where: str) -> str:
    limits = [
        f"{word} {_number(figure[key])}"
        for word, key in (("≥", "at_least"), ("≤", "at_most"))
        if figure[key] is not None
    ]
    unit = f" {figure['unit']}" if figure["unit"] else ""
    verdict = "holds" if figure["passed"] else "**missed**"
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
    """`python -m edgeenh_bench.readme_table RESULTS README.md`: write the table into the README."""
    results, readme = map(Path, arguments)
    readme.write_text(with_table(readme.read_text(encoding="utf-8"), table(results)), encoding="utf-8")
    print(f"{readme}: {len(newest(results))} targets")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
