r"""Overall and progression-free survival in one model.

Each endpoint has the hierarchy of :mod:`synthesis.survival`, with parameters of its own. Three
things tie them together:

- The standardised effects of one study (and of one cohort) on the two endpoints are bivariate
  normal with correlation :math:`\rho_S`, those of one class and of one treatment with
  :math:`\rho_T`:

  .. math::
     w^{\mathrm{PFS}} = \rho\, w^{\mathrm{OS}} + \sqrt{1 - \rho^2}\, e,
     \qquad \mathrm{artanh}\,\rho \sim \mathrm{Normal}(0.55, 0.5^2),

  centred on a correlation of one half and between -0.4 and 0.9 (95 %). A cohort that prints one
  endpoint only informs the other through it.
- Progression precedes death: in every arm that prints either endpoint, and in the mean study of
  every treatment, the model's log median of PFS lies below that of OS. It is a soft constraint,
  :math:`\log\,\mathrm{logistic}\{(\log m^{\mathrm{OS}} - \log m^{\mathrm{PFS}})/0.05\}`
  added to the log density: next to nothing where the medians differ by a fifth, and against an
  order that cannot be. It is part of the prior.
- The patients are the same, and so is the unknown share of mixed histology of a cohort; the
  transformation behind an interval that does not tell it has the same probabilities for both.

The likelihoods of the two endpoints are multiplied as if their sampling errors were independent,
although the patients are the same: what a report prints of one endpoint does not say how its
patients' times go together. The correlation of the errors ends up in :math:`\rho_S`.

Nothing uses this model unless it is asked for; see :data:`WHY_SEPARATE`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor import TensorVariable
from xarray import DataTree

from priors import Priors, load_priors
from priors.catalogue import Prior
from priors.realise import prior_data, realise
from studies import Registry
from studies.selection import LeftOut
from synthesis import survival
from synthesis.diagnostics import Diagnosis, diagnose
from synthesis.families import Family, family
from synthesis.fit import Draws, Problem, Progress, SamplerSettings, run
from synthesis.kernel import log_likelihood
from synthesis.model_arrays import sizes_for
from synthesis.models import (
    DEFAULT_FAMILY,
    SURVIVAL_ENDPOINTS,
    NothingToPoolError,
    SurvivalFit,
    class_order,
    survival_observations,
)
from synthesis.observations import SurvivalData, order_treatments
from synthesis.packing import Sizes, unpack

#: Why reports fit the endpoints apart.
WHY_SEPARATE = """\
Joint intervals of a contrast of two treatments are 9 % (true correlation 0.5) and 10 % (0.9)
narrower for overall survival and 9 % and 11 % for progression-free survival, where half of the
cohorts print one endpoint only; those of the mean log median are hardly so, by 1 % and 4 %, and by
2 %. Coverage was 0.96 joint and 0.98 apart. Against that modest gain stands what it costs: the
order of the endpoints pulls the mean log median of overall survival up (a bias of 0.10 where it is
0.04 apart, and no smaller error), the sampling errors of the two endpoints are taken as
independent, and the contrasts cover less. So reports fit the endpoints apart, and `fit_joint` is
there for a registry in which many cohorts print the one without the other.
"""

#: Prior of a correlation between the endpoints, on Fisher's scale.
CORRELATION = Prior(
    name="endpoint_correlation",
    role="Between the effects on overall and on progression-free survival: Fisher's z",
    family="normal",
    location=0.549306,
    scale=0.5,
    reads_as="value",
    rationale="What prolongs the one tends to prolong the other: about a half, hardly below zero.",
    source="Weakly informative by design",
)

# Levels whose effects share a correlation.
_LEVELS = {"treatment": ("class", "treatment"), "study": ("study", "cohort")}

# Log medians nearer than about three of these are held apart.
_STEP_OF_ORDER = 0.05


@dataclass(frozen=True)
class JointFit:
    """Both endpoints of a registry, fitted at once.

    Attributes
    ----------
    os, pfs : SurvivalFit
        As from :func:`synthesis.models.fit_survival`; their data name the classes, treatments,
        studies and cohorts of both endpoints, so that a treatment that prints the one has an
        estimate of the other.
    draws : Draws
        Of the joint model.
    diagnosis : Diagnosis
        Of the joint model, and so of both.
    """

    os: SurvivalFit
    pfs: SurvivalFit
    draws: Draws
    diagnosis: Diagnosis

    def correlation(self, level: str) -> np.ndarray:
        """Draws of the correlation between the endpoints.

        Parameters
        ----------
        level : {"study", "treatment"}
        """
        if level not in _LEVELS:
            raise ValueError(f"no correlation of {level!r}: choose study or treatment")
        return self.draws.tree["posterior"][f"{level}_correlation"].to_numpy().ravel()


def fit_joint(
    registry: Registry,
    *,
    family_name: str = DEFAULT_FAMILY,
    priors: Priors | None = None,
    settings: SamplerSettings | None = None,
    verified_only: bool = False,
    use_read_as: bool = True,
    cache: bool = True,
    progress: Progress | None = None,
) -> JointFit:
    """Pool overall and progression-free survival of a registry in one model.

    Parameters are those of :func:`synthesis.models.fit_survival`.

    Raises
    ------
    NothingToPoolError
        If no cohort can be counted for one of the endpoints.
    ValueError
        If the family is unknown.
    """
    observed = survival_observations(registry, verified_only=verified_only, use_read_as=use_read_as)
    for endpoint in SURVIVAL_ENDPOINTS:
        if not observed[endpoint][0].cohorts:
            where = " and ".join(str(folder) for folder in registry.folders)
            raise NothingToPoolError(f"no cohort of {where} can be counted for {endpoint}")
    return fit_joint_data(
        *(observed[endpoint][0] for endpoint in SURVIVAL_ENDPOINTS),
        family_name=family_name,
        priors=priors,
        settings=settings,
        classes=class_order(registry),
        left_out={endpoint: observed[endpoint][1] for endpoint in SURVIVAL_ENDPOINTS},
        cache=cache,
        progress=progress,
    )


def fit_joint_data(
    os: SurvivalData,
    pfs: SurvivalData,
    *,
    family_name: str = DEFAULT_FAMILY,
    priors: Priors | None = None,
    settings: SamplerSettings | None = None,
    classes: Sequence[str] = (),
    left_out: Mapping[str, tuple[LeftOut, ...]] | None = None,
    sizes: Sizes | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> JointFit:
    """Fit observations of both endpoints that were made already.

    Parameters
    ----------
    os, pfs : SurvivalData
        Cohorts are the same where their identifiers are.
    classes : sequence of str, optional
        Classes in order of display; as they stand in the data otherwise.
    left_out : mapping, optional
        Endpoint -> cohorts that are not counted.
    sizes : Sizes, optional
        Room of the compiled model, shared between datasets.
    family_name, priors, settings, cache, progress
        As in :func:`synthesis.models.fit_survival`.
    """
    priors, chosen = priors or load_priors(), family(family_name)
    both = united(os, pfs, classes)
    centre = survival.centre_share(priors)
    observations = both
    if not any(data.tells_histology for data in both):
        observations = tuple(data.at_share(centre) for data in both)
    problem = joint_problem(*observations, priors, chosen, sizes or sizes_for(list(both)))
    draws = run(problem, settings or SamplerSettings(), cache=cache, progress=progress)
    diagnosis = diagnose(draws.tree)
    fits = [
        SurvivalFit(
            data,
            (left_out or {}).get(data.endpoint, ()),
            priors,
            chosen,
            replace(draws, tree=_of_endpoint(draws.tree, data.endpoint)),
            diagnosis,
            centre,
        )
        for data in both
    ]
    return JointFit(*fits, draws, diagnosis)


def united(
    os: SurvivalData, pfs: SurvivalData, classes: Sequence[str] = ()
) -> tuple[SurvivalData, SurvivalData]:
    """The same observations, counting classes, treatments, studies and cohorts of both.

    Parameters
    ----------
    os, pfs : SurvivalData
    classes : sequence of str, optional
        Classes in order of display.
    """
    both = (os, pfs)
    refs, numbers = {}, {}
    for data in both:
        covariates = data.covariates or ((0.0,) * len(survival.COVARIATES),) * len(data.cohorts)
        for ref, own in zip(data.cohorts, covariates, strict=True):
            refs.setdefault(ref.id, ref)
            numbers.setdefault(ref.id, own)
    order = list(dict.fromkeys([*classes, *os.classes, *pfs.classes]))
    own_classes, treatments, treatment_class = order_treatments(list(refs.values()), order)
    position = {name: i for i, name in enumerate(refs)}
    return tuple(
        replace(
            data,
            classes=own_classes,
            treatments=treatments,
            treatment_class=treatment_class,
            studies=tuple(sorted({ref.study.id for ref in refs.values()})),
            cohorts=tuple(refs.values()),
            covariates=tuple(numbers.values()),
            arms=tuple(
                replace(arm, cohort=position[data.cohorts[arm.cohort].id]) for arm in data.arms
            ),
        )
        for data in both
    )


def _of_endpoint(tree: DataTree, endpoint: str) -> DataTree:
    """The draws of one endpoint under the names that a survival fit gives them."""
    posterior = tree["posterior"].to_dataset()
    prefix = f"{endpoint}::"
    own = {name: name.removeprefix(prefix) for name in posterior if name.startswith(prefix)}
    chosen = posterior[[*own, "convention_logits"]].rename({**own, f"{endpoint}_arm": "arm"})
    return DataTree.from_dict(
        {"posterior": chosen, "sample_stats": tree["sample_stats"].to_dataset()}
    )


# --- The model -----------------------------------------------------------------------------------


def joint_problem(
    os: SurvivalData, pfs: SurvivalData, priors: Priors, family: Family, sizes: Sizes
) -> Problem:
    """The model of both endpoints with its data, ready for :func:`synthesis.fit.run`.

    Parameters
    ----------
    os, pfs : SurvivalData
        United (:func:`united`).
    priors : Priors
    family : Family
    sizes : Sizes
        Of either endpoint.
    """
    both = {"os": os, "pfs": pfs}
    labels, keep = {}, {f"{level}_correlation": () for level in _LEVELS}
    keep["convention_logits"] = survival.KEEP["convention_logits"]
    for endpoint, data in both.items():
        problem = survival.survival_problem(data, priors, family, sizes)
        arms = {"arm": f"{endpoint}_arm"}
        labels |= {arms.get(name, name): own for name, own in problem.labels.items()}
        for name, dims in survival.KEEP.items():
            if name != "convention_logits":
                keep[f"{endpoint}::{name}"] = tuple(arms.get(d, d) for d in dims)
    values = _values(both, priors, family, sizes)
    families = tuple(priors[name].family for name in sorted(priors))
    return Problem(
        kind=("joint", sizes.room, families),
        build=lambda: _model(values, priors, family, sizes),
        values=values,
        keep=keep,
        labels=labels,
    )


def _values(
    both: Mapping[str, SurvivalData], priors: Priors, family: Family, sizes: Sizes
) -> dict[str, np.ndarray]:
    """All model data; those of an endpoint begin with its name."""
    values = {}
    for endpoint, data in both.items():
        own = survival.model_data(data, priors, family, sizes)
        own["treatment_class"] = np.zeros(sizes["treatment"], dtype="int64")
        own["treatment_class"][: len(data.treatments)] = data.treatment_class
        own["cohort_study"] = np.zeros(sizes["cohort"], dtype="int64")
        for j, ref in enumerate(data.cohorts):
            own["cohort_study"][j] = data.studies.index(ref.study.id)
        for name, entries in (("arm", data.arms), ("treatment", data.treatments)):
            own[f"{name}_used"] = np.zeros(sizes[name])
            own[f"{name}_used"][: len(entries)] = 1.0
        values |= {f"{endpoint}.{name}": value for name, value in own.items()}
    for level in _LEVELS:
        own = prior_data(CORRELATION, f"{level}_z")
        values |= {name: np.asarray(value) for name, value in own.items()}
    return values


def _model(
    values: Mapping[str, np.ndarray], priors: Priors, family: Family, sizes: Sizes
) -> pm.Model:
    coords = {name: np.arange(size) for name, size in sizes.items()}
    with pm.Model(coords=coords | {"endpoint": list(SURVIVAL_ENDPOINTS)}) as model:
        every = unpack(values)
        of = {
            endpoint: {
                name.removeprefix(f"{endpoint}."): value
                for name, value in every.items()
                if name.startswith(f"{endpoint}.")
            }
            for endpoint in SURVIVAL_ENDPOINTS
        }
        effects = _correlated_effects(every)
        # the same patients, whichever endpoint is printed of them
        logit = realise(priors["mixed_share"], "share_logit", of["os"], dims="cohort")
        logits = realise(
            priors["convention_logit"], "convention_logits", of["os"], dims="convention"
        )
        convention = pm.math.log_softmax(logits)
        cohorts = {
            endpoint: _Cohorts.build(endpoint, d, priors, effects[endpoint])
            for endpoint, d in of.items()
        }
        of_treatments = {endpoint: own.treatment for endpoint, own in cohorts.items()}
        _order("treatments", of_treatments, of["os"]["treatment_used"])
        for endpoint, d in of.items():
            cohort = d["arm_cohort"]
            known = d["share_known"]
            share = known * d["share"] + (1.0 - known) * pt.sigmoid(logit)[cohort]
            location = {e: c.log_median(cohort, share) for e, c in cohorts.items()}
            _order(f"{endpoint}_arms", location, d["arm_used"])
            with pm.Model(name=endpoint):
                pm.Deterministic("mixed_share", share, dims="arm")
                pm.Deterministic("log_median", location[endpoint], dims="arm")
                log_shape = survival._log_shape(d, priors, family)[cohort]
                tail = survival._tail(d, priors)[d["arm_treatment"]]
                nothing = pt.zeros_like(share)
                parameters = {
                    "location": location[endpoint],
                    "log_shape": log_shape,
                    "tail": tail,
                    "shift": nothing,
                    "second_share": nothing,
                    "log_convention": convention,
                }
                pm.Potential("printed_figures", log_likelihood(parameters, d))
    return model


def _correlated_effects(
    d: Mapping[str, TensorVariable],
) -> dict[str, dict[str, TensorVariable]]:
    """Standardised effects of every level, by endpoint."""
    found: dict[str, dict[str, TensorVariable]] = {"os": {}, "pfs": {}}
    for name, levels in _LEVELS.items():
        rho = pm.Deterministic(f"{name}_correlation", pt.tanh(realise(CORRELATION, f"{name}_z", d)))
        for level in levels:
            raw = pm.Normal(f"{level}_effect_raw", 0.0, 1.0, dims=("endpoint", level))
            found["os"][level] = raw[0]
            found["pfs"][level] = rho * raw[0] + pt.sqrt(1.0 - rho**2) * raw[1]
    return found


@dataclass(frozen=True)
class _Cohorts:
    """Log medians at the centre share, of treatments (mean study) and of cohorts, and slopes."""

    treatment: TensorVariable
    base: TensorVariable
    slope: TensorVariable
    centre: TensorVariable

    def log_median(self, cohort: TensorVariable, share: TensorVariable) -> TensorVariable:
        return self.base[cohort] + self.slope[cohort] * (share - self.centre)

    @classmethod
    def build(
        cls,
        endpoint: str,
        d: Mapping[str, TensorVariable],
        priors: Priors,
        raw: Mapping[str, TensorVariable],
    ) -> _Cohorts:
        """The hierarchy of one endpoint, as in :mod:`synthesis.survival`."""
        with pm.Model(name=endpoint):
            treatment = realise(priors["overall_median"], "mu", d)
            for level, place in (("class", d["treatment_class"]), ("treatment", slice(None))):
                sd = realise(priors[f"{level}_sd"], f"{level}_sd", d)
                effect = pm.Deterministic(f"{level}_effect", sd * raw[level], dims=level)
                treatment += effect[place]
            sd = realise(priors["study_sd"], "study_sd", d)
            shared, own = (
                pm.Deterministic(f"{level}_effect", sd * raw[level], dims=level)
                for level in ("study", "cohort")
            )
            part = d["cohort_shared"]
            base = treatment[d["cohort_treatment"]]
            base += pt.sqrt(part) * shared[d["cohort_study"]] + pt.sqrt(1.0 - part) * own
            base += survival._covariates(d, priors)
            prognostic = realise(priors["histology_prognostic"], "prognostic", d)
            predictive = realise(priors["histology_predictive"], "predictive", d, dims="treatment")
        slope = prognostic + predictive[d["cohort_treatment"]]
        return cls(treatment, base, slope, d["centre_share"])


def _order(name: str, location: Mapping[str, TensorVariable], used: TensorVariable) -> None:
    """Progression precedes death, where an entry is data."""
    gap = (location["os"] - location["pfs"]) / _STEP_OF_ORDER
    pm.Potential(f"order_of_{name}", -(used * pm.math.log1pexp(-gap)).sum())
