"""A real browser for the tests of the page: Chromium of the system, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager

import pytest

#: With this in the environment a missing browser is a failure, otherwise these tests are skipped.
REQUIRED = os.environ.get("ATC_BROWSER") == "required"


def chromium() -> str:
    """The program; where it is missing a test is skipped, or fails where it must run."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None and REQUIRED:
        pytest.fail("Chromium was not found: install the package chromium of the distribution.")
    if found is None:
        pytest.skip("Chromium was not found: install the package chromium of the distribution.")
    return found


@contextmanager
def started():
    """A browser, closed at the end."""
    from playwright.sync_api import sync_playwright

    program = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Reader:
    """A page as a reader has it: what went wrong and what it asked for is remembered."""

    def __init__(self, browser, file, width=1300, height=900, address="", **more):
        self.context = browser.new_context(viewport={"width": width, "height": height}, **more)
        self.page = self.context.new_page()
        self.wrong, self.asked = [], []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.wrong.append("dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"file://{file}{address}")
        self.page.wait_for_selector("html[data-ready]")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()
        assert not self.wrong
        assert all(url.startswith(("file:", "blob:", "data:")) for url in self.asked)

    def texts(self, selector):
        """What stands in every element of a kind, without what only another width shows."""
        return [" ".join(text.split()) for text in self.page.locator(selector).all_inner_texts()]

    def cells(self, name):
        """One column of the first table, by the class of its cells."""
        return self.texts(f"#treatments-table tr.row > .{name}")

    def evaluate(self, script, *arguments):
        return self.page.evaluate(script, *arguments)
