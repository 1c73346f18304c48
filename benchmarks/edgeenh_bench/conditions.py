"""Under which conditions something was measured: other programs' share of the CPU, clocks before and after, variables that set threads."""

from __future__ import annotations

import os
from typing import Any

from edgeenh_bench.clocks import clocks, variables
from edgeenh_bench.other_load import OtherLoad


class Conditions:
    """Watched from construction on; part of every result."""

    def __init__(self) -> None:
        self._load, self._before = OtherLoad(), clocks()

    def to_json(self) -> dict[str, Any]:
        """JSON values: `cpu_share_of_other_programs` (0…1) since construction, `clocks` then and now (`clocks.clocks`), `variables`."""
        return {
            "cpu_share_of_other_programs": round(self._load.share(), 3),
            "clocks": {"before": self._before, "after": clocks()},
            "variables": variables(os.environ),
        }
