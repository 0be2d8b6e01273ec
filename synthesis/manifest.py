"""What a run must tell so that it can be made again: versions, settings, priors, fits."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from priors import Priors
from synthesis.models import ResponseFit, SurvivalFit

_PACKAGES = ("atc-synthesis", "pymc", "nutpie", "arviz", "numpy", "pandas", "matplotlib")


def run_facts(
    settings: Mapping[str, Any], priors: Priors, fits: Mapping[str, SurvivalFit | ResponseFit]
) -> dict[str, Any]:
    """Facts of a run that do not depend on what it was for.

    Parameters
    ----------
    settings : mapping
        With a ``seed``.
    priors : Priors
    fits : mapping
        Name -> fit.

    Returns
    -------
    dict
        ``versions``, ``seed``, ``settings``, ``priors`` and ``fits``, ready for JSON.
    """
    return {
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES},
        "seed": settings["seed"],
        "settings": dict(settings),
        "priors": {
            "fingerprint": priors.fingerprint,
            "values": {name: prior.parameters for name, prior in priors.items()},
        },
        "fits": {
            name: {
                "verdict": fit.diagnosis.verdict,
                "sampler": asdict(fit.draws.settings),
                "seconds": dict(fit.draws.seconds),
                "from_cache": fit.draws.from_cache,
            }
            for name, fit in fits.items()
        },
    }
