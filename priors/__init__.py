"""What was believed before: named priors with their reasons, and what they imply.

Each has a role, family, scale, rationale, source, and the 95 % range that it implies.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import NormalDist
from types import MappingProxyType
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

__all__ = ["Prior", "Priors", "PriorsError", "load_priors", "prior_data", "priors_skeleton"]

DEFAULT_FILE = Path(__file__).parent / "data" / "default.toml"

_NORMAL = NormalDist()


class PriorsError(ValueError):
    """A file of priors that cannot be used; the message names file, field and remedy."""


class Prior(BaseModel):
    """One named prior."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(pattern=r"^[a-z][a-z_]*$")
    """The model's name for the quantity."""
    role: str
    """What the quantity is, with its scale, in words."""
    family: Literal["normal", "half_normal"]
    r""":math:`\mathrm{Normal}(\text{location}, \text{scale}^2)` or its absolute value at location
    zero."""
    location: float = 0.0
    """On the scale of the model (log months, log ratio, log odds)."""
    scale: float = Field(gt=0.0)
    """On the same scale."""
    reads_as: Literal["months", "ratio", "factor", "share", "shape", "value"]
    r"""How a reader sees it: ``exp`` for months, ratios and shapes, the logistic function for
    shares, as it is for a value, and for a standard deviation :math:`\tau` the factor
    :math:`e^{1.96\,\tau}` by which one in forty lies above the mean."""
    rationale: str
    """Why this family and scale."""
    source: str
    """Where they are from."""

    @field_validator("location")
    @classmethod
    def _half_normal_starts_at_zero(cls, location: float, info: ValidationInfo) -> float:
        if location != 0.0 and info.data.get("family") == "half_normal":
            raise ValueError("a half_normal prior has location zero, leave the location out")
        return location

    def quantile(self, p: float) -> float:
        """Quantile on the scale of the model, ``0 < p < 1``."""
        if self.family == "half_normal":
            return self.scale * _NORMAL.inv_cdf(0.5 + p / 2.0)
        return self.location + self.scale * _NORMAL.inv_cdf(p)

    def implied(self, level: float = 0.95) -> tuple[float, float]:
        """Equal-tailed range in the reader's units (months, ratio, factor, share 0-1, shape)."""
        ends = (self.quantile(0.5 - level / 2.0), self.quantile(0.5 + level / 2.0))
        return tuple(self.natural(end) for end in ends)

    def natural(self, value: float) -> float:
        """Put a value of the model's scale into the reader's units."""
        if self.reads_as == "share":
            return 1.0 / (1.0 + math.exp(-value))
        if self.reads_as == "value":
            return value
        return math.exp(_NORMAL.inv_cdf(0.975) * value if self.reads_as == "factor" else value)

    @property
    def parameters(self) -> str:
        """The distribution as it is written, e.g. ``Normal(1.609, 0.7)``."""
        if self.family == "half_normal":
            return f"half-normal({self.scale:g})"
        return f"Normal({self.location:.4g}, {self.scale:g})"


