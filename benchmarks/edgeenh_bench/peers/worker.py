"""The process of one row of the peers' comparison: `edgeenh_bench.worker` with peers for backends, too."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from edgeenh.bundle import Bundle
from edgeenh.environment import cores_allowed
from edgeenh.padding import padded_size
from edgeenh_bench import worker
from edgeenh_bench.measure import time_run
from edgeenh_bench.memory import forget_peak_memory, resident_memory_mb
from edgeenh_bench.padded_session import PaddedSession
from edgeenh_bench.peers.catalogue import BY_NAME
from edgeenh_bench.peers.sessions import Wanted, open_peer


class PeerWorker(worker.Worker):
    """Opens a peer where the request's `backend` is one."""

    def open(self) -> worker.Answer:
        """As `Worker.open`."""
        request = self._request
        if request["backend"] not in BY_NAME:
            return super().open()
        bundle = Bundle.open(Path(request["bundle"]))
        self._cap = bundle.manifest.generator.cap
        onnx = bundle.model("fp32").onnx
        forget_peak_memory()
        self._memory_before_mb = resident_memory_mb()
        started = self._now_ns()
        whole = (request["height"], request["width"])
        # OpenCV takes any size; networks get what ours gets: the frame padded to the multiple, cropped after
        multiple = 1 if request["backend"] == "opencv" else bundle.manifest.generator.size_multiple
        height, width = padded_size(*whole, multiple)
        size = (width, height)
        session = open_peer(Wanted(request["backend"], onnx, size, request["threads"] or cores_allowed()))
        load_ms = (self._now_ns() - started) / 1e6
        self._sessions = [session if (height, width) == whole else PaddedSession(session, self._out, height, width)]
        first_frame_ms = time_run(self._run, 0, self._now_ns)
        return {"load_ms": load_ms, "first_frame_ms": first_frame_ms, "info": asdict(session.info)}


if __name__ == "__main__":
    worker.main(PeerWorker)
