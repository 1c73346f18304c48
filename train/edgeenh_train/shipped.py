"""The checkpoint that ships with the package; how it was made stands in the model card beside it. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "checkpoints"
SHIPPED = FOLDER / "dental-n.safetensors"

WITHOUT_SEAL = frozenset(
    {
        "474461efb7da21d95e51eb89b5ed532ae631cbb0049ef1a964e04cf5f06b2a3a",  # dental-n 3
        "63097cb086cc0409d8878cb82182fc2af73d4918d4e9c47f59ba05573c7b4f98",  # xray-n 1
    }
)
"""SHA-256 of the checkpoints here that are older than seals (`edgeenh_train.seal`): known to be whole by this instead."""
