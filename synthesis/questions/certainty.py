r"""How much confounding would undo a contrast, and how certain that leaves it.

Hardly any two treatments were given by lot. Let :math:`d` be the log ratio of medians of a draw,
and :math:`b` the log of how many times as long the patients on the treatment would have lived
anyway, whatever they were given. What the treatment does is :math:`d - b`.

The *tipping points* are the ratios :math:`e^b` at which the limit of the 95 % interval, and the
estimate, reach no gain. They are 1 where it takes none (compare the E-value of VanderWeele & Ding
2017, doi 10.7326/M16-2607):

.. math::
   T_{\text{limit}} = \max(1,\ e^{Q_{0.025}(d)}), \qquad
   T_{\text{estimate}} = \max(1,\ e^{Q_{0.5}(d)})

*Allowing for confounding*, :math:`b \sim \mathrm{Normal}(\mu, \sigma^2)` is subtracted in every
draw: all times under the treatment are divided by :math:`e^b`, so that its curve
:math:`S_1(t)` becomes :math:`S_1(e^b t)` and its median :math:`m_1 e^{-b}`. Each contrast is
answered on its own, with the treatment that is named first as the one whose patients were better
off. A contrast that a randomised report carries, and that is not extrapolated, has
:math:`b = 0`. The default :math:`\mu` and
:math:`\sigma` are the record ``confounding`` of the priors; a stated ratio ``R`` has
:math:`\mu = \log R` and :math:`\sigma = 0`. Confounding of response rates is not modelled.

*Certainty* follows rules, in the manner of GRADE (Guyatt et al. 2011, doi
10.1016/j.jclinepi.2010.04.026; a large effect: doi 10.1016/j.jclinepi.2011.06.004). It starts at
high and takes the steps of every rule that holds, down to very low; only what is randomised can be
high:

=================================== =====
rule                                steps
=================================== =====
not randomised                         -2
no report gave both                    -1
histology is extrapolated              -1
one report on a side                   -1
fewer than 50 patients on a side       -1
interval includes no effect            -1
undone only beyond 2 times as long     +1
=================================== =====

With 50 patients the standard error of a log median is about :math:`1/(\sqrt{50}\log 2) = 0.2`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

from synthesis import numbers
from synthesis.choices import CONFOUNDING, DEFAULT
from synthesis.estimands import Curve, Fit, quantiles
from synthesis.numbers import count, in_sentence, listed
from synthesis.questions.contrasts import ACROSS, GAIN, RANDOMISED, Contrast, Evidence, kind_of
from synthesis.result import Cell, Table, table_of

#: Name of its record among the priors.
PRIOR = "confounding"

#: Grades, the lowest first.
GRADES = ("very low", "low", "moderate", "high")

# The same order of the draws of a bias in every table.
_SEED = 20


# --- Confounding ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Confounding:
    """What is believed of the log of how many times as long patients would have lived anyway.

    Mean and SD of a normal distribution; an SD of 0 is a fixed ratio.
    """

    mean: float
    sd: float

    def draws(self, number: int) -> np.ndarray:
        """Draws of the log ratio, ``(number,)``: quantiles of the distribution in random order."""
        steps = np.random.default_rng(_SEED).permutation(number)
        return self.mean + self.sd * ndtri((steps + 0.5) / number)

    def factors(self, number: int) -> np.ndarray:
        """Draws of what takes confounding off a time when multiplied with it, ``(number,)``."""
        return np.exp(-self.draws(number))

    @property
    def words(self) -> str:
        """The belief in words, as a sentence."""
        if not self.mean and not self.sd:
            return "No confounding is allowed for, as asked."
        limits = np.exp(self.mean + self.sd * ndtri([0.5, 0.025, 0.975]))
        ratio = numbers.interval(*limits, numbers.ratio) if self.sd else numbers.ratio(limits[0])
        return (
            "What allows for confounding takes the patients on the treatment to have lived "
            f"{ratio} times as long anyway. This is a belief, not a result; what was randomised is "
            "left as it is."
        )


def find_confounding(fits: Mapping[str, Fit], asked: str = DEFAULT) -> Confounding:
    """What is believed of confounding: that of the priors of the fits, none, or a stated ratio.

    Raises
    ------
    ValueError
        For a word that is none of :data:`~synthesis.choices.CONFOUNDING`.
    """
    if asked not in CONFOUNDING:
        raise ValueError(f"confounding: found {asked!r}, expected one of {', '.join(CONFOUNDING)}")
    if asked != DEFAULT:
        return Confounding(float(np.log(float(asked))) if float(asked) else 0.0, 0.0)
    if not fits:
        return Confounding(0.0, 0.0)
    prior = next(iter(fits.values())).priors[PRIOR]
    return Confounding(prior.location, prior.scale)


def confounded[C](curves: C, confounding: Confounding) -> C:
    """Curves, one or several side by side, as they would be without what confounding adds."""
    shape = curves.median.shape
    factor = confounding.factors(shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    return scaled(curves, factor)


def scaled[C](curves: C, factor: np.ndarray) -> C:
    """Curves, or mixtures of curves, of which all times are multiplied by a factor."""
    if isinstance(curves, Curve):
        return replace(curves, median=curves.median * factor)
    return replace(curves, curves=tuple(scaled(own, factor) for own in curves.curves))


# --- Tipping points and certainty ----------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """A contrast of two treatments as it is judged.

    Its values are the estimate and its limits, of survival of the ratio of medians, whose value of
    no effect (``null``) is 1, of response of the difference of rates, with 0. It is extrapolated
    where it is by histology and no report of the treatment tells that.
    """

    evidence: Evidence
    values: Sequence[float]
    null: float
    extrapolated: bool = False

    @property
    def tipping(self) -> tuple[float, float]:
        """Ratios at which the limit and the estimate reach no gain; missing for response."""
        estimate, lower, _ = self.values
        return (max(lower, 1.0), max(estimate, 1.0)) if self.null else (np.nan, np.nan)

    @property
    def kind(self) -> str:
        """What carries the contrast."""
        own = self.evidence
        return kind_of(own.randomised, own.within, extrapolated=self.extrapolated)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons of the rules that hold."""
        return tuple(rule.reason for rule in RULES if rule.holds(self))

    @property
    def certainty(self) -> str:
        """One of :data:`GRADES`."""
        steps = sum(rule.steps for rule in RULES if rule.holds(self))
        most = len(GRADES) - 1 if self.evidence.kind == RANDOMISED else len(GRADES) - 2
        return GRADES[min(max(len(GRADES) - 1 + steps, 0), most)]

    @property
    def columns(self) -> tuple[float, float, str, str, str]:
        """Cells of the columns from ``tipping_limit`` to ``certainty_reasons``."""
        return (*self.tipping, self.kind, self.certainty, "; ".join(self.reasons))

    @property
    def behind(self) -> tuple[float, float, str, str, str, int, int]:
        """Cells from ``tipping_limit`` on: cohorts and patients are those of both treatments."""
        return (*self.columns, self.evidence.total_cohorts, self.evidence.total_patients)


