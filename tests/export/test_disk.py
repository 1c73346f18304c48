"""The end of a disk, and two exports at once, for real: whole commands on a small file system, and side by side."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgeenh.bundle import Bundle

EXPORT = [sys.executable, "-m", "edgeenh.cli", "export"]
SMALL = ["--fp16", "--size", "64x48"]


def environment(tmp_path: Path) -> dict[str, str]:
    """A child's: it finds the packages where this process finds them, and remembers nothing of other tests."""
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": paths, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def on_small_disk(disk: Path, size: int, script: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a shell script with a file system of `size` bytes mounted at `disk`, in a mount namespace of its own."""
    mount = f"mount -t tmpfs -o size={size} tmpfs {shlex.quote(str(disk))}"
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", f"{mount} && {script}"]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def disk(tmp_path) -> Path:
    """Where a small disk can be mounted; skips where this system lets nobody mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        tried = on_small_disk(place, 1 << 20, "true", dict(os.environ))
    except FileNotFoundError:
        pytest.skip("there is no unshare(1) here")
    if tried.returncode:
        pytest.skip(f"no file system can be mounted here: {tried.stderr.strip()}")
    return place


@pytest.mark.parametrize("plan", ["off", "rtx"])
def test_a_disk_that_fills_up_leaves_the_older_bundle_and_nothing_else(exported, checkpoint, disk, tmp_path, plan):
    """Also while a plan is built: temporary files and the cache are on the full disk too."""
    if plan == "rtx" and find_spec("tensorrt_rtx") is None:
        pytest.skip("needs tensorrt-rtx")
    older = exported.bundle.path
    words = [*EXPORT, checkpoint, *SMALL, "--tensorrt", plan, "--out", disk / "m.edgeenh"]
    shown = f"sha256sum < {disk}/m.edgeenh; ls -A {disk} {disk}/tmp"
    script = (
        f"mkdir {disk}/tmp && cp {older} {disk}/m.edgeenh && TMPDIR={disk}/tmp XDG_CACHE_HOME={disk}/cache "
        f"{shlex.join(map(str, words))}; code=$?; {shown}; exit $code"
    )
    done = on_small_disk(disk, older.stat().st_size + (64 << 10), script, environment(tmp_path))
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, last) == (
        1,
        f"edgeenh: no space left to write {disk}/m.edgeenh: free some space there, or choose another place",
    )
    digest, *names = done.stdout.split()
    assert digest == exported.bundle.sha256
    assert names == ["-", f"{disk}:", "cache", "m.edgeenh", "tmp", f"{disk}/tmp:"]


def test_two_exports_into_one_place_at_once_leave_one_whole_bundle(
    checkpoint, make_checkpoint, make_generator, tmp_path
):
    """Of two models, so that a mixture of both would not verify."""
    out = tmp_path / "out" / "m.edgeenh"
    other = make_checkpoint(make_generator(head=0.2), name="other-n", version=9)
    pipe = subprocess.PIPE
    words = [*SMALL, "--tensorrt", "off", "--out", str(out), "--json", "-"]
    started = [
        subprocess.Popen([*EXPORT, str(model), *words], env=environment(tmp_path), stdout=pipe, stderr=pipe, text=True)
        for model in (checkpoint, other)
    ]
    written = {}
    for process in started:
        shown, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        document = json.loads(shown)["bundle"]
        written[document["sha256"]] = document["id"]
    assert sorted(written.values()) == ["other-n", "toy-n"]
    bundle = Bundle.open(out)
    assert written[bundle.sha256] == bundle.manifest.id
    assert list(out.parent.iterdir()) == [out]


def test_a_clock_set_back_changes_the_date_alone(exported, checkpoint, tmp_path):
    """The manifest carries the wrong date, and nothing decides by it: the bundle verifies and is not called up to date."""
    from datetime import UTC, datetime

    from edgeenh_export.pipeline import export

    then = datetime(1971, 1, 1, tzinfo=UTC)
    report = export(checkpoint, tmp_path / "m.edgeenh", tensorrt="off", now=then)
    assert Bundle.open(report.bundle.path).manifest.created == "1971-01-01T00:00:00Z"
    for precision in ("fp32", "fp16"):
        assert report.bundle.model(precision).onnx == exported.bundle.model(precision).onnx
