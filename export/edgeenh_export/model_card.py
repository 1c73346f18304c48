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
    beside = checkpoint.with_suffix(".md")
    try:
        return beside.read_text("utf-8").encode("utf-8")
    except FileNotFoundError:
        return _made(info).encode("utf-8")
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
