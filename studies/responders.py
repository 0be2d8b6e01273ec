"""How many patients responded, where the report says so in one of several ways."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from studies.figures import half_step
from studies.schema import Response


@dataclass(frozen=True)
class ResponseCount:
    """A number of responders that the report determines.

    Attributes
    ----------
    responders, evaluable : int
        Patients who responded, of how many.
    derivation : str
        How the figures follow from what is printed.
    """

    responders: int
    evaluable: int
    derivation: str


@dataclass(frozen=True)
class ResponseRefused:
    """A response that cannot be read as a count.

    Attributes
    ----------
    reason : str
        Why not, a full sentence.
    candidates : tuple of int
        The counts that the printed percentage allows.
    """

    reason: str
    candidates: tuple[int, ...] = ()


def responders(response: Response, n: int | None = None) -> ResponseCount | ResponseRefused:
    """Return the number of responders, or why it cannot be known.

    In this order: responders as printed; complete and partial responses, both printed; the one
    whole number that fits the printed response rate; partial responses alone, where nothing is said
    of complete ones.

    Parameters
    ----------
    response : Response
        The printed figures.
    n : int or None
        Patients of the cohort, the denominator where the number evaluable is not printed.

    Returns
    -------
    ResponseCount or ResponseRefused
        The count with its derivation, or the reason against it.
    """
    denominator, aside = response.evaluable, ""
    if denominator is None:
        denominator = n
        aside = f"; number evaluable not printed, the {n} patients of the cohort taken"
    if not denominator:
        return ResponseRefused(
            "Neither the number of evaluable patients nor that of the cohort is printed."
        )
    if response.responders is not None:
        derivation = "responders as printed"
        return ResponseCount(response.responders, denominator, derivation + aside)
    if response.cr is not None and response.pr is not None:
        derivation = f"{response.cr} complete + {response.pr} partial responses"
        return ResponseCount(response.cr + response.pr, denominator, derivation + aside)
    if response.orr_percent is not None:
        return _from_percent(response.orr_percent, denominator, aside)
    if response.pr is not None:
        derivation = "complete responses not printed, taken as none"
        return ResponseCount(response.pr, denominator, derivation + aside)
    if response.cr is not None:
        return ResponseRefused("Complete responses are printed, but not partial ones.")
    return ResponseRefused("Neither a number of responders nor a response rate is printed.")


def _from_percent(percent: Decimal, of: int, aside: str) -> ResponseCount | ResponseRefused:
    """Return the one count whose percentage rounds to the printed one, if there is just one."""
    candidates = counts_that_fit(percent, of)
    if len(candidates) == 1:
        derivation = f"{candidates[0]} is the only count of {of} that rounds to {percent} %"
        return ResponseCount(candidates[0], of, derivation + aside)
    rate = f"The printed response rate of {percent} %"
    if not candidates:
        below = min(math.floor(percent * of / 100), of)
        nearest = tuple(dict.fromkeys((below, min(below + 1, of))))
        shares = " and ".join(f"{k}/{of} = {Decimal(100 * k) / of:.1f} %" for k in nearest)
        reason = f"{rate} fits no whole number of the {of} patients; the nearest are {shares}."
    else:
        listed = ", ".join(str(k) for k in candidates)
        reason = f"{rate} fits more than one number of the {of} patients: {listed}."
    return ResponseRefused(reason, candidates)


def counts_that_fit(percent: Decimal, of: int) -> tuple[int, ...]:
    """Return the counts whose percentage rounds to a printed one.

    Parameters
    ----------
    percent : Decimal
        Printed percentage, 0 to 100, with its digits.
    of : int
        Denominator, patients.

    Returns
    -------
    tuple of int
        Every count within half a printed digit, either way of rounding a tie.
    """
    step = half_step(percent)
    low = math.ceil((percent - step) * of / 100)
    high = math.floor((percent + step) * of / 100)
    return tuple(range(max(low, 0), min(high, of) + 1))
