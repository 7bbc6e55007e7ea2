"""A headless browser for the tests of pages, which reaches no other host."""

import shutil
from contextlib import contextmanager
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium():
    """Return the path of a Chromium or Chrome on this machine."""
    found = [path for name in NAMES if (path := shutil.which(name))]
    found += [MAC] if Path(MAC).exists() else []
    if not found:
        raise FileNotFoundError("the tests need Chromium or Chrome: install it")
    return found[0]


@contextmanager
def browser():
    """Yield a Playwright browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        yield started
        started.close()
