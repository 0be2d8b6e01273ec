"""Time compiling, refitting and re-reading a survival fit; print the seconds and their ratios.

Run on an idle machine: ``make benchmark``. The draws cache is a temporary folder, so that nothing
is read from earlier runs.
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
    """Fit overall survival four times: cold, other family, other endpoint, from the cache."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ATC_CACHE_DIR"] = folder
        from synthesis import SamplerSettings, fit_survival

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
    first = seconds["first fit, with compiling"]
    for name, value in seconds.items():
        print(f"{name:<28} {value:8.2f} s   {value / first:6.3f} of the first")


if __name__ == "__main__":
    main()
