"""Comparisons in words: sentences and captions made from the tables, no number is typed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.numbers import chance
from synthesis.questions.compare import REFERENCE_MIX, Comparison, endpoint_words
from synthesis.questions.contrasts import spread_text
from synthesis.questions.evidence import (
    ACROSS,
    KINDS,
    PATIENTS_SHOWN,
    RANDOMISED,
    WITHIN,
    size_words,
)
from synthesis.text.plain import count

#: From this probability on a gain is named in a sentence, and at most so many treatments.
_NAMED_FROM, _NAMED_AT_MOST = 0.9, 6

#: Said once beside any comparison that is not randomised throughout.
ACROSS_WORDS = (
    "Where no report gave both treatments, a contrast is between patients of different studies and "
    "rests on their being alike once design, line, time origin and BRAF selection are allowed for: "
    "a difference of patients that no report tells looks like a difference of treatments."
)


def sentences(comparison: Comparison, vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    """What the tables say of each endpoint, in sentences.

    Parameters
    ----------
    comparison : Comparison
    vocabulary : Vocabulary

    Returns
    -------
    dict
        Endpoint -> sentences, in order.
    """
    return {
        endpoint: (
            opening(comparison, endpoint, vocabulary),
            *_gains(comparison, endpoint),
            _carried(comparison, endpoint),
            _ranked(comparison, endpoint),
            *_left_out(comparison, endpoint),
        )
        for endpoint in comparison.endpoints
    }


def opening(comparison: Comparison, endpoint: str, vocabulary: Vocabulary) -> str:
    """What is compared, in whom, and against what: endpoint, population, mean study."""
    reference = comparison.references[endpoint]
    name = endpoint_words(endpoint, vocabulary)
    return (
        f"{name[:1].upper()}{name[1:]} in {vocabulary.subject_words}, "
        f"{population(comparison, endpoint, vocabulary)}in the average study; every treatment "
        f"against {in_sentence(reference.label)} ({size_words(reference.group)}): {reference.why}. "
        "Estimates are posterior medians with 95 % intervals."
    )


def population(comparison: Comparison, endpoint: str, vocabulary: Vocabulary) -> str:
    """The histology that the contrasts of an endpoint are for, and a comma.

    Empty for a disease of which there is no histology.
    """
    if not vocabulary.histologies and not comparison.knowing:
        return ""
    if endpoint == "response":
        return "all histologies together as reports print them (histology does not apply), "
    if endpoint not in comparison.knowing:
        return "of whatever histology (no counted cohort tells it), "
    if comparison.histology == REFERENCE_MIX:
        return f"{100 * comparison.mix:.0f} % mixed histology, "
    return f"{comparison.histology} histology, "


def in_sentence(label: str) -> str:
    """A label within a sentence: a small initial, but for an abbreviation or a number."""
    second = label[1:2]
    return label if second.isupper() or second.isdigit() else label[:1].lower() + label[1:]


def _gains(comparison: Comparison, endpoint: str) -> tuple[str, ...]:
    rows = _drawn(comparison, endpoint)
    if endpoint == "response":
        # as printed: a limit that reads 0 leaves nothing out
        clear = rows[(rows["lower"].round(2) > 0.0) | (rows["upper"].round(2) < 0.0)]
        if clear.empty:
            return ("No interval of a difference of response rates leaves out no difference.",)
        named = [
            f"{in_sentence(row.treatment)} {_spread(row)} points"
            for row in clear.itertuples(index=False)
        ]
        return (f"The interval leaves out no difference for {_list(named)}.",)
    rows = rows.sort_values("p_gain", ascending=False, kind="stable")
    likely = rows[rows["p_gain"] >= _NAMED_FROM]
    asked = f"more than {comparison.delta:g} {'month' if comparison.delta == 1 else 'months'}"
    if likely.empty:
        best = rows.iloc[0]
        return (
            f"For no treatment is the probability that the median is longer by {asked} "
            f"{_NAMED_FROM:g} or more; the highest is {chance(best['p_gain'])} "
            f"({in_sentence(best['treatment'])}).",
        )
    named = [
        f"{in_sentence(row.treatment)} {chance(row.p_gain)}, ratio of medians {_spread(row)}"
        for row in likely.head(_NAMED_AT_MOST).itertuples(index=False)
    ]
    more = len(likely) - len(named)
    named += [count(more, "further treatment")] if more else []
    return (
        f"The probability that the median is longer by {asked} is {_NAMED_FROM:g} or more for "
        f"{'; '.join(named)}.",
    )


def _drawn(comparison: Comparison, endpoint: str) -> pd.DataFrame:
    own = comparison.forest[comparison.forest["endpoint"] == endpoint]
    return own[~own["is_reference"].astype(bool)]


def _spread(row: object) -> str:
    return spread_text(row.estimate, row.lower, row.upper, row.estimand)


def _carried(comparison: Comparison, endpoint: str) -> str:
    rows = _drawn(comparison, endpoint)
    counts = rows["carried_by"].value_counts()
    words = {
        RANDOMISED: "randomised within a report",
        WITHIN: "given in one report without randomisation",
        ACROSS: "across single-arm studies",
    }
    parts = [f"{words[kind]} {counts.get(kind, 0)}" for kind in KINDS]
    return (
        f"What carries the {count(len(rows), 'contrast')} with the reference: {', '.join(parts)}."
    )


def _ranked(comparison: Comparison, endpoint: str) -> str:
    own = comparison.ranks[comparison.ranks["endpoint"] == endpoint]
    best = own.drop_duplicates("treatment").iloc[0]
    first = own[(own["treatment"] == best["treatment"]) & (own["rank"] == 1)].iloc[0]
    return (
        f"Of {best['of']} treatments {in_sentence(best['treatment'])} has the best mean rank, "
        f"{best['mean_rank']:.1f} (95 % interval of its rank {best['lower']:.0f} to "
        f"{best['upper']:.0f}), and is first with probability "
        f"{chance(first['probability'])}. A rank says nothing of how large a difference is."
    )


def _left_out(comparison: Comparison, endpoint: str) -> tuple[str, ...]:
    own = comparison.left_out[comparison.left_out["endpoint"] == endpoint]
    if own.empty:
        return ()
    named = _list([in_sentence(name) for name in own["treatment"]])
    return (
        f"Neither ranked nor drawn, with one cohort of fewer than {PATIENTS_SHOWN} patients each: "
        f"{named}; the table of contrasts has them.",
    )


def _list(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def captions(comparison: Comparison, vocabulary: Vocabulary) -> dict[str, str]:
    """Captions of the figures by the stem of their files, ready to paste."""
    found: dict[str, str] = {}
    for endpoint in comparison.endpoints:
        about = _About(comparison, endpoint, vocabulary)
        found[f"compare_forest_{endpoint}"] = about.forest()
        if endpoint != "response":
            found[f"compare_gains_{endpoint}"] = about.gains()
        found[f"compare_ranks_{endpoint}"] = about.ranks()
        found[f"compare_league_{endpoint}"] = about.league()
        found[f"compare_network_{endpoint}"] = about.network()
    return found


@dataclass(frozen=True)
class _About:
    """What the captions of one endpoint say alike."""

    comparison: Comparison
    endpoint: str
    vocabulary: Vocabulary

    @property
    def where(self) -> str:
        name = endpoint_words(self.endpoint, self.vocabulary)
        return (
            f"{name[:1].upper()}{name[1:]} in {self.vocabulary.subject_words}, "
            f"{population(self.comparison, self.endpoint, self.vocabulary)}average study"
        )

    @property
    def reference(self) -> str:
        found = self.comparison.references[self.endpoint]
        return f"{in_sentence(found.label)} ({size_words(found.group)})"

    @property
    def nodes(self) -> pd.DataFrame:
        nodes = self.comparison.network.nodes
        return nodes[nodes["endpoint"] == self.endpoint]

    @property
    def size(self) -> str:
        nodes = self.nodes
        return (
            f"{count(len(nodes), 'treatment')}, {count(int(nodes['cohorts'].sum()), 'cohort')}, "
            f"{count(int(nodes['patients'].sum()), 'patient')}"
        )

    @property
    def contrast(self) -> str:
        if self.endpoint == "response":
            return "difference of response rates in percentage points"
        return "ratio of medians (log scale)"

    def forest(self) -> str:
        gain = ""
        if self.endpoint != "response":
            gain = (
                " Longer by: difference of medians; P: probability that it exceeds "
                f"{self.comparison.delta:g} mo."
            )
        return (
            f"{self.where}: every treatment against {self.reference}, {self.contrast} with 95 % "
            "intervals. Filled square: the two were randomised in one report; filled dot: one "
            "report gave both without randomisation; open ring: no report gave both, the contrast "
            f"is across single-arm studies.{gain} {self._shown()} Pooled: {self.size}."
        )

    def gains(self) -> str:
        return (
            f"{self.where}: probability that the median is longer than with {self.reference} by "
            "more than the months on the axis. Dotted: "
            f"{self.comparison.delta:g} mo. Broken curves: no report gave both treatments. Of "
            f"many treatments those with most patients are drawn. Pooled: {self.size}."
        )

    def ranks(self) -> str:
        best = "highest response rate" if self.endpoint == "response" else "longest median"
        return (
            f"{self.where}: ranks of the treatments, 1 the {best}. A: probability of each rank, "
            "one scale for all; B: probability of that rank or a better one. Mean rank with the "
            f"95 % interval of the rank. {self._shown()} Pooled: {self.size}."
        )

    def league(self) -> str:
        return (
            f"{self.where}: every pair of treatments, {self.contrast}, row against column, with "
            "95 % intervals. Bold: the interval leaves out no difference. Frames: solid, "
            "randomised in one report; broken, given in one report without randomisation; none, "
            f"across single-arm studies. {self._shown()} Pooled: {self.size}."
        )

    def network(self) -> str:
        edges = self.comparison.network.edges
        own = edges[edges["endpoint"] == self.endpoint]
        by_kind = own["carried_by"].value_counts()
        alone = int((self.nodes["links"] == 0).sum())
        return (
            f"{self.where}: treatments with a counted cohort, area by patients, and the reports "
            f"that gave two of them. {self.size}; "
            f"{count(int(by_kind.get(RANDOMISED, 0)), 'pair')} randomised (solid), "
            f"{by_kind.get(WITHIN, 0)} in one report without randomisation (broken). "
            f"{alone} of the treatments (open) stand alone: they are compared across single-arm "
            "studies only."
        )

    def _shown(self) -> str:
        left_out = self.comparison.left_out
        number = int((left_out["endpoint"] == self.endpoint).sum())
        if not number:
            return "All pooled treatments are shown."
        return (
            f"Not shown: {count(number, 'treatment')} with one cohort of fewer than "
            f"{PATIENTS_SHOWN} patients."
        )
