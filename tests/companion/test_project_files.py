"""The files that describe the project to others: citation, CodeMeta, Binder, dev container, contributing."""

import json
import re
import tomllib

import yaml

import nircore
from companion.run import places

ROOT = places.REPOSITORY
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
CODEMETA = json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_all_state_the_version_of_the_package():
    assert CITATION["version"] == CODEMETA["version"] == nircore.__version__


def test_both_state_the_same_facts():
    (author,) = CITATION["authors"]
    assert [person["name"] for person in CODEMETA["author"]] == [author["name"]]
    assert CODEMETA["license"].rsplit("/", 1)[1] == CITATION["license"] == PROJECT["license"]
    assert CODEMETA["keywords"] == CITATION["keywords"]
    assert CODEMETA["name"] == PROJECT["name"] and CODEMETA["description"] == PROJECT["description"]
    paper, _ = CITATION["references"]
    assert paper["doi"] in CODEMETA["referencePublication"]["@id"]
    assert paper["title"] == CODEMETA["referencePublication"]["name"]
    assert CODEMETA["runtimePlatform"] == f"Python {PROJECT['requires-python']}"
    needed = {re.match(r"[\w-]+", name)[0] for name in PROJECT["dependencies"]}
    assert CODEMETA["softwareRequirements"] and set(CODEMETA["softwareRequirements"]) <= needed


def test_the_containers_call_what_there_is():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["postCreateCommand"] == "make .venv/ready"
    binder = yaml.safe_load((ROOT / ".binder" / "environment.yml").read_text(encoding="utf-8"))
    build = ROOT / ".binder" / "postBuild"
    assert build.stat().st_mode & 0o111 and "pip install --no-cache-dir -e" in build.read_text()
    for version in (container["image"].split(":")[1], binder["dependencies"][0].split("=")[1]):
        assert tuple(map(int, version.split("."))) >= (3, 11)


def test_the_commands_and_links_for_contributors_exist():
    page, makefile = ((ROOT / name).read_text(encoding="utf-8") for name in ("CONTRIBUTING.md", "Makefile"))
    targets = set(re.findall(r"`make (\w+)", page))
    assert {"quick", "test", "publish"} <= targets
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)
    links = re.findall(r"\]\(([^)#\s]+)\)", page)
    assert len(links) >= 5 and [link for link in links if not (ROOT / link).exists()] == []
