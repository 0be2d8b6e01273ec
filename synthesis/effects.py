r"""Pooling effects that reports print with an interval: log hazard ratios, log odds ratios.

For the effect :math:`y_i` of study ``i`` with its standard error :math:`s_i`:

.. math::
   y_i \sim \mathrm{Normal}(\theta_i, s_i^2), \qquad \theta_i \sim \mathrm{Normal}(\mu, \tau^2)

The study effects are integrated out of what is sampled,
:math:`y_i \sim \mathrm{Normal}(\mu, s_i^2 + \tau^2)`, and drawn from their exact conditional
distribution. With :math:`B_i = s_i^2/(s_i^2 + \tau^2)` and standard normal :math:`u_i`

.. math::
   \theta_i = B_i \mu + (1 - B_i) y_i + \tau \sqrt{B_i}\, u_i

which is the posterior of the hierarchy itself, without its funnel between :math:`\tau` and
:math:`\theta` (Röver 2020, doi 10.18637/jss.v093.i06, section 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pymc as pm
from xarray import DataTree

from priors import Prior
from priors.realise import prior_data, realise
from synthesis.diagnostics import Diagnosis, diagnose
from synthesis.fit import Draws, Problem, Progress, SamplerSettings, run
from synthesis.packing import Sizes, unpack

#: Prior of the mean effect unless the caller has another one.
MEAN_PRIOR = Prior(
    name="effect_mean",
    role="Mean effect over studies, log ratio",
    family="normal",
    scale=2.0,
    reads_as="ratio",
    rationale="Centred on no effect; fifty-fold effects either way are within reach.",
    source="Neutral by design",
)

#: Prior of the SD between studies unless the caller has another one.
HETEROGENEITY_PRIOR = Prior(
    name="effect_sd",
    role="Between studies (heterogeneity): SD of log ratios",
    family="half_normal",
    scale=0.5,
    reads_as="factor",
    rationale="Weakly informative for effects on a log ratio scale.",
    source="Röver et al. 2021, doi 10.1002/jrsm.1475",
)

KEEP: dict[str, tuple[str, ...]] = {
    "mu": (),
    "tau": (),
    "theta": ("study",),
    "theta_new": (),
}

_STEP = 16  # room is made in steps: a study more or less finds the same compiled model


@dataclass(frozen=True)
class EffectsData:
    """Printed effects and their standard errors.

    Attributes
    ----------
    studies : tuple of str
    effect, standard_error : tuple of float
        On the scale on which effects add up (log ratios); one a study.
    """

    studies: tuple[str, ...]
    effect: tuple[float, ...]
    standard_error: tuple[float, ...]

    def padded(self, sizes: Sizes) -> dict[str, np.ndarray]:
        """All arrays at the sizes of a compiled model; padding has weight zero."""
        arrays = {"effect": np.zeros(sizes["study"]), "weight": np.zeros(sizes["study"])}
        arrays["standard_error"] = np.ones(sizes["study"])
        count = len(self.studies)
        arrays["effect"][:count] = self.effect
        arrays["standard_error"][:count] = self.standard_error
        arrays["weight"][:count] = 1.0
        return arrays


@dataclass(frozen=True)
class EffectsFit:
    """A fitted normal-normal hierarchy.

    Attributes
    ----------
    data : EffectsData
    mean_prior, heterogeneity_prior : Prior
    draws : Draws
    diagnosis : Diagnosis
    """

    data: EffectsData
    mean_prior: Prior
    heterogeneity_prior: Prior
    draws: Draws
    diagnosis: Diagnosis

    @property
    def tree(self) -> DataTree:
        """The draws: ``mu``, ``tau``, ``theta`` (study), ``theta_new`` (a study to come)."""
        return self.draws.tree


def effects_data(
    effect: Sequence[float], standard_error: Sequence[float], studies: Sequence[str]
) -> EffectsData:
    """Check printed effects and put them side by side.

    Parameters
    ----------
    effect, standard_error : sequence of float
        On the scale on which effects add up (log ratios).
    studies : sequence of str
        Labels, each once.

    Raises
    ------
    ValueError
        If there is none, lengths differ, a label is there twice, an effect is not a number or a
        standard error is not above zero.
    """
    lengths = {len(effect), len(standard_error), len(studies)}
    if len(lengths) > 1 or lengths == {0}:
        raise ValueError(
            f"found {len(effect)} effects, {len(standard_error)} standard errors and "
            f"{len(studies)} labels, expected one or more of each, and as many"
        )
    seen: set[str] = set()
    for label, y, se in zip(studies, effect, standard_error, strict=True):
        if label in seen:
            raise ValueError(f"the study {label!r} is there twice: keep one, or rename it")
        seen.add(label)
        if not np.isfinite(y):
            raise ValueError(f"the effect of {label!r} must be a finite number, found {y!r}")
        if not (np.isfinite(se) and se > 0.0):
            raise ValueError(f"the standard error of {label!r} must be above zero, found {se!r}")
    return EffectsData(
        tuple(studies), tuple(float(y) for y in effect), tuple(float(s) for s in standard_error)
    )


def effects_problem(data: EffectsData, mean_prior: Prior, heterogeneity_prior: Prior) -> Problem:
    """The model with its data, ready for :func:`synthesis.fit.run`."""
    room = -(-len(data.studies) // _STEP) * _STEP
    sizes = Sizes((("study", room),))
    values = data.padded(sizes)
    for variable, prior in (("mu", mean_prior), ("tau", heterogeneity_prior)):
        values |= {k: np.asarray(v) for k, v in prior_data(prior, variable).items()}
    return Problem(
        kind=("effects", sizes.room, (mean_prior.family, heterogeneity_prior.family)),
        build=lambda: effects_model(values, mean_prior, heterogeneity_prior, sizes),
        values=values,
        keep=KEEP,
        labels={"study": data.studies},
    )


def effects_model(
    values: dict[str, np.ndarray], mean_prior: Prior, heterogeneity_prior: Prior, sizes: Sizes
) -> pm.Model:
    r"""Build the model; nothing is sampled here.

    .. math::
       y_i \sim \mathrm{Normal}(\mu, s_i^2 + \tau^2), \qquad
       \theta_i \mid y_i, \mu, \tau
       \sim \mathrm{Normal}\{B_i \mu + (1 - B_i) y_i,\ \tau^2 B_i\}, \qquad
       \theta_\mathrm{new} \sim \mathrm{Normal}(\mu, \tau^2)

    with :math:`B_i = s_i^2/(s_i^2 + \tau^2)`.

    Parameters
    ----------
    values : dict
        From :meth:`EffectsData.padded`.
    mean_prior, heterogeneity_prior : Prior
    sizes : Sizes

    Returns
    -------
    pymc.Model
        With dimension ``study``.
    """
    with pm.Model(coords={name: np.arange(size) for name, size in sizes.items()}) as model:
        d = unpack(values)
        y, se, weight = (d[name] for name in ("effect", "standard_error", "weight"))
        mu, tau = realise(mean_prior, "mu", d), realise(heterogeneity_prior, "tau", d)
        total = se**2 + tau**2
        density = -0.5 * (pm.math.log(2.0 * np.pi * total) + (y - mu) ** 2 / total)
        pm.Potential("effects", weight * density, dims="study")
        shrinkage = se**2 / total
        raw = pm.Normal("theta_raw", 0.0, 1.0, dims="study")
        centre = shrinkage * mu + (1.0 - shrinkage) * y
        pm.Deterministic("theta", centre + tau * pm.math.sqrt(shrinkage) * raw, dims="study")
        pm.Deterministic("theta_new", mu + tau * pm.Normal("theta_new_raw", 0.0, 1.0))
    return model


def fit_effects(
    effect: Sequence[float],
    standard_error: Sequence[float],
    studies: Sequence[str],
    *,
    mean_prior: Prior = MEAN_PRIOR,
    heterogeneity_prior: Prior = HETEROGENEITY_PRIOR,
    settings: SamplerSettings | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> EffectsFit:
    """Pool effects that reports print with an interval.

    Parameters
    ----------
    effect, standard_error : sequence of float
        On the scale on which effects add up (log ratios).
    studies : sequence of str
        Labels, each once.
    mean_prior, heterogeneity_prior : Prior
        Of the mean effect and of the SD between studies, on the scale of the effects.
    settings : SamplerSettings, optional
    cache : bool
        Read and store draws on disk.
    progress : callable, optional
        Called with a sentence at each stage.

    Returns
    -------
    EffectsFit

    Raises
    ------
    ValueError
        If the effects cannot be pooled; the message names the study and what is wrong.

    Examples
    --------
    >>> fit = fit_effects([-0.9, -0.3], [0.4, 0.3], ["Doe 2019", "Roe 2020"])  # doctest: +SKIP
    """
    data = effects_data(effect, standard_error, studies)
    problem = effects_problem(data, mean_prior, heterogeneity_prior)
    draws = run(problem, settings or SamplerSettings(), cache=cache, progress=progress)
    return EffectsFit(data, mean_prior, heterogeneity_prior, draws, diagnose(draws.tree))
