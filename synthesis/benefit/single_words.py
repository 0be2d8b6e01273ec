"""What one published difference means, in words: made from its tables, no number is typed here."""

from __future__ import annotations

import math

from synthesis.numbers import chance, in_sentence, ratio
from synthesis.questions.histology import pick, ratio
from synthesis.questions.histology_effects import MOSTLY_PRIOR, PREDICTIVE, PROGNOSTIC
from synthesis.questions.single import BOTH, SIGNIFICANT, SingleResult


def single_title(result: SingleResult, endpoint: str) -> str:
    """The question that the page answers; `endpoint` by its label."""
    return f"What does the result of {result.label} on {endpoint.lower()} mean once pooled?"


def single_words(result: SingleResult) -> tuple[str, ...]:
    """Sentences on one report's difference between pure and mixed tumours, by paragraphs.

    Parameters
    ----------
    result : SingleResult
    """
    return (
        _printed_words(result),
        _alone_words(result),
        _pooled_words(result),
        _chance_words(result),
        _selected_words(result),
    )


def _printed_words(result: SingleResult) -> str:
    printed = result.printed
    p = f", p {_signed_p(printed.p)}" if printed.p else ""
    return (
        f"{result.label} prints a median of {printed.mixed:g} months in "
        f"{_patients(printed.n_mixed)} mixed and of {printed.pure:g} months in "
        f"{_patients(printed.n_pure)} pure tumours under {in_sentence(result.treatment)}{p}: a "
        f"ratio of {ratio(printed.ratio)}."
    )


def _patients(n: int | None) -> str:
    return "an unstated number of patients with" if n is None else f"{n} patients with"


def _signed_p(p: str) -> str:
    return p if p[0] in "<>=" else f"= {p}"


def _alone_words(result: SingleResult) -> str:
    last = result.alone.iloc[-1]
    by_family = "; ".join(
        f"{row.family} {ratio(row)}" for row in result.alone.itertuples(index=False)
    )
    spread = "" if len(result.alone) == 1 else f" By survival family: {by_family}."
    return (
        f"Alone, with next to nothing believed beforehand, its medians"
        f"{' and the p value' if result.printed.p else ''} say a ratio of {ratio(last)} (posterior "
        f"median, 95 % interval), above 1 with a probability of {chance(last.p_above_one)}."
        f"{spread} Alone it cannot tell mixed tumours that live longer under anything from mixed "
        f"tumours that gain more from {in_sentence(result.treatment)}."
    )


def _pooled_words(result: SingleResult) -> str:
    effects = result.effects[result.effects["which"] == "posterior"]
    both, prognostic, predictive = (
        pick(effects, {"effect": name}) for name in (BOTH, PROGNOSTIC, PREDICTIVE)
    )
    return (
        f"Pooled with every other report, mixed tumours under {in_sentence(result.treatment)} live "
        f"{ratio(both)} times as long as pure ones in the median. Of this, {ratio(prognostic)} is "
        f"prognostic, the same under any treatment "
        f"({_share(prognostic.prior_share)}), and {ratio(predictive)} predictive, what "
        f"{in_sentence(result.treatment)} adds ({_share(predictive.prior_share)}). What tells the "
        f"one from the other is {_told_by(predictive.prior_share)}."
    )


def _told_by(share: float) -> str:
    if share > MOSTLY_PRIOR:
        return "the prior, hardly the data"
    return "the prior more than the data" if share > 0.5 else "the data more than the prior"


def _share(share: float) -> str:
    return f"{100 * share:.0f} % prior"


def _chance_words(result: SingleResult) -> str:
    said = (
        "If histology had no effect, a study of this size would print medians as far apart, either "
        f"way, with a probability of {chance(result.as_large_by_chance)}"
    )
    if not math.isnan(result.as_significant_by_chance):
        said += f" and a log-rank p as small with one of {chance(result.as_significant_by_chance)}"
    return (
        f"{said}; if the pooled effect is true, it would print at least this ratio with a "
        f"probability of {chance(result.as_large_expected)}."
    )


def _selected_words(result: SingleResult) -> str:
    pooled, *fixed = result.exaggeration.itertuples(index=False)
    said = (
        f"What is published because p < {SIGNIFICANT:g} overstates. Of studies of this size "
        f"{100 * pooled.power:.0f} % would reach it if the effect is as pooled (which has learned "
        "from this result too)"
    )
    if not math.isnan(pooled.exaggeration):
        said += (
            f", and those would show {ratio(pooled.exaggeration)} times the true log ratio on "
            "average"
        )
    parts = [
        f"at a true ratio of {ratio(row.true_ratio)}, {100 * row.power:.0f} % of them, which "
        f"show {ratio(row.shown_ratio)} on average"
        + (f", {100 * row.wrong_sign:.0f} % with the wrong sign" if row.wrong_sign >= 0.005 else "")
        for row in fixed
        if not math.isnan(row.shown_ratio)
    ]
    return f"{said}. " + ("; ".join(parts).capitalize() + "." if parts else "")
