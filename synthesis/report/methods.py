"""How the answers were made: checks of the sampler, priors, methods, settings and software."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from synthesis.choices import STACKED
from synthesis.endpoints import endpoint_of, label_of
from synthesis.model.families import FAMILIES
from synthesis.numbers import LEVEL, count, decimal, is_missing, value
from synthesis.report.evidence import knows_histology, or_nothing
from synthesis.result import Cell, Column, Finding, Result, Table, make_table, table_of

if TYPE_CHECKING:
    from synthesis.run import Analysis

# The template's words for a survival function, where they are not the name of the family.
_CURVES = {"exponential": "Weibull", "weibull": "Weibull"}


def fit_label(analysis: Analysis, name: str) -> str:
    """Name a fit in words: "os, Weibull" is that of overall survival under that family."""
    endpoint, _, variant = name.partition(", ")
    label, family = label_of(endpoint, analysis.registry.vocabulary), analysis.settings.family
    if not variant and family != STACKED and not endpoint_of(endpoint).is_response:
        variant = FAMILIES[family].label
    return f"{label}, {variant}" if variant else label


def alarms(analysis: Analysis) -> list[tuple[str, str, tuple[str, ...]]]:
    """Say loudly which fits did not pass: verdict, headline, fits with what to do."""
    advice = dict(zip(analysis.diagnostics["fit"], analysis.diagnostics["advice"], strict=True))
    headlines = {
        "FAIL": "These fits FAILED their checks. Do not use or quote what rests on them.",
        "REVIEW": "These fits need a REVIEW before what rests on them is used or quoted.",
    }
    named = {
        name: ": ".join(filter(None, (fit_label(analysis, name), text)))
        for name, text in advice.items()
    }
    return [
        (verdict, headline, failing)
        for verdict, headline in headlines.items()
        if (failing := tuple(named[n] for n, own in analysis.verdicts.items() if own == verdict))
    ]


def passed(analysis: Analysis) -> str:
    """How many fits passed: "all 9 fits passed their checks", "7 of 9 fits ..."."""
    verdicts = list(analysis.verdicts.values())
    good, every = verdicts.count("PASS"), count(len(verdicts), "fit")
    whole = f"all {every}" if len(verdicts) > 1 else f"the {every.removeprefix('1 ')}"
    return f"{whole if good == len(verdicts) else f'{good} of {every}'} passed"


def diagnostics(analysis: Analysis) -> Result:
    """What was checked of each fit."""

    def rounded(number: float, digits: int) -> str | None:
        return None if is_missing(number) else decimal(number, digits)

    columns = (
        ("Fit", "keep", lambda row: fit_label(analysis, row.fit)),
        ("Verdict", "verdict", lambda row: row.verdict),
        ("Largest R-hat", "num", lambda row: rounded(row.max_rhat, 3)),
        ("of parameter", "mono", lambda row: row.worst_parameter),
        ("Least bulk ESS", "num", lambda row: rounded(row.min_ess_bulk, 0)),
        ("Least tail ESS", "num", lambda row: rounded(row.min_ess_tail, 0)),
        ("Divergences", "num", lambda row: row.divergences),
        ("Least E-BFMI", "num", lambda row: rounded(row.min_bfmi, 2)),
        ("Chains × draws", "num", lambda row: f"{row.chains} × {row.draws}"),
        ("Advice", "wide", lambda row: row.advice),
    )
    table = table_of(
        "Checks of the sampler.",
        analysis.diagnostics.itertuples(index=False),
        columns,
        note="ESS is the effective number of independent draws; E-BFMI tells how well the sampler "
        "moves between energy levels.",
    )
    findings = (Finding("", tables=(table,)),)
    tables = {"diagnostics": analysis.diagnostics}
    return Result("diagnostics", "Diagnostics of the fits", findings=findings, tables=tables)


def priors(analysis: Analysis) -> Result:
    """What each prior is, what it implies and why."""

    def prior(row: Any) -> Cell:
        default = "" if is_missing(row.instead_of) else f"instead of {row.instead_of}"
        return Cell(value(row.parameters), default)

    implied = f"Implied {LEVEL} range"
    columns = (
        ("Of what", "wide", lambda row: Cell(value(row.role), row.name)),
        ("Prior", "keep", prior),
        (implied, "keep", lambda row: f"{value(row.implied_95)} {or_nothing(row.unit)}"),
        ("Why, and from where", "wide", lambda row: Cell(value(row.rationale), row.source)),
    )
    own = int((~analysis.priors["instead_of"].map(is_missing)).sum())
    note = f"{count(own, 'prior')} differ{'s' if own == 1 else ''} from the default." if own else ""
    rows = analysis.priors.itertuples(index=False)
    table = table_of("What was believed before.", rows, columns, note=note)
    findings = (Finding("", tables=(table,)),)
    return Result("priors", "Priors", findings=findings, tables={"priors": analysis.priors})


def reproduce(analysis: Analysis) -> Result:
    """Settings, versions and fingerprints from which the same page can be made again."""
    settings = asdict(analysis.settings)
    if not knows_histology(analysis):  # nothing on the page rests on these two
        settings = {k: v for k, v in settings.items() if k not in ("reference_mix", "use_read_as")}
    conversions = analysis.registry.conversions
    settings["conversions"] = tuple(f"{each.from_}:{each.to}" for each in conversions)
    versions = analysis.manifest.get("versions", {})
    return Result(
        "reproduce",
        "Settings, software and data",
        findings=(
            Finding(
                "",
                tables=(
                    _pairs("Settings.", "Setting", "Value", settings),
                    _pairs("Software.", "Package", "Version", versions),
                ),
            ),
            Finding(
                "Fingerprints of the study files",
                tables=(_pairs("SHA-256.", "File", "SHA-256", analysis.registry.fingerprints),),
                folded=True,
            ),
        ),
    )


def _pairs(title: str, key: str, head: str, entries: Mapping[str, Any]) -> Table:
    rows = [(name, Cell(value(entry), kind="mono")) for name, entry in entries.items()]
    return make_table(title, [Column(key, "keep"), Column(head)], rows, narrow=True)


def methods(analysis: Analysis) -> dict[str, Any]:
    """What the template of the methods must know."""
    settings, families = analysis.settings, [FAMILIES[name] for name in analysis.settings.fitted]
    return {
        "survival": bool(settings.survival_endpoints),
        "response": any(endpoint_of(name).is_response for name in settings.endpoints),
        "histology": knows_histology(analysis),
        "restrictions": tuple(each.sentence for each in analysis.restrictions),
        "families": tuple(family.label for family in families),
        "curves": tuple(dict.fromkeys(_CURVES.get(own.name, own.name) for own in families)),
        "tails": any(family.has_tail for family in families),
        "level": LEVEL,
        "mix": value(settings.reference_mix),
    }
