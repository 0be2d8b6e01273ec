"""The one place where a prior becomes a PyMC variable."""

from __future__ import annotations

from collections.abc import Mapping

import pymc as pm
from pytensor.tensor import TensorVariable

from priors import Prior


def realise(
    prior: Prior, name: str, data: Mapping[str, TensorVariable], *, dims: str | None = None
) -> TensorVariable:
    r"""Add a prior to the model in context.

    Location and scale are model data (``{name}_location``, ``{name}_scale``), so that another
    prior of the same family needs no recompilation. A normal prior is built as
    :math:`\text{location} + \text{scale}\,\cdot\,\text{raw}` with a standard normal ``raw``:
    chains that start at the centre of ``raw`` start at the centre of the prior.

    Parameters
    ----------
    prior : Prior
    name : str
        Name of the variable; the raw variable is ``{name}_raw``.
    data : mapping of str to TensorVariable
        Holds the values of :func:`prior_data` as data of the model.
    dims : str, optional
        Dimension of the model over which the variable is repeated independently.

    Returns
    -------
    TensorVariable
    """
    scale = data[f"{name}_scale"]
    if prior.family == "half_normal":
        raw = pm.HalfNormal(f"{name}_raw", 1.0, dims=dims)
        return pm.Deterministic(name, scale * raw, dims=dims)
    location = data[f"{name}_location"]
    raw = pm.Normal(f"{name}_raw", 0.0, 1.0, dims=dims)
    return pm.Deterministic(name, location + scale * raw, dims=dims)


def prior_data(prior: Prior, name: str) -> dict[str, float]:
    """Values of the model data that :func:`realise` reads."""
    data = {f"{name}_scale": prior.scale}
    if prior.family == "normal":
        data[f"{name}_location"] = prior.location
    return data
