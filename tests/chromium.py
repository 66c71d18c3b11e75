"""A real Chromium without a screen, for the tests of the page."""

import contextlib
import os
import shutil

import pytest

# Nothing of its own reaches for the network.
FLAGS = (
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
)
NO_CHROMIUM = (
  "no Chromium here: `apt-get install chromium` gets it, or name one in the "
  "variable CHROMIUM"
)


@contextlib.contextmanager
def chromium():
  path = os.environ.get("CHROMIUM") or shutil.which("chromium")
  if path is None:
    pytest.skip(NO_CHROMIUM)
  from playwright.sync_api import sync_playwright

  with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
    yield browser
    browser.close()