@dataclass(frozen=True)
class Rule:
    """A reason to be less certain of a contrast, or more: so many steps where it holds."""

    reason: str
    steps: int
    holds: Callable[[Judged], bool] = field(repr=False)


#: Patients of either treatment, and a tipping point of the limit, from which no step is taken down,
#: and one up.
ENOUGH_PATIENTS, LARGE = 50, 2.0

#: Every rule of certainty: a further one is a further record, and a line of the table above.
RULES = (
    Rule("not randomised", -2, lambda own: own.evidence.kind != RANDOMISED),
    Rule("no report gave both", -1, lambda own: own.evidence.kind == ACROSS),
    Rule("histology is extrapolated", -1, lambda own: own.extrapolated),
    Rule("one report on a side", -1, lambda own: min(own.evidence.sources) < 2),
    Rule(
        f"fewer than {ENOUGH_PATIENTS} patients on a side",
        -1,
        lambda own: min(own.evidence.patients) < ENOUGH_PATIENTS,
    ),
    Rule(
        "interval includes no effect",
        -1,
        lambda own: own.values[1] <= own.null <= own.values[2],
    ),
    Rule(
        f"undone only beyond {LARGE:g} times as long",
        1,
        lambda own: own.evidence.kind != RANDOMISED and own.tipping[0] > LARGE,
    ),
)


