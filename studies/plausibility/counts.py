"""Whether counts, percentages and limits of response and of groups add up to their cohort."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from statistics import NormalDist

from studies.figures import histology_of, in_months
from studies.kinds import half_step
from studies.plausibility.question import Arm, Around, Path, arms, figures, level_of, months, timed
from studies.problems import Finding, show
from studies.responses import ResponseCount, counts_that_fit, nearest_shares, responders
from studies.schema import Cohort, Landmark, Response, Study, SurvivalOutcome

# Limits further than this from those of every usual method, in points of per cent, are of another
# count; methods that differ in detail (mid-p, continuity correction) move them by less.
_POINTS = 4.0
_MOST = 100_000  # patients: more are a slip of another kind
# Rounding, and patients who leave observation: in the tail of a curve, where few are left, the
# whole may leave its parts by some points of per cent, and by a patient of the smallest part.
_TAIL = Decimal("0.05")


def _responses(study: Study) -> Iterator[tuple[Arm, Response, Path]]:
    for arm, path, _ in arms(study):
        if arm.response is not None:
            yield arm, arm.response, (*path, "response")


def response_rates(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether rates are whole numbers of patients: else the denominator is another one."""
    for arm, response, path in _responses(study):
        of = response.evaluable or arm.n
        if not of:
            continue
        for key, count in _counts(response).items():
            percent = getattr(response, f"{key}_percent")
            if percent is not None:
                here, fix = (*path, f"{key}_percent"), "denominator" if count is None else "counts"
                yield from _share(percent, of, here, count, fix, cut_off=True)


def _counts(response: Response) -> dict[str, int | None]:
    cr, pr, sd = response.cr, response.pr, response.sd
    total = response.responders
    if total is None and cr is not None and pr is not None:
        total = cr + pr
    control = response.disease_control
    if control is None and total is not None and sd is not None:
        control = total + sd
    return {"orr": total, "dcr": control, "cr": cr, "pr": pr, "sd": sd, "pd": response.pd}


def _share(
    percent: Decimal, of: int, path: Path, count: int | None, fix: str, *, cut_off: bool = False
) -> Iterator[Finding]:
    """Yield a finding where a percentage is not of a count, or of any; to cut off is allowed."""
    fitting = counts_that_fit(percent, of)
    if count is None:
        if fitting:
            return
        expected = f"a whole number of the {of} patients, such as {nearest_shares(percent, of)}"
    else:
        exact = Decimal(100 * count) / of
        if count in fitting or (cut_off and 0 <= exact - percent < 2 * half_step(percent)):
            return
        expected = f"{exact:.1f} %, which is {count} of {of}"
    yield Finding(path, f"{percent} %", expected, f"correct the percentage or the {fix}")


