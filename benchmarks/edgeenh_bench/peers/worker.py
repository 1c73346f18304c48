"""The process of one row of the peers' comparison: `edgeenh_bench.worker` with peers for backends, too."""

from __future__ import annotations

from edgeenh.environment import cores_allowed
from edgeenh_bench import worker
from edgeenh_bench.peers.catalogue import BY_NAME
from edgeenh_bench.peers.sessions import Wanted, open_peer


class PeerWorker(worker.Worker):
    """Opens a peer where the request's `backend` is one."""

    def open(self) -> worker.Answer:
        """As `Worker.open`."""
        name = self._request["backend"]
        if name not in BY_NAME:
            return super().open()
        onnx = self._open_bundle().model("fp32").onnx
        height, width = self._shape[:2]
        wanted = Wanted(name, onnx, (width, height), self._request["threads"] or cores_allowed())
        return self._load(lambda: open_peer(wanted), (height, width), 1)


if __name__ == "__main__":
    worker.main(PeerWorker)
