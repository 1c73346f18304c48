"""A Ray cluster of two machines on this one, and a hook into what its workers do."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeenh.pictures import write_picture

HOOK = """
    # Every Python process of the cluster imports this; only workers call Workshop.enhance.
    import os, pathlib, signal
    import edgeenh.bulk.enhancing as enhancing

    original = enhancing.Workshop.enhance
    folder = pathlib.Path(__file__).parent

    def enhance(self, item, data):
        if item.source.name.startswith("poison"):
            os.kill(os.getpid(), signal.SIGKILL)
        if item.source.name.startswith("wait") and os.environ.get("EDGEENH_TEST_NODE") == "doomed":
            with open(folder / "begun", "w") as begun:  # a pipe: waits until the test reads
                begun.write("begun")
            signal.pause()
        if item.source.name.startswith("wait") and not (folder / "dead").exists():
            with open(folder / "go") as go:  # a pipe: waits until the test closes it
                go.read()
        return original(self, item, data)

    enhancing.Workshop.enhance = enhance
"""


@pytest.fixture(scope="session")
def hook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH with the hook."""
    folder = tmp_path_factory.mktemp("hook")
    (folder / "sitecustomize.py").write_text(textwrap.dedent(HOOK))
    return folder


@pytest.fixture(scope="module")
def cluster(hook: Path) -> Iterator[Any]:
    """A head with one core, which this process is connected to, and room for more machines."""
    pytest.importorskip("ray", reason="ray is not installed (extra cluster)")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(hook))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        made.add_node(num_cpus=1)
        made.wait_for_nodes()
        yield made
        made.shutdown()


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[..., Path]:
    """pictures(*names) → a folder with a small colour picture under each name, no two alike."""

    def make(*names: str) -> Path:
        folder = tmp_path / "in"
        for number, name in enumerate(names):
            image = np.random.default_rng(number).integers(0, 256, (48, 64, 3), dtype=np.uint8)
            write_picture(folder / name, image)
        return folder

    return make
