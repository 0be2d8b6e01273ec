"""Shared by all tests: a draws cache of their own, the shipped registry, the sizes of the model."""

from __future__ import annotations

import pytest
import registries


@pytest.fixture(scope="session", autouse=True)
def _own_draws_cache(tmp_path_factory):
    """Draws are neither read from nor written to the folder of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATC_CACHE_DIR", str(tmp_path_factory.mktemp("draws")))
        yield


@pytest.fixture(autouse=True)
def _width_of_a_pipe(monkeypatch):
    """Pages have the width of a pipe, whatever started the tests."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(autouse=True)
def _no_lines_of_progress(monkeypatch):
    """A test on a busy machine takes no longer in words than on an idle one."""
    monkeypatch.setattr("synthesis.cli.running.SECONDS_OF_A_LINE", 3600.0)


@pytest.fixture(scope="session")
def shipped():
    """The shipped registry, read once; it is frozen."""
    return registries.shipped()


@pytest.fixture(scope="session")
def registry(shipped):
    """The shipped registry, where a file of tests has none of its own."""
    return shipped


@pytest.fixture(scope="session")
def survival_sizes():
    """Sizes of the survival model that all tests of a process share: compiling takes a minute.

    They are those of any registry with at most 16 cohorts, so that a whole analysis of a small
    registry uses them too.
    """
    from synthesis.model.arrays import sizes_for

    return sizes_for([])
