"""The checkpoint that ships with the package; how it was made stands in the model card beside it. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).parent / "checkpoints" / "dental-n.safetensors"
