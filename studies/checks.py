"""Everything that must hold within one study, and between the studies of one registry.

The checks run on sound records, and yield findings, whose paths are relative to the study; they
know no file. A figure may be odd and true; what is refused here cannot be true as written: a median
outside its own interval, more responders than patients, a survival curve that rises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import combinations, product
from typing import get_args

from studies import schema
from studies.figures import histology_of, in_months, p_range
from studies.kinds import half_step
from studies.problems import CHECK_BOTH, Finding, correction, odd, one_of, repeats, show
from studies.problems import FieldPath as Path
from studies.schema import NOT_REACHED, NOT_SIGNIFICANT, NOT_STATED, Study
from studies.vocabulary import UnknownWordError, Vocabulary

Arm = schema.Cohort | schema.Subgroup
UNITS = one_of(get_args(schema.Unit))
CHECK_IT = "check it against the report"
READ_AGAIN = "read the curve again at both times"


# No interval has another level; a smaller one is the rest: 0.05 is that of a level of 0.95.
_LEVELS = Decimal("0.5"), Decimal("0.9999")


def _level_findings(value: Decimal | None, path: Path) -> Iterator[Finding]:
    """Yield a finding where `value` is no confidence level, naming the one that is meant."""
    low, high = _LEVELS
    if value is None or low <= value <= high:
        return
    meant = (own for own in (value.scaleb(-2), 1 - value) if low <= own <= high)
    expected = f"a confidence level as a fraction, {low} to {high}"
    yield odd(path, value, expected, f"write {next(meant, Decimal('0.95'))}")


def _percent_findings(value: Decimal | None, path: Path, of: int | None) -> Iterator[Finding]:
    """Yield a finding where `value` is no percentage, or is a fraction of 1 instead.

    One patient of `of` is 100 / `of` percent: a smaller positive figure cannot be a percentage.
    """
    if value is None:
        return
    if not 0 <= value <= 100:
        yield odd(path, value, "a percentage between 0 and 100", CHECK_IT)
    elif 0 < value < 1 and of and value + half_step(value) < Decimal(100) / of:
        expected = f"a percentage, and one of {of} patients is {Decimal(100) / of:.1f} percent"
        yield odd(path, value, expected, f"write {value.scaleb(2):f}")


def _span_findings(
    pair: tuple[Decimal, Decimal | str] | None, centre: Decimal | str | None, path: Path, name: str
) -> Iterator[Finding]:
    """Yield findings where the limits of a span are in the wrong order or leave out its centre."""
    if pair is None:
        return
    lower, upper = pair
    if isinstance(upper, Decimal) and lower > upper:
        expected = "the lower figure first"
        yield odd(path, pair, expected, f"write [{upper}, {lower}], if both are right")
    elif centre == NOT_REACHED and isinstance(upper, Decimal):
        expected = f'an upper limit of "{NOT_REACHED}", since the {name} is not reached'
        yield odd(path, pair, expected)
    elif isinstance(centre, Decimal) and (
        centre < lower or (isinstance(upper, Decimal) and centre > upper)
    ):
        yield odd(path, pair, f"limits around the {name} of {centre}")


def _interval_findings(pair: tuple[Decimal, Decimal | str] | None, path: Path) -> Iterator[Finding]:
    """Yield a finding where the two limits of a confidence interval are the same figure."""
    if pair is not None and pair[0] == pair[1]:
        yield odd(path, pair, "a lower limit below the upper one")


def _survival_findings(
    outcome: schema.SurvivalOutcome, path: Path, n: int | None
) -> Iterator[Finding]:
    """Yield what cannot be true of a printed median."""
    pairs = {"ci": outcome.ci, "iqr": outcome.iqr, "range": outcome.range}
    alone = ("median", "mean", "sd", "follow_up")
    times = [*(getattr(outcome, key) for key in alone), *(p and p[0] for p in pairs.values())]
    if outcome.unit is None and any(isinstance(time, Decimal) for time in times):
        yield Finding((*path, "unit"), "nothing", UNITS, "add the unit of the printed times")
    if all(time is None for time in times) and outcome.events is None and outcome.note is None:
        action = "add what the report prints, or remove the table"
        yield Finding(path, "no figure", "a median, an interval or a follow-up", action)
    for key in alone:
        time = getattr(outcome, key)
        if isinstance(time, Decimal) and time <= 0:
            yield odd((*path, key), time, "a time above 0", CHECK_IT)
    for key, pair in pairs.items():
        yield from _span_findings(pair, outcome.median, (*path, key), "median")
        if key == "range":
            yield from _span_findings(pair, outcome.mean, (*path, key), "mean")
        if pair is not None and pair[0] < 0:
            yield odd((*path, key), pair, "times of 0 or more")
    yield from _interval_findings(outcome.ci, (*path, "ci"))
    yield from _level_findings(outcome.level, (*path, "level"))
    if outcome.events == 0 and isinstance(outcome.median, Decimal):
        expected = "at least one, since the median is reached"
        yield odd((*path, "events"), outcome.events, expected)
    yield from _at_most(outcome.events, n, (*path, "events"), "patients of the arm")


def _at_most(count: int | None, limit: int | None, path: Path, whose: str) -> Iterator[Finding]:
    """Yield a finding where a count exceeds the number of those it was counted among."""
    if count is not None and limit is not None and count > limit:
        yield odd(path, count, f"no more than the {limit} {whose}")


def _landmark_findings(landmark: schema.Landmark, path: Path, n: int | None) -> Iterator[Finding]:
    """Yield what cannot be true of a printed survival probability of `n` patients."""
    if landmark.time <= 0:
        yield odd((*path, "time"), landmark.time, "a time above 0", CHECK_IT)
    yield from _at_most(landmark.at_risk, n, (*path, "at_risk"), "patients of the arm")
    share = landmark.survival
    if not 0 <= share <= 1:
        action = f"write {share.scaleb(-2)}" if 1 < share <= 100 else CHECK_IT
        yield odd((*path, "survival"), share, "a fraction between 0 and 1", action)
    yield from _level_findings(landmark.level, (*path, "level"))
    if landmark.ci is None:
        return
    lower, upper = landmark.ci
    if not (0 <= lower <= 1 and 0 <= upper <= 1):
        action, expected = CHECK_IT, "two fractions between 0 and 1"
        if all(0 <= limit <= 100 for limit in landmark.ci):
            action = f"write [{lower.scaleb(-2)}, {upper.scaleb(-2)}]"
        yield odd((*path, "ci"), landmark.ci, expected, action)
    elif 0 <= share <= 1:
        yield from _span_findings(landmark.ci, share, (*path, "ci"), "survival")
        yield from _interval_findings(landmark.ci, (*path, "ci"))


def _curve_findings(arm: Arm, path: Path) -> Iterator[Finding]:
    """Yield pairs of figures of one arm that no falling curve can pass through.

    Rounding is granted: a survival of 0.52 is anything from 0.515 to 0.525, a median of 3 months
    anything from 2.5 to 3.5.
    """
    landmarks = [
        (mark, (*path, "landmarks", place))
        for place, mark in enumerate(arm.landmarks)
        if 0 <= mark.survival <= 1 and mark.time > 0
    ]
    for (one, one_path), (other, other_path) in combinations(landmarks, 2):
        if one.endpoint == other.endpoint and _same_series(one, other):
            yield from _rise(one, one_path, other, other_path)
    for place, outcome in enumerate(arm.survival):
        here = (*path, "survival", place)
        for mark, mark_path in landmarks:
            if outcome.endpoint == mark.endpoint and _same_series(outcome, mark):
                yield from _median_against(outcome, here, mark, mark_path)
    for place, first in repeats((outcome.endpoint, outcome.label) for outcome in arm.survival):
        here, other = (*path, "survival", place, "endpoint"), (*path, "survival", first)
        again = f"{show(arm.survival[place].endpoint)} a second time"
        expected = "one entry for each endpoint, which {other} is"
        action = "remove one of the two, or tell them apart by label; the first one is used"
        yield Finding(here, again, expected, action, other)


def _same_series(
    one: schema.SurvivalOutcome | schema.Landmark, other: schema.SurvivalOutcome | schema.Landmark
) -> bool:
    """Whether two figures speak of one curve: labels tell different assessors apart."""
    return one.label is None or other.label is None or one.label == other.label


def _rise(
    one: schema.Landmark, one_path: Path, other: schema.Landmark, other_path: Path
) -> Iterator[Finding]:
    """Yield findings where the later of two landmarks has more survivors, or more at risk."""
    times = in_months(one.time, one.unit), in_months(other.time, other.unit)
    if times[0] == times[1]:
        if one.label == other.label:
            again = f"{other.time} {other.unit} a second time"
            expected = "one survival for each time, which {other} is"
            action = "remove one of the two, or tell them apart by label"
            yield Finding((*other_path, "time"), again, expected, action, one_path)
        return
    if times[0] > times[1]:
        one, one_path, other, other_path = other, other_path, one, one_path
    before, after = f"{one.time} {one.unit} ({{other}})", f"{other.time} {other.unit}"
    if other.survival - _blur(other.survival) > one.survival + _blur(one.survival):
        found, expected = f"{other.survival} at {after}", f"no more than the {one.survival}"
        action = READ_AGAIN if one.digitised or other.digitised else CHECK_BOTH
        here = (*other_path, "survival")
        yield Finding(here, found, f"{expected} at {before}", action, one_path)
    if None not in (one.at_risk, other.at_risk) and other.at_risk > one.at_risk:
        found, expected = f"{other.at_risk} at risk at {after}", f"no more than the {one.at_risk}"
        here = (*other_path, "at_risk")
        yield Finding(here, found, f"{expected} at {before}", CHECK_BOTH, one_path)


def _median_against(
    outcome: schema.SurvivalOutcome, path: Path, mark: schema.Landmark, mark_path: Path
) -> Iterator[Finding]:
    """Yield a finding where a median and a landmark cannot lie on one falling curve."""
    low, high = mark.survival - _blur(mark.survival), mark.survival + _blur(mark.survival)
    time = in_months(mark.time, mark.unit)
    landmark = f"the survival of {mark.survival} at {mark.time} {mark.unit} ({{other}})"
    if outcome.median == NOT_REACHED:
        if high < Decimal("0.5"):
            expected = f"a number, since {landmark} is below one half"
            yield odd((*path, "median"), NOT_REACHED, expected, CHECK_BOTH, mark_path)
        return
    if not isinstance(outcome.median, Decimal) or outcome.unit is None:
        return
    step = half_step(outcome.median)
    earliest = in_months(outcome.median - step, outcome.unit)
    latest = in_months(outcome.median + step, outcome.unit)
    too_early = time > latest and low > Decimal("0.5")
    if too_early or (time < earliest and high < Decimal("0.5")):
        side = "after" if too_early else "before"
        expected = f"a median {side} {mark.time} {mark.unit}, to agree with {landmark}"
        found = f"{outcome.median} {outcome.unit}"
        yield Finding((*path, "median"), found, expected, CHECK_BOTH, mark_path)


def _blur(survival: Decimal) -> Decimal:
    """Half a printed step, where 1 and 0.5 may have lost their zeros but not a whole tenth."""
    return min(half_step(survival), Decimal("0.05"))


def _response_findings(response: schema.Response, path: Path, n: int | None) -> Iterator[Finding]:
    """Yield what cannot be true of printed response counts and percentages."""
    evaluable = response.evaluable
    yield from _at_most(evaluable, n, (*path, "evaluable"), "patients of the arm")
    whole = n if evaluable is None else evaluable
    whose = "patients of the arm" if evaluable is None else "evaluable patients"
    for key in ("cr", "pr", "sd", "pd", "responders", "disease_control"):
        yield from _at_most(getattr(response, key), whole, (*path, key), whose)
    # Patients who were not evaluable may stand outside the denominator, but not outside the arm.
    parts = [c for c in (response.cr, response.pr, response.sd, response.pd) if c is not None]
    if whole is not None and max(parts, default=0) <= whole < sum(parts):
        expected = f"cr, pr, sd and pd that add up to no more than the {whole} {whose}"
        yield Finding(path, f"a sum of {sum(parts)}", expected, "check the counts")
    everyone = sum(parts) + (response.ne or 0)
    limit = whole if n is None else n
    if limit is not None and sum(parts) <= limit < everyone:
        expected = f"cr, pr, sd, pd and ne that add up to no more than {limit} patients"
        yield Finding(path, f"a sum of {everyone}", expected, "check the counts")
    yield from _responder_findings(response, path)
    for key in ("orr", "dcr", "cr", "pr", "sd", "pd"):
        value = getattr(response, f"{key}_percent")
        yield from _percent_findings(value, (*path, f"{key}_percent"), whole)
    yield from _span_findings(response.orr_ci, response.orr_percent, (*path, "orr_ci"), "rate")
    if not all(0 <= limit <= 100 for limit in response.orr_ci or ()):
        yield odd((*path, "orr_ci"), response.orr_ci, "two percentages between 0 and 100")
    yield from _level_findings(response.orr_level, (*path, "orr_level"))


def _responder_findings(response: schema.Response, path: Path) -> Iterator[Finding]:
    cr, pr, total = response.cr, response.pr, response.responders
    if total is not None and cr is not None and pr is not None and cr + pr != total:
        expected = f"the sum of cr {cr} and pr {pr}, which is {cr + pr}"
        yield odd((*path, "responders"), total, expected)
    elif total is not None and max(cr or 0, pr or 0) > total:
        expected = "no fewer than the complete or the partial responses"
        yield odd((*path, "responders"), total, expected)
    least = (cr or 0) + (pr or 0) if total is None else total
    if response.disease_control is not None and response.disease_control < least:
        expected = f"no fewer than the {least} responders"
        yield odd((*path, "disease_control"), response.disease_control, expected)


def _characteristic_findings(printed: schema.Characteristic, path: Path) -> Iterator[Finding]:
    """Yield what cannot be true of a printed characteristic."""
    value, kind, here = printed.value, printed.statistic, (*path, "value")
    if isinstance(value, str):
        if kind not in ("text", "value"):
            expected = f"a number, since the statistic is {kind}"
            yield odd(here, value, expected, 'write the number, or say statistic = "text"')
        return
    if kind == "text":
        yield odd(here, value, "a text", f'write "{value}"')
    elif kind == "count" and (value < 0 or value != value.to_integral_value()):
        yield odd(here, value, "a count of 0 or more", "check the figure, or the statistic")
    elif kind == "count":
        yield from _at_most(int(value), printed.of, here, "counted (of)")
    elif kind == "percent":
        yield from _percent_findings(value, here, printed.of)
    for key in ("range", "iqr", "ci"):
        centre = value if kind in ("mean", "median", "percent") else None
        yield from _span_findings(getattr(printed, key), centre, (*path, key), kind)


_FIRST_YEAR, _LAST_YEAR = 1900, 2100


def study_findings(study: Study, vocabulary: Vocabulary | None = None) -> Iterator[Finding]:
    """Yield everything that is wrong within one study; its words, where a vocabulary is given."""
    yield from identifier_findings(study.id, ("id",))
    yield from citation_findings(study.citation)
    for place, source in enumerate(study.sources):
        yield from _doi(source.doi, ("sources", place, "doi"))
        if source.url is not None and not source.url.startswith(("https://", "http://")):
            path = ("sources", place, "url")
            yield odd(path, source.url, "a web address", "begin it with https://")
    yield from _cohort_structure(study.cohorts)
    for place, cohort in enumerate(study.cohorts):
        yield from _cohort_findings(cohort, ("cohorts", place))
    for place, comparison in enumerate(study.comparisons):
        yield from _comparison_findings(comparison, ("comparisons", place))
    yield from _own_overlaps(study)
    if vocabulary is not None:
        yield from _word_findings(study, vocabulary)


def _word_findings(study: Study, vocabulary: Vocabulary) -> Iterator[Finding]:
    """Yield the words of a study that the vocabulary does not hold."""
    endpoints = [endpoint.id for endpoint in vocabulary.endpoints]
    if study.design != NOT_STATED:
        yield from _word(study.design, vocabulary.designs, ("design",), "[designs]")
    for place, cohort in enumerate(study.cohorts):
        path = ("cohorts", place)
        yield from _treatment(cohort.treatment, (*path, "treatment"), vocabulary)
        for key in ("disease", "line", "time_origin"):
            words = getattr(vocabulary, f"{key}s")
            yield from _word(getattr(cohort, key), words, (*path, key), f"[{key}s]")
        groups = ((group, (*path, "subgroups", p)) for p, group in enumerate(cohort.subgroups))
        for (arm, arm_path), kind in product(((cohort, path), *groups), ("survival", "landmarks")):
            for number, figure in enumerate(getattr(arm, kind)):
                here = (*arm_path, kind, number, "endpoint")
                yield from _word(figure.endpoint, endpoints, here, "[[endpoints]]")
    for place, comparison in enumerate(study.comparisons):
        for number, name in enumerate(comparison.treatments):
            yield from _treatment(name, ("comparisons", place, "treatments", number), vocabulary)


#: Where a treatment goes that no vocabulary knows.
ADD_TREATMENT = (
    "[[treatments]] of a vocabulary.toml among the studies "
    "(atc studies new --vocabulary treatments)"
)


def _word(word: str | None, words: Iterable[str], path: Path, heading: str) -> Iterator[Finding]:
    if word is None or word in words:
        return
    choice = correction(word, words, "choose one of them")
    action = f"{choice}, or add the word to vocabulary.toml under {heading}"
    yield odd(path, word, f"{one_of(words)}, as the vocabulary lists", action)


def _treatment(name: str, path: Path, vocabulary: Vocabulary) -> Iterator[Finding]:
    expected = "the id of a treatment of the vocabulary"
    add = f"add the treatment to {ADD_TREATMENT}"
    try:
        treatment = vocabulary.treatment(name)
    except UnknownWordError as error:
        nearest = error.suggestion
        choice = f'write "{nearest}"' if nearest else "choose one that is there"
        yield odd(path, name, expected, f"{choice}, or {add}")
        return
    if treatment.id != name:
        action = f'write "{treatment.id}", and keep the words of the report in treatment_as_printed'
        yield Finding(path, f"{show(name)}, another name of {treatment.id}", expected, action)


def identifier_findings(value: str, path: Path) -> Iterator[Finding]:
    """Yield a finding where an identifier cannot be the name of a file or of an anchor."""
    if not re.fullmatch(schema.IDENTIFIER, value):
        suggestion = re.sub(r"[^A-Za-z0-9_.+-]+", "_", value).strip("_") or "an identifier"
        yield odd(path, value, schema.AN_IDENTIFIER, f"write for example {suggestion}")


def _doi(value: str | None, path: Path) -> Iterator[Finding]:
    if value is None or re.fullmatch(schema.DOI, value):
        return
    inside = re.search(schema.DOI.strip("^$"), value)
    action = f'write "{inside[0]}"' if inside else "check it, or leave the key out"
    yield odd(path, value, "a DOI such as 10.1530/ERC-20-0106", action)


def citation_findings(citation: schema.Citation, path: Path = ("citation",)) -> Iterator[Finding]:
    """Yield what is wrong with a bibliographic record."""
    year = citation.year
    if year is not None and not _FIRST_YEAR <= year <= _LAST_YEAR:
        expected = f"a year from {_FIRST_YEAR} to {_LAST_YEAR}"
        action = "write the year of publication, or leave the key out"
        yield odd((*path, "year"), year, expected, action)
    yield from _doi(citation.doi, (*path, "doi"))
    if citation.pmid is not None and not re.fullmatch(schema.PMID, citation.pmid):
        expected = "a PubMed identifier of up to eight digits"
        action = "write the digits alone, or leave the key out"
        yield odd((*path, "pmid"), citation.pmid, expected, action)


def _cohort_structure(cohorts: tuple[schema.Cohort, ...]) -> Iterator[Finding]:
    """Yield repeated cohort identifiers, and cohorts that are part of nothing or of themselves."""
    by_id = {cohort.id: cohort for cohort in cohorts}
    for place, first in repeats(cohort.id for cohort in cohorts):
        expected, action = "an id that {other} does not have", "give each cohort its own id"
        path, other = ("cohorts", place, "id"), ("cohorts", first)
        yield odd(path, cohorts[place].id, expected, action, other)
    for place, cohort in enumerate(cohorts):
        if cohort.part_of is None or len(by_id) < len(cohorts):
            continue
        path = ("cohorts", place, "part_of")
        if cohort.part_of not in by_id:
            expected = f"the id of another cohort of this study ({one_of(by_id)})"
            action = correction(cohort.part_of, by_id, "correct it, or remove the key")
            yield odd(path, cohort.part_of, expected, action)
        elif _returns_to_itself(cohort, by_id):
            expected = "a larger cohort, which is not in turn part of this one"
            yield odd(path, cohort.part_of, expected, "remove one of the part_of keys")
        else:
            limit, whose = by_id[cohort.part_of].n, f"patients of {cohort.part_of}"
            yield from _at_most(cohort.n, limit, ("cohorts", place, "n"), whose)


def _returns_to_itself(cohort: schema.Cohort, by_id: Mapping[str, schema.Cohort]) -> bool:
    seen: set[str] = set()
    here: schema.Cohort | None = cohort
    while here is not None and here.id not in seen:
        seen.add(here.id)
        here = by_id.get(here.part_of)
    return here is not None


def _cohort_findings(cohort: schema.Cohort, path: Path) -> Iterator[Finding]:
    yield from identifier_findings(cohort.id, (*path, "id"))
    yield from _histology_findings(cohort.histology, (*path, "histology"), cohort.n)
    braf, here = cohort.braf_v600e, (*path, "braf_v600e")
    if braf is not None:
        yield from _at_most(braf.positive, braf.tested, (*here, "positive"), "tested")
        yield from _at_most(braf.tested, cohort.n, (*here, "tested"), "patients of the cohort")
        yield from _percent_findings(braf.percent, (*here, "percent"), braf.tested)
    yield from _arm_findings(cohort, path)
    yield from _subgroup_findings(cohort, path)
    here = (*path, "patients")
    yield from _at_most(len(cohort.patients), cohort.n, here, "patients of the cohort")
    for place, patient in enumerate(cohort.patients):
        yield from _patient_findings(patient, (*here, place))


def _arm_findings(arm: Arm, path: Path) -> Iterator[Finding]:
    for place, outcome in enumerate(arm.survival):
        yield from _survival_findings(outcome, (*path, "survival", place), arm.n)
    for place, landmark in enumerate(arm.landmarks):
        yield from _landmark_findings(landmark, (*path, "landmarks", place), arm.n)
    yield from _curve_findings(arm, path)
    if arm.response is not None:
        yield from _response_findings(arm.response, (*path, "response"), arm.n)
    for place, printed in enumerate(arm.characteristics):
        yield from _characteristic_findings(printed, (*path, "characteristics", place))


def _subgroup_findings(cohort: schema.Cohort, path: Path) -> Iterator[Finding]:
    by_histology: dict[str, list[int]] = {}
    for place, subgroup in enumerate(cohort.subgroups):
        here = (*path, "subgroups", place)
        yield from _at_most(subgroup.n, cohort.n, (*here, "n"), "patients of the cohort")
        yield from _arm_findings(subgroup, here)
        if subgroup.histology is not None and subgroup.read_as is not None:
            expected = "either histology (the report says it) or read_as (it is read so)"
            yield Finding((*here, "read_as"), "both", expected, "keep one of the two keys")
        if histology_of(subgroup) is not None and subgroup.n is not None:
            by_histology.setdefault(subgroup.factor, []).append(subgroup.n)
    for place, first in repeats((g.factor, g.level, g.label) for g in cohort.subgroups):
        expected, action = "one table, {other}, for each level", "put all its figures there"
        subgroup = cohort.subgroups[place]
        found = f"{subgroup.factor} {show(subgroup.level)} a second time"
        here, other = (*path, "subgroups", place, "level"), (*path, "subgroups", first)
        yield Finding(here, found, expected, action, other)
    for factor, numbers in by_histology.items():
        total = sum(numbers)
        if cohort.n is not None and total > cohort.n >= max(numbers):
            found = f"{total} patients in the groups by {factor}"
            expected = f"no more than the {cohort.n} patients of the cohort"
            yield Finding((*path, "subgroups"), found, expected, "check the n of each group")


def _histology_findings(
    split: schema.HistologySplit | None, path: Path, n: int | None
) -> Iterator[Finding]:
    if split is None:
        return
    yield from _at_most(split.assessed, n, (*path, "assessed"), "patients of the cohort")
    whole, whose = n, "patients of the cohort"
    if split.assessed is not None:
        whole, whose = split.assessed, "patients whose histology was assessed"
    for key in ("pure", "mixed"):
        yield from _at_most(getattr(split, key), whole, (*path, key), whose)
        percent = getattr(split, f"{key}_percent")
        yield from _percent_findings(percent, (*path, f"{key}_percent"), whole)
    for name, count in split.other.items():
        yield from _at_most(count, n, (*path, "other", name), "patients of the cohort")
    counts = [count for count in (split.pure, split.mixed) if count is not None]
    if whole is not None and max(counts, default=0) <= whole < sum(counts):
        expected = f"pure and mixed that add up to no more than the {whole} {whose}"
        yield Finding(path, f"a sum of {sum(counts)}", expected, "check the counts")
    if counts == [0, 0] and not any(split.other.values()):
        expected = "patients of either histology"
        yield Finding(path, "shares of nought patients", expected, "leave out what is not printed")
    percents = [p for p in (split.pure_percent, split.mixed_percent) if p is not None]
    # Two rounded percentages may add up to 101.
    together = max(percents, default=Decimal(0)) <= 100 and sum(percents) > 101
    if together or percents == [0, 0]:
        expected = "pure_percent and mixed_percent that add up to 100"
        yield Finding(path, f"a sum of {sum(percents)}", expected, "check the percentages")


def _patient_findings(patient: schema.Patient, path: Path) -> Iterator[Finding]:
    times = {key: getattr(patient, key) for key in ("os", "pfs", "response_duration")}
    for key, time in times.items():
        if time is not None and time < 0:
            yield odd((*path, key), time, "a time of 0 or more", "check the report")
    if patient.unit is None and any(time is not None for time in times.values()):
        yield Finding((*path, "unit"), "nothing", UNITS, "add the unit of the printed times")


def _comparison_findings(comparison: schema.Comparison, path: Path) -> Iterator[Finding]:
    p = p_range(comparison.p)
    if p is not None and not 0 <= p[0] <= p[1] <= 1:
        yield odd((*path, "p"), comparison.p, "a p value between 0 and 1", CHECK_IT)
    elif p is None and comparison.p is not None:
        expected = f'a p value such as 0.026, "<0.001", ">0.05" or "{NOT_SIGNIFICANT}"'
        yield odd((*path, "p"), comparison.p, expected, "put other words into text")
    if comparison.longer is not None and comparison.longer not in comparison.groups:
        expected = f"one of groups ({', '.join(comparison.groups) or 'which names none'})"
        action = correction(comparison.longer, comparison.groups, "correct it, or remove the key")
        yield odd((*path, "longer"), comparison.longer, expected, action)
    if comparison.treatments and (len(comparison.treatments), len(comparison.groups)) != (2, 2):
        expected = "two groups, and the treatment of each in their order"
        action = "correct it, or remove the key"
        yield odd((*path, "treatments"), comparison.treatments, expected, action)
    if comparison.hr is not None and comparison.hr <= 0:
        yield odd((*path, "hr"), comparison.hr, "a hazard ratio above 0", CHECK_IT)
    yield from _span_findings(comparison.hr_ci, comparison.hr, (*path, "hr_ci"), "hazard ratio")
    if comparison.hr_ci is not None and comparison.hr_ci[0] < 0:
        found, expected = show(comparison.hr_ci), "hazard ratios of 0 or more"
        yield Finding((*path, "hr_ci"), found, expected, CHECK_BOTH)
    yield from _level_findings(comparison.level, (*path, "level"))


def _own_overlaps(study: Study) -> Iterator[Finding]:
    """Yield overlaps with the study itself, declared twice, or naming cohorts it does not have."""
    cohorts = [cohort.id for cohort in study.cohorts]
    for place, first in repeats(overlap.with_ for overlap in study.overlaps):
        expected, action = "each study once, as in {other}", "put all pairs in one table"
        again, other = f"{show(study.overlaps[place].with_)} again", ("overlaps", first)
        yield Finding(("overlaps", place, "with"), again, expected, action, other)
    for place, overlap in enumerate(study.overlaps):
        path = ("overlaps", place)
        if overlap.with_ == study.id:
            expected = "the id of another study"
            action = "remove it; within one study, say part_of in the smaller cohort"
            yield odd((*path, "with"), overlap.with_, expected, action)
        for number, (cohort, _) in enumerate(overlap.pairs):
            yield from _paired(cohort, cohorts, (*path, "pairs", number), f"first, {study.id}")


def _paired(cohort: str, cohorts: list[str], path: Path, whose: str) -> Iterator[Finding]:
    if cohort in cohorts:
        return
    expected = f"a cohort of the {whose} ({one_of(cohorts)})"
    action = correction(cohort, cohorts, "correct it, or remove the pair")
    yield odd(path, cohort, expected, action)


def overlap_findings(study: Study, studies: Mapping[str, Study]) -> Iterator[Finding]:
    """Yield the pairs of a study that name a cohort which the other study does not have."""
    for place, overlap in enumerate(study.overlaps):
        other = studies.get(overlap.with_)
        if other is None or other.id == study.id:
            continue
        cohorts = [cohort.id for cohort in other.cohorts]
        for number, (_, cohort) in enumerate(overlap.pairs):
            path = ("overlaps", place, "pairs", number)
            yield from _paired(cohort, cohorts, path, f"second, {other.id}")
