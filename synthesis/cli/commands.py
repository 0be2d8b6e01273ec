"""The questions that can be asked: `atc report`, `atc compare` ..., each with its own options."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from priors import load_priors
from studies import Registry
from studies.registry import add_studies, convert_endpoints
from synthesis.choices import DEFAULT
from synthesis.cli import listing, running
from synthesis.cli import options as of
from synthesis.cli import request as common
from synthesis.cli.options import ANY, SEVERAL, argument, choice, flag, number, option
from synthesis.cli.request import Request, answers, fit, given, of_each, require_pooled, with_fits
from synthesis.cli.running import CHECK_FOUND, InputError, place_for_caches, progress
from synthesis.cli.terminal import show, summary, verdict_lines
from synthesis.endpoints import ENDPOINTS, survival_endpoints
from synthesis.numbers import count
from synthesis.result import Result
from synthesis.staging import staged_folder, write_texts

if TYPE_CHECKING:
    from synthesis.estimands import Fit
    from synthesis.run import Analysis
    from synthesis.settings import Settings


# --- The pool ------------------------------------------------------------------------------------


def analysed(request: Request, asked: Mapping[str, Any], *, compared: bool = True) -> Analysis:
    """Analyse what was asked for."""
    settings = common.settings_of(request, asked)
    from synthesis.run import analyse

    return analyse(request.registry, settings, **request.fitting, compared=compared)


@answers(out=("Folder for the report.", Path("results")), kind="report")
def report(
    request: Request,
    endpoint: of.EndpointsOption = None,
    reference: of.ReferenceOption = None,
    delta: of.DeltaOption = 1.0,
    confounding: of.ConfoundingOption = DEFAULT,
    sensitivity: flag(
        "--sensitivity",
        "Also fit again with one choice made otherwise at a time, which takes minutes.",
    ) = False,
    since: of.SinceOption = None,
    word: of.WordOption = None,
) -> list[str]:
    """Pool the cohorts, compare the treatments and write the report."""
    began = time.monotonic()
    if reference is not None:
        require_pooled(request, reference, common.pooled_treatments(request, endpoint or ENDPOINTS))
    asked = given(reference=reference, delta=delta, sensitivity=sensitivity, since=since)
    asked["endpoints"] = common.endpoints_to_fit(request, endpoint, background=True)
    asked["confounding"] = confounding
    analysis = analysed(request, asked)
    from synthesis.report import write_report

    request.tell("writing the report")
    files = write_report(analysis, request.out, formats=request.formats, word=word)
    return summary(analysis, files, time.monotonic() - began)


@answers(out=None)
def forest(
    request: Request,
    endpoint: of.EndpointArgument,
    output: of.PictureOption,
    disease: of.ApartOption = None,
    treatment: of.TreatmentOption = None,
    classes: of.ClassesOption = None,
    width: of.WidthOption = "two-column",
    sort: of.SortOption = None,
    columns: of.ColumnsOption = None,
) -> list[str]:
    """Draw one forest plot. The bibliography of what it draws is written beside it."""
    if disease is not None:
        request = common.with_disease(request, disease)
    labels, groups = _shown(request, endpoint, treatment or (), classes or ())
    analysis = analysed(request, {"endpoints": (endpoint,)}, compared=False)
    from studies.documents import bibtex
    from synthesis.report import save_forest

    request.tell("drawing the forest plot")
    bibliography = output.with_suffix(".bib")
    with staged_folder(output.parent) as stage:
        shown = {"treatments": labels, "classes": groups, "columns": columns}
        picture = stage / output.name
        drawn = save_forest(analysis, endpoint, picture, width=width, sort=sort, **shown)
        studies = bibtex([request.registry.study(name) for name in drawn]).rstrip()
        text = f"{of.BIBLIOGRAPHY_MARK}{output.name}\n\n{studies}\n"
        write_texts(stage, {bibliography.name: text})
    return [
        *verdict_lines(analysis.verdicts),
        f"Forest plot: {output}",
        f"Bibliography of what it draws: {bibliography} ({count(len(drawn), 'report')})",
    ]


def _shown(
    request: Request, endpoint: str, treatments: Iterable[str], classes: Iterable[str]
) -> tuple[list[str], list[str]]:
    """Labels of the only treatments and of the only classes to be drawn, which are pooled."""
    vocabulary = request.registry.vocabulary
    pooled = common.pooled_treatments(request, (endpoint,), background=True)
    there = sorted({vocabulary.treatment(name).class_ for name in pooled[endpoint]})
    find = vocabulary.treatment_class
    groups = [common.require_one(find, name, there, pooled).label for name in classes]
    return [require_pooled(request, name, pooled).label for name in treatments], groups


@answers(out=("Folder for tables and figures of the answer.", None), kind="impact", one_family=True)
def impact(
    request: Request,
    files: argument(list[Path], "FILE", "Study files, or folders of them."),
    endpoint: of.EndpointsOption = None,
) -> tuple[Result, Registry]:
    """Say what new studies change. The pool is fitted without them and with them.

    One survival family is fitted, where a report stacks several.
    """
    before = request.registry
    after = add_studies(before, files)
    running.tell_replaced(after, before)
    if all(after.fingerprints[name] == before.fingerprints.get(name) for name in after.studies):
        raise InputError(
            "no study is new or changed: the registry has every one of these reports as it is."
        )
    _, found = listing.check(files, folders=before.folders, alone=True)
    notes = [f"Looks like a slip: {problem}" for problem in (*found.errors, *found.warnings)]
    settings = common.settings_of(request, given(endpoints=endpoint))
    from synthesis.questions import impact as question

    answer = question.impact(before, after, settings, **request.fitting)
    result = question.result(answer, after)
    return replace(result, lead=(*result.lead, *notes)), after


@answers(one_family=True)
def cumulative(request: Request, endpoint: of.EndpointsOption = None) -> Result:
    """Say how the pooled answers stood after each year, by the reports published by then.

    One survival family is fitted, where a report stacks several.
    """
    endpoints = common.endpoints_to_fit(request, endpoint)
    settings = common.settings_of(request, {"endpoints": endpoints})
    from synthesis.questions import cumulative as question

    answer = question.cumulative(request.registry, settings, **request.fitting)
    return question.result(answer, request.registry)


# --- Treatments set against each other -----------------------------------------------------------


@answers()
def compare(
    request: Request,
    reference: of.ReferenceOption = None,
    endpoint: of.EndpointsOption = None,
    histology: of.HistologyOption = "reference",
    delta: of.DeltaOption = 1.0,
    confounding: of.ConfoundingOption = DEFAULT,
    show_all: of.AllOption = False,
) -> Result:
    """Compare treatments: contrasts, gains, ranks, and what carries each of them."""
    endpoints, notes = common.endpoints_with(request, endpoint, reference)
    settings, fits = fit(request, endpoints=endpoints)
    from synthesis.questions import compare as question

    request.tell("comparing")
    answer = question.compare(
        fits,
        request.registry.vocabulary,
        reference=reference,
        histology=question.REFERENCE_MIX if histology == "reference" else histology,
        mix=settings.reference_mix,
        delta=delta,
        confounding=confounding,
        show_all=show_all,
    )
    if answer.is_empty:
        raise InputError(" ".join(answer.notes))
    return with_fits(question.result(answer, request.registry), fits, notes)


def _fit_survival(
    request: Request, named: Sequence[str] | None, treatments: Sequence[str | None]
) -> tuple[Settings, dict[str, Fit]]:
    """Fit the survival endpoints that are named, or those that have something to pool."""
    endpoints = common.endpoints_to_fit(request, named, treatments, among=survival_endpoints())
    return fit(request, endpoints=endpoints)


@answers()
def benefit(
    request: Request,
    by: of.ByOption = "histology",
    treatment: of.TreatmentOption = None,
    reference: of.ReferenceOption = None,
    delta: of.DeltaOption = 1.0,
    confounding: of.ConfoundingOption = DEFAULT,
    endpoint: of.SurvivalEndpointsOption = None,
    show_all: of.AllOption = False,
) -> Result:
    """Say what treatments gain in pure and in mixed tumours, and how much of it is prior."""
    settings, fits = _fit_survival(request, endpoint, (*(treatment or ()), reference))
    from synthesis.questions import histology as question

    answer = question.find_benefit(
        fits,
        request.registry.vocabulary,
        reference=reference,
        delta=delta,
        confounding=confounding,
        mix=settings.reference_mix,
        show_all=show_all,
        progress=request.tell,
    )
    if treatment:
        known = map(request.registry.vocabulary.treatment, treatment)
        answer = question.of_treatments(answer, {each.label for each in known})
    return with_fits(question.result(answer, request.registry), fits)


@answers(mix=False)
def mix(
    request: Request,
    treatment: of.TreatmentOption = None,
    mixed: of.MixedOption = None,
    braf: of.BrafOption = None,
    line: of.LineOption = None,
    design: of.DesignOfOption = None,
    time_origin: of.OriginOption = None,
    reference: of.ReferenceOption = None,
    confounding: of.ConfoundingOption = DEFAULT,
    endpoint: of.SurvivalEndpointsOption = None,
) -> Result:
    """Give the pooled survival of a stated population of patients.

    What is not stated stays at the reference population.
    """
    settings, fits = _fit_survival(request, endpoint, (*(treatment or ()), reference))
    from synthesis.questions import mix as question

    request.tell("the stated population")
    share = settings.reference_mix if mixed is None else mixed
    answer = question.patient_mix(
        fits,
        request.registry.vocabulary,
        question.Population(share, braf, line, design, time_origin),
        treatment=treatment,
        reference=reference,
        confounding=confounding,
    )
    return with_fits(question.result(answer, request.registry), fits)


# --- How sure one can be -------------------------------------------------------------------------


@answers(one_family=True)
def sensitivity(
    request: Request,
    endpoint: of.SurvivalOption = "os",
    treatment: option(
        SEVERAL, "--treatment", "T",
        "Asked about; may be repeated (that of which pure and mixed are reported apart).",
    ) = None,
    reference: option(
        ANY, "--reference", "T",
        "What it is set against (supportive care where it is pooled).",
    ) = None,
    delta: of.DeltaOption = 1.0,
    choice: of.ChangesOption = None,
    every_report: flag(
        "--every-report", "Leave out every report in turn, not the main ones."
    ) = False,
) -> Result:  # fmt: skip
    """Say which conclusion changes under which choice: priors, family, figures, reports.

    Everything is fitted again with one choice made otherwise. What is done is kept, and the same
    command goes on after an interrupt. One survival family is fitted, where a report stacks
    several.
    """
    common.tell_loading(request)
    from synthesis.questions import sensitivity as question

    asked = given(
        reference=reference,
        groups=choice,
        most_studies=len(request.registry) if every_report else None,
    )

    def ask(**one: str) -> Result:
        fitting = request.of_one_family
        answer = question.sensitivity(
            request.registry, endpoint, delta=delta, **fitting, **asked, **one
        )
        return question.result(answer, request.registry)

    return of_each(request, treatment, ask)


@answers(one_family=True)
def bias(request: Request, endpoint: of.SurvivalOption = "os") -> Result:
    """Ask whether retrospective reports are optimistic, and small cohorts too (optional).

    A model in which every retrospective report has a bias of its own is fitted beside the usual
    one, and the reported medians are set in a funnel. No pooled answer of a report comes from it.
    """
    common.tell_loading(request)
    from synthesis.questions import bias as question

    answer = question.bias(request.registry, endpoint, **request.of_one_family)
    return question.result(answer, request.registry)


# --- What comes next -----------------------------------------------------------------------------


@answers(out=("Folder for table and figures.", None), mix=False, one_family=True)
def plan(
    request: Request,
    treatment: option(
        list[str], "--treatment", "T", "The treatment that would be studied; may be repeated."
    ),
    reference: of.ReferenceOption = None,
    n: option(
        of.INTEGERS, "--n", "N",
        "Patients, of both arms together; may be repeated (20, 40, 80, 160).",
    ) = None,
    design: of.KindOption = "single-arm",
    delta: of.DeltaOption = 1.0,
    threshold: option(
        of.NUMBER, "--threshold", "P",
        "Probability of the gain from which on it counts as concluded (0.975).",
    ) = None,
    population: of.PopulationsOption = None,
    mixed: of.MixedOption = None,
    follow_up: option(
        of.NUMBER, "--follow-up", "MONTHS", "From the last entry to the analysis (12)."
    ) = None,
    accrual: option(of.NUMBER, "--accrual", "MONTHS", "Over which patients enter (24).") = None,
    simulations: option(
        of.INTEGER, "--simulations", "N", "Studies of each size (200)."
    ) = None,
    endpoint: of.SurvivalOption = "os",
) -> Result:  # fmt: skip
    """Say what a study of so many patients would conclude, and how narrow intervals would become.

    Studies are simulated from what is believed today, reported as a trial reports them, and read
    like any other report. One survival family is fitted, where a report stacks several.
    """
    vocabulary, pooled = request.registry.vocabulary, common.pooled_treatments(request, (endpoint,))
    for name in filter(None, (*treatment, reference)):
        require_pooled(request, name, pooled)  # told before anything is sampled
    if len(pooled[endpoint]) == 1:
        raise InputError(
            f"{treatment[0]} is the only treatment pooled for {endpoint}: there is none "
            "to compare it with."
        )
    common.tell_loading(request)
    from synthesis.fits import DEFAULT_FAMILY
    from synthesis.model.families import family
    from synthesis.questions import plan as question

    asked = given(
        reference=reference,
        sizes=n,
        populations=population,
        mixed=mixed,
        accrual=accrual,
        follow_up=follow_up,
    )
    studies = {
        name: question.Design(name, kind=design, **asked) for name in dict.fromkeys(treatment)
    }
    chosen = request.given.get("family", DEFAULT_FAMILY)
    question.check_family(family(chosen))
    _, fits = fit(request, endpoints=(endpoint,), family=chosen)
    run = given(threshold=threshold, simulations=simulations, seed=request.given.get("seed"))
    run |= {"delta": delta, "progress": request.tell}

    def ask(treatment: str) -> Result:
        answer = question.plan(fits[endpoint], vocabulary, studies[treatment], **run)
        return question.result(answer, request.registry)

    return with_fits(of_each(request, treatment, ask), fits)


@answers(out=("Folder for tables, figures, JSON and R.", None), mix=False)
def control(
    request: Request,
    treatment: option(
        SEVERAL,
        "--treatment",
        "T",
        "What the arm is given; may be repeated (supportive care where it is pooled).",
    ) = None,
    endpoint: of.EndpointsOption = None,
    mixed: of.MixedOption = None,
    braf: of.BrafOption = None,
    line: of.LineOption = None,
    design: of.DesignOfOption = None,
    time_origin: of.OriginOption = None,
    robust: of.RobustOption = 0.2,
    components: of.ComponentsOption = None,
) -> Result:
    """Predict an arm of a new study, as a prior that trial software can read.

    Rates as beta distributions, the log median as a normal one, the hazard as a gamma one, each
    with its effective sample size. What is not stated of the new study stays at the reference
    population.
    """
    arms = {name: common.endpoints_with(request, endpoint, name) for name in treatment or (None,)}
    every = {name for names, _ in arms.values() for name in names}
    settings, fits = fit(request, endpoints=tuple(name for name in ENDPOINTS if name in every))
    from synthesis.questions import control as question
    from synthesis.questions.mix import Population

    share = settings.reference_mix if mixed is None else mixed
    population = Population(share, braf, line, design, time_origin)

    def ask(treatment: str | None = None) -> Result:
        answer = question.control(
            {name: fits[name] for name in arms[treatment][0]},
            request.registry.vocabulary,
            population,
            treatment=treatment,
            robust=robust,
            progress=request.tell,
        )
        return question.result(answer, request.registry, settings=asdict(settings))

    notes = [note for _, own in arms.values() for note in own]
    return with_fits(of_each(request, treatment, ask), fits, notes)


def reproduce(
    folder: argument(Path, "REPORT", "Folder of a report, or its manifest.json."),
    registry: of.RegistryOption = None,
    only: of.OnlyOption = False,
    priors: of.PriorsOption = None,
) -> None:
    """Make a report again, and compare every table. Fits are made anew, as its manifest says."""
    from synthesis.questions import reproduce as question
    from synthesis.run import analyse

    report = question.read_report(folder)
    kept = report.manifest["registry"]
    studies = running.read_registry(registry, only, kept["min_quality"])
    studies = convert_endpoints(studies, kept["conversions"])
    beliefs = load_priors(studies.priors, priors)
    question.require_same_data(report, studies, beliefs)
    with place_for_caches(), progress() as tell:
        made = analyse(studies, report.settings, priors=beliefs, progress=tell, cache=False)
        tell("tables compared")
        tables = {name: table for own in made.results for name, table in own.tables.items()}
        compared = question.compare_tables(report, tables)
    show(question.result(report, compared), [])
    if (compared["verdict"] == question.OTHER).any():
        raise typer.Exit(CHECK_FOUND)


# --- Without the registry ------------------------------------------------------------------------


def cache(
    what: argument(Literal["list", "clear"], "list|clear", "Tell what is kept, or remove it."),
) -> None:
    """Draws and compiled models that are kept, so that nothing is computed twice.

    ATC_CACHE_DIR names the folder of the draws, ATC_CACHE_MB how much may be kept (2000).
    """
    from synthesis.model.compiling import code_folder
    from synthesis.model.store import cache_folder, entries, most_bytes

    with place_for_caches():  # PyTensor makes its folder in the home
        folders = {cache_folder(): "", code_folder(): "compiled model"}
    kept = [entry for folder, about in folders.items() for entry in entries(folder, about)]
    total = f"{sum(entry.bytes for entry in kept) / 1e6:.0f} MB"
    if what == "clear":
        for entry in kept:
            shutil.rmtree(entry.folder, ignore_errors=True)
        typer.echo(f"Removed {count(len(kept), 'entry')}, {total}.")
        return
    for entry in kept:
        used = datetime.fromtimestamp(entry.used).strftime("%Y-%m-%d %H:%M")
        typer.echo(f"{used}  {entry.bytes / 1e6:6.1f} MB  {entry.about}")
    where = " and ".join(map(str, folders))
    typer.echo(f"{total} in {where}, at most {most_bytes() / 1e6:.0f} MB in each")


def pool(
    file: argument(Path, "FILE.csv", "Columns study, estimate, standard_error; or events, n."),
    scale: choice(
        str, "--scale", ("difference", "ratio"), "ratio: estimates are logarithms of ratios."
    ) = "difference",
    tau: number(
        of.NUMBER, "--tau", "X", 1e-3, 1e6, "from 0.001 to 1000000",
        "Scale of the half-normal prior of the SD between studies, in units of the estimates; 0.5 "
        "is one of log ratios and log odds (0.5).",
    ) = None,
    out: option(Path | None, "--out", "DIR", "Folder for table and figure.") = None,
    tables: of.TablesOption = None,
) -> None:  # fmt: skip
    """Pool effects or proportions of a table by random effects; no registry enters."""
    common.check_out(out, None, tables)
    from synthesis.questions import pool as question
    from synthesis.report import write_result

    effects = question.read_effects(running.text_of(file), str(file), scale)
    answer = question.pool(effects, **given(tau_scale=tau))
    result = question.result(answer)
    show(result, [] if out is None else write_result(result, None, out, formats=tables or ()))
