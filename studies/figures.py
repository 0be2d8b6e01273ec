"""Reading printed figures: which of them are used, in which unit, and how they are shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from studies.schema import (
    Cohort,
    HistologySplit,
    Landmark,
    Response,
    Study,
    Subgroup,
    SurvivalOutcome,
)
from studies.values import NOT_REACHED, Histology, Status, Unit

Figure = SurvivalOutcome | Landmark | Response
Keep = Callable[[Figure], bool]

DAYS_PER_MONTH = Decimal("30.4375")  # 365.25 / 12: leap years included
MONTHS_PER_UNIT: dict[str, Decimal] = {
    "days": 1 / DAYS_PER_MONTH,
    "weeks": 7 / DAYS_PER_MONTH,
    "months": Decimal(1),
    "years": Decimal(12),
}
_SHORT_UNIT = {"days": "d", "weeks": "wk", "months": "", "years": "y"}
_INITIALS = re.compile(r"(?:[^\W\d_a-z]\.?-?){1,4}")


def in_months(time: Decimal, unit: Unit) -> float:
    """Convert a printed time to months.

    Parameters
    ----------
    time : Decimal
        Time in `unit`.
    unit : {"days", "weeks", "months", "years"}
        Its unit; a month has 30.4375 days.

    Returns
    -------
    float
        Months.
    """
    return float(time * MONTHS_PER_UNIT[unit])


def half_step(value: Decimal) -> Decimal:
    """Return half of the last printed digit: 0.05 for 3.1, 0.5 for 166.

    Parameters
    ----------
    value : Decimal
        A printed number.

    Returns
    -------
    Decimal
        The largest rounding error, in the unit of `value`.
    """
    return Decimal(5).scaleb(int(value.as_tuple().exponent) - 1)


def is_symmetric(outcome: SurvivalOutcome) -> bool:
    """Return whether the limits lie on both sides of the median at one distance, or are said to.

    Such an interval is the median plus or minus a multiple of a standard error: its limits are not
    event times.

    Parameters
    ----------
    outcome : SurvivalOutcome
        The record.

    Returns
    -------
    bool
        Within the rounding of the three figures, and within a tenth of the width: of intervals in
        whole months half would seem symmetric otherwise.
    """
    if outcome.ci_method is not None:
        return outcome.ci_method == "symmetric"
    ci, median = outcome.ci, outcome.median
    if ci is None or not isinstance(ci[1], Decimal) or not isinstance(median, Decimal):
        return False
    rounding = half_step(ci[0]) + half_step(ci[1]) + 2 * half_step(median)
    return abs(ci[0] + ci[1] - 2 * median) <= min(rounding, (ci[1] - ci[0]) / 10)


def surname(author: str) -> str:
    """Return the family name of an author printed as "Family Initials".

    Parameters
    ----------
    author : str
        For instance ``Do Cao C``.

    Returns
    -------
    str
        ``Do Cao``; the whole text where no initials follow.
    """
    words = author.replace(",", " ").split()
    while len(words) > 1 and _INITIALS.fullmatch(words[-1]):
        words.pop()
    return " ".join(words)


def study_label(study: Study) -> str:
    """Return how a study is called in tables and plots.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    str
        First author and year, ``Sparano 2021``, or ``Ahn (n.d.)`` where no year is known; without
        authors the label of the citation, and without that the identifier.
    """
    citation = study.citation
    if not citation.authors:
        return citation.label or study.id
    year = "(n.d.)" if citation.year is None else citation.year
    return f"{surname(citation.authors[0])} {year}"


def figure_status(figure: Figure, study: Study) -> Status:
    """Return whether a figure was seen in the report itself; its own mark goes before the study's.

    Parameters
    ----------
    figure : SurvivalOutcome, Landmark or Response
        The figure.
    study : Study
        The study it belongs to.

    Returns
    -------
    {"verified", "secondary"}
        The status.
    """
    return figure.status or study.status


def outcome_of(
    arm: Cohort | Subgroup, endpoint: str, keep: Keep = lambda figure: True
) -> SurvivalOutcome | None:
    """Return the printed median of an endpoint that is used.

    Parameters
    ----------
    arm : Cohort or Subgroup
        The arm.
    endpoint : str
        Word of the vocabulary.
    keep : callable
        Which figures may be used.

    Returns
    -------
    SurvivalOutcome or None
        The first in the file with a median, be it "not reached".
    """
    for outcome in arm.survival:
        if outcome.endpoint == endpoint and outcome.median is not None and keep(outcome):
            return outcome
    return None


def landmarks_of(
    arm: Cohort | Subgroup, endpoint: str, keep: Keep = lambda figure: True
) -> tuple[Landmark, ...]:
    """Return the printed survival probabilities of an endpoint that are used, by time.

    Parameters
    ----------
    arm : Cohort or Subgroup
        The arm.
    endpoint : str
        Word of the vocabulary.
    keep : callable
        Which figures may be used.

    Returns
    -------
    tuple of Landmark
        One for each time, the first in the file.
    """
    by_time: dict[float, Landmark] = {}
    for landmark in arm.landmarks:
        if landmark.endpoint == endpoint and keep(landmark):
            by_time.setdefault(in_months(landmark.time, landmark.unit), landmark)
    return tuple(by_time[time] for time in sorted(by_time))


def histology_of(arm: Cohort | Subgroup, *, use_read_as: bool = True) -> Histology | None:
    """Return the histology of an arm that has only one.

    Parameters
    ----------
    arm : Cohort or Subgroup
        The arm.
    use_read_as : bool
        Whether a declared reading of the report's own group counts.

    Returns
    -------
    {"pure", "mixed"} or None
        None where the arm has both, or does not say.
    """
    if isinstance(arm, Subgroup) and arm.histology is not None:
        return arm.histology
    return arm.read_as.histology if use_read_as and arm.read_as is not None else None


def splits_histology(split: HistologySplit | None) -> bool:
    """Return whether a printed split tells the share of pure and of mixed histology.

    Parameters
    ----------
    split : HistologySplit or None
        The split.

    Returns
    -------
    bool
        True where both counts, or one count and how many were assessed, or a percentage is printed.
    """
    if split is None:
        return False
    counts = [split.pure, split.mixed, split.assessed]
    if sum(count is not None for count in counts[:2]) == 2:
        return True
    one_of_assessed = split.assessed and any(count is not None for count in counts[:2])
    percents = (split.pure_percent, split.mixed_percent)
    return bool(one_of_assessed) or any(percent is not None for percent in percents)


def printed_median(outcome: SurvivalOutcome) -> str:
    """Return a median with its interval exactly as printed.

    Parameters
    ----------
    outcome : SurvivalOutcome
        The record.

    Returns
    -------
    str
        ``3.1 (0.6-5.5)``, ``166 d``, ``NR (4.7-NR)``; the unit is left out where it is months.
    """
    if outcome.median is None:
        return ""
    text = _or_not_reached(outcome.median)
    if outcome.ci is not None:
        text += f" ({outcome.ci[0]}-{_or_not_reached(outcome.ci[1])})"
    unit = _SHORT_UNIT[outcome.unit] if outcome.unit is not None else ""
    return f"{text} {unit}".strip()


def printed_landmark(landmark: Landmark) -> str:
    """Return a survival probability as printed: ``12 mo: 0.52 (0.35-0.67)``.

    Parameters
    ----------
    landmark : Landmark
        The record.

    Returns
    -------
    str
        Time, fraction and interval; said where it was read off the curve.
    """
    unit = _SHORT_UNIT[landmark.unit] or "mo"
    text = f"{landmark.time} {unit}: {landmark.survival}"
    if landmark.ci is not None:
        text += f" ({landmark.ci[0]}-{landmark.ci[1]})"
    return text + (", read off the curve" if landmark.digitised else "")


def _or_not_reached(value: Decimal | str) -> str:
    return "NR" if value == NOT_REACHED else str(value)
