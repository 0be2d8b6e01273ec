"""Observations of one endpoint as the arrays of a compiled model.

Sizes may be larger than the data: a compiled model keeps room, and what is not used carries no
weight. A chain of printed points is laid out as one *point* after the other; a point is evaluated
at one or more *nodes* (months over its rounding interval).

A model gets all arrays packed in two vectors, one of numbers and one of indices: the sampler
compiles a piece of code for each shared array that a model reads, afresh in every process, which
takes two minutes with fifty arrays and a few seconds with two. The model gets each array back by
its name as a slice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthesis.model.comparisons import SHAPE_TERMS, TAIL_TERMS, TERMS
from synthesis.model.covariates import COVARIATES
from synthesis.model.observations import Arm, ArmComparison, SurvivalData
from synthesis.model.placing import sharp_count
from synthesis.model.printed import METHODS

NUMBERS, INDICES = "numbers", "indices"

_NO_WEIGHT = -1e6  # log weight of a convention that an arm does not have
_BEYOND = 1e6  # a log hazard ratio beyond every other

#: Part of the variance between studies that two cohorts of one report share where patients were
#: not allocated at random: they come from one hospital, but were chosen for their treatment. Under
#: randomisation they share all of it, and the study effect cancels.
SHARED_WITHIN_REPORT = 0.5

# Room is made in steps, so that a study more or less finds the same compiled model.
_STEP = {"class": 4, "treatment": 8, "study": 16, "cohort": 16, "arm": 16}
_STEP |= {"point": 32, "node": 64, "patient": 8, "comparison": 4, "sharp": 16}

_FIXED = {
    "convention": len(METHODS),
    "covariate": len(COVARIATES),
    "term": TERMS,
    "shape_term": SHAPE_TERMS,
    "tail_term": TAIL_TERMS,
}

#: Arrays of a comparison; ``mean`` depends on the family, and is filled with it.
OF_COMPARISON = (
    *("first", "second", "low", "high", "variance", "either_sign", "given"),
    *("first_median", "second_median", "mean", "weight"),
)

#: Dimensions of each array of :func:`padded`.
DIMS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("share", "share_known", "histology_apart", "convention_free"), ("arm",)),
    **{f"arm_{name}": ("arm",) for name in ("class", "treatment", "study", "cohort")},
    "cohort_treatment": ("cohort",),
    "cohort_shared": ("cohort",),
    "cohort_covariates": ("cohort", "covariate"),
    **dict.fromkeys(("point_arm", "point_start", "point_stop", "density"), ("point",)),
    **dict.fromkeys(("cell", "beyond", "survivors", "size"), ("convention", "point")),
    "log_weight": ("convention", "arm"),
    **dict.fromkeys(("node_log_time", "node_log_weight"), ("node",)),
    **{f"patient_{name}": ("patient",) for name in ("arm", "log_time", "event", "weight")},
    **{f"comparison_{name}": ("comparison",) for name in OF_COMPARISON},
    "comparison_mean": ("comparison", "term", "shape_term", "tail_term"),
}

_INDICES = frozenset(
    {"arm_class", "arm_treatment", "arm_study", "arm_cohort", "cohort_treatment"}
    | {"point_arm", "point_start", "point_stop"}
    | {"patient_arm", "comparison_first", "comparison_second"}
)


@dataclass(frozen=True)
class Sizes(Mapping[str, int]):
    """Room in a compiled model, by dimension name."""

    room: tuple[tuple[str, int], ...]

    def __getitem__(self, name: str) -> int:
        return dict(self.room)[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.room)

    def __len__(self) -> int:
        return len(self.room)


def counts(data: SurvivalData) -> dict[str, int]:
    """Number of entries along each dimension of the model."""
    chains = [arm.chains[0] for arm in data.arms if arm.chains]
    return {
        "class": len(data.hierarchy.classes),
        "treatment": len(data.hierarchy.treatments),
        "study": len(data.hierarchy.studies),
        "cohort": len(data.refs),
        "arm": len(data.groups),
        "point": sum(chain.time.size for chain in chains),
        "node": sum(nodes.size for chain in chains for nodes in chain.nodes),
        "patient": len(data.patients),
        "comparison": len(data.comparisons),
        "sharp": sharp_count(data),
    }


def sizes_for(datasets: Sequence[SurvivalData], *, spare: bool = True) -> Sizes:
    """Sizes that hold each of the datasets, with room to spare unless it is not wanted."""
    each = [counts(data) for data in datasets]
    room = dict(_FIXED)
    for name in _STEP:
        least = 0 if name == "sharp" else 1  # without sharp arms nothing is placed
        largest = max([least, *(count[name] for count in each)])
        room[name] = with_spare(name, largest) if spare else largest
    return Sizes(tuple(room.items()))


def with_spare(dimension: str, size: int) -> int:
    """The room for so many entries of a dimension, in steps."""
    return -(-size // _STEP[dimension]) * _STEP[dimension]


def padded(data: SurvivalData, sizes: Sizes) -> dict[str, np.ndarray]:
    """The arrays of :data:`DIMS` at the sizes of a model; padding carries zero exponents."""
    arrays = {
        name: np.zeros([sizes[d] for d in dimensions], "int64" if name in _INDICES else float)
        for name, dimensions in DIMS.items()
    }
    arrays["point_arm"] -= 1
    arrays["log_weight"][1:] = _NO_WEIGHT
    arrays["cohort_shared"] += 1.0
    _fill_arms(arrays, data)
    point = node = 0
    for i, arm in enumerate(data.arms):
        point, node = _fill_chains(arrays, i, arm, point, node)
    for i, patient in enumerate(data.patients):
        arrays["patient_arm"][i] = patient.arm
        arrays["patient_log_time"][i] = np.log(max(patient.months, 1e-3))
        arrays["patient_event"][i] = float(patient.event)
        arrays["patient_weight"][i] = 1.0
    arrays |= comparison_arrays(data.comparisons, sizes["comparison"])
    return arrays


def comparison_arrays(comparisons: Sequence[ArmComparison], size: int) -> dict[str, np.ndarray]:
    """The arrays of printed comparisons; those beyond them have no weight."""
    rows = []
    for comparison in comparisons:
        read, medians = comparison.reading, comparison.log_medians
        row = {
            "first": comparison.first,
            "second": comparison.second,
            "low": max(read.low, -_BEYOND),
            "high": min(read.high, _BEYOND),
            "variance": comparison.variance,
            "either_sign": read.either_sign,
            "given": medians is not None,
            "weight": 1.0,
        }
        row["first_median"], row["second_median"] = medians or (0.0, 0.0)
        rows.append(row)
    rows += [{"variance": 1.0}] * (size - len(rows))
    names = ((name, f"comparison_{name}") for name in OF_COMPARISON if name != "mean")
    return {
        long: np.array([row.get(name, 0) for row in rows], "int64" if long in _INDICES else float)
        for name, long in names
    }


def shared_parts(data: SurvivalData) -> tuple[float, ...]:
    """Part of the variance between studies that each cohort shares with others of its report."""
    cohorts_of = Counter(ref.study.id for ref in data.refs)
    return tuple(
        SHARED_WITHIN_REPORT
        if cohorts_of[ref.study.id] > 1 and ref.study.design != "randomised"
        else 1.0
        for ref in data.refs
    )


def _fill_arms(arrays: dict[str, np.ndarray], data: SurvivalData) -> None:
    levels = data.hierarchy
    study = {name: i for i, name in enumerate(levels.studies)}
    treatment = {name: i for i, name in enumerate(levels.treatments)}
    arrays["cohort_shared"][: len(data.refs)] = shared_parts(data)
    for j, ref in enumerate(data.refs):
        arrays["cohort_treatment"][j] = treatment[ref.treatment]
    for j, numbers in enumerate(data.covariates):
        arrays["cohort_covariates"][j] = numbers
    for i, arm in enumerate(data.groups):
        ref = data.refs[arm.cohort]
        arrays["share_known"][i] = float(arm.share is not None)
        arrays["share"][i] = arm.share or 0.0
        arrays["histology_apart"][i] = float(data.of_both_histologies(arm))
        arrays["arm_treatment"][i] = treatment[ref.treatment]
        arrays["arm_class"][i] = levels.treatment_class[treatment[ref.treatment]]
        arrays["arm_study"][i] = study[ref.study.id]
        arrays["arm_cohort"][i] = arm.cohort


def _fill_chains(
    arrays: dict[str, np.ndarray], i: int, arm: Arm, point: int, node: int
) -> tuple[int, int]:
    """Write the chains of arm ``i``, which share their nodes; return where the next one starts."""
    if not arm.chains:  # listed patients only
        return point, node
    shared = arm.chains[0]
    arrays["log_weight"][:, i] = _NO_WEIGHT
    arrays["convention_free"][i] = float(not arm.told)
    for p in range(shared.time.size):
        stop = node + shared.nodes[p].size
        arrays["point_arm"][point + p] = i
        arrays["point_start"][point + p], arrays["point_stop"][point + p] = node, stop
        arrays["node_log_time"][node:stop] = np.log(shared.nodes[p])
        arrays["node_log_weight"][node:stop] = np.log(shared.node_weights[p])
        node = stop
    rows = slice(point, point + shared.time.size)
    arrays["density"][rows] = shared.density
    for c, chain in enumerate(arm.chains):
        # an unknown transformation has its place: its weight is a parameter of the model
        at = c if arm.told else METHODS.index(arm.methods[c])
        arrays["cell"][at, rows] = chain.cell
        arrays["beyond"][at, rows] = chain.beyond
        arrays["survivors"][at, rows.stop - 1] = chain.survivors
        arrays["size"][at, rows.stop - 1] = chain.size
        arrays["log_weight"][at, i] = chain.log_constant
    return rows.stop, node


def pack(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Put arrays of floats and of integers one behind the other, in their order.

    ``numbers`` is a vector of floats, ``indices`` one of integers; each is there only where there
    is an array to hold.
    """
    flat: dict[str, list[np.ndarray]] = {NUMBERS: [], INDICES: []}
    for value in values.values():
        array = np.asarray(value)
        flat[vector_of(array)].append(array.ravel())
    kinds = {NUMBERS: float, INDICES: "int64"}
    return {name: np.concatenate(rows).astype(kinds[name]) for name, rows in flat.items() if rows}


def vector_of(array: np.ndarray) -> str:
    """Which of the two vectors holds an array."""
    return INDICES if array.dtype.kind in "iu" else NUMBERS
