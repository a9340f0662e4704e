"""The inspector in a real browser: JupyterLab on loopback, Debian's Chromium, sliders moved, pictures that change."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

from companion.run import Run, places
from companion.study.split_table import data_split
from companion.study.training import training
from nircore.data.frames import list_frames
from nircore.recipe import resolve

pytestmark = pytest.mark.slow("minutes")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SETTINGS = {"run": "seen", "profile": "smoke", "animals": 12, "epochs": 3, "steps_per_epoch": 2, "ngf": 4}
PATIENCE = 120_000  # ms: for a busy machine; nothing here is timed
#: JupyterLab's own remarks, none of them about the notebook: pages it looks for, and settings it has not got yet.
NOT_OURS = re.compile(r"favicon|workspaces|extensions|news|translations|settings")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab with a small run and the inspector; yields the notebook's address and its folder."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    root = tmp_path_factory.mktemp("lab")
    folders = {f"NIRCORE_{name.upper()}": str(root / name) for name in ("reports", "data")}
    with pytest.MonkeyPatch.context() as patch:
        for name, place in folders.items():
            patch.setenv(name, place)
        run = Run(resolve(SETTINGS))
        run.save_config()
        data_split(run)
        training(run)
    notebook = nbformat.read(places.NOTEBOOKS / "inspector.ipynb", as_version=4)
    given = "# Parameters\n" + "\n".join(f"{name} = {value!r}" for name, value in SETTINGS.items())
    notebook.cells.insert(2, nbformat.v4.new_code_cell(given))
    nbformat.write(notebook, root / "inspector.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    known = [str(places.REPOSITORY), str(places.NOTEBOOKS), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | folders | {
        "PYTHONPATH": os.pathsep.join(filter(None, known)), "JUPYTER_CONFIG_DIR": str(root / "jupyter"),
        "JUPYTERLAB_SETTINGS_DIR": str(root / "s"), "JUPYTERLAB_WORKSPACES_DIR": str(root / "w"), "HOME": str(root),
    }  # fmt: skip
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root",
               "--IdentityProvider.token=seen", "--ServerApp.port_retries=0", f"--notebook-dir={root}",
               "--LabApp.news_url="]  # fmt: skip
    with open(root / "lab.log", "w") as log:
        server = subprocess.Popen(command, env=environment, cwd=root, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/api?token=seen", server, root / "lab.log")
        yield f"http://127.0.0.1:{port}/lab/tree/inspector.ipynb?token=seen", root
    finally:
        server.terminate()
        server.wait(20)


def _wait(address, server, log):
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            return urllib.request.urlopen(address, timeout=5).read()
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not answer: {log.read_text()}")


@pytest.fixture(scope="module")
def page(lab):
    """The notebook, run; with `page.problems`, what the console and the page complained of."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda said: said.type == "error" and page.problems.append(f"{said.text} {said.location}"))
        page.goto(lab[0])
        page.locator(".jp-Notebook-cell").nth(2).wait_for()
        page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").first.wait_for()
        _run_all(page)
        page.locator(PICTURE).first.wait_for()
        yield page
        browser.close()


def _run_all(page):
    """Ask until a cell runs: JupyterLab drops what is asked for while its kernel is still being connected."""
    for _ in range(10):
        page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
        for _ in range(20):
            if re.search(r"\[[*\d]", page.locator(".jp-InputPrompt").nth(1).inner_text()):
                return
            page.wait_for_timeout(500)
    raise AssertionError("no cell ran")


PICTURE = ".jupyter-widgets-view .jp-OutputArea-output img, .widget-output img"


def changed(page, before):
    """Wait until the picture is another; return its source."""
    for _ in range(PATIENCE // 200):
        now = page.locator(PICTURE).first.get_attribute("src") if page.locator(PICTURE).count() else before
        if now != before:
            return now
        page.wait_for_timeout(200)
    raise AssertionError("the picture did not change")


def row(page, label):
    """Return the widget with a label."""
    return page.locator(".widget-inline-hbox", has=page.get_by_text(label, exact=True))


def test_every_control_changes_the_picture(page, lab):
    now = page.locator(PICTURE).first.get_attribute("src")
    keys = {"step": "ArrowLeft", "brightest": "ArrowLeft", "row": "ArrowRight", "sample": "ArrowRight"}
    for label, key in keys.items():
        row(page, label).locator(".noUi-handle").first.focus()
        page.keyboard.press(key)
        now = changed(page, now)
    row(page, "map").locator("select").select_option("saliency")
    now = changed(page, now)
    page.get_by_role("button", name="repeated").click()
    now = changed(page, now)
    own = list_frames(lab[1] / "data")[0]
    row(page, "own frame").locator("input").fill(str(own))
    page.get_by_role("button", name="Open", exact=True).click()
    changed(page, now)


def test_what_cannot_be_done_is_said(page):
    row(page, "map").locator("select").select_option("trust: half-width")
    page.get_by_text("There is no calibration").wait_for()


def test_no_complaint_on_the_console(page):
    """Last: everything above has been done by then."""
    assert [text for text in page.problems if not NOT_OURS.search(text)] == []
