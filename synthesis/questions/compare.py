"""Treatments compared: contrasts with a reference, every pair, gains, ranks and the evidence.

Every number is a contrast of :mod:`synthesis.questions.contrasts` of the mean study: two patients
of the reference population, one under either treatment, in the average study. In a new study that
gives both, the study effect is common to both, so that the ratio of medians is the same there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd

from studies import Registry
from studies.figures import in_months
from studies.registry import references
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.choices import DEFAULT
from synthesis.endpoints import Endpoint, endpoint_of, survival_endpoints
from synthesis.estimands import (
    Curve,
    Fit,
    NamedGroup,
    quantiles,
    reference_share,
    tells_apart,
    tells_histology,
)
from synthesis.numbers import count, in_sentence, listed, months_words
from synthesis.questions import certainty, contrasts
from synthesis.questions.certainty import Confounding, Judged
from synthesis.questions.contrasts import (
    COMPARE_COLUMNS,
    GAIN,
    RANDOMISED,
    NotComparedError,
    Reference,
)
from synthesis.reported import median_words, share_words
from synthesis.result import Cell, Finding, Picture, Result, Table, names, table_of

Histology = Literal["pure", "mixed", "reference mix"]
HISTOLOGIES: tuple[Histology, ...] = ("pure", "mixed", "reference mix")
REFERENCE_MIX: Histology = "reference mix"

# --- The comparison ------------------------------------------------------------------------------

_COLUMNS = {
    "table": COMPARE_COLUMNS,
    "league": COMPARE_COLUMNS,
    "gains": names(
        "endpoint treatment treatment_class reference histology delta p_gain p_gain_adjusted "
        "evidence cohorts patients"
    ),
    "ranks": names(
        "endpoint treatment treatment_class histology of rank probability cumulative mean_rank "
        "lower upper cohorts patients"
    ),
    "forest": names(
        "endpoint treatment treatment_class estimand estimate lower upper adjusted adjusted_lower "
        "adjusted_upper gain gain_lower gain_upper gain_adjusted gain_adjusted_lower "
        "gain_adjusted_upper p_gain p_gain_adjusted tipping_limit tipping_estimate evidence "
        "certainty certainty_reasons cohorts patients compared is_reference value value_lower "
        "value_upper"
    ),
    "left_out": names("endpoint treatment cohorts patients"),
}

#: Months of gain at which the probability of more is given, beside the one that is asked for.
DELTAS = np.linspace(-6.0, 12.0, 73)


@dataclass(frozen=True)
class Comparison:
    """Treatments set against each other.

    Endpoints are those with something to compare; ``histology`` (of the survival endpoints),
    ``mix``, ``delta`` and ``confounding`` are as asked for, the last allowed for in the columns of
    adjusted values; ``notes`` say what could not be compared, and why. By endpoint: what its
    treatments are set against, and the identifiers of the ``studies`` that its contrasts rest on.
    ``pairs``: (endpoint, label, label) -> what carries the contrast of two treatments, and its
    certainty. ``knowing``: endpoints of which some counted cohort tells its histology; only there
    a mix means anything.
    """

    endpoints: tuple[str, ...]
    histology: Histology
    mix: float
    delta: float
    confounding: Confounding
    references: Mapping[str, Reference]
    table: pd.DataFrame = field(repr=False)
    """:data:`COMPARE_COLUMNS`, every treatment against the reference. Ratios, months, or fractions
    of one. ``cohorts`` and ``patients`` are those of both treatments together. ``adjusted`` values
    allow for confounding; tipping points and certainty are those of the two treatments, see
    :mod:`synthesis.questions.certainty`."""
    league: pd.DataFrame = field(repr=False)
    """The same columns for every pair of the treatments shown, by mean rank: the treatment of a row
    ranks above its reference."""
    gains: pd.DataFrame = field(repr=False)
    """Probability that the median is more than ``delta`` months longer."""
    ranks: pd.DataFrame = field(repr=False)
    """Probability of each rank (1 the longest median, or the highest response rate), cumulative,
    and the mean rank with the 95 % interval of the rank."""
    forest: pd.DataFrame = field(repr=False)
    """A row a treatment shown, for drawing: contrast, gain, its own value (median, for response the
    rate), cohorts and patients."""
    pairs: Mapping[tuple[str, str, str], Judged] = field(repr=False)
    left_out: pd.DataFrame = field(repr=False)
    """Treatments with too little behind them to be ranked and shown."""
    studies: Mapping[str, tuple[str, ...]] = field(repr=False)
    knowing: frozenset[str]
    notes: tuple[str, ...]

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
    confounding: str = DEFAULT,
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
        :func:`~synthesis.questions.contrasts.choose_reference`. Endpoints for which it is not
        pooled are left out, with a note.
    histology : {"pure", "mixed", "reference mix"}
        Histology of the patients; it does not apply to response.
    mix : float
        Share of mixed histology of the reference mix, 0 to 1.
    delta : float
        Months of gain that are asked for.
    confounding : str
        What is allowed for, a word of :data:`~synthesis.choices.CONFOUNDING`.
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
    allowed = certainty.find_confounding(fits, confounding)
    parts: dict[str, _Part] = {}
    notes: list[str] = []
    pooled: set[str] = set()
    for endpoint, fit in fits.items():
        groups = contrasts.treatments_of(fit, vocabulary)
        pooled |= set(contrasts.treatments_by_id(groups))
        chosen = contrasts.choose_reference(groups, vocabulary, reference)
        about = endpoint_of(endpoint)
        name = about.words(vocabulary)
        if len(groups) < 2:
            only = groups[0].label if groups else "none"
            notes.append(f"For {name} there is nothing to compare; pooled: {only}.")
        elif chosen is None:
            notes.append(f"The reference is not pooled for {name}, which is left out.")
        elif histology != REFERENCE_MIX and not about.is_response and not tells_histology(fit):
            notes.append(f"No counted cohort tells its histology for {name}, which is left out.")
        else:
            shown = contrasts.choose_shown(groups, chosen.group, show_all=show_all)
            own = REFERENCE_MIX if about.is_response else histology
            parts[endpoint] = _Part(about, fit, groups, shown, chosen, own, mix, delta, allowed)
    if not parts and (reference is not None or histology != REFERENCE_MIX):
        possible = ", ".join(sorted(pooled)) or "none"
        raise NotComparedError(f"{' '.join(notes)} Possible references: {possible}.")
    asked = {"histology": histology, "mix": mix, "delta": delta, "confounding": allowed}
    return _assembled(parts, notes=tuple(notes), **asked)


def _assembled(parts: Mapping[str, _Part], **asked: Any) -> Comparison:
    rows = [part.rows() for part in parts.values()]
    return Comparison(
        **asked,
        endpoints=tuple(parts),
        references={name: part.reference for name, part in parts.items()},
        pairs={
            (name, part.groups[i].label, part.groups[j].label): judged
            for name, part in parts.items()
            for (i, j), (judged, _) in part.pairs.items()
        },
        studies={
            name: tuple(dict.fromkeys(ref.study.id for g in part.groups for ref in g.cohorts))
            for name, part in parts.items()
        },
        knowing=frozenset(name for name, part in parts.items() if tells_histology(part.fit)),
        **{
            name: pd.DataFrame([row for own in rows for row in own[name]], columns=columns)
            for name, columns in _COLUMNS.items()
        },
    )


@dataclass(frozen=True)
class _Part:
    """One endpoint on its way to the tables; a treatment is known by its place in `groups`."""

    endpoint: Endpoint
    fit: Fit
    groups: Sequence[NamedGroup]
    shown: Sequence[NamedGroup]
    reference: Reference
    histology: Histology
    mix: float
    delta: float
    confounding: Confounding
    pairs: dict[tuple[int, int], tuple[Judged, dict[str, list[float]]]] = field(
        default_factory=dict, init=False
    )

    @cached_property
    def base(self) -> int:
        """Place of the reference."""
        return self.groups.index(self.reference.group)

    @cached_property
    def places(self) -> list[int]:
        """Places of the treatments shown."""
        return [self.groups.index(group) for group in self.shown]

    @property
    def share(self) -> float:
        """Share of mixed histology; of no meaning for response."""
        if self.histology != REFERENCE_MIX:
            return float(self.histology == "mixed")
        return self.mix if self.endpoint.is_response else reference_share(self.fit, self.mix)

    def rows(self) -> dict[str, Iterable[tuple]]:
        """Rows of every table of :data:`_COLUMNS`; `pairs` is filled along with them."""
        treatments = contrasts.drawn(self.fit, self.groups, self.share)
        known = contrasts.contrasts_of(self.endpoint.id)
        values = next(iter(known.values())).of(treatments)
        placed = contrasts.ranks(values[:, self.places])
        order = np.argsort(placed.mean(axis=0), kind="stable")
        league = list(combinations([self.places[i] for i in order], 2))
        against = [(i, self.base) for i in range(len(self.groups)) if i != self.base]
        evidence = contrasts.evidence_of_pairs(self.fit, self.groups)
        carried = {
            (i, j): evidence[self.groups[i].label, self.groups[j].label]
            for i, j in (*against, *league)
        }
        by_histology = self.histology != REFERENCE_MIX
        beyond = [by_histology and not tells_apart(self.fit, g.cohorts) for g in self.groups]
        asked = beyond, self.confounding, self.delta
        self.pairs.update(
            certainty.judged_contrasts(known, treatments, treatments, carried, *asked)
        )
        return {
            "table": self._pair_rows(against),
            "league": self._pair_rows(league),
            "gains": () if self.endpoint.is_response else self._gain_rows(treatments),
            "ranks": self._rank_rows(placed, order),
            "forest": self._forest_rows(quantiles(values)),
            "left_out": [
                (self.endpoint.id, group.label, len(group.cohorts), group.patients)
                for group in self.groups
                if group not in self.shown
            ],
        }

    def _pair_rows(self, pairs: Sequence[tuple[int, int]]) -> Iterator[tuple]:
        for i, j in pairs:
            about = self.endpoint.id, self.groups[i].label, self.groups[j].label, self.histology
            judged, values = self.pairs[i, j]
            for name, (*limits, chance, adjusted) in values.items():
                delta = self.delta if name == GAIN else np.nan
                yield (*about, name, *limits, delta, chance, adjusted, *judged.behind)

    def _gain_rows(self, treatments: Curve) -> Iterator[tuple]:
        deltas = np.union1d(DELTAS, [self.delta])
        adjusted = certainty.confounded(treatments, self.confounding)
        medians = [own.estimand("median_months") for own in (treatments, adjusted)]
        for i in self.places:
            if i != self.base:
                judged = self.pairs[i, self.base][0]
                sizes = judged.evidence.total_cohorts, judged.evidence.total_patients
                sides = medians[:1] * 2 if judged.kind == RANDOMISED else medians
                gains = (own[:, i] - medians[0][:, self.base] for own in sides)
                curves = [contrasts.gain_curve(own, deltas) for own in gains]
                about = self.endpoint.id, self.groups[i].label, self.groups[i].class_label
                over = self.reference.label, self.histology
                for point in np.column_stack([deltas, *curves]).tolist():
                    yield (*about, *over, *point, judged.kind, *sizes)

    def _rank_rows(self, placed: np.ndarray, order: np.ndarray) -> Iterator[tuple]:
        _, lower, upper = quantiles(placed)
        for i in order:
            group, of = self.shown[i], len(self.shown)
            chances = np.bincount(placed[:, i], minlength=of + 1)[1:] / len(placed)
            about = (self.endpoint.id, group.label, group.class_label, self.histology, of)
            mean = (float(placed[:, i].mean()), float(lower[i]), float(upper[i]))
            steps = np.column_stack([chances, chances.cumsum()]).tolist()
            for rank, chance in enumerate(steps, start=1):
                yield (*about, rank, *chance, *mean, len(group.cohorts), group.patients)

    def _forest_rows(self, values: np.ndarray) -> Iterator[tuple]:
        """A row a treatment shown: contrast drawn, gain in months, and what stands behind it."""
        contrast = self.endpoint.contrast
        for i in self.places:
            own, behind = {contrast: [self.endpoint.null] * 8}, (np.nan, np.nan, "", "", "")
            if i != self.base:
                judged, own = self.pairs[i, self.base]
                behind = judged.columns
            yield (
                *(self.endpoint.id, self.groups[i].label, self.groups[i].class_label, contrast),
                *own[contrast][:6],
                *own.get(GAIN, [np.nan] * 8),
                *behind,
                *(*self.groups[i].sizes, i == self.base),
                *values[:, i].tolist(),
            )


# --- In words ------------------------------------------------------------------------------------

#: From this probability on a gain is named in a sentence, and at most so many treatments.
_NAMED_FROM, _NAMED_AT_MOST = 0.9, 6

LEAD = (
    "Contrasts of the average study: what would differ between two patients of the reference "
    "population, one under each treatment, if the model holds. Estimates are posterior medians "
    "with 95 % intervals. None of it is advice on treatment."
)


def result(comparison: Comparison, registry: Registry) -> Result:
    """Say what a comparison of treatments of a registry shows."""
    frames = {
        "compare": comparison.table,
        "league": comparison.league,
        "gains": comparison.gains,
        "ranks": comparison.ranks,
    }
    title = "Treatments compared"
    if comparison.is_empty:
        return Result("compare", title, comparison.notes, tables=frames)
    vocabulary = registry.vocabulary
    across = contrasts.across_words(comparison.forest["evidence"])
    picture = _picture(comparison, vocabulary)
    findings = [Finding(picture.title, (across,) if across else (), pictures=(picture,))]
    comers = background(registry)
    if len(comers):
        frames["background"] = comers
        findings.append(_background_finding(comers))
    for endpoint in comparison.endpoints:
        name = endpoint_of(endpoint).name(vocabulary)
        principal, others, league = _tables(comparison, endpoint)
        rows, over = _compared(comparison, endpoint), comparison.references[endpoint].label
        known = {name: comparison.pairs[endpoint, name, over] for name in rows["treatment"]}
        reports = {name: "; ".join(own.evidence.reports) for name, own in known.items()}
        undone = certainty.certainty_table(rows, reports)
        words = sentences(comparison, endpoint, vocabulary)
        findings.append(Finding(name, words, (principal, undone)))
        if others.columns[1:]:
            findings.append(Finding(f"{name}: hazard ratios and restricted means", (), (others,)))
        findings.append(Finding(f"{name}: every pair", (), (league,), folded=True))
    return Result("compare", title, (LEAD, *comparison.notes), tuple(findings), frames)


def sentences(comparison: Comparison, endpoint: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """What the tables say of an endpoint: gains, evidence, ranks, treatments left out."""
    reference = comparison.references[endpoint]
    first = comparison.ranks[comparison.ranks["endpoint"] == endpoint].iloc[0]
    few = comparison.left_out[comparison.left_out["endpoint"] == endpoint]["treatment"]
    words = (
        f"{endpoint_of(endpoint).name(vocabulary)} in {vocabulary.subject_words}, "
        f"{population(comparison, endpoint, vocabulary)}in the average study: every treatment "
        f"against {reference.words}, {reference.why}.",
        _gain_words(comparison, endpoint, vocabulary),
        *certainty.confounding_words(_compared(comparison, endpoint), comparison.confounding),
        comparison_evidence(comparison, endpoint),
        f"{first['treatment']} has the best mean rank of {first['of']} treatments, "
        f"{_rank_text(first)}, and is first with a probability of "
        f"{numbers.chance(first['probability'])}. A rank says nothing of how large a difference "
        "is.",
    )
    if few.empty:
        return words
    return (
        *words,
        "Neither ranked nor shown, with one cohort of fewer than "
        f"{contrasts.PATIENTS_SHOWN} patients each: {listed(map(in_sentence, few))}. "
        "compare.csv has them.",
    )


def population(comparison: Comparison, endpoint: str, vocabulary: Vocabulary) -> str:
    """The histology that the contrasts of an endpoint are for, and a comma.

    Empty for a disease of which there is no histology.
    """
    if not vocabulary.histologies and not comparison.knowing:
        return ""
    if endpoint_of(endpoint).is_response:
        return "all histologies together as reports count them (histology does not apply), "
    if endpoint not in comparison.knowing:
        return "of whatever histology (no counted cohort tells it), "
    if comparison.histology == REFERENCE_MIX:
        return f"{numbers.mixed_share(comparison.mix)}, "
    return f"{comparison.histology} histology, "


def _compared(comparison: Comparison, endpoint: str) -> pd.DataFrame:
    """Rows of the treatments shown, without that of the reference."""
    rows = comparison.forest[comparison.forest["endpoint"] == endpoint]
    return rows[~rows["is_reference"].astype(bool)]


def _gain_words(comparison: Comparison, endpoint: str, vocabulary: Vocabulary) -> str:
    rows, about = _compared(comparison, endpoint), endpoint_of(endpoint)
    if about.is_response:
        # as written: a limit that reads 0 leaves nothing out
        clear = rows[(rows["lower"].round(2) > 0.0) | (rows["upper"].round(2) < 0.0)]
        if clear.empty:
            return "No interval of a difference of response rates leaves out no difference."
        named = (
            f"{in_sentence(row.treatment)} (by {about.write_gain(row.estimate)} points)"
            for row in clear.itertuples(index=False)
        )
        return f"The response rate differs from that of the reference for {listed(named)}."
    rows = rows.sort_values("p_gain", ascending=False, kind="stable")
    likely = rows[rows["p_gain"] >= _NAMED_FROM]
    gain = f"{about.quantity(vocabulary)} more than {months_words(comparison.delta)} longer"
    named = [
        f"{in_sentence(row.treatment)} ({certainty.chance_words(row)})"
        for row in rows.head(max(min(len(likely), _NAMED_AT_MOST), 1)).itertuples()
    ]
    second = certainty.SECOND if (rows["evidence"] != RANDOMISED).any() else ""
    if likely.empty:
        return (
            f"No treatment makes a {gain} with a probability of {_NAMED_FROM:g} or more; the "
            f"highest is that of {named[0]}{second}."
        )
    if len(likely) > len(named):
        named.append(count(len(likely) - len(named), "further treatment"))
    return f"A {gain} has a probability of {_NAMED_FROM:g} or more under {listed(named)}{second}."


def comparison_evidence(comparison: Comparison, endpoint: str) -> str:
    """What carries the comparisons of the treatments shown, a sentence or two."""
    rows = _compared(comparison, endpoint)
    kinds = dict(zip(map(in_sentence, rows["treatment"]), rows["evidence"], strict=True))
    return contrasts.evidence_words(kinds, in_sentence(comparison.references[endpoint].label))


def _rank_text(row: pd.Series) -> str:
    limits = numbers.limits_of(row["lower"], row["upper"], partial(numbers.decimal, digits=0))
    return f"{numbers.decimal(row['mean_rank'], 1)} ({limits})"


def chance_heading(delta: float) -> str:
    """Heading of the probability of a gain."""
    return f"P(gain > {delta:g} mo)"


# --- All comers ----------------------------------------------------------------------------------

#: Patients from which a cohort of mixed treatments stands for the whole population of patients.
POPULATION = 500
BACKGROUND_COLUMNS = names("study label patients years median survival_12m")


def background(registry: Registry) -> pd.DataFrame:
    """Survival of all comers, as reported: what the reference of gains can be held against.

    Cohorts of mixed treatments with at least :data:`POPULATION` patients that report the median
    overall survival or that at one year, the largest first: :data:`BACKGROUND_COLUMNS`. ``years``
    are those of enrolment where they are reported, else ``published`` and the year; figures are
    text, empty where there is none.
    """
    endpoint, rows = survival_endpoints()[0], []
    for ref in references(registry):
        cohort, study = ref.cohort, ref.study
        if ref.role != "mixed" or (cohort.n or 0) < POPULATION or cohort.not_pooled is not None:
            continue
        medians = [
            median_words(own, brief=True)
            for own in cohort.survival
            if own.endpoint == endpoint and own.median is not None
        ]
        marks = [
            share_words(own)
            for own in cohort.landmarks
            if own.endpoint == endpoint and round(in_months(own.time, own.unit)) == 12
        ]
        if medians or marks:
            published = f"published {study.citation.year}" if study.citation.year else ""
            about = study.id, ref.label, cohort.n, study.enrolment or published
            rows.append((*about, *(medians or [""])[:1], *(marks or [""])[:1]))
    rows.sort(key=lambda row: -row[2])
    return pd.DataFrame(rows, columns=BACKGROUND_COLUMNS)


def _background_finding(frame: pd.DataFrame) -> Finding:
    words = (
        "Population registries, whatever the treatment, to hold the reference against. They share "
        "patients with each other and are never pooled."
    )
    columns = [
        ("Report", "keep", lambda row: row.label),
        ("Patients", "num", lambda row: f"{row.patients:,}"),
        ("Years", "", lambda row: row.years),
        ("Median overall survival, months", "num", lambda row: row.median),
        ("Alive at one year", "num", lambda row: row.survival_12m),
    ]
    table = table_of("Registries of all patients.", frame.itertuples(index=False), columns)
    return Finding("All comers, as reported", (words,), (table,))


# --- Tables and the picture ----------------------------------------------------------------------


def _tables(comparison: Comparison, endpoint: str) -> tuple[Table, Table, Table]:
    """The principal contrasts with ranks and evidence, all others, and every pair."""
    about, known = endpoint_of(endpoint), contrasts.contrasts_of(endpoint)
    table, league, placed = (
        frame[frame["endpoint"] == endpoint]
        for frame in (comparison.table, comparison.league, comparison.ranks)
    )
    own = _compared(comparison, endpoint).set_index("treatment")
    placed = placed.drop_duplicates("treatment").set_index("treatment")
    first = tuple(dict.fromkeys((about.contrast, about.gain)))

    def confounding(line: certainty.Line) -> Cell:
        return certainty.confounding_cell(line.about.evidence, adjusted=line.adjusted)

    def written(names: Iterable[str]) -> list[tuple]:
        """Whether confounding is allowed for, and the contrasts."""
        allowed = [] if about.is_response else [(certainty.COLUMN, "keep", confounding)]
        each = [known[name] for name in names]
        return [*allowed, *((c.heading, "num", lambda line, c=c: line.text(c)) for c in each)]

    def chance(line: certainty.Line) -> str:
        gain = line.rows[GAIN]
        return numbers.chance(gain.p_gain_adjusted if line.adjusted else gain.p_gain)

    def sizes(row: Any) -> str:
        return numbers.size(*own.loc[row.treatment, ["cohorts", "patients", "compared"]])

    def evidence(line: certainty.Line) -> Cell:
        row = line.about
        carried = comparison.pairs[endpoint, row.treatment, row.reference].evidence.reports
        return Cell(row.evidence, more="; ".join(carried), rows=line.span)

    name = ("Treatment", "keep", certainty.once(lambda row: row.treatment))
    principal = [
        *(name, *written(first)),
        *([] if about.is_response else [(chance_heading(comparison.delta), "num", chance)]),
        ("Mean rank", "num", certainty.once(lambda row: _rank_text(placed.loc[row.treatment]))),
        ("Cohorts (patients)", "num", certainty.once(sizes)),
    ]
    against = ("Pair", "keep", certainty.once(lambda row: f"against {in_sentence(row.reference)}"))
    over = in_sentence(comparison.references[endpoint].label)
    title, note = f"Against {over}.", "With 95 % intervals."
    lines = certainty.lines_of(table[table["treatment"].isin(own.index)])
    return (
        table_of(
            title,
            lines,
            principal,
            note=f"{note} Cohorts and patients are those of the treatment itself.",
        ),
        table_of(title, lines, [name, *written(n for n in known if n not in first)], note=note),
        table_of(
            "Every pair of treatments.",
            certainty.lines_of(league),
            [against, *written(first), ("Evidence", "", evidence)],
            note="Treatments by mean rank, with 95 % intervals.",
            group=lambda line: line.about.treatment,
        ),
    )


def _picture(comparison: Comparison, vocabulary: Vocabulary) -> Picture:
    from synthesis.plots.compare import plot_compare

    subjects = (
        f"{endpoint_of(endpoint).words(vocabulary)}: "
        f"{population(comparison, endpoint, vocabulary)}against "
        f"{in_sentence(comparison.references[endpoint].label)} "
        f"({numbers.size_words(*comparison.references[endpoint].group.sizes)})"
        for endpoint in comparison.endpoints
    )
    caption = (
        f"Every treatment against the reference in {vocabulary.subject_words}, average study. "
        f"{numbers.capitalised('; '.join(subjects))}. Ratios of medians on a log scale, for "
        "response differences in percentage points, with 95 % intervals. Filled square: the two "
        "were randomised in one report; filled dot: one report gave both without randomisation; "
        "open ring: no report gave both. Longer by: difference of medians; P: probability that it "
        f"exceeds {months_words(comparison.delta)}, as it is and allowing for confounding."
    )
    return Picture(
        "compare",
        "Every treatment against the reference",
        caption,
        plot_compare,
        {"table": comparison.forest, "delta": comparison.delta},
        tuple(dict.fromkeys(name for own in comparison.studies.values() for name in own)),
        " ".join(_gain_words(comparison, name, vocabulary) for name in comparison.endpoints),
    )
