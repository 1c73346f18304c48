"""A piece of a measurement in a process of its own, so that a library that crashes ends that piece and nothing else."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edgeenh_bench import worker
from edgeenh_bench.measure import NowNs
from edgeenh_bench.worker_process import WorkerProcess, module_command


class OwnProcess:
    """Calls functions of our modules in another process; a context manager that ends it in any case.

    Args:
        label: What messages call it.
        folder: Where its log goes; the caller removes it.
    """

    def __init__(self, label: str, folder: Path) -> None:
        self._worker = WorkerProcess(label, folder / f"{label}.log", module_command("edgeenh_bench.own_process"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.close()

    def call(self, function: str, timeout_s: float, **arguments: Any) -> Any:
        """Call `module:function` with arguments that JSON can carry; returns its result, which JSON carries back.

        Raises:
            WorkerError: It raised, crashed, or took longer than `timeout_s`.
        """
        return self._worker.ask({"do": "call", "function": function, "arguments": arguments}, timeout_s)["result"]


class _Caller:
    def __init__(self, request: worker.Answer, now_ns: NowNs) -> None:
        """Nothing is prepared."""

    def do(self, request: worker.Answer) -> worker.Answer:
        module, _, name = request["function"].partition(":")
        return {"result": getattr(importlib.import_module(module), name)(**request["arguments"])}

    def close(self) -> None:
        """Nothing is held."""


if __name__ == "__main__":
    worker.main(_Caller)
