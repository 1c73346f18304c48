"""The model card that travels with a bundle."""

from __future__ import annotations

from pathlib import Path

from edgeenh.errors import CheckpointError
from edgeenh_train.checkpoint import CheckpointInfo

NAME = "MODEL_CARD.md"


def model_card(checkpoint: Path, info: CheckpointInfo) -> bytes:
    """The card beside the checkpoint (`<stem>.md`), or one made from what the checkpoint says about itself.

    Raises:
        CheckpointError: There is a card and it cannot be read as UTF-8 text.
    """
    return _beside(checkpoint) or _made(info).encode("utf-8")


def foreign_card(path: Path, info: CheckpointInfo, contract: str) -> bytes:
    """The card beside a model from elsewhere (`<stem>.md`), or one made from what was found out.

    Args:
        path: The model's file.
        info: What the manifest says of it.
        contract: What it takes and gives, in a line.

    Raises:
        CheckpointError: As `model_card`.
    """
    return _beside(path) or _made_elsewhere(path, info, contract).encode("utf-8")


def _beside(path: Path) -> bytes:
    """The card beside a file; empty where there is none."""
    beside = path.with_suffix(".md")
    try:
        return beside.read_text("utf-8").encode("utf-8")
    except FileNotFoundError:
        return b""
    except (OSError, UnicodeDecodeError) as exc:
        raise CheckpointError(
            f"the model card {beside} cannot be read ({exc}): make it a UTF-8 text, or move it away"
        ) from exc


def _made(info: CheckpointInfo) -> str:
    return f"""# {info.name} {info.version}

Made from the checkpoint's own description; nobody has written a card for this model.

- Variant: `{info.variant}`; changes a pixel by at most {info.cap:.0%} of the full range.
- Trained on: {info.data}
- Licence of that data: {info.licence}
- Pictures of the low domain seen in training: {info.images_seen:,}
- SHA-256 of the checkpoint: `{info.sha256}`

## Intended use and limits

Shows a picture brighter and clearer to the eye, beside the original. Not a medical device: no diagnosis from enhanced
pictures alone. Its quality on pictures that differ from those it was trained on is unknown.
"""


def _made_elsewhere(path: Path, info: CheckpointInfo, contract: str) -> str:
    return f"""# {info.name} {info.version}

A model that was made elsewhere (`{path.name}`); nobody has written a card for it.

- Found out at export, and how: {contract}.
- Changes a pixel by at most {info.cap:.0%} of the full range.
- Trained on: {info.data}
- Licence: {info.licence}
- SHA-256 of the file: `{info.sha256}`

## Intended use and limits

Not known. It was proven that the graph gives what the model gives, not that what it gives is good, or true to its input:
judge it on pictures of your own, beside the original. Not a medical device.
"""
