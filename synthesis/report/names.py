"""What a reader calls a study, a cohort and its reported figures, in one notation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from studies import Cohort, Registry, Study
from studies.figures import MONTHS_PER_UNIT, study_label
from studies.schema import NOT_REACHED, Landmark, Response, Subgroup, SurvivalOutcome
from studies.vocabulary import Vocabulary
from synthesis.endpoints import ENDPOINTS
from synthesis.numbers import MISSING, count, decimal

#: What a reader reads where patients of one cohort were given different treatments.
VARIOUS = "Various treatments"
_NO_NAME = re.compile(r"^(PMID|doi)\b|\(n\.d\.\)|^$")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_TITLE = 60


def study_names(registry: Registry) -> dict[str, str]:
    """Identifier of a report -> a name no other has: "Pennell 2008", "Iyer 2018b".

    Reports that were left out when they were screened have names, too.
    """
    every = {study.id: _name(study) for study in (*registry, *registry.excluded)}
    times, seen = Counter(every.values()), Counter[str]()
    named = {}
    for own, name in every.items():
        letter = _LETTERS[seen[name] % len(_LETTERS)]
        named[own] = f"{name}{letter}" if times[name] > 1 else name
        seen[name] += 1
    return named


def renamed(registry: Registry, names: Mapping[str, str]) -> dict[str, str]:
    """Labels that no reader knows, such as "Ahn (n.d.)" -> names that stand for them in a text."""
    labels = {study.id: study_label(study) for study in registry}
    odd = {own: label for own, label in labels.items() if label != own and _NO_NAME.search(label)}
    return {label: names[own] for own, label in odd.items()}


def _name(study: Study) -> str:
    """First author and year, else the label of the citation, else hospital or journal and years."""
    citation, label = study.citation, study_label(study)
    if not _NO_NAME.search(label) and label != study.id:
        return label
    known = label.partition(" (n.d.)")[0] if label != study.id else ""
    known = "" if _NO_NAME.search(known) else known
    year = citation.year or _years(getattr(study, "enrolment", None))
    if known:
        return f"{known}, {year or citation.journal}" if year or citation.journal else known
    if citation.journal:
        return ", ".join(filter(None, (citation.journal, f"{year or ''}")))
    if citation.title:
        title = citation.title
        return f"“{title[:_TITLE].rsplit(' ', 1)[0]} …”" if len(title) > _TITLE else f"“{title}”"
    where = ", ".join(("Hospital series", *getattr(study, "countries", ())))
    size = max((cohort.n or 0 for cohort in getattr(study, "cohorts", ())), default=0)
    return f"{where}, {year}" if year else f"{where}, {count(size, 'patient')}"


def _years(enrolment: str | None) -> str:
    """First and last year of enrolment: "1998–2010"."""
    years = re.findall(r"(?:19|20)\d\d", enrolment or "")
    return "–".join(dict.fromkeys((years[0], years[-1]))) if years else ""


def treatment_name(label: str, vocabulary: Vocabulary) -> str:
    """Label of a treatment or a class; *mixed* is a word of histology alone."""
    mixed = {each.id for each in vocabulary.classes if each.role == "mixed"}
    various = {each.label for each in vocabulary.classes if each.id in mixed}
    various |= {each.label for each in vocabulary.treatments if each.class_ in mixed}
    return VARIOUS if label in various else label


def cohort_words(cohort: Cohort, endpoint: str) -> str:
    """Every figure of an endpoint that a report gives of a cohort, also of its subgroups."""
    parts = [*_figures(cohort, endpoint)]
    for group in cohort.subgroups:
        if own := [*_figures(group, endpoint)]:
            parts.append(f"{group.level}: {', '.join(own)}")
    return "; ".join(parts)


def _figures(arm: Cohort | Subgroup, endpoint: str) -> Iterator[str]:
    if ENDPOINTS[endpoint].is_response:
        if arm.response is not None:
            yield response_words(arm.response, arm.n)
        return
    short = ENDPOINTS[endpoint].short
    for outcome in arm.survival:
        if outcome.endpoint == endpoint and outcome.median is not None:
            yield median_words(outcome)
    for landmark in arm.landmarks:
        if landmark.endpoint == endpoint:
            yield landmark_words(landmark, short)


def median_words(outcome: SurvivalOutcome) -> str:
    """A reported median: "3.1 months (0.6–5.5)", "3.3 months (101 days)", "not reached"."""
    unit, ends = outcome.unit or "months", outcome.ci or ()
    if unit == "months":
        limits = f" ({_limits(ends)})" if ends else ""
        return f"{_reached(outcome.median)}{_unit(outcome.median, ' months')}{limits}"
    own = f"{_reached(outcome.median)}{_unit(outcome.median, f' {unit}')}"
    if ends:
        own += f", {_limits(ends)}"
    if outcome.median == NOT_REACHED:
        return own
    return f"{decimal(float(outcome.median * MONTHS_PER_UNIT[unit]), 1)} months ({own})"


def landmark_words(landmark: Landmark, short: str) -> str:
    """Reported survival at a fixed time: "12-month OS 12 % (4–24)"."""
    months = float(landmark.time * MONTHS_PER_UNIT[landmark.unit])
    words = f"{months:.3g}-month {short} {_percent(landmark.survival)} %"
    if landmark.ci is not None:
        words += f" ({_percent(landmark.ci[0])}–{_percent(landmark.ci[1])})"
    return words + (", read off the curve" if landmark.digitised else "")


def response_words(response: Response, n: int | None) -> str:
    """A reported response: "2 of 23 responded", "29 % responded"."""
    of, counts = response.evaluable or n, (response.cr, response.pr)
    number = response.responders
    if number is None and any(each is not None for each in counts):
        number = sum(filter(None, counts))
    if number is not None:
        return f"{number} of {of or MISSING} responded"
    if response.orr_percent is not None:
        return f"{response.orr_percent} % responded" + (f" of {of}" if of else "")
    return "response without a number of responders"


def _percent(share: Decimal) -> str:
    text = f"{100 * share:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _reached(value: Decimal | str) -> str:
    return NOT_REACHED if value == NOT_REACHED else str(value)


def _unit(value: Decimal | str, words: str) -> str:
    return "" if value == NOT_REACHED else words


def _limits(ends: Iterable[Decimal | str]) -> str:
    return "–".join("NR" if end == NOT_REACHED else str(end) for end in ends)


def cohort_names(registry: Registry) -> dict[str, str]:
    """Identifier of a cohort -> its study, and its own name where the study has several."""
    names = study_names(registry)
    return {
        f"{study.id}:{cohort.id}": names[study.id]
        if len(study.cohorts) == 1
        else f"{names[study.id]}, {cohort.id.replace('_', ' ')}"
        for study in registry
        for cohort in study.cohorts
    }
