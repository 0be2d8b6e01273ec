"""The first draft of a study file: every section explained, with a worked example to overwrite.

Lines that begin with ``##`` explain; lines that begin with ``# `` are examples, sound as a whole
when the mark is removed. Until the required keys are filled in, the checks refuse the file and say
which they are.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from string import Template

from studies.json_schema import IDENTIFIER
from studies.problems import Problem, RegistryError, show
from studies.vocabulary import Vocabulary
from studies.writing import SCHEMA_FILE, WIDTH

_HEAD = Template("""\
#:schema $schema

## How to fill this in. Lines with ## explain. Lines with a single # are examples: remove the "# "
## and write what the report prints, or leave the line as it is. What the report does not print
## stays out: absent is not zero. Numbers keep their printed digits (2.0 is not 2) and their unit;
## words and texts stand in "quotation marks". Then: atc studies check $id.toml

id = "$id"
## The name of this file without .toml.

## Required. "verified": you saw every figure in the report itself; "secondary": in a source about
## it (a review, a news page). A single figure may say otherwise with a status of its own.
# status = "verified"
$design
## centres is "single" or "multicentre".
# centres = "multicentre"
# countries = ["France", "Italy"]
# institutions = ["University Hospital"]
# enrolment = "2010-2019"
# population = "Advanced disease after earlier chemotherapy."
# notes = "The denominator of the responses is not printed."

## --- Where it was published ---------------------------------------------------------------------
## Required. Authors are "Family Initials"; close the list with "et al." where it was cut short.
## List under unverified what you did not see, one phrase each. Also: trial_registration, and label
## (how figures call the report where its authors are not known).

# [citation]
# authors = ["Family AB", "et al."]
# year = $year
# title = "The title as printed"
# journal = "Thyroid"
# volume_pages = "28(1):15-26"
# doi = "10.1000/example"
# pmid = "12345678"
# unverified = ["authors beyond the first"]

## --- Reports that count some of the same patients -----------------------------------------------
## One table for each; with is the id of the other study. pairs names the cohorts that share
## patients, [this report's, the other's]; without it the treatment decides.

# [[overlaps]]
# with = "other2020"
# reason = "same hospital, enrolment periods intersect"
# pairs = [["arm_1", "all"]]
""")

_ARM = Template("""\

## --- Arm 1: patients who were treated alike -----------------------------------------------------

[[cohorts]]
## Required: id, treatment, treatment_as_printed. treatment is one of these (left of the colon:
## their class):
$treatments
# id = "arm_1"
# treatment = "$treatment"
# treatment_as_printed = "the words of the report"
$disease$line$origin
## Where the time origin is only the habit of such reports, add time_origin_presumed = true.
## n is printed. Where only arithmetic tells, write instead of n
## n_implied = { value = 30, derivation = "44 patients less the 14 of the other arm" }.
# n = 30
## Where these patients are counted in another cohort of this file too: part_of = "its id".
## not_pooled = "why this arm must not be pooled"; caution = "what a reader must be told".
## read_as = { histology = "mixed", reason = "..." } reads the whole arm as pure or mixed where the
## report has another word for it; [cohorts.histology] is for the report's own pure and mixed.
# braf_v600e = { positive = 12, tested = 28, percent = 43 }
## Anything else that is printed, so that nothing is lost. statistic is count, percent, mean,
## median, value or text; of is the denominator; also sd, range, iqr, ci, group, status, note.
# characteristics = [
#   { name = "age", statistic = "median", value = 68, range = [41, 83], unit = "years" },
#   { name = "distant metastasis", statistic = "count", value = 21, of = 30 },
# ]
## Patients listed one by one; event is died, alive, progressed or not stated. Also
## response_duration.
# patients = [
#   { os = 4.0, pfs = 2.5, unit = "months", event = "died", response = "PR", histology = "mixed" },
# ]

## Histology. Counts or pure_percent and mixed_percent; other holds the report's other words.
# [cohorts.histology]
# pure = 20
# mixed = 8
# assessed = 28
# definition = "mixed: with a differentiated part"
# other = { "small focus" = 3 }
""")

_SURVIVAL = Template("""\

