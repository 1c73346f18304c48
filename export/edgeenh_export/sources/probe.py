"""Running a model from elsewhere as it is, on ONNX Runtime's CPU provider, to find out what it does."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from onnx import ModelProto

from edgeenh.backends.contract import one_line
from edgeenh.backends.libraries import import_onnxruntime
from edgeenh.errors import InputError


class DoesNotRunError(Exception):
    """The library refuses this model, or this input; the message is the library's, in one line."""


class Probe:
    """A model in ONNX Runtime, with the names of its tensors as it has them.

    Args:
        model: One input.
        threads: CPU threads.

    Raises:
        InputError: ONNX Runtime cannot load it.
    """

    def __init__(self, model: ModelProto, threads: int) -> None:
        onnxruntime = import_onnxruntime()
        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 4  # what goes wrong is raised
        settings.intra_op_num_threads = threads
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
            )
        except Exception as exc:  # the library has no common base for its errors
            raise InputError(
                f"ONNX Runtime cannot load the model ({one_line(exc)[:300]}): export it again with its own tool"
            ) from exc
        self.outputs = tuple(output.name for output in self._session.get_outputs())
        self._input = self._session.get_inputs()[0].name

    def run(self, batch: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """What every output is for an input.

        Raises:
            DoesNotRunError: The library refuses it, e.g. because of its size.
        """
        try:
            results = self._session.run(list(self.outputs), {self._input: batch})
        except Exception as exc:
            raise DoesNotRunError(one_line(exc)[:300]) from exc
        return dict(zip(self.outputs, results, strict=True))
