"""Draws station.png: the page as it is while `make station` runs.

python docs/pictures/station.py [ADDRESS]
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ADDRESS = "http://127.0.0.1:8000"
WAIT = 120_000  # milliseconds for a part to be stopped: one in twenty is defective


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else ADDRESS
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = opened.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light", locale="en-GB")
        page.goto(address)
        page.locator(".large.anomalous").wait_for(timeout=WAIT)
        page.get_by_role("button", name="Hold").click()
        page.wait_for_function("Array.from(document.images).every((image) => image.naturalWidth > 0)")
        page.screenshot(path=Path(__file__).with_name("station.png"))
        opened.close()


if __name__ == "__main__":
    main()