# Numbers of a contrast: estimate, lower, upper; the same allowing for confounding; probability of
# the gain as estimated, and allowing for confounding. If randomised, all are those as estimated.
_AS_ESTIMATED = [0, 1, 2, 0, 1, 2, 6, 6]


def unadjusted_if_randomised(judged: Judged, values: np.ndarray) -> np.ndarray:
    """Numbers of a contrast, ``(8,)``; a randomised one allows for no confounding."""
    return values[_AS_ESTIMATED] if judged.kind == RANDOMISED else values


def judged_contrasts(
    contrasts: Mapping[str, Contrast],
    treatments: Any,
    references: Any,
    carried: Mapping[tuple[int, int], Evidence],
    extrapolated: Sequence[bool],
    confounding: Confounding,
    delta: float = 0.0,
) -> dict[tuple[int, int], tuple[Judged, dict[str, list[float]]]]:
    """Judge contrasts of treatments with references, by the places of the two.

    Both sides are curves, or draws of response rates, side by side; `carried` says which pairs are
    judged and by what they are carried, `extrapolated` which of the treatments are. Behind the
    judgement, by the name of a contrast: estimate and limits, the same allowing for confounding,
    and of the gain the chances of more than `delta` months, as it is and allowing for confounding.
    What was randomised is left as it is.
    """
    principal, pairs = next(iter(contrasts.values())), np.array(list(carried), int).reshape(-1, 2).T
    sides, values = [treatments], {}
    if principal.unit == "ratio":  # confounding of response rates is not modelled
        sides.append(confounded(treatments, confounding))
    for name, contrast in contrasts.items():
        over, cells = contrast.of(references), np.full((8, len(carried)), np.nan)
        for side, own in enumerate(sides):
            draws = contrast.between(contrast.of(own), over)[:, *pairs]
            cells[3 * side : 3 * side + 3] = quantiles(draws)
            if name == GAIN:
                cells[6 + side] = contrast.favours(draws, delta)
        values[name] = cells.T
    found = {}
    for number, (pair, evidence) in enumerate(carried.items()):
        limits = values[principal.name][number, :3].tolist()
        judged = Judged(evidence, limits, principal.null, extrapolated=extrapolated[pair[0]])
        each = {name: unadjusted_if_randomised(judged, own[number]) for name, own in values.items()}
        found[pair] = judged, {name: own.tolist() for name, own in each.items()}
    return found


# --- In words ------------------------------------------------------------------------------------


def tipping_words(treatment: str, limit: float, estimate: float) -> str:
    """What it takes to undo the gain of a treatment, in a sentence."""
    name, none = in_sentence(treatment), f"at {numbers.ratio(estimate)} times there would be none"
    if numbers.ratio(estimate) == numbers.ratio(1.0):
        return f"No gain is estimated for {name}, whatever the confounding."
    if numbers.ratio(limit) == numbers.ratio(1.0):
        return (
            f"The gain under {name} is not sure even without confounding; if its patients would "
            f"have lived {numbers.ratio(estimate)} times as long anyway, there would be none."
        )
    return (
        f"If the patients on {name} would have lived {numbers.ratio(limit)} times as long anyway, "
        f"the gain would no longer be sure; {none}."
    )


def certainty_words(grades: Mapping[str, str]) -> str:
    """How certain comparisons are: ``grades`` gives that of each treatment, by its name."""
    named = {
        grade: [in_sentence(name) for name, own in grades.items() if own == grade]
        for grade in reversed(GRADES)
    }
    parts = [
        f"{grade} for {listed(names) if len(names) <= 3 else count(len(names), 'comparison')}"
        for grade, names in named.items()
        if names
    ]
    return f"Certainty, by stated rules: {listed(parts)}."


#: Ends a sentence with probabilities of gains.
SECOND = "; the second figure allows for confounding"


def chance_words(row: Any) -> str:
    """The probability of a gain, with that when confounding is allowed for where it must be."""
    if row.evidence == RANDOMISED:
        return numbers.chance(row.p_gain)
    return numbers.chance_pair(row.p_gain, row.p_gain_adjusted)


