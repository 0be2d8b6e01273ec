"""How many patients responded, and how well, where the report says so in one of several ways."""

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


@dataclass(frozen=True)
class BestResponses(ResponseCount):
    """Every number of best responses that the report determines.

    ``complete <= responders <= control <= evaluable`` wherever they are known.

    Attributes
    ----------
    responders, evaluable, derivation
        As in :class:`ResponseCount`.
    complete : int or None
        Patients with a complete response, all of them responders; None where it is not known.
    control : int or None
        Patients with disease control, that is a complete or partial response or stable disease;
        None where it is not known. How long a disease must be stable is up to the report.
    complete_derivation, control_derivation : str
        How they follow from what is printed; empty where they are not known.
    complete_refused, control_refused : ResponseRefused or None
        Why something that is printed does not determine them.
    note : str
        What the denominator is where it is not simply the treated patients; else empty.
    """

    complete: int | None = None
    control: int | None = None
    complete_derivation: str = ""
    control_derivation: str = ""
    complete_refused: ResponseRefused | None = None
    control_refused: ResponseRefused | None = None
    note: str = ""

    @property
    def entered_as(self) -> str:
        """All derivations in one line, with what is printed but could not be used."""
        parts = [self.derivation]
        for name, count, derivation, refused in (
            ("disease control", self.control, self.control_derivation, self.control_refused),
            ("complete", self.complete, self.complete_derivation, self.complete_refused),
        ):
            if count is not None:
                parts.append(f"{name} {count}/{self.evaluable} ({derivation})")
            elif refused is not None:
                parts.append(f"{name} not used ({refused.reason.rstrip('.')})")
        return "; ".join(filter(None, [*parts, self.note]))


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
        return ResponseCount(candidates[0], of, _only_count(candidates[0], percent, of) + aside)
    rate = f"The printed response rate of {percent} %"
    if not candidates:
        return ResponseRefused(f"{rate} fits {_no_number(percent, of)}")
    return ResponseRefused(f"{rate} fits {_several(candidates, of)}", candidates)


def _only_count(count: int, percent: Decimal, of: int) -> str:
    return f"{count} is the only count of {of} that rounds to {percent} %"


def _no_number(percent: Decimal, of: int) -> str:
    below = min(math.floor(percent * of / 100), of)
    nearest = tuple(dict.fromkeys((below, min(below + 1, of))))
    shares = " and ".join(f"{k}/{of} = {Decimal(100 * k) / of:.1f} %" for k in nearest)
    return f"no whole number of the {of} patients; the nearest are {shares}."


def _several(candidates: tuple[int, ...], of: int) -> str:
    listed = ", ".join(str(k) for k in candidates)
    return f"more than one number of the {of} patients: {listed}."


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


def best_responses(response: Response, n: int | None = None) -> BestResponses | ResponseRefused:
    """Return every number of best responses that a report determines.

    The responders are those of :func:`responders`. Complete responders and patients with disease
    control follow from printed counts, of which any two must agree, or else from printed
    percentages, if exactly one whole number fits all of them at their printed digits. What the
    report does not print stays unknown: a partial response alone says nothing of complete ones.

    Parameters
    ----------
    response : Response
        The printed figures.
    n : int or None
        Patients of the cohort, the denominator where the number evaluable is not printed.

    Returns
    -------
    BestResponses or ResponseRefused
        The numbers with their derivations, or why not even the responders are known.
    """
    count = responders(response, n)
    if isinstance(count, ResponseRefused):
        return count
    if count.responders > count.evaluable:
        return ResponseRefused(
            f"The {count.responders} responders are more than the {count.evaluable} evaluable "
            "patients."
        )
    outside = _not_evaluable_outside(response, n, count)
    complete = _complete(response, count).settled(count.evaluable)
    control = _control(response, count, outside).settled(count.evaluable)
    return BestResponses(
        count.responders,
        count.evaluable,
        count.derivation,
        complete.count,
        control.count,
        complete.derivation,
        control.derivation,
        complete.refused,
        control.refused,
        _denominator_words(response, n, outside),
    )


@dataclass(frozen=True)
class _Settled:
    """A number with its derivation, the reason against it, or neither: nothing is printed."""

    count: int | None = None
    derivation: str = ""
    refused: ResponseRefused | None = None


