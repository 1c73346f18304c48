"""The rivals' rows: each network gets frames of a size that it takes."""

from __future__ import annotations

import pytest

from edgeenh_bench.peers.catalogue import BY_NAME
from edgeenh_bench.peers.sessions import Wanted, open_peer
from edgeenh_train.networks import SIZE_MULTIPLE
from edgeenh_train.networks.rivals import resnet9, uegan

NEEDS = {"seed": SIZE_MULTIPLE, "uegan": uegan.SIZE_MULTIPLE, "cyclegan": resnet9.SIZE_MULTIPLE, "dncnn": 1}


@pytest.mark.parametrize(("name", "needed"), NEEDS.items())
def test_a_row_pads_to_what_its_network_takes(name: str, needed: int) -> None:
    assert (BY_NAME[name].multiple or 1) % needed == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("default::torch.jit.TracerWarning")  # OpenVINO traces; that the size is fixed is meant
def test_uegan_opens_at_its_own_multiple() -> None:
    side = BY_NAME["uegan"].multiple or 0
    session = open_peer(Wanted("uegan", b"", (3 * side, 3 * side), 1, ""))
    session.close()
