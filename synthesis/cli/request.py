"""What every question of the command line is asked with, and the one way of answering it.

A command is a function of a `Request` and of its own options. `answers` adds the options that all
of them share, reads what they name, tells what is being done, and shows and writes the `Result`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from studies import Registry, UnknownWordError
from studies.vocabulary import Treatment
from synthesis.cli import options
from synthesis.cli.running import (
    InputError,
    Tell,
    progress,
    read_registry,
    sentence,
)
from synthesis.cli.terminal import show
from synthesis.endpoints import ENDPOINTS
from synthesis.numbers import capitalised
from synthesis.staging import check_folder

if TYPE_CHECKING:
    from priors import Priors
    from synthesis.estimands import Fit
    from synthesis.settings import Settings

TABLES_AND_FIGURES = "Folder for tables and figures."

# Options that questions share, in the order of help, each with its default; those of the settings
# bear the names that they have there.
_SHARED: Mapping[str, tuple[Any, Any]] = {
    "registry": (options.RegistryOption, None),
    "only": (options.OnlyOption, False),
    "verified_only": (options.VerifiedOption, False),
    "convert": (options.ConvertOption, None),
    "priors": (options.PriorsOption, None),
    "reference_mix": (options.MixOption, None),
    "family": (options.FamilyOption, None),
    "seed": (options.SeedOption, None),
    "draws": (options.DrawsOption, None),
    "cache": (options.CacheOption, True),
}
_SETTINGS = ("verified_only", "reference_mix", "family", "seed", "draws")


@dataclass(frozen=True)
class Request:
    """What a question is asked with.

    Attributes
    ----------
    registry : Registry
        What was named, with endpoints converted.
    given : mapping
        Settings that were given, by their names in `synthesis.settings.Settings`.
    priors : Priors or None
        None for the default ones.
    cache : bool
        Whether fits are reused.
    tell : callable
        Called with each step.
    out : Path or None
        Where the answer goes, besides the terminal.
    """

    registry: Registry
    given: Mapping[str, Any]
    priors: Priors | None = None
    cache: bool = True
    tell: Tell = field(default=lambda step: None, repr=False)
    out: Path | None = None


#: The answer of a command: a result, that with the registry it rests on, or lines to be shown.
Answer = "Result | tuple[Result, Registry] | list[str]"


def answers(
    *,
    out: tuple[str, Path | None] | None = (TABLES_AND_FIGURES, None),
    kind: str | None = None,
    mix: bool = True,
    one_family: bool = False,
    first: Callable[..., None] | None = None,
) -> Callable[[Callable[..., Answer]], Callable[..., None]]:
    """Make a command of a function that answers a request.

    Parameters
    ----------
    out : (str, Path or None), optional
        Help and default of ``--out``; None for a command without it.
    kind : str, optional
        Of the results that may stand in that folder already.
    mix : bool
        Whether ``--reference-mix`` is among its options.
    one_family : bool
        Whether one survival family is fitted, where others may be stacked.
    first : callable, optional
        Called with the options of its own before anything is read; to refuse them.
    """
    shared = {name: known for name, known in _SHARED.items() if mix or name != "reference_mix"}
    if one_family:
        shared["family"] = (options.OneFamilyOption, None)
    if out is not None:
        shared = {"out": (options.option(Path | None, "--out", "DIR", out[0]), out[1]), **shared}

    def command(answer: Callable[..., Answer]) -> Callable[..., None]:
        def run(**given: Any) -> None:
            own = {name: given.pop(name) for name in tuple(given) if name not in shared}
            if first is not None:
                first(**own)
            if given.get("out") is not None:
                check_folder(given["out"], kind)
            _respond(lambda request: answer(request, **own), given)

        return with_options(run, answer, shared)

    return command


def with_options(
    run: Callable[..., None],
    like: Callable[..., Any],
    shared: Mapping[str, tuple[Any, Any]],
    skip: int = 1,
) -> Callable[..., None]:
    """Give a command the options of a function behind its first parameters, and shared ones."""
    by_name = inspect.Parameter.KEYWORD_ONLY
    own = [*inspect.signature(like, eval_str=True).parameters.values()][skip:]
    every = [each.replace(kind=by_name) for each in own] + [
        inspect.Parameter(name, by_name, default=default, annotation=kind)
        for name, (kind, default) in shared.items()
    ]
    run.__signature__ = inspect.Signature(every)
    run.__annotations__ = {each.name: each.annotation for each in every}
    run.__name__, run.__doc__ = like.__name__, like.__doc__
    return run


def _respond(answer: Callable[[Request], Answer], given: dict[str, Any]) -> None:
    """Ask; write what is answered where a folder is given, and show it."""
    registry, files = read_registry(given["registry"], given["only"]), []
    if given["convert"]:
        from studies.registry import convert_endpoints

        registry = convert_endpoints(registry, given["convert"])
    priors, out = None, given.get("out")
    if given["priors"] is not None:
        from priors import load_priors

        priors = load_priors(given["priors"])
    settings = {name: given[name] for name in _SETTINGS if given.get(name) is not None}
    with progress() as tell, _telling_what_is_kept():
        result = answer(Request(registry, settings, priors, given["cache"], tell, out))
        if isinstance(result, tuple):
            result, registry = result
        if out is not None and not isinstance(result, list):
            from synthesis.report.writer import write_result

            tell("writing tables and figures")
            files = write_result(result, registry, out)
    if isinstance(result, list):
        for line in result:
            typer.echo(line)
    else:
        show(result, files)


@contextmanager
def _telling_what_is_kept() -> Iterator[None]:
    """On an interrupt, say what is kept of the work."""
    try:
        yield
    except KeyboardInterrupt as error:
        if hasattr(error, "sentence"):
            typer.echo(error.sentence, err=True)
        raise


# --- What commands need of a request -------------------------------------------------------------


def settings_of(request: Request, more: Mapping[str, Any]) -> Settings:
    """Settings of what was given and of `more`, but for None among these."""
    request.tell("loading the sampler")
    from synthesis.settings import Settings

    return Settings(**{**request.given, **{k: v for k, v in more.items() if v is not None}})


def fit(request: Request, settings: Settings) -> dict[str, Fit]:
    """Fit the endpoints of settings."""
    from synthesis.run import fit_endpoints

    return fit_endpoints(request.registry, settings, **fitting(request))[0]


def fitting(request: Request) -> dict[str, Any]:
    """How fits are made, as every function that fits is told."""
    return {"priors": request.priors, "progress": request.tell, "cache": request.cache}


def pooled_treatments(
    request: Request, endpoints: Iterable[str], *, background: bool = False
) -> dict[str, frozenset[str]]:
    """Treatments with a counted cohort, by endpoint, known before anything is sampled.

    `background`: also groups of various treatments, which nothing can be compared with.
    """
    from studies.selection import select

    verified = bool(request.given.get("verified_only"))
    return {
        endpoint: frozenset(
            ref.treatment
            for ref in select(request.registry, endpoint, verified_only=verified).counted
            if background or ref.role != "mixed"
        )
        for endpoint in dict.fromkeys(endpoints)
    }


def require_pooled(request: Request, name: str, pooled: Mapping[str, Collection[str]]) -> Treatment:
    """Return a treatment that is pooled for one endpoint at least.

    Raises
    ------
    InputError
        For a word that names no treatment, or one that is not pooled; names what is.
    """
    every = sorted(set().union(*pooled.values()))
    possible = f"possible for {', '.join(pooled)}: {', '.join(every) or 'none'}."
    try:
        treatment = request.registry.vocabulary.treatment(name)
    except UnknownWordError as error:
        raise InputError(f"{sentence(error)} {capitalised(possible)}") from None
    if treatment.id not in every:
        raise InputError(f"no cohort of {treatment.id} is pooled; {possible}")
    return treatment


def that_can_be_pooled(
    request: Request,
    named: Sequence[str] | None,
    treatments: Iterable[str | None] = (),
    *,
    among: Iterable[str] = ENDPOINTS,
) -> tuple[str, ...]:
    """Endpoints that are named, or those that have something to pool.

    Raises
    ------
    InputError
        Where one of the treatments is pooled for none of them.
    """
    pooled = pooled_treatments(request, named or among)
    for name in filter(None, treatments):
        require_pooled(request, name, pooled)
    kept = tuple(name for name, treatments in pooled.items() if named or treatments)
    return kept or tuple(pooled)


def that_pool(
    request: Request, named: Sequence[str] | None, treatment: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Endpoints that pool a treatment, and a sentence on each of the others.

    Raises
    ------
    InputError
        Where none does; names the treatments that are pooled.
    """
    pooled = pooled_treatments(request, named or ENDPOINTS)
    known = require_pooled(request, treatment, pooled).id
    return tuple(name for name in pooled if known in pooled[name]), tuple(
        f"No cohort of {known} is pooled for {name}, which is left out."
        for name in pooled
        if known not in pooled[name]
    )
