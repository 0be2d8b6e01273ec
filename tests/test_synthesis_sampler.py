"""Draws on disk, and the verdict on draws."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from arviz import from_dict
from simulated_registry import heavy_tails

from priors import load_priors
from synthesis import model
from synthesis.cli import main
from synthesis.model import compiling, sampler
from synthesis.model.families import family
from synthesis.model.sampler import SamplerSettings, diagnose, diagnosis_of, fingerprint, run
from synthesis.model.store import entries, make_room, read_draws, read_or_make, write_draws
from synthesis.model.survival import Variant, survival_problem

SHORT = SamplerSettings(draws=40, tune=100, chains=2, seed=6)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return heavy_tails(tmp_path_factory.mktemp("cache") / "registry", 1)


@pytest.fixture
def problem(data, survival_sizes):
    return survival_problem(data, load_priors(), family("weibull"), survival_sizes)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache folder of its own, empty."""
    path = tmp_path / "draws"
    monkeypatch.setenv("ATC_CACHE_DIR", str(path))
    return path


def assert_equal_draws(one, other):
    for group in ("posterior", "sample_stats"):
        assert set(one.tree[group].data_vars) == set(other.tree[group].data_vars)
        for name, values in one.tree[group].data_vars.items():
            np.testing.assert_array_equal(values, other.tree[group][name])
            assert values.dims == other.tree[group][name].dims


def test_a_second_run_is_read_back(problem, folder):
    words = []
    first = run(problem, SHORT)
    second = run(problem, SHORT, progress=words.append)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert_equal_draws(first, second)
    assert dict(second.seconds) == dict(first.seconds)
    assert words == ["draws of this very analysis are at hand"]
    assert [path for path in folder.iterdir()] == [second.folder]
    assert {path.name for path in second.folder.iterdir()} == {"draws.npy", "draws.json"}


def test_what_changes_the_posterior_is_not_read_from_the_cache(
    problem, data, survival_sizes, folder
):
    run(problem, SHORT)
    wider = load_priors().replace("study_sd", scale=0.51)
    others = {
        "prior": survival_problem(data, wider, family("weibull"), survival_sizes),
        "family": survival_problem(data, load_priors(), family("log-logistic"), survival_sizes),
        "data": replace(
            problem,
            values=problem.values | {"node_log_time": problem.values["node_log_time"] + 1e-9},
        ),
        "variant": survival_problem(
            data, load_priors(), family("weibull"), survival_sizes, Variant("student-t")
        ),
    }
    for name, other in others.items():
        assert not run(other, SHORT).from_cache, name
    assert not run(problem, replace(SHORT, seed=7)).from_cache
    assert not run(problem, replace(SHORT, target_accept=0.91)).from_cache
    assert run(problem, SHORT).from_cache
    assert len(list(folder.iterdir())) == 7


def test_draws_and_compiled_code_are_not_kept_across_changes_of_the_model(problem, tmp_path):
    """The digest reads every module of the folder, and what turns a prior into a variable."""
    here = Path(model.__file__).parent
    copy = tmp_path / "synthesis" / "model"
    shutil.copytree(here, copy)
    shutil.copytree(here.parent.parent / "priors", tmp_path / "priors")
    code = "from synthesis.model import source_digest; print(source_digest())"
    (copy.parent / "__init__.py").write_text("", encoding="utf-8")

    def digest():
        command = [sys.executable, "-c", code]
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    assert digest() == model.source_digest()
    seen = {digest()}
    for changed in sorted(copy.glob("*.py")):
        changed.write_text(changed.read_text(encoding="utf-8") + "# other\n", encoding="utf-8")
        assert digest() not in seen, changed.name
        seen.add(digest())
    assert len(seen) > 10
    before = fingerprint(problem, SHORT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampler, "source_digest", lambda: "other")
        assert fingerprint(problem, SHORT) != before


def test_what_follows_from_draws_is_kept_beside_them(problem, folder, monkeypatch):
    first = run(problem, SHORT)
    diagnosis = diagnosis_of(first)
    assert diagnosis == diagnose(first.tree)
    monkeypatch.setattr(sampler, "diagnose", lambda tree: pytest.fail("judged twice"))
    again = run(problem, SHORT)
    assert again.folder == first.folder
    assert diagnosis_of(again) == diagnosis
    monkeypatch.undo()
    monkeypatch.setenv("ATC_CACHE_DIR", str(folder))
    (kept,) = first.folder.glob("*.npz")
    kept.write_bytes(kept.read_bytes()[:40])
    assert diagnosis_of(run(problem, SHORT)) == diagnosis
    assert kept.stat().st_size > 40


def test_what_follows_from_draws_that_are_not_kept_is_made_each_time(problem, folder):
    draws = run(problem, SHORT, cache=False)
    assert diagnosis_of(draws) == diagnose(draws.tree)
    assert not folder.exists()


def test_the_cache_can_be_left_alone(problem, folder):
    run(problem, SHORT, cache=False)
    assert not folder.exists()
    run(problem, SHORT)
    assert not run(problem, SHORT, cache=False).from_cache


