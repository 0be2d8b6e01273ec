"""Reading one endpoint as another: only where the vocabulary allows it, and only on request.

A time to progression is no progression-free survival. Where the vocabulary says in which direction
such a reading errs, an analysis may ask for it to see how much hangs on it; every cohort that is
read so carries a caution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from studies.frames import endpoints_of
from studies.registry import ConvertedEndpoint, Registry
from studies.schema import Cohort, Study, Subgroup
from studies.vocabulary import Conversion, Vocabulary


class ConversionError(ValueError):
    """A reading of one endpoint as another that is not possible, or not allowed."""


def convert_endpoints(registry: Registry, wanted: Sequence[str]) -> Registry:
    """Read printed figures of one endpoint as figures of another.

    Parameters
    ----------
    registry : Registry
        The registry, which stays as it is.
    wanted : sequence of str
        The readings, ``"ttp:pfs"`` each. Where two lead to the same endpoint, the first that a
        cohort prints is used; no figure is read twice.

    Returns
    -------
    Registry
        Copies of the studies, with medians and survival probabilities under the endpoint that they
        are read as, and a caution in each cohort concerned. A cohort of which the report prints
        the wanted endpoint, be it for a subgroup only, keeps all figures as they are.

    Raises
    ------
    ConversionError
        For a pair that the vocabulary does not allow; the message holds its reason.
    UnknownWordError
        For an endpoint that the vocabulary does not hold.
    """
    pairs = dict.fromkeys(_allowed(text, registry.vocabulary) for text in wanted)
    before = {(item.from_, item.to): item.cohorts for item in registry.conversions}
    # What was read as another endpoint is not read on as a third.
    settled = {(name, item.to) for item in registry.conversions for name in item.cohorts}
    read: dict[tuple[str, str], list[str]] = {(item.from_, item.to): [] for item in pairs}
    studies = {}
    for study in registry:
        cohorts = []
        for cohort in study.cohorts:
            name = f"{study.id}:{cohort.id}"
            possible = [item for item in pairs if (name, item.from_) not in settled]
            chosen = _chosen(cohort, possible)
            for item in chosen:
                read[item.from_, item.to].append(name)
            cohorts.append(_converted(cohort, chosen, registry.vocabulary))
        studies[study.id] = _with(study, cohorts)
    both = {key: (*before.get(key, ()), *read.get(key, ())) for key in (*before, *read)}
    return replace(
        registry,
        studies=studies,
        conversions=tuple(
            ConvertedEndpoint(*key, tuple(dict.fromkeys(cohorts))) for key, cohorts in both.items()
        ),
    )


def _allowed(text: str, vocabulary: Vocabulary) -> Conversion:
    """Return what the vocabulary says of a wanted reading, if it allows it."""
    parts = [part.strip() for part in text.split(":")]
    if len(parts) != 2 or not all(parts):
        raise ConversionError(
            f'"{text}" names no two endpoints: write the printed one and the one that it is read '
            "as, for example ttp:pfs."
        )
    from_, to = (vocabulary.endpoint(part).id for part in parts)
    known = {(item.from_, item.to): item for item in vocabulary.conversions}
    found = known.get((from_, to))
    if found is None:
        possible = [f"{a}:{b}" for (a, b), item in known.items() if item.allowed == "on request"]
        raise ConversionError(
            f"The vocabulary does not say that {from_} may be read as {to}; possible: "
            f"{', '.join(possible) or 'nothing'}."
        )
    if found.allowed == "never":
        raise ConversionError(f"{from_} is never read as {to}. {_sentence(found.reason)}")
    return found


def _chosen(cohort: Cohort, pairs: Sequence[Conversion]) -> tuple[Conversion, ...]:
    """Return the readings that apply to a cohort: those of what it prints as what it does not."""
    printed = set(endpoints_of(cohort))
    taken: set[str] = set()
    chosen = []
    for item in pairs:
        if item.from_ in printed - taken and item.to not in printed | taken:
            chosen.append(item)
            taken |= {item.from_, item.to}
    return tuple(chosen)


def _converted(cohort: Cohort, chosen: Sequence[Conversion], vocabulary: Vocabulary) -> Cohort:
    """Return a cohort with its figures under the endpoints that they are read as."""
    if not chosen:
        return cohort
    names = {item.from_: item.to for item in chosen}
    cautions = [_caution(item, vocabulary) for item in chosen]
    if cohort.caution is not None:
        cautions.insert(0, _sentence(cohort.caution))
    changes = _figures(cohort, names) | {
        "subgroups": tuple(
            group.model_copy(update=_figures(group, names)) for group in cohort.subgroups
        ),
        "caution": " ".join(cautions),
    }
    return cohort.model_copy(update=changes)


def _figures(arm: Cohort | Subgroup, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the figures of an arm, renamed."""
    return {
        kind: tuple(
            figure.model_copy(update={"endpoint": names[figure.endpoint]})
            if figure.endpoint in names
            else figure
            for figure in getattr(arm, kind)
        )
        for kind in ("survival", "landmarks")
    }


def _caution(item: Conversion, vocabulary: Vocabulary) -> str:
    """Return what a reader of a converted figure must be told."""
    printed, read_as = vocabulary.endpoint(item.from_), vocabulary.endpoint(item.to)
    return (
        f"{printed.label} ({printed.id}) is printed and read as {read_as.label.lower()} "
        f"({read_as.id}). {_sentence(item.reason)}"
    )


def _sentence(text: str) -> str:
    """Return a reason as a full sentence."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _with(study: Study, cohorts: Sequence[Cohort]) -> Study:
    """Return a study with its cohorts exchanged; the study itself where none has changed."""
    if all(new is old for new, old in zip(cohorts, study.cohorts, strict=True)):
        return study
    return study.model_copy(update={"cohorts": tuple(cohorts)})
