"""What is kept of a run in the repository: executed notebooks without progress, times and names of a machine."""

from concurrent.futures import ThreadPoolExecutor

import nbformat
import pandas as pd
import pytest

from companion import publish
from companion.run import Run, places
from companion.study import processor
from nircore.recipe import resolve


@pytest.mark.parametrize(
    ("text", "name", "able"),
    [
        (
            "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz: fast\nflags\t\t: fpu avx512f avx512_bf16\n",
            "Some CPU",
            "yes",
        ),
        ("model name\t: Some CPU\nflags\t\t: fpu avx512f\n", "Some CPU", "no"),
        ("Features\t: fp asimd bf16\n", "", "yes"),
        (None, "", "unknown"),
    ],
)
def test_the_processor_is_named_and_whether_it_has_bfloat16(text, name, able, tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "FACTS", tmp_path / "cpuinfo")
    if text is not None:
        processor.FACTS.write_text(text)
    assert processor.name() and processor.name().startswith(name)
    assert processor.bfloat16() == able


def test_real_frames_wait_for_what_they_take_up(tmp_path, monkeypatch):
    before, ended = {}, []

    def part(name):
        def work(*_):
            before[name] = set(ended)
            ended.append(name)

        return work

    parts = {"_trainings", "_classical", "_recipes", "_real_frames", "_spectrum_shift", "_movies"}
    for name in parts:
        monkeypatch.setattr(publish, name, part(name))
    monkeypatch.setattr(publish, "ProcessPoolExecutor", lambda workers, _: ThreadPoolExecutor(workers))
    publish.publish(tmp_path)
    assert before["_real_frames"] >= {"_trainings", "_classical"}
    assert set(ended) == parts


def test_an_executed_notebook_is_shown_without_progress_and_without_a_machine():
    cell, quiet = nbformat.v4.new_code_cell("make(this_run, 'training')"), nbformat.v4.new_code_cell("1 + 1")
    said = "".join(f"epoch {k}/40  G 1.0\n" for k in range(1, 41)) + "kept 3 frames\n"
    picture = nbformat.v4.new_output("display_data", {"image/png": "aGVsbG8="}, metadata={"image/png": {"alt": "a"}})
    warning = nbformat.v4.new_output("stream", name="stderr", text="/home/me/x.py: UserWarning")
    link = nbformat.v4.new_output("display_data", {"text/html": "<a href='/home/me/r'>r</a>", "text/plain": "r"})
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=said), picture, link, warning]
    quiet.outputs = [nbformat.v4.new_output("stream", name="stdout", text="loss_table: epoch 3/4\n")]
    cell.metadata = {"tags": ["golden"], "papermill": {"duration": 3.2}}
    head, given = nbformat.v4.new_markdown_cell("# Old"), nbformat.v4.new_code_cell("profile = 'cpu'")
    given.metadata = {"tags": ["injected-parameters"]}
    executed = nbformat.v4.new_notebook(
        cells=[head, cell, given, quiet], metadata={"papermill": {"path": "/home/me"}}
    )
    new = nbformat.v4.new_markdown_cell("# New\n\n[b](../b.png)\n\n*[Executed, with pictures](../a.ipynb).*")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    source = nbformat.v4.new_notebook(cells=[new, cell, head, quiet], metadata=kernel)
    shown = publish.shown_copy(executed, source)
    prose = "# New\n\n[b](../../../b.png)"
    assert [cell.source for cell in shown.cells] == [prose, cell.source, given.source, "# Old", quiet.source]
    assert [output.get("text", "picture") for output in shown.cells[1].outputs] == [
        "kept 3 frames\n",
        "picture",
        "picture",
    ]
    assert shown.cells[1].outputs[2].data == {"text/plain": "r"}
    assert shown.cells[1].outputs[1].metadata["image/png"]["alt"] == "a" and shown.cells[4].outputs == []
    assert "/home" not in nbformat.writes(shown) and "3.2" not in nbformat.writes(shown)
    nbformat.validate(shown)


def test_the_showcase_is_whole_or_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("NIRCORE_REPORTS", str(tmp_path))
    monkeypatch.setattr(places, "NOTEBOOKS", tmp_path / "made" / "notebooks")
    run = Run(resolve({"run": "made"}))
    run.save_config()
    run.write_table("losses", pd.DataFrame({"epoch": [0]}))
    (tmp_path / "showcase").mkdir()
    (tmp_path / "showcase" / "old.md").touch()
    with pytest.raises(FileNotFoundError):  # no figures yet
        publish.showcase(run, tmp_path / "showcase")
    assert [path.name for path in (tmp_path / "showcase").iterdir()] == ["old.md"]
    empty = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    for name, text in {"figures/a.png": "", "report.md": "", "notebooks/01_x.ipynb": nbformat.writes(empty)}.items():
        run.path(name).parent.mkdir(exist_ok=True)
        run.path(name).write_text(text)
    folder = publish.showcase(run, tmp_path / "showcase")
    made = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert made == {"config.yaml", "report.md", "tables/losses.csv", "figures/a.png", "notebooks/01_x.ipynb"}
