"""The one place where pydicom comes in: quiet, and with its absence said in our words."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from edgeenh.errors import MissingExtra


def load_pydicom() -> Any:
    """The module `pydicom`.

    Raises:
        MissingExtra: It is not installed.
    """
    if find_spec("pydicom") is None:
        raise MissingExtra("DICOM", "dicom")
    import pydicom

    return pydicom


def load_pynetdicom() -> Any:
    """The module `pynetdicom`.

    Raises:
        MissingExtra: It is not installed.
    """
    load_pydicom()
    if find_spec("pynetdicom") is None:
        raise MissingExtra("DICOM over the network", "dicom")
    import pynetdicom

    return pynetdicom


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings from pydicom: files in the field break rules all the time, and what matters to us raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
