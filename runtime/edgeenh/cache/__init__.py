"""The station's cache: what can be made again, kept under the station's own key, so that nobody can plant anything in it."""

from __future__ import annotations

from edgeenh.cache.entries import Entry
from edgeenh.cache.store import LIMIT_BYTES, Cache, Key
from edgeenh.cache.why import Change, Reason, reasons

__all__ = ["LIMIT_BYTES", "Cache", "Change", "Entry", "Key", "Reason", "reasons"]
