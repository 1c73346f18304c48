"""Ways of training, side by side behind one small interface (`edgeenh_train.methods.base.Method`), all run by the same loop.

Ours: `unpaired`, `paired`. Rivals, re-implemented from their papers: `cyclegan`, `uegan`, `dncnn`. Methods that need no training live
in `edgeenh_train.evaluate.levels`.
"""

from edgeenh_train.config import TrainConfig
from edgeenh_train.methods.base import Batch, Method
from edgeenh_train.methods.cyclegan import CycleGan
from edgeenh_train.methods.dncnn import DnCnnMethod
from edgeenh_train.methods.paired import Paired
from edgeenh_train.methods.uegan import Uegan
from edgeenh_train.methods.unpaired import Unpaired

METHODS: dict[str, type[Method]] = {
    "unpaired": Unpaired, "paired": Paired, "cyclegan": CycleGan, "uegan": Uegan, "dncnn": DnCnnMethod,
}  # fmt: skip
"""By name, as `--method` takes them."""


def needs_of(config: TrainConfig) -> frozenset[str]:
    """Names of the `Batch` fields that a configuration's method uses."""
    return METHODS[config.method].needs(config)


__all__ = ["METHODS", "Batch", "Method", "needs_of"]
