from __future__ import annotations

import pytest

from edgeenh.backends import tensorrt_build
from edgeenh.errors import BackendUnavailable, JobFailed, MissingExtra, UsageError
from edgeenh_export.engines import build_plans, plan_profile, require_flavour
from edgeenh_export.options import bounds

FIXED = bounds([(64, 48)])


def test_a_plan_of_tensorrt_rtx_is_built_without_a_gpu(fixed_graphs):
    pytest.importorskip("tensorrt_rtx")
    built = build_plans("rtx", fixed_graphs["fp16"], "fp16", "toy", FIXED)
    (plan,) = built.plans
    assert built.reason == ""
    assert plan.engine.file == f"engines/tensorrt_rtx-{plan.engine.version}-fp16.plan"
    assert plan.engine.profile.min == plan.engine.profile.max == (64, 48)
    assert plan.warnings == ()
    assert len(plan.data) > 100_000


def test_a_dynamic_plan_is_bounded_by_the_sizes_that_were_asked_for():
    assert plan_profile(bounds([])).max == (3840, 2160)
    profile = plan_profile(bounds([(640, 480), (320, 720)]))
    assert (profile.min, profile.opt, profile.max) == ((320, 480), (640, 480), (640, 720))


def test_off_builds_nothing_and_says_so():
    assert build_plans("off", b"", "fp16", "toy", FIXED).reason == "switched off with --tensorrt off"


def test_auto_without_a_flavour_gives_the_reason_and_rtx_raises(monkeypatch):
    def missing(name):
        raise MissingExtra("TensorRT", "tensorrt-rtx")

    monkeypatch.setattr(tensorrt_build, "load_flavour", missing)
    built = build_plans("auto", b"", "fp16", "toy", FIXED)
    assert built.plans == ()
    assert "pip install 'edgeenh[tensorrt-rtx]'" in built.reason
    with pytest.raises(BackendUnavailable):
        build_plans("rtx", b"", "fp16", "toy", FIXED)


def test_a_builder_that_gives_up_is_a_reason_for_auto_and_an_error_for_rtx(monkeypatch, fixed_graphs):
    pytest.importorskip("tensorrt_rtx")

    def give_up(*args, **kwargs):
        raise JobFailed("out of memory")

    monkeypatch.setattr(tensorrt_build, "build_plan", give_up)
    assert build_plans("auto", fixed_graphs["fp16"], "fp16", "toy", FIXED).reason == "out of memory"
    with pytest.raises(JobFailed, match="out of memory"):
        build_plans("rtx", fixed_graphs["fp16"], "fp16", "toy", FIXED)


def test_a_plan_for_named_gpus_says_so_in_the_manifest_and_unknown_ones_are_refused_at_once(fixed_graphs):
    pytest.importorskip("tensorrt_rtx")
    built = build_plans("rtx", fixed_graphs["fp16"], "fp16", "toy", FIXED, compute_capabilities=("8.6", "8.9"))
    assert built.plans[0].engine.compute_capabilities == ("8.6", "8.9")
    with pytest.raises(UsageError, match=r"compute capability 9\.0: choose among"):
        require_flavour("auto", ("9.0",))
