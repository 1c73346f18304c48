import numpy as np
import pytest

from edgeenh.drift import Thresholds
from edgeenh.gate import judge
from edgeenh.gate.evidence import side_by_side, write_evidence
from edgeenh.pictures import read_picture


def test_what_is_not_finite_is_magenta():
    reference = np.full((2, 3, 3), 100, np.uint8)
    candidate = reference.astype(np.float32)
    candidate[1, 2, 0] = np.nan
    shown = side_by_side(reference, candidate, 255)
    assert shown[1, 2].tolist() == [100, 100, 100]
    assert shown[1, 5].tolist() == shown[1, 8].tolist() == [255, 0, 255]
    assert shown[0, 8].tolist() == [128, 128, 128]


def test_grey_of_16_bits_is_shown_on_8():
    reference = np.full((2, 3, 1), 257 * 100, np.uint16)
    shown = side_by_side(reference, reference + np.uint16(257), 65535)
    assert shown[0, [0, 3, 6], 0].tolist() == [100, 101, 148]


@pytest.mark.parametrize("name", ["molar", "../up", "a b/c"])
def test_the_file_stays_in_its_folder(tmp_path, name):
    picture = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    verdict = judge([(name, picture, picture ^ np.uint8(4))], Thresholds())
    path = write_evidence(verdict, tmp_path / "report", "fp16", 255)
    assert path.parent == tmp_path / "report"
    assert read_picture(path).shape == (20, 60, 3)


def test_there_is_nothing_to_show_of_pictures_of_two_shapes(tmp_path):
    picture = np.zeros((20, 20, 3), np.uint8)
    verdict = judge([("x", picture, picture[:10])], Thresholds())
    assert write_evidence(verdict, tmp_path, "fp16", 255) is None
