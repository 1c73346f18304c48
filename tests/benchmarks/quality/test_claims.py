import pytest

from edgeenh.errors import InputError
from edgeenh_bench.quality.claims import OURS, TWIN, judge, markdown

UEGAN_MACS = 130_000.0
PSNR = {
    OURS: 23.0,
    TWIN: 24.0,
    "CycleGAN": 20.0,
    "UEGAN": 21.0,
    "DnCNN noise": 13.0,
    "DnCNN pairs": 21.0,
    "levels": 19.0,
    "input": 12.0,
}


def table(psnr: dict[str, float], macs: float = 400.0, **failures: str) -> dict[str, object]:
    rows = [
        {
            "name": name,
            "failure": failures.get(name, ""),
            "facts": {"trained": name not in ("levels", "input"), "macs_per_pixel": macs},
            "summary": {"psnr_db": {"mean": value}, "ssim": {"mean": value / 30}, "delta_e_2000": {"mean": 30 - value}},
        }
        for name, value in psnr.items()
    ]
    differences = {
        n: {"psnr_db": {"mean": psnr[OURS] - v, "half_width_95": 0.3}} for n, v in psnr.items() if OURS in psnr
    }
    return {"name": "test", "rows": rows, "differences": differences}


def test_all_claims_hold_where_the_figures_say_so():
    assert [claim.holds for claim in judge(table(PSNR), UEGAN_MACS)] == [True] * 9


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("CycleGAN", 20.6, 0),
        ("UEGAN", 23.1, 1),
        ("DnCNN noise", 21.3, 2),
        ("DnCNN pairs", 21.3, 3),
        ("levels", 20.1, 4),
        (TWIN, 24.6, 5),
    ],
)
def test_a_claim_that_is_missed_says_so(name, value, number):
    claim = judge(table(PSNR | {name: value}), UEGAN_MACS)[number]
    assert claim.holds is False
    assert name in claim.text
    assert "missed" in markdown([claim])


def test_a_better_rival_and_a_dear_network_are_seen():
    assert [c.holds for c in judge(table(PSNR | {"UEGAN": 23.5}), UEGAN_MACS)[6:8]] == [False, False]
    assert judge(table(PSNR, macs=5_000.0), UEGAN_MACS)[-1].holds is False


def test_a_missing_row_is_not_judged_and_never_holds():
    without = {name: value for name, value in PSNR.items() if name != "CycleGAN"}
    claim = judge(table(without), UEGAN_MACS)[0]
    assert claim.holds is None
    assert "not judged" in markdown([claim])


def test_without_a_row_of_ours_there_is_nothing_to_judge():
    with pytest.raises(InputError, match="n unpaired"):
        judge(table({"input": 12.0}), UEGAN_MACS)
