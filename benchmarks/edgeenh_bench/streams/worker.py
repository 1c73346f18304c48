"""The process of one row: opens one way, and brings the clip through it as often as it is asked.

`python -m edgeenh_bench.streams.worker` is started by `edgeenh_bench.streams.comparison`. Requests: `open`, `pass`.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edgeenh.bundle import Bundle
from edgeenh.environment import cores_allowed
from edgeenh.errors import IntegrityError
from edgeenh_bench import worker
from edgeenh_bench.measure import NowNs
from edgeenh_bench.streams.catalogue import BY_NAME, Pace
from edgeenh_bench.streams.passes import Pass, Recorder, run_loop, run_stream
from edgeenh_bench.streams.readers import READERS, run_inference_pipeline

Answer = worker.Answer


class StreamWorker:
    """One way and its clip.

    Args:
        request: The `open` request: `way`, `backend`, `bundle`, `bundle_sha256`, `source` (a video file), `width`, `height`, `frames` (how many it
            holds), `threads`.
        now_ns: Monotonic clock, for the load.
    """

    def __init__(self, request: Answer, now_ns: NowNs) -> None:
        self._request, self._now_ns = request, now_ns
        self._way = BY_NAME[request["way"]]
        self._path, self._size = Path(request["source"]), (request["width"], request["height"])
        self._threads = request["threads"] or cores_allowed()
        self._opened: Any = None

    def do(self, request: Answer) -> Answer:
        """Answer one request."""
        if request["do"] == "open":
            return self.open()
        return asdict(self._pass(Pace(**request["pace"])))

    def open(self) -> Answer:
        """Open the session, and say which it is and how long that took."""
        bundle = Bundle.open(Path(self._request["bundle"]))
        if bundle.sha256 != self._request["bundle_sha256"]:
            raise IntegrityError(f"{bundle.path} is another bundle than the one that was checked: run it again")
        began = self._now_ns()
        info = self._open_stream(bundle) if self._way.ours else self._open_session(bundle)
        return {"load_ms": (self._now_ns() - began) / 1e6, "info": asdict(info), "threads": self._threads}

    def close(self) -> None:
        """Give the session back."""
        if self._opened is not None:
            self._opened.close()

    def _open_stream(self, bundle: Bundle) -> Any:
        from edgeenh.containment.enhancer import ContainedEnhancer
        from edgeenh.enhancer import Enhancer

        kind = ContainedEnhancer if self._way.name == "edgeenh-contained" else Enhancer
        self._opened = kind(bundle, backend=self._request["backend"], precision="fp32", threads=self._threads)
        self._opened.prepare(self._size[1], self._size[0])
        return self._opened.info

    def _open_session(self, bundle: Bundle) -> Any:
        from edgeenh_bench.peers.sessions import Wanted, open_peer

        checkpoint, onnx = bundle.manifest.training.checkpoint_sha256, bundle.model("fp32").onnx
        wanted = Wanted(f"{self._request['backend']}-bare", onnx, self._size, self._threads, checkpoint)
        self._opened = open_peer(wanted)
        return self._opened.info

    def _pass(self, pace: Pace) -> Pass:
        recorder = Recorder(self._request["frames"], pace)
        if self._way.ours:
            from edgeenh.stream import Stream

            mode: Any = "live" if pace.fps else "offline"
            return run_stream(Stream(self._path, self._opened, mode=mode), recorder, pace.fps)
        out = np.empty((self._size[1], self._size[0], 3), np.uint8)

        def enhance(image: Any) -> None:
            self._opened.run(image, 1.0, out)

        if self._way.name == "inference":
            return self._pipeline(enhance, recorder)
        return run_loop(READERS[self._way.name](self._path, self._size), enhance, recorder)

    def _pipeline(self, enhance: Any, recorder: Recorder) -> Pass:
        def take(image: Any) -> None:
            recorder.seen.read += 1
            enhance(image)
            recorder.take(recorder.seen.read - 1)

        run_inference_pipeline(self._path, take)
        return recorder.end()


if __name__ == "__main__":
    worker.main(StreamWorker)
