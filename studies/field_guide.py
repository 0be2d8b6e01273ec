"""The reference of every key of a study file, written from the records themselves.

Order, type and meaning come from the records; the examples stand here, and a test holds each of
them against the checks: every good one is accepted, every bad one refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from studies.outcomes import (
    Characteristic,
    Comparison,
    Landmark,
    Patient,
    Response,
    SurvivalOutcome,
)
from studies.provenance import Citation, Overlap, Source
from studies.record_fields import Shape, meanings, plain, records_below, shapes
from studies.schema import (
    Acknowledgement,
    BrafStatus,
    Cohort,
    HistologySplit,
    ImpliedCount,
    ReadAs,
    Study,
    Subgroup,
)
from studies.values import (
    Count,
    CountsByName,
    PatientCount,
    Printed,
    PrintedOrText,
    PrintedPair,
    Reached,
    ReachedPair,
    Text,
)


class Example(NamedTuple):
    """What to write behind a key, and what not.

    Attributes
    ----------
    good, bad : str
        TOML values.
    why : str
        Why the second is refused.
    """

    good: str
    bad: str
    why: str


class _Kind(NamedTuple):
    """A kind of value: in words, and the mistake that is made most often."""

    words: str
    bad: str
    why: str


_QUOTES = "a text stands in quotation marks"
_NO_QUOTES = "a number stands without quotation marks"
_LISTS = "a list stands in brackets"
_HEADER = "its keys stand below a header of their own"
_KINDS: tuple[tuple[Any, _Kind], ...] = (
    (Text, _Kind("text", "7", _QUOTES)),
    (Printed, _Kind("number", '"3.1"', _NO_QUOTES)),
    (Reached, _Kind('number, or "not reached"', '"NR"', 'write "not reached"')),
    (PrintedPair, _Kind("two numbers, lower first", '"1.0-2.5"', "two numbers in brackets")),
    (
        ReachedPair,
        _Kind(
            'two numbers, lower first; the second may be "not reached"',
            '["not reached", 5.5]',
            "only the upper limit can be not reached",
        ),
    ),
    (PrintedOrText, _Kind("number or text", "true", "write what is printed")),
    (Count, _Kind("whole number, 0 or more", "2.0", "a count has no decimal point")),
    (PatientCount, _Kind("whole number, 1 or more", "0", "leave it out when it is not printed")),
    (CountsByName, _Kind("counts by name", "3", "each count has a name")),
    (bool, _Kind("true or false", '"yes"', "write true or false, without quotation marks")),
    (tuple[Text, ...], _Kind("list of texts", '"one"', _LISTS)),
    (tuple[tuple[Text, Text], ...], _Kind("list of pairs of texts", '["arm_1"]', "two in each")),
)


def _same(good: str) -> tuple[str]:
    """Return an example whose bad side is that of its kind."""
    return (good,)


_FIGURE: dict[str, tuple[str, ...]] = {
    "label": _same('"investigator-assessed"'),
    "status": ('"secondary"', '"unverified"', "verified or secondary, nothing else"),
    "note": _same('"Read off the abstract; the table has 3.2."'),
}

# By record: what to write behind each key, and where the usual mistake of its kind is not the
# instructive one, what not to write and why.
EXAMPLES: Mapping[type[BaseModel], Mapping[str, tuple[str, ...]]] = {
    Study: {
        "id": ('"sparano2021"', '"Sparano 2021"', "no blanks; it is the name of the file"),
        "citation": _same("[citation]"),
        "design": ('"retrospective"', '"cohort study"', "a word of the vocabulary"),
        "centres": ('"single"', '"one"', "single or multicentre"),
        "countries": ('["France", "Italy"]', '"France"', _LISTS),
        "institutions": ('["University Hospital"]', '"University Hospital"', _LISTS),
        "enrolment": ('"2010-2019"', "2010", _QUOTES),
        "population": _same('"Unresectable, after one line of chemotherapy."'),
        "status": ('"verified"', '"checked"', "verified or secondary"),
        "notes": _same('"The denominator of the responses is not printed."'),
        "overlaps": _same("[[overlaps]]"),
        "cohorts": _same("[[cohorts]]"),
        "comparisons": _same("[[comparisons]]"),
        "sources": _same("[[sources]]"),
        "acknowledged": _same("[[acknowledged]]"),
    },
    Citation: {
        "authors": ('["Family AB", "et al."]', '"Family AB et al."', _LISTS),
        "year": ("2021", '"2021"', "the year is a number"),
        "title": _same('"Limited efficacy of lenvatinib"'),
        "journal": _same('"Endocr Relat Cancer"'),
        "volume_pages": ('"28(1):15-26"', "28", _QUOTES),
        "doi": ('"10.1530/ERC-20-0106"', '"https://doi.org/10.1530/ERC-20-0106"', "the bare DOI"),
        "pmid": ('"33112817"', "33112817", "an identifier is a text"),
        "trial_registration": _same('"NCT02034110"'),
        "label": _same('"Endocrine 2023"'),
        "unverified": ('["year", "authors beyond the first"]', '"year"', _LISTS),
    },
    Overlap: {
        "with": _same('"other2020"'),
        "reason": ('"same trial at an earlier cut"', '""', "somebody has to judge it"),
        "pairs": ('[["arm_1", "all"]]', '["arm_1", "all"]', "a list of pairs"),
    },
    Cohort: {
        "id": ('"arm_1"', '"arm 1"', "no blanks"),
        "treatment": ('"lenvatinib"', '"Lenvatinib"', "the identifier, not the label"),
        "treatment_as_printed": _same('"lenvatinib 24 mg daily"'),
        "disease": ('"ATC"', '"anaplastic"', "a word of the vocabulary"),
        "line": ('"pretreated"', '"second line"', "a word of the vocabulary"),
        "time_origin": ('"treatment start"', '"first dose"', "a word of the vocabulary"),
        "time_origin_presumed": _same("true"),
        "n": ("30", '"30"', _NO_QUOTES),
        "n_implied": (
            '{ value = 30, derivation = "44 less 14" }',
            "30",
            "the arithmetic is missing",
        ),
        "part_of": ('"arm_2"', '"everybody"', "the id of another cohort of the file"),
        "histology": _same("[cohorts.histology]"),
        "read_as": (
            '{ histology = "mixed", reason = "small anaplastic foci" }',
            '"mixed"',
            "the reason is missing",
        ),
        "braf_v600e": ("{ positive = 12, tested = 28 }", "12", "say of how many"),
        "not_pooled": ('"immortal time"', "true", "say why"),
        "caution": ('"half of the patients had surgery first"', "true", "say what"),
        "survival": _same("[[cohorts.survival]]"),
        "landmarks": _same("[[cohorts.landmarks]]"),
        "response": _same("[cohorts.response]"),
        "subgroups": _same("[[cohorts.subgroups]]"),
        "patients": ('[{ os = 2.0, unit = "months" }]', "[2.0]", "each patient is a table"),
        "characteristics": (
            '[{ name = "age", statistic = "mean", value = 64 }]',
            "{ age = 64 }",
            "say what kind of figure it is",
        ),
    },
    HistologySplit: {
        "pure": ("15", "65.2", "a percentage goes into pure_percent"),
        "mixed": ("8", "34.8", "a percentage goes into mixed_percent"),
        "pure_percent": ("65.2", "652", "a percentage lies between 0 and 100"),
        "mixed_percent": ("34.8", '"34.8 %"', "the number alone"),
        "assessed": ("28", "31", "more than the patients of the cohort"),
        "definition": _same('"mixed: with a differentiated part"'),
        "other": ('{ "small focus" = 3 }', '["small focus"]', "each with its count"),
    },
    ReadAs: {
        "histology": ('"mixed"', '"focal"', "pure or mixed: that is what it is read as"),
        "reason": ('"small anaplastic foci in a papillary carcinoma"', '""', "say why"),
    },
    ImpliedCount: {
        "value": ("30", '"44 - 14"', "the result, as a number"),
        "derivation": ('"44 patients less 14 of the other arm"', "14", _QUOTES),
    },
    BrafStatus: {
        "positive": ("12", "29", "more than were tested"),
        "tested": ("28", "31", "more than the patients of the cohort"),
        "percent": ("43", "0.43", "a percentage, not a fraction"),
    },
    SurvivalOutcome: {
        "endpoint": ('"os"', '"OS"', "a word of the vocabulary"),
        "median": ("119", '"NR"', 'write "not reached"'),
        "unit": ('"days"', '"d"', "days, weeks, months or years"),
        "ci": ('[36.3, "not reached"]', "[201.6, 36.3]", "the lower limit first"),
        "level": ("0.95", "95", "a fraction"),
        "ci_method": ('"log-log"', '"Kaplan-Meier"', "plain, log, log-log or symmetric"),
        "events": ("19", "31", "more than the patients of the arm"),
        "iqr": ("[60, 210]", "[210, 60]", "the lower figure first"),
        "range": ("[12, 812]", '"12-812"', "two numbers in brackets"),
        "follow_up": ("402", "0", "a time above 0"),
        **_FIGURE,
    },
    Landmark: {
        "endpoint": ('"os"', '"survival"', "a word of the vocabulary"),
        "time": ("6", '"6 months"', "the unit has a key of its own"),
        "unit": ('"months"', '"month"', "days, weeks, months or years"),
        "survival": ("0.379", "37.9", "a fraction of 1, not a percentage"),
        "ci": ("[0.21, 0.55]", "[21, 55]", "fractions of 1"),
        "level": ("0.95", "95", "a fraction"),
        "at_risk": ("11", "31", "more than the patients of the arm"),
        "digitised": _same("true"),
        **_FIGURE,
    },
    Response: {
        "cr": ("1", "3.6", "a percentage goes into cr_percent"),
        "pr": ("5", "17.9", "a percentage goes into pr_percent"),
        "sd": ("8", "29", "more than the evaluable patients"),
        "pd": ("12", '"12"', _NO_QUOTES),
        "ne": ("2", "20", "more than the patients of the arm, with the others"),
        "responders": ("6", "7", "not the sum of cr and pr"),
        "disease_control": ("14", "5", "fewer than the responders"),
        "evaluable": ("28", "31", "more than the patients of the arm"),
        "orr_percent": ("21.4", "0.214", "a percentage, not a fraction"),
        "orr_ci": ("[8.3, 41.0]", "[0.083, 0.41]", "percentages, around the printed rate"),
        "orr_level": ("0.95", "95", "a fraction"),
        "dcr_percent": ("50", "150", "a percentage lies between 0 and 100"),
        "cr_percent": ("3.6", '"3.6 %"', "the number alone"),
        "pr_percent": ("17.9", '"17.9"', _NO_QUOTES),
        "sd_percent": ("28.6", '"28,6"', "a decimal point, and no quotation marks"),
        "pd_percent": ("42.9", "-42.9", "a percentage lies between 0 and 100"),
        "criteria": ('"RECIST 1.1"', "1.1", _QUOTES),
        "assessor": _same('"independent review"'),
        "status": _FIGURE["status"],
        "note": _FIGURE["note"],
    },
    Subgroup: {
        "factor": ('"histology"', "1", _QUOTES),
        "level": ('"mixed"', "4", _QUOTES),
        "label": _same('"with a differentiated component"'),
        "n": ("8", "31", "more than the patients of the cohort"),
        "histology": ('"mixed"', '"ATC with papillary"', "only the report's own pure or mixed"),
        "read_as": (
            '{ histology = "mixed", reason = "small anaplastic foci" }',
            '{ histology = "mixed" }',
            "the reason is missing",
        ),
        "survival": _same("[[cohorts.subgroups.survival]]"),
        "landmarks": _same("[[cohorts.subgroups.landmarks]]"),
        "response": _same("[cohorts.subgroups.response]"),
        "characteristics": (
            '[{ name = "age", statistic = "mean", value = 61 }]',
            "[61]",
            "say what it is",
        ),
    },
    Patient: {
        "os": ("4.0", '"4+"', 'the number alone; a patient alive has event = "alive"'),
        "pfs": ("2.5", "-2.5", "a time of 0 or more"),
        "response_duration": _same("1.0"),
        "unit": ('"months"', '"mo"', "days, weeks, months or years"),
        "event": ('"died"', '"dead"', "died, alive, progressed or not stated"),
        "response": ('"PR"', "true", "as printed"),
        "histology": ('"mixed"', "1", "as printed"),
    },
    Characteristic: {
        "name": _same('"distant metastasis"'),
        "statistic": ('"count"', '"number"', "count, percent, mean, median, value or text"),
        "value": ("21", '"21 of 30"', "the denominator goes into of"),
        "of": ("30", "20", "fewer than were counted"),
        "sd": _same("16"),
        "range": _same("[41, 83]"),
        "iqr": ("[60, 75]", "[75, 60]", "the lower figure first"),
        "ci": ("[18, 24]", "[18]", "two limits"),
        "unit": _same('"years"'),
        "group": _same('"stage IVC"'),
        "status": _FIGURE["status"],
        "note": _FIGURE["note"],
    },
    Comparison: {
        "endpoint": _same('"os"'),
        "groups": ('["mixed", "pure"]', '"mixed against pure"', _LISTS),
        "p": ('"<0.001"', "26", "between 0 and 1"),
        "sided": ("1", '"one-sided"', "1 or 2"),
        "test": _same('"log-rank"'),
        "hr": ("0.61", "-0.61", "a hazard ratio, not its logarithm"),
        "hr_ci": ("[0.37, 1.02]", "[0.7, 1.02]", "limits around the hazard ratio"),
        "level": ("0.95", "95", "a fraction"),
        "adjusted": _same("false"),
        "text": _same('"longer survival in mixed tumours"'),
        "status": _FIGURE["status"],
        "note": _FIGURE["note"],
    },
    Source: {
        "kind": _same('"abstract"'),
        "url": (
            '"https://pubmed.ncbi.nlm.nih.gov/33112817/"',
            '"pubmed.gov"',
            "begins with https://",
        ),
        "doi": ('"10.1530/ERC-20-0106"', '"doi:10.1530/ERC-20-0106"', "the bare DOI"),
    },
    Acknowledgement: {
        "check": ('"interval-width"', "1", "the name in the warning"),
        "field": ('"cohorts[0].survival[1].ci"', "0", "as the warning writes it"),
        "reason": ('"printed so in the abstract and in table 2"', '""', "say why it stays"),
    },
}


def example(record: type[BaseModel], shape: Shape) -> Example:
    """Return what to write behind a key, and what not.

    Parameters
    ----------
    record : type
        The record.
    shape : Shape
        One of its keys.

    Returns
    -------
    Example
        Both, with the reason.

    Raises
    ------
    KeyError
        Where the examples of this module do not have the key.
    """
    given = EXAMPLES[record][shape.key]
    if len(given) == 3:
        return Example(*given)
    if shape.record is not None:
        header = given[0]
        return Example(header, header.strip("[]").split(".")[-1] + ' = "..."', _HEADER)
    kind = _kind(shape)
    return Example(given[0], kind.bad, kind.why)


def _kind(shape: Shape) -> _Kind:
    """Return the kind of value of a key that holds no record."""
    hint = plain(shape.hint)
    for known, kind in _KINDS:
        if hint == known or (known is bool and get_args(hint)[:1] == (bool,)):
            return kind
    if get_origin(hint) is Literal:
        words = ", ".join(str(word) for word in get_args(hint))
        return _Kind(f"one of {words}", '"other"', "one of these")
    raise TypeError(f"no words for {hint}")


def type_words(shape: Shape) -> str:
    """Return the type of a key in words.

    Parameters
    ----------
    shape : Shape
        The key.

    Returns
    -------
    str
        For instance "two numbers, lower first".
    """
    if shape.record is None:
        return _kind(shape).words
    return "tables" if shape.many else "table"


def field_guide() -> str:
    """Return the reference of every key, in Markdown.

    Returns
    -------
    str
        One section with a table for each record.
    """
    return "\n".join(line for record in records_below(Study) for line in _section(record))


def _section(record: type[BaseModel]) -> Iterator[str]:
    """Yield the lines of one record."""
    places = [f"`{place}`" for place in _places(record)]
    yield f"### {places[0] if places else 'Top of the file'}"
    yield ""
    summary = (record.__doc__ or "").splitlines()[0]
    yield summary + (f" Also as {', '.join(places[1:])}." if len(places) > 1 else "")
    yield ""
    yield "| key | type | meaning | write | not | because |"
    yield "| --- | --- | --- | --- | --- | --- |"
    explained = meanings(record)
    for shape in shapes(record):
        shown = example(record, shape)
        name = f"**`{shape.key}`**" if shape.required else f"`{shape.key}`"
        cells = (name, type_words(shape), explained.get(shape.key, ""))
        examples = (f"`{shown.good}`", f"`{shown.bad}`", shown.why)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in (*cells, *examples)) + " |"
    yield ""


def _places(record: type[BaseModel]) -> list[str]:
    """Return the headers or keys behind which a record stands."""
    found = []

    def visit(model: type[BaseModel], path: tuple[str, ...]) -> None:
        for shape in shapes(model):
            if shape.record is None:
                continue
            here = (*path, shape.key)
            if shape.record is record:
                name = ".".join(here)
                found.append(f"[[{name}]]" if shape.many else f"[{name}]")
            visit(shape.record, here)

    visit(Study, ())
    return found
