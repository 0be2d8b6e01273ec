"""Treatments compared: contrasts against a reference, every pair, gains, ranks and the network.

Every number is a contrast of :mod:`synthesis.questions.contrasts` of the mean study: two patients of
the reference population, one under either treatment, in the average study. In a new study that
gives both, the study effect is common to both, so that the ratio of medians is the same there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.estimands import (
    Curve,
    Fit,
    NamedGroup,
    curve,
    reference_share,
    response_rate,
    summarise,
    tells_histology,
)
from synthesis.fits import ResponseFit
from synthesis.questions.contrasts import (
    GAIN,
    RESPONSE_CONTRASTS,
    SURVIVAL_CONTRASTS,
    Contrast,
    gain_curve,
    kept,
    ranks,
    survival_contrast,
)
from synthesis.questions.evidence import (
    EDGE_COLUMNS,
    NODE_COLUMNS,
    Evidence,
    Network,
    NotComparedError,
    Reference,
    choose_reference,
    choose_shown,
    evidence,
    treatments_of,
)
from synthesis.questions.evidence import network as network_of

Histology = Literal["pure", "mixed", "reference mix"]
HISTOLOGIES: tuple[Histology, ...] = ("pure", "mixed", "reference mix")
REFERENCE_MIX: Histology = "reference mix"

#: Columns of the tables of contrasts.
COMPARE_COLUMNS = (
    "endpoint",
    "treatment",
    "reference",
    "histology",
    "estimand",
    "estimate",
    "lower",
    "upper",
    "delta",
    "p_gain",
    "carried_by",
    "cohorts",
    "patients",
)
GAIN_COLUMNS = (
    "endpoint",
    "treatment",
    "treatment_class",
    "reference",
    "histology",
    "delta",
    "p_gain",
    "carried_by",
    "cohorts",
    "patients",
)
RANK_COLUMNS = (
    "endpoint",
    "treatment",
    "treatment_class",
    "histology",
    "of",
    "rank",
    "probability",
    "cumulative",
    "mean_rank",
    "lower",
    "upper",
    "cohorts",
    "patients",
)
FOREST_COLUMNS = (
    "endpoint",
    "treatment",
    "treatment_class",
    "estimand",
    "estimate",
    "lower",
    "upper",
    "gain",
    "gain_lower",
    "gain_upper",
    "p_gain",
    "carried_by",
    "cohorts",
    "patients",
    "is_reference",
)
LEFT_OUT_COLUMNS = ("endpoint", "treatment", "cohorts", "patients")

#: Months of gain at which the probability of more is given, beside the one that is asked for.
DELTAS = np.linspace(-6.0, 12.0, 73)

#: By which contrast treatments stand in pictures, for each kind of endpoint.
SURVIVAL_SHOWN, RESPONSE_SHOWN = "ratio_of_medians", "difference_response_rate"


@dataclass(frozen=True)
class Comparison:
    """Treatments set against each other.

    Attributes
    ----------
    endpoints : tuple of str
        Those with something to compare.
    histology : {"pure", "mixed", "reference mix"}
        Of the survival endpoints.
    mix : float
        Share of mixed histology of the reference mix.
    delta : float
        Months of gain that are asked for.
    references : mapping
        Endpoint -> what its treatments are set against.
    table : DataFrame
        :data:`COMPARE_COLUMNS`, every treatment against the reference. Ratios, months, or
        fractions of one. ``cohorts`` and ``patients`` are those of both treatments together.
    league : DataFrame
        The same columns for every pair of the treatments shown, by mean rank: the treatment of a
        row ranks above its reference.
    gains : DataFrame
        :data:`GAIN_COLUMNS`: probability that the median is more than ``delta`` months longer.
    ranks : DataFrame
        :data:`RANK_COLUMNS`: probability of each rank (1 the longest median, or the highest
        response rate), cumulative, and the mean rank with the 95 % interval of the rank.
    forest : DataFrame
        :data:`FOREST_COLUMNS`: a row a treatment, for drawing; cohorts and patients of its own.
    network : Network
    evidence : mapping
        (endpoint, treatment label) -> what carries its contrast with the reference.
    left_out : DataFrame
        :data:`LEFT_OUT_COLUMNS`: treatments with too little behind them to be ranked and shown.
    studies : mapping
        Endpoint -> identifiers of the reports that its contrasts rest on.
    knowing : frozenset of str
        Endpoints of which some counted cohort tells its histology: only for these a mix means
        anything.
    notes : tuple of str
        What could not be compared, and why.
    """

    endpoints: tuple[str, ...]
    histology: Histology
    mix: float
    delta: float
    references: Mapping[str, Reference]
    table: pd.DataFrame = field(repr=False)
    league: pd.DataFrame = field(repr=False)
    gains: pd.DataFrame = field(repr=False)
    ranks: pd.DataFrame = field(repr=False)
    forest: pd.DataFrame = field(repr=False)
    network: Network = field(repr=False)
    evidence: Mapping[tuple[str, str], Evidence] = field(repr=False)
    left_out: pd.DataFrame = field(repr=False)
    studies: Mapping[str, tuple[str, ...]] = field(repr=False)
    knowing: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether no endpoint has two treatments to compare."""
        return not self.endpoints