## A median. endpoint is one of these, and they are never exchanged for one another:
$endpoints
## unit is days, weeks, months or years, as printed: do not convert. A limit or a median that is not
## reached or not estimable is "not reached". An interquartile range goes into iqr and a range into
## range, never into ci. ci_method is plain, log, log-log or symmetric, only where the report says
## so. Also label (the report's own name of the endpoint), status, note.
# [[cohorts.survival]]
# endpoint = "$first"
# median = 119
# unit = "days"
# ci = [36.3, "not reached"]
# level = 0.95
# events = 19
# follow_up = 402

## Survival at a time, a fraction of 1: a printed 37.9 % is 0.379. at_risk is the number of patients
## at risk below the curve; a survival that you read off the curve itself takes digitised = true.
# [[cohorts.landmarks]]
# endpoint = "$first"
# time = 6
# unit = "months"
# survival = 0.379
# ci = [0.21, 0.55]
# level = 0.95
# at_risk = 11
# digitised = false
""")

_RESPONSE = """\

## Best response, counts and percentages as printed; ne is not evaluable, evaluable the printed
## denominator. Also dcr_percent, cr_percent, pr_percent, sd_percent, pd_percent, status, note.
# [cohorts.response]
# cr = 1
# pr = 5
# sd = 8
# pd = 12
# ne = 2
# responders = 6
# disease_control = 14
# evaluable = 28
# orr_percent = 21.4
# orr_ci = [8.3, 41.0]
# orr_level = 0.95
# criteria = "RECIST 1.1"
# assessor = "investigator"

## A subgroup of this arm. histology is for a report that says pure or mixed itself; where it has
## another word, write read_as = { histology = "mixed", reason = "..." } instead. Its figures are
## written as those of the arm: [[cohorts.subgroups.survival]], [[cohorts.subgroups.landmarks]],
## [cohorts.subgroups.response], characteristics.
# [[cohorts.subgroups]]
# factor = "histology"
# level = "mixed"
# label = "with a differentiated component"
# n = 8
# histology = "mixed"
"""

_SUBGROUP_SURVIVAL = Template("""\

# [[cohorts.subgroups.survival]]
# endpoint = "$first"
# median = 190
# unit = "days"
""")

_OTHER_ARM = Template("""\

## --- Arm $number --------------------------------------------------------------------------------
## Written as arm 1; every section of it may be used here too.

[[cohorts]]
# id = "arm_$number"
# treatment = "$treatment"
# treatment_as_printed = "the words of the report"
# n = 25
""")

_OTHER_SURVIVAL = Template("""\

# [[cohorts.survival]]
# endpoint = "$first"
# median = "not reached"
# ci = [57, "not reached"]
# unit = "days"
""")

_TAIL = Template("""\

## --- Comparisons --------------------------------------------------------------------------------
## groups are ids of arms or levels of subgroups, the one whose hazard stands above first. p is a
## number, or "<0.001" where that is printed. sided = 1 for a one-sided p value.

# [[comparisons]]
# endpoint = "$first"
# groups = ["mixed", "pure"]
# p = 0.026
# sided = 2
# test = "log-rank"
# hr = 0.61
# hr_ci = [0.37, 1.02]
# level = 0.95
# adjusted = false
# text = "overall survival by histology"
## Also status and note.

## --- Where you saw the figures ------------------------------------------------------------------
## kind is abstract, full text, registry page, news, ...; give a url or a doi.

# [[sources]]
# kind = "full text"
# url = "https://doi.org/10.1000/example"
# doi = "10.1000/example"

