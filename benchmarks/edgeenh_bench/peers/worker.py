"""The process of one row of the peers' comparison: `edgeenh_bench.worker` with peers for backends, too."""

from __future__ import annotations

from edgeenh.environment import cores_allowed
from edgeenh.padding import padded_size
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
        bundle = self._open_bundle()
        onnx = bundle.model("fp32").onnx
        # networks get what ours gets, the frame padded to a multiple, and cropped after: of their own where they need more
        multiple = BY_NAME[name].multiple or bundle.manifest.generator.size_multiple
        height, width = padded_size(*self._shape[:2], multiple)
        wanted = Wanted(
            name,
            onnx,
            (width, height),
            self._request["threads"] or cores_allowed(),
            bundle.manifest.training.checkpoint_sha256,
        )
        return self._load(lambda: open_peer(wanted), (height, width), 1)


if __name__ == "__main__":
    worker.main(PeerWorker)
