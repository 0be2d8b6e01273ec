"""`atc bias`: what the data say of biases of retrospective reports and of small studies."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import shorten, wrap

from synthesis.text.plain import WIDTH, aligned

_LABEL = 34


def shown(found):
    """Lines for a terminal: that it is optional, every finding, tables, both verdicts."""
    from synthesis.bias.words import OPTIONAL

    yield from wrap(OPTIONAL, WIDTH)
    yield ""
    for finding in found.findings:
        yield finding.question
        for sentence in finding.sentences:
            yield from wrap(
                sentence, WIDTH, initial_indent="  ", subsequent_indent="  ",
                break_on_hyphens=False,
            )  # fmt: skip
        yield ""
    yield from _reports(found)
    yield from _medians(found)
    for name, fit in (("usual model", found.usual), ("with biases", found.biased)):
        diagnosis = fit.diagnosis
        advice = f" ({diagnosis.advice})" if diagnosis.advice else ""
        yield f"{diagnosis.verdict:<6}  {name}, {found.endpoint}{advice}"
    yield ""


def _reports(found) -> Iterator[str]:
    from synthesis.benefit.histology_words import ratio
    from synthesis.benefit.writing import chance_text

    own = found.tables.reports
    if own.empty:
        return
    rows = [("Retrospective report", "Patients", "Bias (ratio of medians)", "P(optimistic)")]
    rows += [
        (row.cohort_label, str(row.patients), ratio(row), chance_text(row.p_optimistic))
        for row in own.itertuples(index=False)
    ]
    yield from aligned(rows, right=(1, 3))
    yield ""


def _medians(found) -> Iterator[str]:
    from synthesis.benefit.writing import ratio_text
    from synthesis.bias.effects import AS_PROSPECTIVE, HALF_WAY
    from synthesis.estimands import Summary
    from synthesis.questions.pooled import interval_text

    own = found.tables.medians
    both = {name: own[own["population"] == name] for name in (HALF_WAY, AS_PROSPECTIVE)}
    rows = [("Median, months", "Pooled (usual)", "Bias model", "Ratio", "As prospective", "Ratio")]
    pairs = zip(*(frame.itertuples(index=False) for frame in both.values()), strict=True)
    for half, asked in pairs:
        rows.append(
            (
                shorten(half.treatment, _LABEL, placeholder=" ..."),
                interval_text(Summary(half.usual, half.usual_lower, half.usual_upper)),
                interval_text(Summary(half.biased, half.biased_lower, half.biased_upper)),
                ratio_text(half.ratio),
                interval_text(Summary(asked.biased, asked.biased_lower, asked.biased_upper)),
                ratio_text(asked.ratio_to_pooled),
            )
        )
    yield from aligned(rows, right=(3, 5))
    yield "Ratios are to the pooled median of the usual model."
    yield ""