def response_sums(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether categories add up: one missing or counted twice moves the response rate."""
    for arm, response, path in _responses(study):
        parts = [response.cr, response.pr, response.sd, response.pd]
        whole = response.evaluable or arm.n
        if whole and all(part is not None for part in parts):
            total = sum(parts)
            everyone = total + (response.ne or 0)
            if whole not in range(total, everyone + 1) and arm.n != everyone:
                expected = f"the {whole} patients that are evaluable"
                if arm.n is not None and arm.n != whole:
                    expected += f", or the {arm.n} of the arm"
                found = f"categories that add up to {everyone}"
                yield Finding(path, found, expected, "correct the counts")
        control = response.disease_control
        total = _counts(response.model_copy(update={"disease_control": None}))["dcr"]
        if control is not None and total is not None and control != total:
            # Some reports count stable disease only from a duration on.
            expected = f"{total}, the sum of responders and stable disease"
            here = (*path, "disease_control")
            yield Finding(here, show(control), expected, "correct one of the two")
        yield from _characteristics_against(arm, response, path)


def _characteristics_against(arm: Arm, response: Response, path: Path) -> Iterator[Finding]:
    """Yield a finding where a further count of the same thing disagrees with the response."""
    counts = _counts(response)
    named = {
        "responders": counts["orr"],
        "disease control": counts["dcr"],
        "complete response": counts["cr"],
        "partial response": counts["pr"],
        "stable disease": counts["sd"],
        "progressive disease": counts["pd"],
    }
    for place, printed in enumerate(arm.characteristics):
        count, of_all = named.get(printed.name), printed.group is None
        if count not in (None, printed.value) and printed.statistic == "count" and of_all:
            here = (*path[:-1], "characteristics", place, "value")
            found = f"{printed.name} in {printed.value}"
            expected = f"{count}, as the response of the arm says ({{other}})"
            yield Finding(here, found, expected, "correct one of the two", path)


def response_intervals(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether an interval is that of the responders: it knows the true denominator."""
    for arm, response, path in _responses(study):
        count = responders(response, arm.n)
        too_many = (response.evaluable or arm.n or 0) > _MOST
        if response.orr_ci is None or too_many or not isinstance(count, ResponseCount):
            continue
        level = level_of(response.orr_level)
        k, of = count.responders, count.evaluable
        others = (method(k / of, of, level) for method in (wilson_interval, wald_interval))
        low, high = exact = exact_interval(k, of, level)
        if not any(_near(response.orr_ci, interval) for interval in (exact, *others)):
            found = f"an interval of {show(response.orr_ci)} for {k} of {of} responders"
            expected = f"about {100 * low:.1f} to {100 * high:.1f}"
            action = "correct the interval, its level or the counts"
            yield Finding((*path, "orr_ci"), found, expected, action)


def _near(printed: tuple[Decimal, Decimal], interval: tuple[float, float]) -> bool:
    return all(
        abs(float(limit) - 100.0 * exact) <= _POINTS + float(half_step(limit))
        for limit, exact in zip(printed, interval, strict=True)
    )


def _by_factor(cohort: Cohort) -> dict[str, list[tuple[int, Arm]]]:
    factors: dict[str, list[tuple[int, Arm]]] = defaultdict(list)
    for place, subgroup in enumerate(cohort.subgroups):
        factors[subgroup.factor].append((place, subgroup))
    return factors


def subgroup_sizes(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether groups have too many patients: a pool must not count a patient twice."""
    for place, cohort in enumerate(study.cohorts):
        path: Path = ("cohorts", place)
        if cohort.n is not None:
            for factor, groups in _by_factor(cohort).items():
                total = sum(group.n or 0 for _, group in groups)
                # too many patients in pure and mixed groups are no warning but an error
                told = all(histology_of(group) is not None for _, group in groups)
                if total > cohort.n and not told:
                    found = f"{total} patients in the groups by {factor}"
                    expected = f"no more than the {cohort.n} of the cohort"
                    action = (
                        "correct the numbers, or give groups that lie within each other different "
                        "factors"
                    )
                    yield Finding((*path, "subgroups", groups[0][0], "n"), found, expected, action)
            yield from _histologies_by_factors(cohort, path)
        yield from _histology_against_groups(cohort, path)


def _histologies_by_factors(cohort: Cohort, path: Path) -> Iterator[Finding]:
    """Yield a finding where pure and mixed groups by several factors have patients in common."""
    groups = [(p, g) for p, g in enumerate(cohort.subgroups) if histology_of(g) is not None]
    total, factors = sum(g.n or 0 for _, g in groups), {g.factor for _, g in groups}
    if total > cohort.n and len(factors) > 1:
        found = f"{total} patients in pure and mixed groups by {' and by '.join(sorted(factors))}"
        expected = f"no more than the {cohort.n} of the cohort"
        action = "correct the numbers: the whole cohort is used, or the groups of one factor"
        yield Finding((*path, "subgroups", groups[0][0], "n"), found, expected, action)


def _histology_against_groups(cohort: Cohort, path: Path) -> Iterator[Finding]:
    split = cohort.histology
    if split is None:
        return
    for kind in ("pure", "mixed"):
        count = getattr(split, kind)
        sizes = [(p, g.n) for p, g in enumerate(cohort.subgroups) if g.histology == kind]
        if count is None or len(sizes) != 1 or sizes[0][1] in (None, count):
            continue
        found = f"{sizes[0][1]} patients of {kind} histology"
        expected = f"{count}, as the split of the cohort says ({{other}})"
        here = (*path, "subgroups", sizes[0][0], "n")
        yield Finding(here, found, expected, "correct one of the two", (*path, "histology", kind))


def subgroup_medians(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether a whole lies between its parts: else one of the figures belongs elsewhere.

    While nobody has left observation, a curve is the mean of the curves of its parts, so that its
    median lies between the shortest and the longest of theirs, and its survival at any time between
    the lowest and the highest.
    """
    for place, cohort in enumerate(study.cohorts):
        path: Path = ("cohorts", place)
        every = enumerate(study.cohorts)
        partitions = [[(own, ("cohorts", p)) for p, own in every if own.part_of == cohort.id]]
        for groups in _by_factor(cohort).values():
            partitions.append([(group, (*path, "subgroups", p)) for p, group in groups])
        for partition in partitions:
            sizes = [part.n for part, _ in partition]
            # the sizes say that every patient of the cohort is in one of the parts
            if len(partition) > 1 and all(sizes) and sum(sizes) == cohort.n:
                yield from _between_medians(cohort, path, partition)
                yield from _between_landmarks(cohort, path, partition)


def _between_medians(
    cohort: Cohort, path: Path, parts: list[tuple[Arm, Path]]
) -> Iterator[Finding]:
    for place, whole in enumerate(cohort.survival):
        span = months(whole.median, whole.unit)
        others = [_median_of(part, whole) for part, _ in parts]
        if span is None or None in others:
            continue
        shorter = span[1] < min(low for low, _ in others)
        if shorter or span[0] > max(high for _, high in others):
            side = "shorter" if shorter else "longer"
            printed = timed(whole.median, whole.unit)
            found = f"{whole.endpoint} {printed}, {side} than in every part of it"
            expected = "a median between those of its parts ({other} and further)"
            here = (*path, "survival", place, "median")
            yield Finding(here, found, expected, "correct one of them", parts[0][1])


def _median_of(part: Arm, whole: SurvivalOutcome) -> tuple[float, float] | None:
    own = (
        own for own in part.survival if (own.endpoint, own.label) == (whole.endpoint, whole.label)
    )
    outcome = next(own, None)
    return outcome and months(outcome.median, outcome.unit)


def _between_landmarks(
    cohort: Cohort, path: Path, parts: list[tuple[Arm, Path]]
) -> Iterator[Finding]:
    slack = max(_TAIL, *(1 / Decimal(part.n) for part, _ in parts))
    for place, whole in enumerate(cohort.landmarks):
        others = [_survival_of(part, whole) for part, _ in parts]
        if None in others or min(others) - slack <= whole.survival <= max(others) + slack:
            continue
        side = "lower" if whole.survival < min(others) else "higher"
        found = f"{whole.endpoint} {whole.survival}, {side} than in every part of the cohort"
        expected = "a survival between those of its parts ({other} and further)"
        here = (*path, "landmarks", place, "survival")
        yield Finding(here, found, expected, "correct one of them", parts[0][1])


def _survival_of(part: Arm, whole: Landmark) -> Decimal | None:
    time = in_months(whole.time, whole.unit)
    for mark in part.landmarks:
        same = abs(in_months(mark.time, mark.unit) - time) < 0.1
        if same and (mark.endpoint, mark.label) == (whole.endpoint, whole.label):
            return mark.survival
    return None


def printed_shares(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether a share is a whole number of patients: else its denominator is another."""
    for _, path, printed in figures(study, "characteristics"):
        if printed.statistic == "percent" and isinstance(printed.value, Decimal) and printed.of:
            yield from _share(printed.value, printed.of, (*path, "value"), None, "number")
    for place, cohort in enumerate(study.cohorts):
        split, braf, told = cohort.histology, cohort.braf_v600e, []
        for kind in ("pure", "mixed") if split else ():
            # Some reports leave patients out of the percentage without saying how many: a
            # percentage without a count beside it is not judged.
            percent, count = getattr(split, f"{kind}_percent"), getattr(split, kind)
            if count is not None:
                whole = split.assessed or cohort.n
                told.append((percent, whole, ("histology", f"{kind}_percent"), count))
        if braf is not None:
            told.append((braf.percent, braf.tested, ("braf_v600e", "percent"), braf.positive))
        for percent, of, key, count in told:
            if percent is not None and of:
                yield from _share(percent, of, ("cohorts", place, *key), count, "number")


# --- Laws of a proportion: a number of survivors or responders is binomial -----------------------

NORMAL = NormalDist()
_MANY = 1000.0  # variance of a count from which on it is as good as normal


def z_of(level: float) -> float:
    """Return the normal quantile of a two-sided confidence level: 1.96 for 0.95."""
    return NORMAL.inv_cdf(0.5 + level / 2.0)


def binomial_at_most(count: int, of: int, probability: float) -> float:
    """Return the probability of at most ``count`` of ``of`` events."""
    if count < 0:
        return 0.0
    if count >= of or probability <= 0.0:
        return 1.0
    if probability >= 1.0:
        return 0.0
    mean = of * probability
    if mean * (1.0 - probability) > _MANY:
        spread = math.sqrt(mean * (1.0 - probability))
        return NORMAL.cdf((count + 0.5 - mean) / spread)
    # The terms fall away from the mean: the side of the count that leaves it out is summed.
    if count < mean:
        return _terms(range(count, -1, -1), of, probability)
    return max(1.0 - _terms(range(count + 1, of + 1), of, probability), 0.0)


def _terms(counts: range, of: int, probability: float) -> float:
    """Sum of the binomial probabilities of counts that lead away from the mean."""
    log_p, log_q, total = math.log(probability), math.log1p(-probability), 0.0
    for k in counts:
        log_ways = math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
        term = math.exp(log_ways + k * log_p + (of - k) * log_q)
        total += term
        if term <= 1e-12 * total:
            break
    return min(total, 1.0)


def exact_interval(count: int, of: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share (Clopper & Pearson 1934, 10.1093/biomet/26.4.404)."""
    alpha = (1.0 - level) / 2.0
    lower, upper = 0.0, 1.0
    if count > 0:
        lower = _solve(lambda p: 1.0 - binomial_at_most(count - 1, of, p), alpha)
    if count < of:
        upper = 1.0 - _solve(lambda q: binomial_at_most(count, of, 1.0 - q), alpha)
    return lower, upper


def _solve(rising: Callable[[float], float], target: float) -> float:
    """Where a function that rises from 0 to 1 on [0, 1] meets a target."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return (low + high) / 2.0


def wilson_interval(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion."""
    z = z_of(level)
    middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n)
    reach = z * math.sqrt(share * (1.0 - share) / n + (z / (2.0 * n)) ** 2) / (1.0 + z * z / n)
    return middle - reach, middle + reach


def wald_interval(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a proportion by its standard error, cut at 0 and 1."""
    reach = z_of(level) * math.sqrt(share * (1.0 - share) / n)
    return max(share - reach, 0.0), min(share + reach, 1.0)


def log_log_interval(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a survival probability on the scale of log(-log S)."""
    if not 0.0 < share < 1.0:
        return share, share
    power = z_of(level) * math.sqrt((1.0 - share) / (share * n)) / -math.log(share)
    power = min(power, 100.0)
    return share ** math.exp(power), share ** math.exp(-power)
