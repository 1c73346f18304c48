"""Bundles in the forms that model servers read: a Triton model repository, and OpenVINO's IR."""

from __future__ import annotations