def test_a_folder_that_cannot_be_written_does_no_harm(problem, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("a file stands where the folder should be", encoding="utf-8")
    monkeypatch.setenv("ATC_CACHE_DIR", str(blocked / "draws"))
    first, second = run(problem, SHORT), run(problem, SHORT)
    assert not second.from_cache
    assert_equal_draws(first, second)


@pytest.mark.parametrize("name", ["draws.npy", "draws.json"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_damaged_file_is_replaced(problem, folder, name, kept):
    first = run(problem, SHORT)
    path = first.folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    again = run(problem, SHORT)
    assert not again.from_cache
    assert_equal_draws(first, again)
    assert run(problem, SHORT).from_cache
    assert list(folder.iterdir()) == [first.folder]


def test_draws_that_were_read_back_can_be_changed_in_memory_only(problem, folder):
    run(problem, SHORT)
    changed, again = (run(problem, SHORT).tree["posterior"]["mu"] for _ in range(2))
    changed *= 0.0
    assert not changed.any()
    assert again.all()


# --- The folder of all that is kept --------------------------------------------------------------


def kept(base, name, *, size=1000, age=0.0):
    folder = base / name
    folder.mkdir(parents=True)
    (folder / "draws.npy").write_bytes(b"0" * size)
    (folder / "draws.json").write_text('{"about": "draws of survival"}', encoding="utf-8")
    used = time.time() - age
    os.utime(folder, (used, used))
    return folder


def test_a_flipped_bit_is_noticed_wherever_it_is(tmp_path):
    """Either the draws that were kept, or none."""
    folder, rng = tmp_path / "draws", np.random.default_rng(1)
    arrays = {"mu": rng.standard_normal((2, 5)), "effect": rng.standard_normal((2, 5, 3))}
    arrays = {name: own.astype(np.float32).astype(float) for name, own in arrays.items()}
    assert write_draws(folder, arrays, {"sample": 1.0}, "draws")
    kept_arrays = read_or_make(folder / "own.npz", lambda: arrays)
    outcomes = []
    for name in ("draws.npy", "draws.json", "own.npz"):
        whole = (folder / name).read_bytes()
        for _ in range(200):
            damaged = bytearray(whole)
            damaged[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
            (folder / name).write_bytes(damaged)
            if name == "own.npz":
                found = read_or_make(folder / name, lambda: arrays)
            else:
                found, _ = read_draws(folder) or (None, None)
            outcomes.append(found is None)
            for key, values in (found or {}).items():
                np.testing.assert_array_equal(values, kept_arrays[key])
        (folder / name).write_bytes(whole)
    assert sum(outcomes) > 200


def test_what_was_used_longest_ago_makes_room(folder, monkeypatch):
    names = [kept(folder, name, age=age).name for name, age in (("c", 30), ("b", 20), ("a", 10))]
    found = entries(folder)
    assert [entry.folder.name for entry in found] == sorted(names)
    assert {entry.about for entry in found} == {"draws of survival"}
    make_room(folder, folder / "a")
    assert len(entries(folder)) == 3
    monkeypatch.setenv("ATC_CACHE_MB", "0.0025")
    make_room(folder, folder / "a")
    assert [entry.folder.name for entry in entries(folder)] == ["a", "b"]
    monkeypatch.setenv("ATC_CACHE_MB", "0")
    make_room(folder, folder / "b")
    assert [entry.folder.name for entry in entries(folder)] == ["b"]


def test_drafts_of_killed_runs_go(folder):
    kept(folder, "draft-old", age=7 * 3600.0), kept(folder, "draft-new"), kept(folder, "a")
    make_room(folder, folder / "a")
    assert {entry.folder.name for entry in entries(folder)} == {"draft-new", "a"}


def test_draws_are_the_same_read_back_and_as_they_were_made(problem, folder):
    first = run(problem, SHORT)
    values = first.tree["posterior"]["log_median"].to_numpy()
    assert values.dtype == float
    np.testing.assert_array_equal(values, values.astype(np.float32))
    assert np.load(first.folder / "draws.npy").dtype == np.float32


def test_the_command_lists_and_clears(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("synthesis.model.compiling.code_folder", lambda: tmp_path / "code")
    kept(folder, "a"), kept(tmp_path / "code", "b")
    assert main(["cache", "list"]) == 0
    listed = capsys.readouterr().out
    assert "0.0 MB  draws of survival\n" in listed
    assert "0.0 MB  compiled model\n" in listed
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == "Removed 2 entries, 0 MB.\n"
    assert entries(folder) == entries(tmp_path / "code") == []


SMALL = """
import hashlib
from studies import load_registry
from synthesis.fits import fit_response
from synthesis.model.sampler import SamplerSettings
settings = SamplerSettings(draws=200, tune=200, chains=2)
fit = fit_response(load_registry(), settings=settings, cache=False)
print(hashlib.sha256(fit.tree["posterior"]["log_odds"].to_numpy().tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_one_seed_gives_one_answer_cold_and_warm_in_any_home(tmp_path):
    """Compiled just now, compiled before, and compiled elsewhere: the same in every digit."""

    def sampled(home):
        more = {
            "HOME": str(tmp_path / home),
            "PYTENSOR_FLAGS": f"base_compiledir={tmp_path / home}",
        }
        done = subprocess.run(
            [sys.executable, "-c", SMALL],
            env=os.environ | more,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    first = sampled("one")
    assert first == sampled("one") == sampled("other")
    (code,) = (tmp_path / "one" / "atc-synthesis").glob("[0-9a-f]*")
    file = code / "logp_numba"
    file.write_bytes(file.read_bytes()[:-1000])
    assert first == sampled("one")


def test_machine_code_that_is_not_as_it_was_written_is_made_again(tmp_path):
    files = [tmp_path / name for name in ("logp_numba", "expand_numba")]
    for file in files:
        assert not compiling._is_whole(tmp_path)
        file.write_bytes(b"code" + compiling._checksum(b"code"))
    assert compiling._is_whole(tmp_path)
    files[0].write_bytes(b"coda" + compiling._checksum(b"code"))
    assert not compiling._is_whole(tmp_path)


def test_a_model_that_cannot_be_kept_is_compiled_here(problem, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr(compiling, "code_folder", lambda: tmp_path / "file" / "code")
    assert compiling._compiled_apart(problem) is None


@pytest.mark.parametrize(
    ("setting", "value"), [("draws", 3), ("tune", 0), ("chains", 1), ("seed", -1)]
)
def test_settings_that_give_no_posterior(setting, value):
    with pytest.raises(ValueError, match=f"{setting} must be at least .*, found {value}"):
        SamplerSettings(**{setting: value})


# --- the verdict -------------------------------------------------------------------------------


def tree(draws, *, divergent=0, energy=None):
    """Draws (chains, draws) of `mu`, beside them a constant and a vector of two."""
    chains, count = draws.shape
    rng = np.random.default_rng(1)
    diverging = np.zeros((chains, count), dtype=bool)
    diverging.flat[:divergent] = True
    posterior = {
        "mu": draws,
        "mixed_share": np.full((chains, count), 0.4),
        "effect": rng.standard_normal((chains, count, 2)),
    }
    sampler = {
        "diverging": diverging,
        "energy": rng.standard_normal((chains, count)) if energy is None else energy,
    }
    return from_dict(
        {"posterior": posterior, "sample_stats": sampler},
        coords={"study": ["a", "b"]},
        dims={"effect": ["study"]},
    )


@pytest.fixture
def good():
    return np.random.default_rng(0).standard_normal((4, 1000))


# Width of the last chain, and how far it lies from the others. A chain a tenth as wide, at the same
# centre, is seen by the folded R-hat alone.
@pytest.mark.parametrize(
    ("width", "away", "divergent", "verdict", "advice"),
    [
        (1.0, 0.0, 0, "PASS", ""),
        (1.0, 3.0, 0, "FAIL", "chains disagree"),
        (0.1, 0.0, 0, "FAIL", "chains disagree"),
        (1.0, 0.0, 3, "REVIEW", "higher target acceptance"),
        (1.0, 0.0, 40, "REVIEW", "higher target acceptance"),
        (1.0, 0.0, 41, "FAIL", "higher target acceptance"),
    ],
)
def test_chains_that_disagree_or_diverge_do_not_pass(good, width, away, divergent, verdict, advice):
    good[-1] = width * good[-1] + away
    diagnosis = diagnose(tree(good, divergent=divergent))
    assert diagnosis.verdict == verdict
    assert (diagnosis.chains, diagnosis.draws, diagnosis.divergences) == (4, 1000, divergent)
    assert advice in diagnosis.advice
    assert bool(advice) == bool(diagnosis.advice)
    assert "chains disagree" not in advice or diagnosis.worst_parameter == "mu"
    assert away == 0.0 or diagnosis.max_rhat > 1.2


def test_sticky_chains_are_too_short(good):
    """Draws of an autoregression at 0.98 are worth a hundredth of their number."""
    slow = np.zeros_like(good)
    for i in range(1, good.shape[1]):
        slow[:, i] = 0.98 * slow[:, i - 1] + 0.2 * good[:, i]
    diagnosis = diagnose(tree(slow))
    assert diagnosis.verdict == "FAIL"
    assert diagnosis.min_ess_bulk < 100.0
    assert "few effective draws" in diagnosis.advice


def test_energy_that_hardly_moves_is_to_be_reviewed(good):
    """The energy fraction of a slow random walk is near zero."""
    walk = np.cumsum(good, axis=1)
    diagnosis = diagnose(tree(good, energy=walk))
    assert diagnosis.verdict == "REVIEW"
    assert diagnosis.min_bfmi < 0.3
    assert "energy" in diagnosis.advice


def test_a_parameter_is_named_with_its_coordinates(good):
    posterior = tree(good)
    posterior["posterior"]["effect"].to_numpy()[0, :, 1] += 5.0
    assert diagnose(posterior).worst_parameter == "effect[b]"
