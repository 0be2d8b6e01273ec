"""`atc control`: the prediction for an arm of a new study, as a prior for trial software."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from synthesis.text.plain import WIDTH
from synthesis.text.tables import table_lines


def shown(found, registry):
    """Lines for a terminal: sentences and tables of every prior, then what holds for all."""
    from synthesis.historical.words import (
        common_words,
        control_words,
        prior_words,
        quantity_title,
    )

    said = control_words(found, registry.vocabulary)
    for endpoint in found.behind:
        yield from (line for text in said[endpoint] for line in _paragraph(text))
        for prior in found.of(endpoint):
            title = quantity_title(prior, registry.vocabulary)
            yield from wrap(f"{title}. {prior_words(found, prior)}", WIDTH, break_on_hyphens=False)
            yield ""
            for table in _tables(found, prior):
                yield from table
                yield ""
    for text in common_words(found):
        yield from _paragraph(text)


def _paragraph(text: str) -> Iterator[str]:
    yield from wrap(text, WIDTH, break_on_hyphens=False)
    yield ""


def _tables(found, prior) -> Iterator[list[str]]:
    """The components, then draws and mixtures side by side."""
    from synthesis.historical.words import component_rows, summary_rows

    rows, (first, second) = component_rows(prior)
    weights = [("Weight", "weight")]
    if prior.robust is not None:
        weights.append(("Robust weight", "robust_weight"))
    kind = prior.fit.mixture.kind.capitalize()
    numbers = [(f"{kind} {first}", "first"), (f"{kind} {second}", "second")]
    yield table_lines(rows, [*weights, *numbers], name="component")
    columns = [
        ("Mean", "mean"),
        ("Median", "median"),
        ("95 % interval", "interval"),
        ("ESS, ELIR", "ess_elir"),
        ("by moments", "ess_moment"),
    ]
    yield table_lines(summary_rows(found, prior), columns, name="prior")
