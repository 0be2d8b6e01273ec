"""How many patients responded: it follows from a report in one of several ways, or not at all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from studies.kinds import half_step

if TYPE_CHECKING:
    from studies.schema import Response

_MOST_COUNTS, _MOST_FITTING = 12, 10_000  # that fit a percentage: listed, and looked at


@dataclass(frozen=True)
class ResponseCount:
    """A number of responders that the report determines."""

    responders: int
    evaluable: int
    """Patients who responded, of how many."""
    derivation: str
    """How the figures follow from what is printed."""


@dataclass(frozen=True)
class ResponseRefused:
    """A response that cannot be read as a count."""

    reason: str
    """Why not, a full sentence."""
    candidates: tuple[int, ...] = ()
    """The counts that the printed percentage allows, the first of them where there are many."""


@dataclass(frozen=True)
class BestResponses(ResponseCount):
    """Every number of best responses that the report determines.

    ``complete <= responders <= control <= evaluable`` wherever they are known.
    """

    complete: int | None = None
    control: int | None = None
    """Patients with a complete response, and with disease control as the report defines it."""
    complete_derivation: str = ""
    control_derivation: str = ""
    """How they follow from what is printed."""
    complete_refused: ResponseRefused | None = None
    control_refused: ResponseRefused | None = None
    """Why something that is printed does not determine them."""
    note: str = ""
    """What the denominator is where it is not simply the treated patients."""

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
    """
    denominator, aside = response.evaluable, ""
    if denominator is None:
        denominator = n
        aside = f"; number evaluable not printed, the {n} patients of the cohort taken"
    if not denominator:
        return ResponseRefused(
            "Neither the number of evaluable patients nor that of the cohort is printed."
        )
    cr, pr = response.cr, response.pr
    if response.responders is not None:
        total, derivation = response.responders, "responders as printed"
    elif cr is not None and pr is not None:
        total, derivation = cr + pr, f"{cr} complete + {pr} partial responses"
    elif response.orr_percent is not None:
        return _from_percent(response.orr_percent, denominator, aside)
    elif pr is not None:
        total, derivation = pr, "complete responses not printed, taken as none"
    elif cr is not None:
        return ResponseRefused("Complete responses are printed, but not partial ones.")
    else:
        return ResponseRefused("Neither a number of responders nor a response rate is printed.")
    return ResponseCount(total, denominator, derivation + aside)


def _from_percent(percent: Decimal, of: int, aside: str) -> ResponseCount | ResponseRefused:
    """Return the one count whose percentage rounds to the printed one, if there is just one."""
    candidates = counts_that_fit(percent, of)
    if len(candidates) == 1:
        count = candidates[0]
        words = f"{count} is the only count of {of} that rounds to {percent} %{aside}"
        return ResponseCount(count, of, words)
    rate = f"The printed response rate of {percent} % fits"
    if not candidates:
        shares = nearest_shares(percent, of, "and")
        words = f"{rate} no whole number of the {of} patients; the nearest are {shares}."
        return ResponseRefused(words)
    return ResponseRefused(f"{rate} {_several(candidates, of)}", tuple(candidates[:_MOST_COUNTS]))


def _several(candidates: Sequence[int], of: int) -> str:
    listed = ", ".join(map(str, candidates[:_MOST_COUNTS]))
    end = ", ..." if len(candidates) > _MOST_COUNTS else "."
    return f"more than one number of the {of} patients: {listed}{end}"


def counts_that_fit(percent: Decimal, of: int) -> range:
    """Return the numbers of patients, of `of`, whose percentage rounds to a printed one."""
    step = half_step(percent)
    low, high = math.ceil((percent - step) * of / 100), math.floor((percent + step) * of / 100)
    return range(max(low, 0), min(high, of) + 1)


def nearest_shares(percent: Decimal, of: int, conjunction: str = "or") -> str:
    """Return the two whole numbers of patients next to a percentage, with theirs."""
    below = min(int(percent * of / 100), of)
    counts = dict.fromkeys((below, min(below + 1, of)))
    return f" {conjunction} ".join(f"{k}/{of} = {Decimal(100 * k) / of:.1f} %" for k in counts)


def best_responses(response: Response, n: int | None = None) -> BestResponses | ResponseRefused:
    """Return every number of best responses that a report determines.

    The responders are those of :func:`responders`. Complete responders and patients with disease
    control follow from printed counts, of which any two must agree, or else from printed
    percentages, if exactly one whole number fits all of them at their printed digits.
    """
    count = responders(response, n)
    if isinstance(count, ResponseRefused):
        return count
    if count.responders > count.evaluable:
        excess = f"The {count.responders} responders are more than the {count.evaluable}"
        return ResponseRefused(f"{excess} evaluable patients.")
    outside = _not_evaluable_outside(response, n, count)
    settled = zip(_complete(response, count), _control(response, count, outside), strict=True)
    pairs = [each for pair in settled for each in pair]
    return BestResponses(*astuple(count), *pairs, _denominator_words(response, n, outside))