def compare(
    fits: Mapping[str, Fit],
    vocabulary: Vocabulary,
    *,
    reference: str | None = None,
    histology: Histology = REFERENCE_MIX,
    mix: float = 0.4,
    delta: float = 1.0,
    show_all: bool = False,
) -> Comparison:
    """Compare the treatments of fitted endpoints.

    Parameters
    ----------
    fits : mapping
        Endpoint -> fit.
    vocabulary : Vocabulary
    reference : str, optional
        Any name of a treatment; otherwise see
        :func:`~synthesis.questions.evidence.choose_reference`. Endpoints for which it is not pooled
        are left out, with a note.
    histology : {"pure", "mixed", "reference mix"}
        Histology of the patients; it does not apply to response.
    mix : float
        Share of mixed histology of the reference mix, 0 to 1.
    delta : float
        Months of gain that are asked for.
    show_all : bool
        Rank and show every treatment, however little stands behind it.

    Raises
    ------
    NotComparedError
        For a reference that is no treatment or pooled for none of the endpoints, for an unknown
        histology, and for one of which no report tells; names what can be used.
    """
    if histology not in HISTOLOGIES:
        expected = ", ".join(HISTOLOGIES)
        raise NotComparedError(f"histology: found {histology!r}, expected one of {expected}.")
    parts: list[_Part] = []
    notes: list[str] = []
    pooled: dict[str, str] = {}
    for endpoint, fit in fits.items():
        groups = treatments_of(fit, vocabulary)
        pooled |= {group.label: group.cohorts[0].treatment for group in groups}
        chosen = choose_reference(groups, vocabulary, reference)
        against = _reason_against(endpoint, fit, groups, chosen, histology, vocabulary)
        if against is not None:
            notes.append(against)
            continue
        own = REFERENCE_MIX if isinstance(fit, ResponseFit) else histology
        shown = choose_shown(groups, chosen.group, show_all=show_all)
        parts.append(_Part(endpoint, fit, tuple(groups), tuple(shown), chosen, own, mix, delta))
    if not parts and (reference is not None or histology != REFERENCE_MIX):
        possible = ", ".join(sorted(pooled.values())) or "none"
        raise NotComparedError(f"{' '.join(notes)} Possible references: {possible}.")
    return _assemble(parts, histology, mix, delta, notes)


def _reason_against(
    endpoint: str,
    fit: Fit,
    groups: Sequence[NamedGroup],
    chosen: Reference | None,
    histology: Histology,
    vocabulary: Vocabulary,
) -> str | None:
    """Why an endpoint cannot be compared, a sentence; None where it can."""
    name = endpoint_words(endpoint, vocabulary)
    if len(groups) < 2:
        only = groups[0].label if groups else "none"
        return f"For {name} there is nothing to compare; pooled: {only}."
    if chosen is None:
        return f"The reference is not pooled for {name}, which is left out."
    if histology != REFERENCE_MIX and not isinstance(fit, ResponseFit) and not tells_histology(fit):
        return f"No counted cohort tells its histology for {name}, which is left out."
    return None


