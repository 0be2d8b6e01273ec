"""What a study that is being planned would do: treatment, arms, patients, follow-up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from synthesis.settings import REFERENCE_MIX

Kind = Literal["single-arm", "randomised"]
Population = Literal["all", "pure", "mixed"]
KINDS: tuple[Kind, ...] = ("single-arm", "randomised")
POPULATIONS: tuple[Population, ...] = ("all", "pure", "mixed")

#: Numbers of patients that are tried where none is named.
SIZES = (20, 40, 80, 160)

#: Fewest and most patients of a study: an arm needs two for an interval, and beyond the most a
#: printed month is coarse beside what the patients would tell.
LEAST, MOST = 4, 2000

# Months of accrual and of follow-up: longer than anybody plans for in a disease of months.
_LONGEST = 240.0


class NotPlannedError(ValueError):
    """What was asked for cannot be planned; the message says what can."""


@dataclass(frozen=True)
class Design:
    """A study that is being planned.

    Attributes
    ----------
    treatment : str
        Name of the treatment that is asked about.
    reference : str or None
        What its gain is over, and in a randomised study the other arm; ``None``: the supportive
        treatment that is pooled.
    kind : {"single-arm", "randomised"}
        One arm, or two of equal size by random allocation.
    sizes : tuple of int
        Numbers of patients, of both arms together.
    populations : tuple of str
        Who is treated: ``"all"``, ``"pure"`` or ``"mixed"`` histology only.
    mixed : float
        Share of mixed histology among all, 0 to 1.
    accrual : float
        Months over which the patients enter, evenly.
    follow_up : float
        Months from the last entry to the analysis.
    """

    treatment: str
    reference: str | None = None
    kind: Kind = "single-arm"
    sizes: tuple[int, ...] = SIZES
    populations: tuple[Population, ...] = POPULATIONS
    mixed: float = REFERENCE_MIX
    accrual: float = 24.0
    follow_up: float = 12.0

    def __post_init__(self) -> None:
        """Refuse what cannot be planned.

        Raises
        ------
        NotPlannedError
            Names the setting, what was found and what is expected.
        """
        _one_of("design", self.kind, KINDS)
        for name in self.populations:
            _one_of("population", name, POPULATIONS)
        for name in ("sizes", "populations"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                found = ", ".join(map(str, values)) or "none"
                raise NotPlannedError(f"{name}: found {found}, expected one or more, each once")
        for n in self.sizes:
            if isinstance(n, bool) or not isinstance(n, int) or not LEAST <= n <= MOST:
                raise NotPlannedError(
                    f"n: found {n}, expected a whole number of patients from {LEAST} to {MOST}"
                )
            if self.is_randomised and n % 2:
                raise NotPlannedError(
                    f"n: found {n}, expected an even number: both arms of a randomised study "
                    "together, half of the patients in each"
                )
        if not 0.0 <= self.mixed <= 1.0:
            raise NotPlannedError(
                f"mixed: found {self.mixed:g}, expected a fraction from 0 to 1 (0.3 for 30 percent)"
            )
        self._check_months("accrual", self.accrual, 0.0)
        self._check_months("follow-up", self.follow_up, 1.0)

    @staticmethod
    def _check_months(name: str, value: float, least: float) -> None:
        if not (math.isfinite(value) and least <= value <= _LONGEST):
            raise NotPlannedError(
                f"{name}: found {value:g}, expected months from {least:g} to {_LONGEST:g}"
            )

    @property
    def is_randomised(self) -> bool:
        """Whether half of the patients get the reference."""
        return self.kind == "randomised"

    def share_of(self, population: Population) -> float:
        """Share of mixed histology among the patients of a population, 0 to 1."""
        return {"all": self.mixed, "pure": 0.0, "mixed": 1.0}[population]


def _one_of(what: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise NotPlannedError(f"{what}: found {word!r}, expected one of {', '.join(words)}")
