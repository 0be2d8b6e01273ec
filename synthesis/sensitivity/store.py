"""Results of refits on disk, each as soon as it is there, so that an interrupted run goes on.

A result is a few kilobytes of JSON under the fingerprint of everything that determines it: the
arrays of the model, the settings of the sampler, versions and the code of model and estimands. The
draws themselves are not kept.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthesis.model.sampler import Problem, SamplerSettings, cache_folder
from synthesis.model.sampler import fingerprint as sampler_fingerprint
from synthesis.sensitivity.conclusions import Question

_HERE = Path(__file__).parent

# Code that turns draws into the stored numbers.
_CODE = (
    _HERE / "conclusions.py",
    _HERE / "power_scaling.py",
    _HERE / "runner.py",
    _HERE.parent / "benefit" / "contrasts.py",
    _HERE.parent / "cohort_terms.py",
    _HERE.parent / "estimands.py",
    _HERE.parent / "families.py",
    _HERE.parent / "likelihoods.py",
)


@dataclass(frozen=True)
class Store:
    """A folder of results; None as folder: nothing is read or kept."""

    folder: Path | None

    def read(self, name: str) -> dict[str, Any] | None:
        """The result of a fingerprint, or ``None`` where there is none that can be read."""
        if self.folder is None:
            return None
        try:
            return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def write(self, name: str, result: Mapping[str, Any]) -> None:
        """Keep a result, whole or not at all.

        A folder that cannot be written costs the next run its time only.
        """
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder) as stage:
                draft = Path(stage) / "result.json"
                draft.write_text(json.dumps(dict(result)), encoding="utf-8")
                draft.replace(self.folder / f"{name}.json")
        except OSError:
            return


def default_store(*, cache: bool = True) -> Store:
    """Beside the draws of fits; nowhere without a cache."""
    return Store(cache_folder() / "sensitivity" if cache else None)


def fingerprint(problem: Problem, settings: SamplerSettings, question: Question) -> str:
    """SHA-256 of everything that determines a result."""
    digest = hashlib.sha256(sampler_fingerprint(problem, settings).encode())
    facts = [sorted(problem.labels.items()), asdict(question)]
    digest.update(repr(facts).encode())
    for source in _CODE:
        digest.update(source.read_bytes())
    return digest.hexdigest()