def confounding_words(rows: pd.DataFrame, confounding: Confounding) -> tuple[str, ...]:
    """What confounding would undo, and how certain the comparisons of one endpoint are.

    Of the treatment whose gain takes most to be undone, and of that with most patients; rows are
    those of treatments, with the columns of certainty. Without tipping points, certainty alone.
    """
    grades = certainty_words(dict(zip(rows["treatment"], rows["certainty"], strict=True)))
    doubted = rows[(rows["evidence"] != RANDOMISED) & rows["tipping_limit"].notna()]
    if doubted.empty:
        return (grades,)
    named = pd.concat([doubted.nlargest(1, column) for column in ("tipping_limit", "patients")])
    undone = " ".join(
        tipping_words(row.treatment, row.tipping_limit, row.tipping_estimate)
        for row in named.drop_duplicates("treatment").itertuples(index=False)
    )
    return confounding.words, undone, grades


def certainty_table(rows: pd.DataFrame, reports: Mapping[str, str] = MappingProxyType({})) -> Table:
    """What carries each contrast of one endpoint, what would undo it, and its certainty.

    ``reports`` names those that carry the contrast of a treatment.
    """
    undone = {"Gain no longer sure at": "tipping_limit", "No gain at": "tipping_estimate"}
    known = rows["tipping_limit"].notna().any()
    note = (
        "Times as long as the patients on the treatment would have to live anyway, whatever they "
        "were given; 1.00: it takes no confounding. "
    )
    return table_of(
        "Evidence and certainty.",
        rows.itertuples(index=False),
        [
            ("Treatment", "keep", lambda row: row.treatment),
            ("Evidence", "", lambda row: Cell(row.evidence, reports.get(row.treatment, ""))),
            *(
                (label, "num", lambda row, name=name: numbers.ratio(getattr(row, name)))
                for label, name in (undone.items() if known else ())
            ),
            ("Certainty", "keep", lambda row: row.certainty),
            ("Because", "wide", lambda row: row.certainty_reasons),
        ],
        note=f"{note if known else ''}Certainty follows stated rules.",
    )


def written_twice(row: Any, write: numbers.Writer, *, adjusted: bool) -> str:
    """A contrast as text, as it is or allowing for confounding."""
    return numbers.written(row, write, "adjusted" if adjusted else "")


#: Column of tables that says whether confounding is allowed for, and what stands in it.
COLUMN = "Confounding"
AS_IS, ALLOWED = "none assumed", "allowed for"


def twice(kind: str) -> tuple[bool, ...]:
    """Rows of a contrast in a table: as estimated, and allowing for confounding if it needs it."""
    return (False,) if kind == RANDOMISED else (False, True)


def confounding_cell(kind: str, *, adjusted: bool) -> Cell:
    """The cell of :data:`COLUMN`."""
    if kind == RANDOMISED:
        return Cell(RANDOMISED)
    return Cell(ALLOWED if adjusted else AS_IS)


class Line(NamedTuple):
    """A line of a table: rows of two treatments by contrast, as estimated or adjusted.

    ``span``: how many lines the two have; 0 in the second.
    """

    rows: Mapping[str, Any]
    adjusted: bool
    span: int

    @property
    def about(self) -> Any:
        """What all of its rows say."""
        return next(iter(self.rows.values()))

    def text(self, contrast: Contrast) -> str:
        """A contrast as it is written."""
        row = self.rows[contrast.name]
        return written_twice(row, contrast.write, adjusted=self.adjusted)


def lines_of(frame: pd.DataFrame) -> list[Line]:
    """Lines of every two treatments of a table of contrasts; one where nothing is allowed for."""
    pairs: dict[tuple[str, str], dict[str, Any]] = {}
    for row in frame.itertuples(index=False):
        pairs.setdefault((row.treatment, row.reference), {})[row.estimand] = row
    lines = []
    for rows in pairs.values():
        told = [row.evidence for row in rows.values() if pd.notna(row.adjusted)]
        sides = twice(told[0]) if told else (False,)
        lines += [Line(rows, adjusted, 0 if adjusted else len(sides)) for adjusted in sides]
    return lines


def once(say: Callable[[Any], str]) -> Callable[[Line], Cell]:
    """A cell that the lines of two treatments have in common; `say` is given one of their rows."""
    return lambda line: Cell(say(line.about), rows=line.span)
