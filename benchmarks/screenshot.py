"""The picture of README: a seed article in Label Studio, with what the shipped model suggests.

python tests/label_studio_server.py -- .venv/bin/python -m benchmarks.screenshot [FILE.png]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright
from tests.label_studio_server import EMAIL, PASSWORD, chromium

from rasid_annotations.label_studio.server import Server

ROOT = Path(__file__).parent.parent
SEEDS = ROOT / "annotations" / "corpus" / "seeds.jsonl"


def main() -> int:
    """Push the seed articles, open the first one, write its picture."""
    file = sys.argv[1] if sys.argv[1:] else str(ROOT / "annotations" / "label-studio.png")
    push = [sys.executable, "-m", "rasid", "annotations", "push", str(SEEDS), "--project", "Seeds", "--predict"]
    subprocess.run(push, check=True)
    with Server(os.environ["LABEL_STUDIO_URL"], os.environ["LABEL_STUDIO_API_KEY"]) as server:
        project = server.project("Seeds")
        assert project is not None
        address = f"{server.url}/projects/{project.id}/data?task={server.task_numbers(project)[0]}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1500, "height": 900})
        page.goto(f"{server.url}/user/login/")
        page.fill("input[name=email]", EMAIL)
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(f"{server.url}/**")
        page.goto(address)
        page.wait_for_selector(".htx-highlight")
        page.locator(".htx-highlight").first.click()  # a region with its score and modality
        page.wait_for_timeout(1500)
        page.screenshot(path=file)
        browser.close()
    print(file)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
