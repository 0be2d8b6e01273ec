"""Which treatments are pooled, known before anything is sampled, and the fits that pool them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from studies import Registry, UnknownWordError
from studies.vocabulary import Treatment
from synthesis.cli.running import InputError, Tell

if TYPE_CHECKING:
    from priors import Priors
    from synthesis.estimands import Fit
    from synthesis.settings import Settings


def pooled_treatments(
    registry: Registry,
    endpoints: Sequence[str],
    *,
    verified_only: bool = False,
    background: bool = False,
) -> dict[str, frozenset[str]]:
    """Treatments with a counted cohort, by endpoint.

    Parameters
    ----------
    registry : Registry
    endpoints : sequence of str
    verified_only : bool
        Count only figures that were seen in the report itself.
    background : bool
        Also groups of various treatments, which nothing can be compared with.
    """
    from studies.selection import select

    return {
        endpoint: frozenset(
            ref.treatment
            for ref in select(registry, endpoint, verified_only=verified_only).counted
            if background or ref.role != "mixed"
        )
        for endpoint in endpoints
    }


def require_pooled(
    registry: Registry, name: str, pooled: Mapping[str, Collection[str]]
) -> Treatment:
    """Return a treatment that is pooled for one endpoint at least.

    Parameters
    ----------
    registry : Registry
    name : str
        Any name of a treatment.
    pooled : mapping
        From :func:`pooled_treatments`.

    Raises
    ------
    InputError
        For a word that names no treatment, or one that is not pooled; names what is.
    """
    every = sorted(set().union(*pooled.values()))
    possible = f"ossible for {', '.join(pooled)}: {', '.join(every) or 'none'}."
    try:
        found = registry.vocabulary.treatment(name)
    except UnknownWordError as error:
        hint = f"{str(error).rstrip('?')}{'?' if error.suggestion else '.'}"
        raise InputError(f"{hint} P{possible}") from None
    if found.id not in every:
        raise InputError(f"no cohort of {found.id} is pooled; p{possible}")
    return found


def keep_pooling(
    registry: Registry, endpoints: Sequence[str], name: str, *, verified_only: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Endpoints that pool a treatment, and a sentence on each of the others.

    Raises
    ------
    InputError
        Where none does; names the treatments that are pooled.
    """
    pooled = pooled_treatments(registry, endpoints, verified_only=verified_only)
    found = require_pooled(registry, name, pooled)
    kept = tuple(endpoint for endpoint in endpoints if found.id in pooled[endpoint])
    return kept, tuple(
        f"No cohort of {found.id} is pooled for {endpoint}, which is left out."
        for endpoint in endpoints
        if endpoint not in kept
    )


def fit_pooled(
    registry: Registry, settings: Settings, priors: Priors | None, tell: Tell, *, cache: bool
) -> dict[str, Fit]:
    """Fit the endpoints of the settings.

    Raises
    ------
    InputError
        Where nothing can be pooled for one of them.
    """
    from synthesis.fits import NothingToPoolError
    from synthesis.run import fit_endpoints

    try:
        return fit_endpoints(registry, settings, priors=priors, progress=tell, cache=cache)[0]
    except NothingToPoolError as error:
        raise InputError(str(error)) from None