class _Settled(NamedTuple):
    """A number with its derivation, the reason against it, or neither: nothing is printed."""

    count: int | None = None
    derivation: str = ""
    refused: ResponseRefused | None = None


def _settle(
    name: str,
    limits: str,
    low: int,
    high: int,
    of: int,
    counts: Iterable[tuple[int | None, str]],
    shares: Iterable[tuple[str, Decimal | None, int, int]],
) -> _Settled:
    """Settle the number of patients with `name`, which lies from `low` to `high`, among `of`.

    `counts` holds what printed counts make it, and how; `shares` printed percentages, whose count
    ``k`` makes it ``start + step * k``.
    """

    def refuse(reason: str, candidates: Iterable[int] = ()) -> _Settled:
        sentence = f"The number with {name} is not known: {reason.rstrip('.')}."
        return _Settled(refused=ResponseRefused(sentence, tuple(candidates)))

    ways: dict[int, str] = {}  # the first way to a number gives its words
    for number, words in counts:
        if number is not None:
            ways.setdefault(number, words)
    if ways:
        listed = " and ".join(f"{number} ({words})" for number, words in sorted(ways.items()))
        if len(ways) > 1:
            return refuse(f"what is printed makes it {listed}", sorted(ways))
        ((number, words),) = ways.items()
        if not low <= number <= high:
            return refuse(f"{listed} is not between {limits}", [number])
        return _Settled(number, words)
    fitting = {
        f"{words} in {percent} %": {start + step * k for k in counts_that_fit(percent, of)}
        for words, percent, start, step in shares
        if percent is not None and len(counts_that_fit(percent, of)) <= _MOST_FITTING
    }
    if not fitting:
        return _Settled()
    candidates = sorted(k for k in set.intersection(*fitting.values()) if low <= k <= high)
    printed, fit = " and ".join(fitting), "fits" if len(fitting) == 1 else "fit"
    if len(candidates) == 1:
        return _Settled(candidates[0], f"only number of {of} that fits {printed}")
    if not candidates:
        return refuse(f"{printed} {fit} no whole number of the {of} patients between {limits}")
    return refuse(f"{printed} {fit} {_several(candidates, of)}", candidates)


def _complete(response: Response, count: ResponseCount) -> _Settled:
    total, cr, pr = count.responders, response.cr, response.pr
    # Partial responses were taken as all there are: then they do not tell that none was complete.
    assumed = response.responders is None and cr is None and response.orr_percent is None
    rest = None if pr is None or assumed else total - pr
    return _settle(
        "a complete response",
        f"none and the {_responders(total)}",
        0,
        0 if assumed else total,
        count.evaluable,
        (
            (cr, "as printed"),
            (rest, f"{_responders(total)} less {pr} partial"),
            (None if total else 0, "none responded"),
        ),
        (
            ("complete response", response.cr_percent, 0, 1),
            ("partial response", response.pr_percent, total, -1),
        ),
    )


def _control(response: Response, count: ResponseCount, outside: int | None) -> _Settled:
    total, of, sd, pd = count.responders, count.evaluable, response.sd, response.pd
    rest = but = None
    if pd is not None and response.ne is not None and outside is not None:
        inside = response.ne - outside
        rest, but = of - pd - inside, f" and {inside} not evaluable" if inside else ""
    most = of - (pd or 0)
    limits = f"the {_responders(total)} and the {most} evaluable patients"
    return _settle(
        "disease control",
        limits + (" who did not progress" if pd else ""),
        total,
        most,
        of,
        (
            (response.disease_control, "as printed"),
            (None if sd is None else total + sd, f"{_responders(total)} + {sd} stable"),
            (rest, f"all of {of} but {pd} progressing{but}"),
            (total if total == of else None, "all responded"),
        ),
        (
            ("disease control", response.dcr_percent, 0, 1),
            ("stable disease", response.sd_percent, total, 1),
        ),
    )


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
    words = []
    evaluable, without = response.evaluable, response.ne
    if evaluable is not None and n is not None and evaluable < n:
        words.append(f"denominator: the {evaluable} evaluable of {n} treated patients")
    if without and outside is None:
        words.append(f"whether the denominator holds the {without} not evaluable is not told")
    elif without:
        verb = "does not hold" if outside else "holds"
        words.append(f"the denominator {verb} the {without} not evaluable")
    return "; ".join(words)
