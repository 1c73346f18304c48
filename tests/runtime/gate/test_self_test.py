import numpy as np
import pytest

from edgeenh.gate import self_test
from edgeenh.gate.self_test import colour_patches, every_value
from edgeenh.pixels import GREY, RGB

SIZE = (48, 64)


def capped(image, strength):
    """A model that uses its whole cap of 0.6 to make everything grey: the hardest case that is still right."""
    change = np.clip(127.5 - image.astype(float), -0.6 * 255, 0.6 * 255)
    return np.rint(image + strength * change).astype(np.uint8)


def faults(enhance, size=SIZE, pixels=RGB):
    return self_test(enhance, pixels, size, 0.6).faults


@pytest.mark.parametrize("size", [(16, 16), (48, 64), (37, 53)])
def test_a_right_engine_has_no_fault_whatever_it_does_to_the_tone(size):
    found = self_test(capped, RGB, size, 0.6)
    assert (found.faults, found.repeat_max_abs) == ((), 0)


def test_swapped_channels_are_found_twice():
    identity, *patches = faults(lambda image, strength: np.ascontiguousarray(capped(image, strength)[..., ::-1]))
    assert "strength 0 changes" in identity
    assert [line.split(" patch")[0] for line in patches if "patch" in line] == ["a red", "a blue"]


def test_channels_swapped_only_where_the_model_works_are_found_by_the_patches_alone():
    def swapped_change(image, strength):
        return image if strength == 0 else np.ascontiguousarray(capped(image, strength)[..., ::-1])

    assert all("patch comes back as RGB" in line for line in faults(swapped_change))
    assert len(faults(swapped_change)) == 2


@pytest.mark.parametrize("step", [(1, 0), (0, 1)])
def test_moved_pixels_are_found_at_strength_0(step):
    assert "strength 0 changes" in faults(lambda image, strength: np.roll(image, step, (0, 1)))[0]


def test_a_stale_engine_is_found():
    last = []

    def stale(image, strength):
        last.append(capped(image, strength))
        return last[max(0, len(last) - 2)]

    assert any("strength 0 changes" in line for line in faults(stale))


def test_a_constant_engine_is_found():
    found = faults(lambda image, strength: np.full_like(image, 7))
    assert any("strength 0" in line for line in found)
    assert any("patch" in line for line in found)


def test_one_value_that_comes_back_changed_is_found():
    wrong = faults(lambda image, strength: np.where(image == 200, 201, image).astype(np.uint8))
    assert wrong[0].startswith("strength 0 changes 36 values (first at x=7, y=3, B)")


def test_another_shape_is_a_fault_and_no_crash():
    assert "comes back as" in faults(lambda image, strength: image[:8])[0]


@pytest.mark.parametrize(("noise", "fails"), [(1, False), (2, True)])
def test_an_engine_that_does_not_repeat_itself_is_stated_and_beyond_a_step_refused(noise, fails):
    calls = iter(range(9))

    def restless(image, strength):
        return (
            image
            if strength == 0
            else np.clip(capped(image, strength) + noise * (next(calls) % 2), 0, 255).astype(np.uint8)
        )

    found = self_test(restless, RGB, SIZE, 0.6)
    assert found.repeat_max_abs == noise
    assert bool(found.faults) is fails


@pytest.mark.parametrize("size", [(256, 256), (48, 64), (384, 512)])
def test_every_16_bit_value_of_grey_is_tried(size):
    pictures = list(every_value(size, GREY))
    assert {picture.shape for picture in pictures} == {(*size, 1)}
    assert len(np.unique(np.concatenate([picture.reshape(-1) for picture in pictures]))) == 65536


def test_one_changed_grey_value_is_found():
    wrong = faults(lambda image, strength: np.where(image == 40_000, 40_001, image).astype(np.uint16), (256, 256), GREY)
    assert "changes 1 values (first at x=64, y=156)" in wrong[0]


def test_every_8_bit_value_is_in_every_channel():
    (picture,) = every_value(SIZE, RGB)
    assert all(len(np.unique(picture[..., channel])) == 256 for channel in range(3))


def test_patches_are_a_third_each():
    assert (
        colour_patches((4, 9)).reshape(-1, 3)[:9].tolist() == [[255, 0, 0]] * 3 + [[0, 255, 0]] * 3 + [[0, 0, 255]] * 3
    )
