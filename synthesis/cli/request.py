"""What every question shares: its options, what it is asked with, and how its answer is written.

A command is a function of a `Request` and of its own options. `answers` adds the options that all
of them share, reads what they name, tells what is being done, and shows and writes the `Result`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from priors import Priors, load_priors
from studies import Registry, UnknownWordError
from studies.registry import convert_endpoints, of_disease
from studies.vocabulary import Treatment
from synthesis.cli import options as of
from synthesis.cli.options import option
from synthesis.cli.running import (
    InputError,
    Tell,
    place_for_caches,
    progress,
    read_registry,
    sentence,
    tell_unkept,
)
from synthesis.cli.terminal import show
from synthesis.counting import select
from synthesis.endpoints import ENDPOINTS
from synthesis.numbers import capitalised, listed
from synthesis.result import Result, joined
from synthesis.staging import check_folder

if TYPE_CHECKING:
    from synthesis.estimands import Fit
    from synthesis.settings import Settings

# Options that questions share, in the order of help, each with its default; those of the settings
# bear the names that they have there.
_SHARED: Mapping[str, tuple[Any, Any]] = {
    "registry": (of.RegistryOption, None),
    "only": (of.OnlyOption, False),
    "verified_only": (of.VerifiedOption, False),
    "min_quality": (of.QualityOption, 0),
    "convert": (of.ConvertOption, None),
    "priors": (of.PriorsOption, None),
    "reference_mix": (of.MixOption, None),
    "family": (of.FamilyOption, None),
    "seed": (of.SeedOption, None),
    "draws": (of.DrawsOption, None),
    "cache": (of.CacheOption, True),
}
_SETTINGS = ("verified_only", "reference_mix", "family", "seed", "draws")
_PRIORS_OF_ANOTHER = (
    "No priors.toml stands beside vocabulary.toml: the default priors are used, which were made "
    "for another disease (atc studies new --vocabulary disease starts one)."
)


@dataclass(frozen=True)
class Request:
    """What a question is asked with; `given` are settings, by their names in `Settings`."""

    registry: Registry
    given: Mapping[str, Any]
    priors: Priors
    cache: bool
    tell: Tell
    out: Path | None
    formats: tuple[str, ...]

    @property
    def fitting(self) -> dict[str, Any]:
        """How fits are made, as every function that fits is told."""
        return {"priors": self.priors, "progress": self.tell, "cache": self.cache}

    @property
    def of_one_family(self) -> dict[str, Any]:
        """Settings and how fits are made, as analyses of one family are told."""
        given = dict(self.given)
        family = {"family_name": given.pop("family")} if "family" in given else {}
        return given | family | self.fitting


#: The answer of a command: a result, that with the registry it rests on, or lines to be shown.
Answer = "Result | tuple[Result, Registry] | list[str]"


def answers(
    *,
    out: tuple[str, Path | None] | None = ("Folder for tables and figures.", None),
    kind: str | None = None,
    mix: bool = True,
    one_family: bool = False,
) -> Callable[[Callable[..., Answer]], Callable[..., None]]:
    """Make a command of a function that answers a request.

    `out` is help and default of ``--out``, None for a command without it; `kind` that of the
    results that may stand in that folder already; `mix` whether ``--reference-mix`` is an option;
    `one_family` whether families are not stacked.
    """
    shared = {name: known for name, known in _SHARED.items() if mix or name != "reference_mix"}
    if one_family:
        shared["family"] = (of.OneFamilyOption, None)
    if out is not None:
        folder = option(Path | None, "--out", "DIR", out[0])
        shared = {"out": (folder, out[1]), "tables": (of.TablesOption, None), **shared}

    def command(answer: Callable[..., Answer]) -> Callable[..., None]:
        def _run(**given: Any) -> None:
            own = {name: given.pop(name) for name in tuple(given) if name not in shared}
            check_out(given.get("out"), kind, given.get("tables"))
            with place_for_caches(), progress() as tell:
                request = _request(given, tell)
                try:
                    result, files = _written(answer(request, **own), request)
                except KeyboardInterrupt as error:
                    if hasattr(error, "sentence"):  # says what is kept of the work
                        typer.echo(error.sentence, err=True)
                    raise
            if request.registry.own_words and not request.priors.files:
                typer.echo(_PRIORS_OF_ANOTHER, err=True)
            if isinstance(result, list):
                typer.echo("\n".join(result))
            else:
                show(result, files)

        return with_options(_run, answer, shared)

    return command


def check_out(out: Path | None, kind: str | None, formats: Sequence[str] | None) -> None:
    """Refuse a folder that cannot be filled, and formats of tables without a folder."""
    if out is not None:
        check_folder(out, kind)
    elif formats:
        raise InputError("--format needs --out DIR, where the tables are written.")


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


def _request(given: Mapping[str, Any], tell: Tell) -> Request:
    """Read what the options that commands share name."""
    registry = read_registry(given["registry"], given["only"], given["min_quality"])
    if given["convert"]:
        registry = convert_endpoints(registry, given["convert"])
    priors = load_priors(registry.priors, given["priors"])
    settings = {name: given[name] for name in _SETTINGS if given.get(name) is not None}
    formats = tuple(given.get("tables") or ())
    return Request(registry, settings, priors, given["cache"], tell, given.get("out"), formats)


def _written(answer: Answer, request: Request) -> tuple[Result | list[str], list[Path]]:
    """Write what is answered where a folder is given; the answer, and the files."""
    result, registry = answer if isinstance(answer, tuple) else (answer, request.registry)
    if request.out is None or isinstance(result, list):
        return result, []
    from synthesis.report import write_result

    request.tell("writing tables and figures")
    return result, write_result(result, registry, request.out, formats=request.formats)


# --- What commands need of a request -------------------------------------------------------------


def with_disease(request: Request, name: str) -> Request:
    """The same about another disease that the registry sets apart; `InputError` names those."""
    try:
        return replace(request, registry=of_disease(request.registry, name))
    except UnknownWordError as error:
        possible = ", ".join(request.registry.vocabulary.apart) or "none"
        raise InputError(f"{sentence(error)} Possible: {possible}.") from None


def tell_loading(request: Request) -> None:
    """Say that the sampler is loaded, and where its draws cannot be kept."""
    request.tell("loading the sampler")
    from synthesis.model.store import cache_folder

    if request.cache:
        tell_unkept(cache_folder())


def settings_of(request: Request, more: Mapping[str, Any]) -> Settings:
    """Settings of what was given and of `more`."""
    tell_loading(request)
    from synthesis.settings import Settings

    return Settings(**{**request.given, **more})


def fit(request: Request, **more: Any) -> tuple[Settings, dict[str, Fit]]:
    """Settings of what was given and of `more`, and fits of their endpoints."""
    settings = settings_of(request, more)
    from synthesis.run import fit_endpoints

    return settings, fit_endpoints(request.registry, settings, **request.fitting)[0]


def pooled_treatments(
    request: Request, endpoints: Iterable[str], *, background: bool = False
) -> dict[str, frozenset[str]]:
    """Treatments with a counted cohort, by endpoint, known before anything is sampled.

    `background`: also groups of various treatments, which nothing can be compared with.
    """
    verified = bool(request.given.get("verified_only"))
    chosen = {name: select(request.registry, name, verified_only=verified) for name in endpoints}
    return {
        name: frozenset(ref.treatment for ref in own.counted if background or ref.role != "mixed")
        for name, own in chosen.items()
    }


def require_pooled(request: Request, name: str, pooled: Mapping[str, Collection[str]]) -> Treatment:
    """Return a treatment that is pooled for one endpoint at least; `InputError` names those."""
    every = sorted(set().union(*pooled.values()))
    return require_one(request.registry.vocabulary.treatment, name, every, pooled)


def require_one(
    find: Callable[[str], Any], name: str, every: Sequence[str], endpoints: Iterable[str]
) -> Any:
    """Return the treatment or class that `find` finds, if it is one of `every`."""
    possible = f"possible for {', '.join(endpoints)}: {', '.join(every) or 'none'}."
    try:
        found = find(name)
    except UnknownWordError as error:
        raise InputError(f"{sentence(error)} {capitalised(possible)}") from None
    if found.id not in every:
        raise InputError(f"no cohort of {found.id} is pooled; {possible}")
    return found


def endpoints_to_fit(
    request: Request,
    named: Sequence[str] | None,
    treatments: Iterable[str | None] = (),
    *,
    among: Iterable[str] = ENDPOINTS,
    background: bool = False,
) -> tuple[str, ...]:
    """Endpoints that are named, or those that have something to pool; needs the treatments.

    What is left out is told at once: sampling takes long.
    """
    pooled = pooled_treatments(request, named or among, background=background)
    for name in filter(None, treatments):
        require_pooled(request, name, pooled)
    kept = tuple(name for name, treatments in pooled.items() if named or treatments)
    if kept and (without := [name for name in pooled if name not in kept]):
        typer.echo(f"No cohort can be counted for {listed(without)}: left out.", err=True)
    return kept or tuple(pooled)


def endpoints_with(
    request: Request, named: Sequence[str] | None, treatment: str | None
) -> tuple[tuple[str, ...], list[str]]:
    """Endpoints that pool a treatment, one at least, and a sentence on each of the others."""
    if treatment is None:
        return endpoints_to_fit(request, named), []
    pooled = pooled_treatments(request, named or ENDPOINTS)
    known = require_pooled(request, treatment, pooled).id
    without = [name for name, treatments in pooled.items() if known not in treatments]
    notes = [f"No cohort of {known} is pooled for {name}, which is left out." for name in without]
    return tuple(name for name in pooled if name not in without), notes


def given(**values: Any) -> dict[str, Any]:
    """Options that were given; a repeated one holds each of its words once."""
    return {
        name: tuple(dict.fromkeys(value)) if isinstance(value, list) else value
        for name, value in values.items()
        if value is not None and value != []
    }


def with_fits(result: Result, fits: Mapping[str, Fit], notes: Sequence[str] = ()) -> Result:
    """Add the verdicts of fits, and notes on what was left out."""
    verdicts = {name: fitted.diagnosis.verdict for name, fitted in fits.items()}
    return replace(result, verdicts=verdicts, lead=(*result.lead, *notes))


def of_each(
    request: Request, treatments: Sequence[str] | None, ask: Callable[..., Result]
) -> Result:
    """The answer on every treatment that is named, or on the usual one."""
    if not treatments:
        return ask()
    names = {request.registry.vocabulary.treatment(name): name for name in treatments}
    return joined({(known.id, known.label): ask(treatment=name) for known, name in names.items()})