@dataclass(frozen=True)
class _Evidence:
    """What a report prints of one number of patients, which lies between two others.

    Attributes
    ----------
    name : str
        Of whom the number is.
    counts : tuple of (int, str)
        What printed counts make it, and how.
    shares : tuple of (str, set of int)
        Printed percentages in words, and every number that fits them.
    low, high : int
        Its limits.
    limits : str
        Whose numbers the limits are.
    """

    name: str
    counts: tuple[tuple[int, str], ...]
    shares: tuple[tuple[str, frozenset[int]], ...]
    low: int
    high: int
    limits: str

    def settled(self, of: int) -> _Settled:
        """Settle the number among `of` evaluable patients."""
        if not self.counts:
            return self._from_shares(of) if self.shares else _Settled()
        found = dict(reversed(self.counts))  # the first way to a number gives its words
        listed = " and ".join(f"{k} ({words})" for k, words in sorted(found.items()))
        if len(found) > 1:
            return self._refuse(f"what is printed makes it {listed}", tuple(sorted(found)))
        ((count, words),) = found.items()
        if not self.low <= count <= self.high:
            return self._refuse(f"{listed} is not between {self.limits}", (count,))
        return _Settled(count, words)

    def _from_shares(self, of: int) -> _Settled:
        fitting = frozenset.intersection(*(numbers for _, numbers in self.shares))
        candidates = tuple(sorted(k for k in fitting if self.low <= k <= self.high))
        printed = " and ".join(words for words, _ in self.shares)
        fit = "fits" if len(self.shares) == 1 else "fit"
        if len(candidates) == 1:
            return _Settled(candidates[0], f"only number of {of} that fits {printed}")
        if not candidates:
            between = f"no whole number of the {of} patients between {self.limits}"
            return self._refuse(f"{printed} {fit} {between}", ())
        return self._refuse(f"{printed} {fit} {_several(candidates, of)}", candidates)

    def _refuse(self, reason: str, candidates: tuple[int, ...]) -> _Settled:
        sentence = f"The number with {self.name} is not known: {reason.rstrip('.')}."
        return _Settled(refused=ResponseRefused(sentence, candidates))


def _share(
    name: str, percent: Decimal, of: int, start: int = 0, step: int = 1
) -> tuple[str, frozenset[int]]:
    """Return a printed percentage, and what each count ``k`` of it makes: ``start + step * k``."""
    numbers = frozenset(start + step * k for k in counts_that_fit(percent, of))
    return f"{name} in {percent} %", numbers


def _complete(response: Response, count: ResponseCount) -> _Evidence:
    total, of, counts, shares = count.responders, count.evaluable, [], []
    # Partial responses were taken as all there are: then they do not tell that none was complete.
    assumed = response.responders is None and response.cr is None and response.orr_percent is None
    if response.cr is not None:
        counts.append((response.cr, "as printed"))
    if response.pr is not None and not assumed:
        words = f"{_responders(total)} less {response.pr} partial"
        counts.append((total - response.pr, words))
    if total == 0:
        counts.append((0, "none responded"))
    if response.cr_percent is not None:
        shares.append(_share("complete response", response.cr_percent, of))
    if response.pr_percent is not None:
        shares.append(_share("partial response", response.pr_percent, of, total, -1))
    return _Evidence(
        "a complete response",
        tuple(counts),
        tuple(shares),
        0,
        0 if assumed else total,
        f"none and the {_responders(total)}",
    )


def _control(response: Response, count: ResponseCount, outside: int | None) -> _Evidence:
    total, of, counts, shares = count.responders, count.evaluable, [], []
    progressed = response.pd or 0
    if response.disease_control is not None:
        counts.append((response.disease_control, "as printed"))
    if response.sd is not None:
        counts.append((total + response.sd, f"{_responders(total)} + {response.sd} stable"))
    if response.pd is not None and response.ne is not None and outside is not None:
        inside = response.ne - outside
        rest = of - response.pd - inside
        but = f" and {inside} not evaluable" if inside else ""
        counts.append((rest, f"all of {of} but {response.pd} progressing{but}"))
    if total == of:
        counts.append((total, "all responded"))
    if response.dcr_percent is not None:
        shares.append(_share("disease control", response.dcr_percent, of))
    if response.sd_percent is not None:
        shares.append(_share("stable disease", response.sd_percent, of, total))
    most = of - progressed
    limits = f"the {_responders(total)} and the {most} evaluable patients"
    if progressed:
        limits += " who did not progress"
    return _Evidence("disease control", tuple(counts), tuple(shares), total, most, limits)


def _responders(total: int) -> str:
    return f"{total} responder" + ("" if total == 1 else "s")


def _not_evaluable_outside(response: Response, n: int | None, count: ResponseCount) -> int | None:
    """Return how many who are printed as not evaluable stand outside the denominator, if known."""
    if not response.ne or n == count.evaluable:
        return 0
    parts = (response.sd, response.pd)
    if None not in parts:
        rest = count.evaluable - count.responders - sum(parts)
        if rest in (0, response.ne):
            return response.ne - rest
    if n is not None and count.evaluable + response.ne == n:
        return response.ne
    return None


def _denominator_words(response: Response, n: int | None, outside: int | None) -> str:
    """Return what the denominator is where it is not simply the treated patients."""
    found = []
    evaluable, without = response.evaluable, response.ne
    if evaluable is not None and n is not None and evaluable < n:
        found.append(f"denominator: the {evaluable} evaluable of {n} treated patients")
    if without and outside is None:
        found.append(f"whether the denominator holds the {without} not evaluable is not told")
    elif without:
        verb = "does not hold" if outside else "holds"
        found.append(f"the denominator {verb} the {without} not evaluable")
    return "; ".join(found)