class Priors(Mapping[str, Prior]):
    """The priors of one analysis by name; immutable.

    Attributes
    ----------
    fingerprint : str
        SHA-256 of everything that the model reads of them (family, location, scale).
    files : tuple of str
        Files whose priors stand instead of the default ones, the later before the earlier.
    """

    def __init__(self, priors: Mapping[str, Prior], files: tuple[str, ...] = ()) -> None:
        self._priors, self.files = MappingProxyType(dict(priors)), files

    def __getitem__(self, name: str) -> Prior:
        return self._priors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._priors)

    def __len__(self) -> int:
        return len(self._priors)

    def __repr__(self) -> str:
        return f"Priors({', '.join(self)})"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of every family, location and scale."""
        numbers = [(p.name, p.family, p.location, p.scale) for p in self.values()]
        return hashlib.sha256(repr(sorted(numbers)).encode()).hexdigest()

    def replace(
        self, name: str, *, location: float | None = None, scale: float | None = None
    ) -> Priors:
        """The same priors with one of them moved or rescaled: a sensitivity analysis.

        `PriorsError` if there is no prior of that name, a number is not finite, the scale is not
        positive, or a half-normal prior is given a location.
        """
        if name not in self:
            raise PriorsError(f"no prior is named {name!r}: choose one of {', '.join(self)}")
        if scale is not None and not 0.0 < scale < math.inf:
            raise PriorsError(f"the scale of prior {name!r} must be above zero, found {scale:g}")
        if location is not None and not math.isfinite(location):
            raise PriorsError(f"the location of prior {name!r} must be finite, found {location:g}")
        if location and self[name].family == "half_normal":
            raise PriorsError(f"the prior {name!r} is half-normal and has no location: change none")
        changes = {"location": location, "scale": scale}
        changed = self[name].model_copy(
            update={key: value for key, value in changes.items() if value is not None}
        )
        return Priors({**self, name: changed}, self.files)


def load_priors(*paths: Path | str | None) -> Priors:
    """Read files of priors; those that none of them names keep their default.

    They are TOML files of ``[[priors]]`` tables, of which a later one replaces what an earlier one
    says; without any it is the default catalogue. `PriorsError` if a file cannot be read, names an
    unknown prior or one twice, or holds a bad value.
    """
    defaults = _read(DEFAULT_FILE)
    given = tuple(path for path in paths if path is not None)
    priors = dict(defaults)
    for path in given:
        own = _read(Path(path))
        unknown = sorted(set(own) - set(defaults))
        if unknown:
            raise PriorsError(
                f"{path}: found the prior {unknown[0]!r}, expected one of {', '.join(defaults)}: "
                "correct its name"
            )
        priors |= own
    return Priors(priors, tuple(map(str, given)))


def _read(path: Path) -> dict[str, Prior]:
    try:
        if path.exists() and not path.is_file():  # a pipe has no end
            raise OSError("no ordinary file")
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("priors", [])
    except (OSError, ValueError, RecursionError) as error:
        raise PriorsError(f"{path}: cannot be read as a TOML file of priors ({error})") from None
    if not isinstance(tables, list) or not tables:
        raise PriorsError(
            f"{path}: found no [[priors]] table, expected at least one: add it, or remove the file"
        )
    priors: dict[str, Prior] = {}
    for position, table in enumerate(tables):
        try:
            prior = Prior.model_validate(table)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise PriorsError(f"{path}: priors[{position}].{field}: {first['msg']}") from None
        if prior.name in priors:
            raise PriorsError(f"{path}: the prior {prior.name!r} is there twice: keep one")
        priors[prior.name] = prior
    return priors


# Priors that hold for one disease: how long its patients live, how its curves fall, who responds.
_OF_DISEASE = (
    *("overall_median", "shape_weibull", "shape_log_logistic", "shape_log_normal"),
    *("covariate_from_diagnosis", "response_overall", "control_overall", "complete_overall"),
)
_HOW = """\
## What was believed of the disease before these studies. Those below were made for another one: of
## each that you know better remove the "# ", and write its location, its scale and why. All others
## (atc report shows them) keep their default. Location and scale are on the scale of the role: log
## months, log ratio, log odds. A file without any prior is refused.
"""


def priors_skeleton() -> str:
    """Return the first draft of a file of priors: those that hold for one disease only."""
    defaults, lines = load_priors(), [_HOW]
    for name in _OF_DISEASE:
        prior = defaults[name]
        low, high = prior.implied()
        lines += [
            f"## {low:.2g} to {high:.2g} (95 %), as {prior.reads_as}",
            "# [[priors]]",
            *(
                f"# {key} = {json.dumps(getattr(prior, key))}"
                for key in ("name", "role", "family", "location", "scale", "reads_as")
            ),
            '# rationale = "Why this location and this scale."',
            '# source = "Where it is from, with its doi."',
            "",
        ]
    return "\n".join(lines)


#: Prior of the mean effect over studies where a report's own effect is all that there is.
MEAN_PRIOR = Prior(
    name="effect_mean",
    role="Mean effect over studies, log ratio",
    family="normal",
    scale=2.0,
    reads_as="ratio",
    rationale="Centred on no effect; fifty-fold effects either way are within reach.",
    source="Neutral by design",
)


def prior_data(prior: Prior, name: str) -> dict[str, float]:
    """Location and scale of a prior as data of a model, under the name of its variable."""
    data = {f"{name}_scale": prior.scale}
    if prior.family == "normal":
        data[f"{name}_location"] = prior.location
    return data
