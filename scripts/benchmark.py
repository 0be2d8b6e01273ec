"""Time compiling, refitting and re-reading a survival fit; print the seconds and their ratios.

Then the default sensitivity analysis: a model compiled once for the sizes that hold every choice,
its base, and a refit for each choice. Run on an idle machine: ``make benchmark``. The draws cache
is a temporary folder, so that nothing is read from earlier runs.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable

from studies import load_registry


def timed(action: Callable[[], object]) -> float:
    """Wall time of a call, seconds."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def main() -> None:
    """Fit overall survival four times, then under every choice of the sensitivity analysis."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ATC_CACHE_DIR"] = folder
        from synthesis import SamplerSettings, fit_survival
        from synthesis.questions.sensitivity import sensitivity

        registry = load_registry()
        settings = SamplerSettings()
        seconds = {
            "first fit, with compiling": timed(lambda: fit_survival(registry, settings=settings)),
            "refit, other family": timed(
                lambda: fit_survival(registry, family_name="weibull", settings=settings)
            ),
            "refit, other endpoint": timed(lambda: fit_survival(registry, "pfs")),
            "same fit, from the cache": timed(lambda: fit_survival(registry, settings=settings)),
        }
        made: dict[str, float] = {}

        def note(words: str) -> None:
            made.setdefault(words.partition(":")[0], time.perf_counter())

        started = time.perf_counter()
        found = sensitivity(registry, "os", progress=note)
        ended = time.perf_counter()
    first = seconds["first fit, with compiling"]
    for name, value in seconds.items():
        print(f"{name:<28} {value:8.2f} s   {value / first:6.3f} of the first")
    refits = len(found.refits) - 1
    base = next(at for words, at in made.items() if words.startswith("fit 2 of"))
    each = (ended - base) / refits
    print(f"{'sensitivity: compile, base':<28} {base - started:8.2f} s")
    print(f"{f'sensitivity: {refits} refits':<28} {ended - base:8.2f} s")
    print(f"{'sensitivity: one refit':<28} {each:8.2f} s   {each / first:6.3f} of the first")


if __name__ == "__main__":
    main()
