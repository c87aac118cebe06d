"""Take the pictures of docs/images: ``python -m demo.screenshots``, or ``make screenshots``.

The demo's Airflow and its local AI Core run in a temporary folder, and a headless browser looks at the UI:
the Chromium or Chrome that is found on the PATH, or that the environment variable CHROMIUM names.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib import util
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from demo.airflow_processes import USER
from demo.stage import DAG_ID, FINISHED, PATIENCE, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from demo.stage import Play

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SIZE = {"width": 1280, "height": 900}
MAX_BYTES = 200_000
"""Of a picture: they are kept in the repository."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox",  # It runs as root in containers, and sees pages of this machine only:
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--no-proxy-server",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
EXECUTABLE_ID = "digits-classifier-train"
TASK_ID = "train"
SHORTEN_PATHS = """() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const shortened = texts.currentNode.data.replace(/\\/[^"\\s]*\\/(?=airflow)/g, '…/');
        if (shortened !== texts.currentNode.data) texts.currentNode.data = shortened;
    }
}"""
"""Run in the page: where Airflow and the provider are installed on this machine interests nobody."""


def find_browser() -> str:
    """Return the browser's path.

    :raises RuntimeError: there is none.
    """
    named = os.environ.get("CHROMIUM")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        where = (
            f"CHROMIUM={named} is no program" if named else f"none of {', '.join(BROWSERS)} is on the PATH"
        )
        raise RuntimeError(f"No Chromium: {where}. Install one, or name it in CHROMIUM.")
    return found


class Photographer:
    """Takes pictures of Airflow's UI.

    :param page: of the browser, logged in.
    """

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url
        self._is_wrapped = False

    def log_in(self, password: str) -> None:
        """Log in as a person does."""
        self.page.goto(self.url)
        self.page.fill("input[name=username]", USER)
        self.page.fill("input[name=password]", password)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(re.compile(r"^(?!.*login)"))

    def connection_form(self) -> None:
        """Show the form of a new connection, with the fields of this provider."""
        page = self.page
        page.set_viewport_size({"width": 1280, "height": 1240})
        page.goto(f"{self.url}/connections")
        page.get_by_role("button", name="Add Connection").first.click()
        dialog = page.get_by_role("dialog")
        dialog.locator("input[name=connection_id]").fill("aicore_default")
        dialog.get_by_role("combobox").focus()
        page.keyboard.type("SAP AI Core")
        page.keyboard.press("Enter")
        dialog.get_by_text("Extra Fields", exact=True).click()
        dialog.get_by_text("SAP AI Launchpad URL template").wait_for()
        self.take("connection-form")
        page.set_viewport_size(SIZE)

    def log(self, run_id: str, name: str, shows: str) -> None:
        """Show the log of the task, wrapped."""
        self.page.goto(f"{self._task(run_id)}?try_number=1")
        self.page.get_by_text(shows).first.wait_for()
        if not self._is_wrapped:  # Airflow keeps it for all logs, and the key turns it off again.
            self.page.keyboard.press("w")
            self._is_wrapped = True
        self.take(name)

    def link(self, run_id: str) -> None:
        """Show where the task's button is."""
        self.page.goto(f"{self._task(run_id)}/details")
        self.page.get_by_role("link", name="Execution in SAP AI Launchpad").wait_for()
        self.take("link")

    def _task(self, run_id: str) -> str:
        return f"{self.url}/dags/{DAG_ID}/runs/{run_id}/tasks/{TASK_ID}"

    def take(self, name: str) -> None:
        """Take a picture.

        :raises RuntimeError: it is too big for the repository.
        """
        from PIL import Image

        self.page.wait_for_timeout(3000)  # Until all that moves stands still.
        self.page.evaluate(SHORTEN_PATHS)
        path = IMAGES / f"{name}.png"
        with Image.open(BytesIO(self.page.screenshot())) as picture:
            picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
        size = path.stat().st_size
        print(f"docs/images/{path.name}: {size} bytes", flush=True)
        if size > MAX_BYTES:
            raise RuntimeError(f"{path} has {size} bytes, but at most {MAX_BYTES} are kept in the repository")


@contextmanager
def photographer(play: Play) -> Iterator[Photographer]:
    """Start the browser, and end it afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page(viewport=SIZE, color_scheme="light", locale="en-US", timezone_id="UTC")
        page.set_default_timeout(60_000)
        someone = Photographer(page, play.airflow.url)
        someone.log_in(play.airflow.password)
        try:
            yield someone
        finally:
            browser.close()


def wait_for(what: str, is_so: Callable[[], bool]) -> None:
    """Wait until something is so.

    :raises TimeoutError: it does not come.
    """
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} has not come within {PATIENCE} s.")
        time.sleep(0.5)


def take_all(play: Play) -> None:
    """Let the pipeline run, once well and once not, and take the pictures."""
    rest = play.airflow.rest
    rest.unpause(DAG_ID)
    with photographer(play) as someone:
        someone.connection_form()
        run_id = rest.trigger(DAG_ID)

        def is_live() -> bool:
            is_deferred = rest.task_instances(DAG_ID, run_id)[TASK_ID]["state"] == "deferred"
            return is_deferred and any("epoch 5/" in line for line in rest.log(DAG_ID, run_id, TASK_ID))

        wait_for("the log of the deferred task", is_live)
        someone.log(run_id, "live-log", "epoch 5/")
        someone.link(run_id)
        wait_for("the end of the run", lambda: rest.dag_run_state(DAG_ID, run_id) in FINISHED)
        let_fail(play)
        failed_id = rest.trigger(DAG_ID)
        wait_for("the failure", lambda: rest.dag_run_state(DAG_ID, failed_id) in FINISHED)
        someone.log(failed_id, "failure", "out-of-memory")


def let_fail(play: Play) -> None:
    """Let executions fail from now on as on AI Core those do that take too much memory."""
    way = {"way": "failing", "cause": "out-of-memory", "seconds": 2}
    script = [{"executable_id": EXECUTABLE_ID, "progress": way}]
    httpx.post(f"{play.emulator.url}/emulator/scripts", json=script, trust_env=False).raise_for_status()


def main() -> int:
    """Take the pictures and clean up."""
    if not (util.find_spec("playwright") and util.find_spec("PIL")):
        print("screenshots: playwright or pillow is missing; make screenshots brings them", file=sys.stderr)
        return 2
    IMAGES.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="aicore-screenshots-"))
    try:
        find_browser()
        with stage(folder, None) as play:
            take_all(play)
    except (RuntimeError, TimeoutError) as error:
        print(f"screenshots: {error} Logs are in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
