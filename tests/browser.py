"""A real browser without a screen, for tests of pages, and what goes wrong in it."""

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)


@contextmanager
def started_browser():
    """Start the browser that PAGE_BROWSER names, else one that is there, else skip."""
    api = pytest.importorskip("playwright.sync_api")
    named = os.environ.get("PAGE_BROWSER")
    path = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"there is none of {', '.join(BROWSERS)}")
    with api.sync_playwright() as playwright:
        path = shutil.which(path) or path
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page in the browser, and what it complained of.

    Attributes:
        tab: Playwright's page.
        complaints: errors and warnings on the console, uncaught errors, dialogs, and
            requests for anything but the file itself and what is in it.
    """

    tab: Any
    complaints: list[str] = field(default_factory=list)

    def text(self, selector):
        return self.tab.inner_text(selector)

    def texts(self, selector):
        return self.tab.locator(selector).all_inner_texts()

    def count(self, selector):
        return self.tab.locator(selector).count()


@contextmanager
def opened(browser, path, width=1280, height=900, dark=False):
    """Open a file and fail, at the end, on any complaint."""
    scheme = "dark" if dark else "light"
    view = {"width": width, "height": height}
    context = browser.new_context(viewport=view, color_scheme=scheme)
    shown = Opened(context.new_page())
    complaints, address = shown.complaints, path.resolve().as_uri()

    def note_console(message):
        if message.type in ("error", "warning"):
            complaints.append(f"{message.type}: {message.text}")

    def note_dialog(dialog):
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def note_request(request):
        if request.url != address and not request.url.startswith("data:"):
            complaints.append(f"request: {request.url}")

    shown.tab.set_default_timeout(20_000)
    shown.tab.on("console", note_console)
    shown.tab.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
    shown.tab.on("dialog", note_dialog)
    shown.tab.on("request", note_request)
    shown.tab.goto(address)
    yield shown
    context.close()
    assert complaints == []
