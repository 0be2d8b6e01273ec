"""What a plan says, in sentences made from its table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.benefit.compare_words import in_sentence
from synthesis.benefit.writing import chance_text, ratio_text
from synthesis.planning.design import Design, Population
from synthesis.planning.plan import SETTLES, Plan
from synthesis.planning.printing import LANDMARKS

#: How a population is called in running text.
POPULATION_LABELS: dict[str, str] = {
    "all": "all patients",
    "pure": "pure histology",
    "mixed": "mixed histology",
}


def plan_words(found: Plan, vocabulary: Vocabulary) -> tuple[str, ...]:
    """What is asked, what each population would give, what limits it; a paragraph each.

    Parameters
    ----------
    found : Plan
    vocabulary : Vocabulary
    """
    paragraphs = [_opening(found, vocabulary), _method(found)]
    paragraphs.append(f"What carries the contrast today: {_small(found.carried.sentence)}")
    for population in found.design.populations:
        rows = found.table[found.table["population"] == population].sort_values("n")
        paragraphs.append(" ".join(_gain_sentences(found, population, rows)))
    paragraphs.append(_width_words(found))
    paragraphs.append(_limit(found))
    paragraphs += list(_doubts(found))
    return tuple(paragraphs)


def _small(sentence: str) -> str:
    """A sentence as it goes on after a colon."""
    return f"{sentence[:1].lower()}{sentence[1:]}"


def population_words(design: Design, population: Population) -> str:
    """A population in words, with its share of mixed histology where it has both."""
    words = POPULATION_LABELS[population]
    return f"{words} ({100 * design.mixed:g} % mixed)" if population == "all" else words


def _opening(found: Plan, vocabulary: Vocabulary) -> str:
    first, design = found.table.iloc[0], found.design
    endpoint = vocabulary.endpoint(first["endpoint"]).label.lower()
    arms = (
        "half of the patients allocated at random to each"
        if design.is_randomised
        else "set against what is known of the reference from other reports"
    )
    return (
        f"A {design.kind} study of {in_sentence(found.treatment)} against "
        f"{in_sentence(found.reference)} ({found.why_reference}), {arms}: what it would conclude "
        f"of {endpoint} in {vocabulary.subject_words}. It concludes a gain where, with the study "
        f"added to the {found.cohorts} cohorts ({found.patients} patients) that are pooled today, "
        f"the probability of a gain of more than {months_words(first['delta'])} in the median of "
        f"the average study is {first['threshold']:g} or more."
    )


def _method(found: Plan) -> str:
    design = found.design
    months = " and ".join(map(str, LANDMARKS))
    return (
        f"{int(found.table['simulations'].iloc[0])} studies of each size are simulated: a truth "
        "from what is believed today, with a study effect of its own; patients who enter over "
        f"{design.accrual:g} months and are followed for {design.follow_up:g} more; and the report "
        "of them, with medians, limits and survival at "
        f"{months} months, pure and mixed patients apart where there are both. The report is read "
        f"like any other ({found.family} family)."
    )


def _gain_sentences(found: Plan, population: Population, rows: pd.DataFrame) -> Iterator[str]:
    first, largest = rows.iloc[0], rows.iloc[-1]
    name = population_words(found.design, population)
    today, most = first["p_today"], int(largest["n"])
    yield (
        f"{name[:1].upper()}{name[1:]}: P(gain > {months_words(first['delta'])}) is "
        f"{chance_text(today)} today."
    )
    if today >= first["threshold"]:
        yield (
            "That is a conclusion without any further study. The probability that it still stands "
            f"with a study added is {_by_size(rows)}."
        )
        return
    yield f"The probability that a study concludes such a gain is {_by_size(rows)}."
    enough = rows[rows["assurance"] >= SETTLES]
    share = f"{100 * SETTLES:.0f} %"
    if len(enough):
        yield f"{int(enough['n'].iloc[0])} patients reach {share}."
    else:
        yield f"No study of up to {most} patients reaches {share}."
    bound = min(today / first["threshold"], 1.0)
    yield (
        f"A study that told the whole truth would find such a gain with probability "
        f"{chance_text(today)}, and no study of any size concludes one with a probability above "
        f"{chance_text(bound)}{f': none can reach {share}' if bound < SETTLES else ''}."
    )
    if largest["concludes_none"] > 0.0:
        yield (
            f"With {most} patients it concludes that there is no such gain with probability "
            f"{chance_text(largest['concludes_none'])}."
        )


def _by_size(rows: pd.DataFrame) -> str:
    """Probability of a conclusion at every size, sizes of one probability together."""
    chances: dict[str, list[str]] = {}
    for row in rows.itertuples(index=False):
        chances.setdefault(chance_text(row.assurance), []).append(str(row.n))
    return ", ".join(f"{chance} with {listed(sizes)} patients" for chance, sizes in chances.items())


def listed(words: Sequence[str]) -> str:
    """Words in a row: ``A, B and C``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def months_words(value: float) -> str:
    """A number of months with its noun."""
    return f"{value:g} {'month' if value == 1.0 else 'months'}"


