"""Registries that several tests share: the shipped one, and small ones in memory or in files.

Numbers of the builders are texts or decimals, so that they keep their digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from small_registry import NR, cohort, digits, full_study, landmark, median, study, write_registry

from studies import Problem, RegistryError, load_registry, load_vocabulary
from studies.checks import study_findings
from studies.plausibility import Review, review
from studies.registry import Registry
from studies.schema import Study

D = Decimal
vocabulary = cache(load_vocabulary)
months = median  # of overall survival
#: The shipped registry, read once; it is frozen.
shipped = cache(load_registry)
EXCLUDED = """\
[[excluded]]
id = "left2011"
n = [7]
reason = "Prints no survival."
[excluded.citation]
authors = ["Left A"]
year = 2011
"""


def refused(ask, *arguments, **options) -> tuple[Problem, ...]:
    """Return the problems with which something is refused."""
    with pytest.raises(RegistryError) as raised:
        ask(*arguments, **options)
    return raised.value.problems


def sentences(ask, *arguments, **options) -> list[str]:
    """Return the same problems, each as its sentence."""
    return list(map(str, refused(ask, *arguments, **options)))


def entries(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield the path and the value of every entry of nested tables and lists, outermost first."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key), item
            yield from entries(item, (*path, key))


def odd_study(name="odd2021", **more):
    """Describe a sound study with a percentage that no number of its patients gives."""
    share = {"name": "male", "statistic": "percent", "value": 40, "of": 19}
    return study(name, cohort("a", n=19, survival=[median()], characteristics=[share]), **more)


def small_folder(tmp_path):
    """Write a registry of two overlapping reports and one that was left out, with its own words."""
    other = study(
        "jannin2023",
        cohort("x", "various", 300, survival=[median(4)]),
        cohort("y", "paclitaxel", 12, landmarks=[landmark(6, 0.5, endpoint="pfs")]),
        year=2023,
        status="secondary",
    )
    folder = write_registry(tmp_path / "registry", full_study(), other)
    (folder / "excluded.toml").write_text(EXCLUDED)
    return folder


def arm(**figures):
    """Describe a cohort of 40 patients."""
    return cohort(n=figures.pop("n", 40), **figures)


def alone(**figures):
    """Describe a study of one cohort of 40 patients."""
    return one(arm(**figures))


def one(*cohorts, name="abel2001", **more):
    """Describe a study of these cohorts."""
    more.setdefault("year", 2001)
    return study(name, *cohorts, **more)


def group(factor, level, n=None, **figures):
    """Describe a subgroup."""
    return {"factor": factor, "level": level} | ({} if n is None else {"n": n}) | figures


def by_histology(pure: Any = "2.7", mixed: Any = "6.3", sizes: tuple[int, int] = (15, 8)):
    """Describe pure and mixed patients with a median each."""
    return [
        group("histology", name, n, histology=name, survival=[median(value)])
        for name, n, value in zip(("pure", "mixed"), sizes, (pure, mixed), strict=True)
    ]


def one_by_one(*months: str, alive: str = "") -> list[dict[str, Any]]:
    """Describe patients who are listed one by one: all died but the one alive."""
    ends = ((time, "alive" if time == alive else "died") for time in months)
    return [{"os": Decimal(time), "unit": "months", "event": event} for time, event in ends]


def stages(first, second, **more):
    """Describe subgroups by stage, of 22 and of 18 patients, with a median each."""
    sizes = more or {"IVB": 22, "IVC": 18}
    return [
        group("stage", level, n, survival=[months(value)])
        for (level, n), value in zip(sizes.items(), (first, second), strict=True)
    ]


def interval(value, lower, upper, n, **more):
    """Describe a study whose one median has an interval."""
    limits = f"{lower} {'NR' if upper == NR else upper}"
    return alone(n=n, survival=[months(value, ci=limits, **more)])


def response(n=40, **figures):
    """Describe a study that prints a response."""
    return alone(n=n, response=digits(figures))


def compared(n, medians, **more):
    """Describe two cohorts and their comparison."""
    arms = [
        cohort(name, n=size, survival=[months(value)])
        for name, size, value in zip("ab", n, medians, strict=True)
    ]
    comparison = {"endpoint": "os", "groups": ["a", "b"]} | digits(more)
    return one(*arms, comparisons=[comparison])


def ratios(**pairs):
    """Describe comparisons of two groups each, with a hazard ratio and its interval."""
    return [
        {"endpoint": "os", "groups": [*pair], "hr": D(hr), "hr_ci": [D(hr) * D("0.6"), D(hr) * 2]}
        for pair, hr in pairs.items()
    ]


def hazard(**more):
    """Describe a study that compares two groups of which no more is known."""
    comparison = {"endpoint": "os", "groups": ["x", "y"]} | digits(more)
    return one(arm(), comparisons=[comparison])


def counted(name, value, of=None, statistic="count", **more):
    """Describe a characteristic."""
    item = {"name": name, "statistic": statistic, "value": value} | more
    return item | ({} if of is None else {"of": of})


def study_of(tables: dict[str, Any]) -> Study:
    """Validate a study, which must be free of what is refused in any case."""
    study = Study.model_validate(tables)
    assert list(study_findings(study)) == [], "refused before plausibility is asked"
    return study


def registry_of(*studies: Study | dict[str, Any]) -> Registry:
    """Build a registry with the words that are shipped."""
    records = [item if isinstance(item, Study) else study_of(item) for item in studies]
    return Registry(
        studies={study.id: study for study in records},
        vocabulary=vocabulary(),
        fingerprints={study.id: "" for study in records},
        vocabulary_fingerprint="",
        folders=(Path("reports"),),
        files={study.id: Path("reports") / f"{study.id}.toml" for study in records},
    )


def reviewed(*studies: Study | dict[str, Any]) -> Review:
    """Review a registry of these studies."""
    return review(registry_of(*studies))


def warned(*studies: Study | dict[str, Any]) -> list[tuple[str, str]]:
    """Return check and field of every warning."""
    return [(problem.check, problem.field) for problem in reviewed(*studies).warnings]


def noted(*studies: Study | dict[str, Any]) -> list[tuple[str, str]]:
    """Return check and field of every note."""
    return [(problem.check, problem.field) for problem in reviewed(*studies).notes]