## --- Warnings that were looked at ---------------------------------------------------------------
## Where the check warns of a figure that is odd but printed so, copy the name of the check and the
## field from the warning, and say why the figure stays:
## [[acknowledged]]
## check = "..."
## field = "cohorts[0].survival[0].ci"
## reason = "printed so in the abstract and in table 2"
""")


def skeleton(
    study_id: str,
    vocabulary: Vocabulary,
    *,
    arms: int = 1,
    schema: str = f"./{SCHEMA_FILE}",
) -> str:
    """Return the first draft of a study file.

    Parameters
    ----------
    study_id : str
        Identifier of the study, and stem of its file.
    vocabulary : Vocabulary
        The words that it may use, which the comments list.
    arms : int
        How many arms the report has.
    schema : str
        Where an editor finds the description of study files, relative to the file.

    Returns
    -------
    str
        TOML that no check accepts until it is filled in.

    Raises
    ------
    RegistryError
        Where the identifier cannot be one, or there is no arm.
    """
    problems = [*_refusals(study_id, arms)]
    if problems:
        raise RegistryError(problems)
    words = _words(vocabulary)
    year = re.search(r"(?:19|20)\d\d", study_id)
    values = words | {"id": study_id, "schema": schema, "year": year[0] if year else "2021"}
    parts = [_HEAD.substitute(values), _ARM.substitute(values)]
    outcomes = bool(vocabulary.endpoints)
    parts += [_SURVIVAL.substitute(values)] * outcomes
    parts += [_RESPONSE] + [_SUBGROUP_SURVIVAL.substitute(values)] * outcomes
    for number in range(2, arms + 1):
        parts.append(_OTHER_ARM.substitute(values | {"number": str(number)}))
        parts += [_OTHER_SURVIVAL.substitute(values)] * outcomes
    return "".join([*parts, _TAIL.substitute(values)])


def _refusals(study_id: str, arms: int) -> Iterator[Problem]:
    file = f"{study_id}.toml"
    if not re.fullmatch(IDENTIFIER, study_id) or study_id in ("vocabulary", "excluded"):
        expected = "an identifier of letters, digits, and _ . + -"
        action = "give for example the first author and the year, such as sparano2021"
        yield Problem(file, "id", show(study_id), expected, action)
    if arms < 1:
        yield Problem(file, "cohorts", f"{arms} arms", "one arm or more", "give their number")


def _words(vocabulary: Vocabulary) -> dict[str, str]:
    """Return what the templates say about the words of a vocabulary."""
    endpoints = {item.id: item.meaning for item in vocabulary.endpoints}
    names = [*endpoints, "os"]
    treatments = [item.id for item in vocabulary.treatments]
    return {
        "design": _choice("design", vocabulary.designs),
        "treatments": "\n".join(_by_class(vocabulary)),
        "treatment": treatments[0] if treatments else "a treatment of vocabulary.toml",
        "disease": _choice("disease", vocabulary.diseases),
        "line": _choice("line", vocabulary.lines),
        "origin": _choice("time_origin", vocabulary.time_origins),
        "endpoints": "\n".join(_listed(endpoints)),
        "first": "os" if "os" in endpoints else names[0],
    }


def _choice(key: str, words: Mapping[str, str]) -> str:
    """Return the words that a key may hold, with one of them as its example."""
    if not words:
        return f"## {key}: the vocabulary has no word for it, leave it out.\n"
    head = f"## {key} is one of these, or left out:"
    return "\n".join([head, *_listed(words), f'# {key} = "{next(iter(words))}"', ""])


def _listed(words: Mapping[str, str]) -> list[str]:
    return [line for word, meaning in words.items() for line in _wrapped(f"{word}: {meaning}")]


def _by_class(vocabulary: Vocabulary) -> Iterator[str]:
    """Yield the treatments of each class, in the order in which tables show them."""
    for item in sorted(vocabulary.classes, key=lambda item: item.order):
        members = [entry.id for entry in vocabulary.treatments if entry.class_ == item.id]
        if members:
            yield from _wrapped(f"{item.label}: {', '.join(members)}")


def _wrapped(text: str) -> Iterable[str]:
    """Return a text as lines of explanation, one below the other."""
    lines = textwrap.wrap(text, WIDTH - 8, break_long_words=False, break_on_hyphens=False)
    return [f"##   {line}" if place == 0 else f"##     {line}" for place, line in enumerate(lines)]