def _width_words(found: Plan) -> str:
    """How narrow the effects of histology become, in the population that tells most of them."""
    table = found.table
    largest = table[table["n"] == table["n"].max()]
    best = largest.loc[largest["expected_width_ratio"].idxmin()]
    name = population_words(found.design, best["population"])
    treatment = in_sentence(found.treatment)
    labels = {
        "prognostic": "under any treatment (prognostic)",
        "predictive": f"of the further ratio under {treatment} (predictive)",
        "ratio": f"under {treatment}, both together",
    }
    parts = [
        f"{label} {width_text(best[f'width_today_{key}'])} today and "
        f"{width_text(best[f'expected_width_{key}'])} expected"
        for key, label in labels.items()
    ]
    return (
        "Ratio of medians of mixed to pure tumours, upper over lower end of the 95 % interval: "
        f"{'; '.join(parts)}, with {int(best['n'])} patients, {name}."
    )


def width_text(log_width: float) -> str:
    """Width of an interval of a log ratio, as upper over lower end."""
    return ratio_text(math.exp(log_width))


def _limit(found: Plan) -> str:
    if found.design.is_randomised:
        selected = (
            f" All patients carry the mutation that {in_sentence(found.treatment)} asks for, so "
            "that what the other arm tells of unselected patients depends on the effect of the "
            "mutation as pooled today."
        )
        return (
            "The arms of a randomised study share its study effect, which cancels in their "
            "contrast; each arm keeps a shape of its own. What is concluded is of the average "
            f"study in the reference population.{selected if found.braf_selected else ''}"
        )
    return (
        "A single-arm study of any size has one study effect of its own and tells nothing of the "
        "reference: what is not known of these today remains, however many patients it has."
    )


def _doubts(found: Plan) -> Iterator[str]:
    doubtful = found.table[~found.table["reliable"]]
    if len(doubtful):
        rows: Sequence[str] = [
            f"{row.population}, n = {row.n} ({100 * row.unreliable_share:.0f} %)"
            for row in doubtful.itertuples(index=False)
        ]
        yield (
            "Not to be relied on to the last digit: so many of the simulated studies tell so much "
            "that few draws of today's fit stand for what is believed after them: "
            f"{'; '.join(rows)}."
        )


def plan_rows(found: Plan) -> list[dict[str, str]]:
    """The table as texts, a row a population and size, for terminal and report."""
    return [
        {
            "population": POPULATION_LABELS[row.population],
            "n": str(row.n),
            "p_today": chance_text(row.p_today),
            "assurance": f"{chance_text(row.assurance)}{'' if row.reliable else '*'}",
            "error": f"{row.assurance_error:.2f}",
            "none": chance_text(row.concludes_none),
            "prognostic": width_text(row.expected_width_prognostic),
            "predictive": width_text(row.expected_width_predictive),
            "ratio": width_text(row.expected_width_ratio),
        }
        for row in found.table.itertuples(index=False)
    ]


def plan_captions(found: Plan, vocabulary: Vocabulary) -> dict[str, str]:
    """Captions of the figures, ready to paste: ``assurance`` and ``widths``."""
    opening, method, limit = _opening(found, vocabulary), _method(found), _limit(found)
    endpoint = vocabulary.endpoint(found.table["endpoint"].iloc[0]).label.lower()
    return {
        "assurance": (
            f"{opening} Probability that a study concludes so, by number of patients, with 95 % "
            f"Monte Carlo limits; dotted: the probability of such a gain today. {method} {limit}"
        ),
        "widths": (
            f"How narrow the 95 % interval of the ratio of medians of {endpoint}, mixed to pure "
            "tumours, is expected to become: upper over lower end (log scale), by number of "
            f"patients; dotted: today. {method}"
        ),
    }
