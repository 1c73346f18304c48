"""What runs, as reports, metrics and people name it: the bundle, and the backend that was really in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.loading import AnyEnhancer


def model_json(enhancer: AnyEnhancer) -> dict[str, Any]:
    """The enhancer's bundle, as every JSON report names it."""
    return bundle_json(enhancer.bundle)


def bundle_json(bundle: Bundle) -> dict[str, Any]:
    """A bundle, as every JSON report names it."""
    return {"id": bundle.manifest.id, "version": bundle.manifest.version, "digest": bundle.sha256}


def backend_json(enhancer: AnyEnhancer) -> dict[str, Any] | None:
    """What really ran, as every JSON report names it; None when nothing was opened."""
    info = enhancer.info
    if info is None:
        return None
    return {
        "name": info.backend,
        "provider": info.provider,
        "precision": info.precision,
        "device": info.device,
        "version": info.version,
        "engine_digest": info.engine_sha256,
    }


def describe(enhancer: AnyEnhancer) -> str:
    """Model and backend in one line for people."""
    manifest, info = enhancer.bundle.manifest, enhancer.info
    name = f"{manifest.id} {manifest.version}"
    return (
        f"{name}, not opened"
        if info is None
        else f"{name} on {info.backend} {info.version} ({info.provider}, {info.device}, {info.precision})"
    )


def facts_of(enhancer: AnyEnhancer) -> dict[str, str]:
    """What runs, for the metric `edgeenh_info`."""
    from edgeenh import __version__

    manifest, info = enhancer.bundle.manifest, enhancer.info
    opened = {} if info is None else {"backend": info.backend, "precision": info.precision, "device": info.device}
    model = {"model": manifest.id, "model_version": str(manifest.version), "digest": enhancer.bundle.sha256}
    return {"version": __version__, **model, **opened}
