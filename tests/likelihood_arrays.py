"""The likelihood of model arrays, read back from them and summed by the readable definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from synthesis.model.comparisons import Place, comparison_log_likelihood
from synthesis.model.families import Family
from synthesis.model.likelihoods import arm_log_likelihood, listed_patients
from synthesis.model.observations import ArmComparison
from synthesis.model.printed import Chain

# Log weight below which an arm does not have a convention
ABSENT = -1e5


def chains_of(arrays: Mapping[str, np.ndarray], arm: int) -> list[tuple[int, Chain]]:
    """Chains of an arm, each with the place of its convention."""
    rows = np.flatnonzero(arrays["point_arm"] == arm)
    if not rows.size:
        return []
    spans = [slice(arrays["point_start"][r], arrays["point_stop"][r]) for r in rows]
    nodes = tuple(np.exp(arrays["node_log_time"][span]) for span in spans)
    weights = tuple(np.exp(arrays["node_log_weight"][span]) for span in spans)
    middle = np.array([own[own.size // 2] for own in nodes])
    found = []
    for c in np.flatnonzero(arrays["log_weight"][:, arm] > ABSENT):
        points = arrays["cell"][c, rows], arrays["density"][rows], arrays["beyond"][c, rows]
        tail = (float(arrays[name][c, rows[-1]]) for name in ("survivors", "size"))
        constant = float(arrays["log_weight"][c, arm])
        found.append((int(c), Chain(middle, *points, constant, nodes, weights, *tail)))
    return found


def total(
    arrays: Mapping[str, np.ndarray],
    family: Family,
    location: np.ndarray,
    log_shape: np.ndarray,
    tail: np.ndarray,
    log_convention: np.ndarray,
    *,
    shift: np.ndarray | float = 0.0,
    share: np.ndarray | float = 0.0,
    comparisons: Sequence[ArmComparison] = (),
    bias_sd: float = 0.0,
) -> float:
    """Log likelihood of arms (A,), patients and comparisons; ``log_convention`` is (C,)."""
    arms = location.size
    shift, share = (np.broadcast_to(np.asarray(a, dtype=float), arms) for a in (shift, share))
    value = 0.0
    for arm in range(arms):
        found = chains_of(arrays, arm)
        if found:
            free = arrays["convention_free"][arm]
            chains, weights = zip(
                *((own, free * log_convention[c]) for c, own in found), strict=True
            )
            at = location[arm], log_shape[arm], family, tail[arm]
            second = {"shift": shift[arm], "share": share[arm]}
            value += arm_log_likelihood(chains, weights, *at, **second)
    value += _patients(arrays, family, location, log_shape, tail, shift, share)
    for item in comparisons:
        places = (
            Place(location[arm], log_shape[arm], tail[arm]) for arm in (item.first, item.second)
        )
        value += comparison_log_likelihood(item, *places, family, bias_sd=bias_sd)
    return float(value)


def _patients(arrays, family, location, log_shape, tail, shift, share) -> float:
    """Listed patients; those of a mixture are of either kind."""
    who = arrays["patient_arm"]
    own = {"log_time": arrays["patient_log_time"], "event": arrays["patient_event"]}
    pure, mixed = (
        listed_patients(location[who] + by, log_shape[who], family, tail=tail[who], **own)
        for by in (0.0, shift[who])
    )
    with np.errstate(divide="ignore"):
        of_both = np.logaddexp(np.log1p(-share[who]) + pure, np.log(share[who]) + mixed)
    return float((arrays["patient_weight"] * of_both).sum())
