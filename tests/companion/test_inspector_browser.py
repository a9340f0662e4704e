"""The inspector in a real browser: JupyterLab on loopback, Debian's Chromium, sliders moved, pixels that change."""

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

from companion.run import Run
from companion.study.training import training
from nircore import paths
from nircore.recipe import resolve

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SETTINGS = {"run": "seen", "profile": "smoke", "animals": 12, "epochs": 3, "steps_per_epoch": 2, "ngf": 4}
SHOTS = os.environ.get("NIRCORE_SCREENSHOTS")  # a folder: keep what was seen, for a person to look at
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
    places = {f"NIRCORE_{name.upper()}": str(root / name) for name in ("reports", "data")}
    with pytest.MonkeyPatch.context() as patch:
        for name, place in places.items():
            patch.setenv(name, place)
        run = Run(resolve(SETTINGS))
        run.save_config()
        run.make(training)
    notebook = nbformat.read(paths.REPOSITORY / "notebooks" / "inspector.ipynb", as_version=4)
    given = "# Parameters\n" + "\n".join(f"{name} = {value!r}" for name, value in SETTINGS.items())
    notebook.cells.insert(2, nbformat.v4.new_code_cell(given))
    nbformat.write(notebook, root / "inspector.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    known = [str(paths.REPOSITORY), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | places | {
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
        page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
        page.locator("img.widget-image").first.wait_for()
        page.locator("table.nircore-numbers").wait_for()
        page.wait_for_timeout(1000)
        yield page
        browser.close()


def pixels(page, which=0):
    """Return the bytes of what the widget shows now (a PNG, not a screenshot: no scrolling can change it)."""
    return page.evaluate(
        """async (which) => {
            const image = document.querySelectorAll('img.widget-image')[which];
            const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
            const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
            return image.naturalWidth + 'x' + image.naturalHeight + ':' + Array.from(hash).join(',');
        }""",
        which,
    )


def changed(page, before, which=0):
    """Wait until the picture is another; return it."""
    for _ in range(PATIENCE // 200):
        now = pixels(page, which)
        if now != before:
            return now
        page.wait_for_timeout(200)
    raise AssertionError("the picture did not change")


def row(page, label):
    """Return the widget with a label."""
    return page.locator(".jupyter-widgets.widget-inline-hbox", has=page.get_by_text(label, exact=True))


def press(page, label, key, times):
    handle = row(page, label).locator(".noUi-handle").first
    handle.focus()
    for _ in range(times):
        page.keyboard.press(key)


def shot(page, name):
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png")


def test_every_control_changes_the_picture(page):
    from playwright.sync_api import expect

    shot(page, "opened")
    assert page.locator("img.widget-image").count() == 2
    now = pixels(page)
    assert int(now.split("x")[0]) > 200
    for label, key, times in (("wipe", "ArrowLeft", 15), ("step", "ArrowLeft", 2), ("window", "ArrowRight", 40)):
        press(page, label, key, times)
        now = changed(page, now)
        shot(page, label.split()[0])
    line = pixels(page, 1)
    press(page, "line angle °", "ArrowRight", 30)
    now, line = changed(page, now), changed(page, line, 1)
    numbers = page.locator("table.nircore-numbers").inner_text()
    press(page, "region row", "ArrowRight", 12)
    now, line = changed(page, now), changed(page, line, 1)
    expect(page.locator("table.nircore-numbers")).not_to_have_text(numbers, use_inner_text=True, timeout=PATIENCE)
    row(page, "colours").locator("select").select_option("magma")
    now = changed(page, now)
    row(page, "overlay").locator("select").select_option("difference")
    changed(page, now)
    shot(page, "difference")


def test_repeated_application_and_another_frame(page):
    now = pixels(page)
    page.get_by_role("button", name="repeated").click()
    now = changed(page, now)
    press(page, "step", "ArrowRight", 3)
    now = changed(page, now)
    row(page, "frame").locator("select").select_option(index=1)
    changed(page, now)
    page.get_by_role("button", name="epochs").click()
    shot(page, "repeated")


def test_an_attribution_is_computed_when_asked_for(page):
    row(page, "overlay").locator("select").select_option("integrated gradients")
    button = page.get_by_role("button", name="Compute overlay")
    button.wait_for()
    now = pixels(page)
    button.click()
    changed(page, now)
    page.get_by_role("button", name="Overlay is shown").wait_for()
    shot(page, "attribution")


def test_what_cannot_be_done_is_said(page):
    row(page, "overlay").locator("select").select_option("trust: half-width")
    page.get_by_role("button", name="Compute overlay").click()
    page.get_by_text("There is no calibration").wait_for()
    shot(page, "said")


def test_a_frame_of_ones_own(page, lab):
    from nircore.data.frames import list_frames

    own = list_frames(lab[1] / "data")[0]
    now = pixels(page)
    row(page, "own frame").locator("input").fill(str(own))
    page.get_by_role("button", name="Open", exact=True).click()
    changed(page, now)
    assert row(page, "frame").locator("select").input_value() == own.name
    page.wait_for_timeout(1000)  # what the sliders answer to the new frame's size and range
    handles = row(page, "window").locator(".noUi-handle")
    low, high = (float(handles.nth(k).get_attribute("aria-valuenow")) for k in (0, 1))
    assert high > low + 0.01
    shot(page, "own")


def test_no_complaint_on_the_console(page):
    """Last: everything above has been done by then."""
    assert [text for text in page.problems if not NOT_OURS.search(text)] == []