def endpoint_words(endpoint: str, vocabulary: Vocabulary) -> str:
    """An endpoint in running text."""
    if endpoint == "response":
        return "objective response"
    return vocabulary.endpoint(endpoint).label.lower()


@dataclass(frozen=True)
class _Part:
    """One endpoint on its way to the tables; draws of each treatment stand under its label."""

    endpoint: str
    fit: Fit
    groups: tuple[NamedGroup, ...]
    shown: tuple[NamedGroup, ...]
    reference: Reference
    histology: Histology
    mix: float
    delta: float
    found: dict[str, Curve | np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def is_response(self) -> bool:
        return isinstance(self.fit, ResponseFit)

    @property
    def contrasts(self) -> Mapping[str, Contrast]:
        return RESPONSE_CONTRASTS if self.is_response else SURVIVAL_CONTRASTS

    @property
    def studies(self) -> tuple[str, ...]:
        names = (ref.study.id for group in self.groups for ref in group.cohorts)
        return tuple(dict.fromkeys(names))

    def of(self, group: NamedGroup) -> Curve | np.ndarray:
        """Curve of a treatment, or draws of its response rate."""
        if group.label not in self.found:
            self.found[group.label] = self._draws(group)
        return self.found[group.label]

    def _draws(self, group: NamedGroup) -> Curve | np.ndarray:
        if isinstance(self.fit, ResponseFit):
            return response_rate(self.fit, group.group, "mean_study")
        shares = {"pure": 0.0, "mixed": 1.0, "reference mix": reference_share(self.fit, self.mix)}
        found = curve(self.fit, group.group, shares[self.histology], "mean_study")
        return kept(found)

    def contrast(self, treatment: NamedGroup, reference: NamedGroup, name: str) -> np.ndarray:
        """Draws of a contrast."""
        first, second = self.of(treatment), self.of(reference)
        if isinstance(first, Curve) and isinstance(second, Curve):
            return survival_contrast(first, second, name)
        return first - second

    def carried(self, treatment: NamedGroup, reference: NamedGroup) -> Evidence:
        return evidence(self.fit, treatment.cohorts[0].treatment, reference.cohorts[0].treatment)

    def ranked(self) -> np.ndarray:
        """Ranks of the treatments shown, ``(draws, treatments)``."""
        found = [self.of(group) for group in self.shown]
        values = [own.median if isinstance(own, Curve) else own for own in found]
        return ranks(np.stack(values, axis=1))


def _assemble(
    parts: Sequence[_Part],
    histology: Histology,
    mix: float,
    delta: float,
    notes: Sequence[str],
) -> Comparison:
    rows: dict[str, list[tuple]] = {
        name: [] for name in ("table", "league", "gains", "ranks", "forest", "left_out")
    }
    carried, networks = {}, []
    for part in parts:
        others = [group for group in part.groups if group is not part.reference.group]
        for group in others:
            rows["table"] += _pair_rows(part, group, part.reference.group)
            key = part.endpoint, group.label
            carried[key] = part.carried(group, part.reference.group)
        placed = part.ranked()
        order = np.argsort(placed.mean(axis=0), kind="stable")
        for first, second in combinations([part.shown[i] for i in order], 2):
            rows["league"] += _pair_rows(part, first, second)
        rows["gains"] += _gain_rows(part)
        rows["ranks"] += _rank_rows(part, placed, order)
        rows["forest"] += _forest_rows(part)
        rows["left_out"] += [
            (part.endpoint, g.label, len(g.cohorts), g.patients)
            for g in part.groups
            if g not in part.shown
        ]
        networks.append(network_of(part.fit, part.endpoint, part.groups))
    columns = {
        "table": COMPARE_COLUMNS,
        "league": COMPARE_COLUMNS,
        "gains": GAIN_COLUMNS,
        "ranks": RANK_COLUMNS,
        "forest": FOREST_COLUMNS,
        "left_out": LEFT_OUT_COLUMNS,
    }
    tables = {k: pd.DataFrame(rows[k], columns=list(columns[k])) for k in rows}
    return Comparison(
        endpoints=tuple(part.endpoint for part in parts),
        histology=histology,
        mix=mix,
        delta=delta,
        references=MappingProxyType({part.endpoint: part.reference for part in parts}),
        network=_joined(networks),
        evidence=MappingProxyType(carried),
        studies=MappingProxyType({part.endpoint: part.studies for part in parts}),
        knowing=frozenset(part.endpoint for part in parts if tells_histology(part.fit)),
        notes=tuple(notes),
        **tables,
    )


def _joined(networks: Sequence[Network]) -> Network:
    if not networks:
        return Network(
            pd.DataFrame(columns=list(NODE_COLUMNS)), pd.DataFrame(columns=list(EDGE_COLUMNS))
        )
    # a frame without rows would turn counts into objects
    edges = [own.edges for own in networks if not own.edges.empty] or [networks[0].edges]
    return Network(
        pd.concat([own.nodes for own in networks], ignore_index=True),
        pd.concat(edges, ignore_index=True),
    )


def _pair_rows(part: _Part, treatment: NamedGroup, reference: NamedGroup) -> list[tuple]:
    carried = part.carried(treatment, reference)
    rows = []
    for name, contrast in part.contrasts.items():
        draws = part.contrast(treatment, reference, name)
        found = summarise(draws)
        asked = (part.delta, contrast.favours(draws, part.delta)) if name == GAIN else (np.nan,) * 2
        rows.append(
            (
                part.endpoint,
                treatment.label,
                reference.label,
                part.histology,
                name,
                found.estimate,
                found.lower,
                found.upper,
                *asked,
                carried.kind,
                carried.total_cohorts,
                carried.total_patients,
            )
        )
    return rows


def _gain_rows(part: _Part) -> list[tuple]:
    if part.is_response:
        return []
    rows, reference = [], part.reference.group
    deltas = np.union1d(DELTAS, [part.delta])
    for group in part.shown:
        if group is reference:
            continue
        carried = part.carried(group, reference)
        chances = gain_curve(part.contrast(group, reference, GAIN), deltas)
        about = (part.endpoint, group.label, group.class_label, reference.label, part.histology)
        behind = (carried.kind, carried.total_cohorts, carried.total_patients)
        rows += [
            (*about, float(delta), float(chance), *behind)
            for delta, chance in zip(deltas, chances, strict=True)
        ]
    return rows


def _rank_rows(part: _Part, placed: np.ndarray, order: np.ndarray) -> list[tuple]:
    rows, of = [], len(part.shown)
    for i in order:
        group, own = part.shown[i], placed[:, i]
        found = summarise(own)
        chances = np.bincount(own, minlength=of + 1)[1:] / own.size
        about = (part.endpoint, group.label, group.class_label, part.histology, of)
        behind = (float(own.mean()), found.lower, found.upper, len(group.cohorts), group.patients)
        rows += [
            (*about, rank, float(chance), float(total), *behind)
            for rank, (chance, total) in enumerate(
                zip(chances, chances.cumsum(), strict=True), start=1
            )
        ]
    return rows


def _forest_rows(part: _Part) -> list[tuple]:
    """A row a treatment shown: contrast drawn, gain in months, and what stands behind it."""
    rows, reference = [], part.reference.group
    name = RESPONSE_SHOWN if part.is_response else SURVIVAL_SHOWN
    for group in part.shown:
        about = (part.endpoint, group.label, group.class_label, name)
        behind = (len(group.cohorts), group.patients, group is reference)
        if group is reference:
            null = part.contrasts[name].null
            rows.append((*about, null, null, null, *(np.nan,) * 4, "", *behind))
            continue
        found = summarise(part.contrast(group, reference, name))
        gain: tuple[float, ...] = (np.nan,) * 4
        if not part.is_response:
            draws = part.contrast(group, reference, GAIN)
            months = summarise(draws)
            chance = SURVIVAL_CONTRASTS[GAIN].favours(draws, part.delta)
            gain = (months.estimate, months.lower, months.upper, chance)
        kind = part.carried(group, reference).kind
        rows.append((*about, found.estimate, found.lower, found.upper, *gain, kind, *behind))
    return rows
