"""What the README and the other pages say."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import airflow_provider_aicore
from airflow_provider_aicore.api.causes import CAUSES
from airflow_provider_aicore.emulator import FAILURES
from airflow_provider_aicore.get_provider_info import get_provider_info
from demo.screenshots import MAX_BYTES

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def test_every_link_leads_to_something():
    """To a file of the repository, and in it to a heading."""
    links = [
        (page, *link)
        for page in PAGES
        for link in re.findall(r"\]\((?!\w+:)([^)#]*)(?:#([^)]*))?\)", page.read_text())
    ]

    assert len(links) > 50
    for page, path, heading in links:
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {path}"
        assert not heading or heading in _headings(target), f"{page.name}: {path}#{heading}"


def _headings(page):
    """Give the names that links use."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_the_readme_is_short():
    """All else stands in docs."""
    assert len(_text("README.md").splitlines()) <= 120


def test_the_dag_of_the_readme_can_be_read():
    """It is what everyone copies first."""
    (code,) = re.findall(r"```python\n(.*?)```", _text("README.md"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)

    assert names["retrain"]().task_ids == ["register", "train", "use"]


def test_the_demo_s_image_has_the_library_with_which_its_model_is_read():
    """A stored model is only safe to load by the version that wrote it."""
    (needed,) = re.findall(r"^scikit-learn==.*$", _text("demo/image/requirements.txt"), re.MULTILINE)

    newest = max(ROOT.glob("constraints/airflow-*.txt"))
    assert needed in newest.read_text().splitlines()


def _text(path):
    return (ROOT / path).read_text()


def test_every_known_cause_is_in_the_docs():
    """Each has a row with its name, and whether it is retried, in the order in which they are looked for."""
    rows = _text("docs/errors.md").partition("### Known causes")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `([\w-]+)` \|.*\| (yes|no) \|$", rows, re.MULTILINE)

    assert told == [(cause.name, "yes" if cause.may_heal else "no") for cause in CAUSES]


def test_the_arguments_of_the_operators_are_those_in_the_docs():
    """Of each class all that it takes beside Airflow's own, and its default if that says more than `None`."""
    told = _told_arguments()

    assert told.keys() == _operators().keys()
    for name, operator in _operators().items():
        taken = _arguments(operator)
        assert told[name].keys() == taken.keys(), name
        for argument, default in taken.items():
            if isinstance(default, (str, int, float, tuple)):
                assert ast.literal_eval(told[name][argument]) == default, f"{name}: {argument}"
            elif default is inspect.Parameter.empty:
                assert told[name][argument] == "", f"{name}: {argument}"
            else:  # Of several of which one is needed none has a default there.
                assert told[name][argument] in {"", "None"}, f"{name}: {argument}"


def _told_arguments():
    """Give the arguments of each class as the docs have them; a default that is not there is empty."""
    table = _text("docs/operators.md").partition("| Class | Arguments |\n|---|---|\n")[2].partition("\n\n")[0]
    rows = dict(row.strip("|").split("|") for row in table.splitlines())
    told = {who.strip(): dict(re.findall(r"`(\w+)(?:=([^`]+))?`", what)) for who, what in rows.items()}
    shared = {
        "": told.pop("all"),
        "binds": told.pop("all that bind parameters and artifacts"),
        "waits": told.pop("all that wait for an execution"),
    }
    return {
        name: {
            argument: default
            for group in (word for word in shared if word in rows[f" {who} "].partition("`")[0])
            for argument, default in shared[group].items()
        }
        | arguments
        for who, arguments in told.items()
        for name in re.findall(r"`(\w+)`", who)
    }


def _operators():
    """Give all that the package offers to DAGs as tasks, by name."""
    info = get_provider_info()
    places = [place for kind in ("operators", "sensors") for place in info[kind]]
    modules = [importlib.import_module(name) for place in places for name in place["python-modules"]]
    return {
        name: each
        for module in modules
        for name, each in vars(module).items()
        if re.fullmatch(r"AICore(?!Base|Binding|Owning)\w+(Operator|Sensor)", name)
    }


def _arguments(operator):
    """Give the arguments of a class that are not Airflow's own, with their defaults."""
    own = [each for each in operator.__mro__ if each.__module__.startswith("airflow_provider_aicore")]
    makers = [vars(each)["__init__"] for each in reversed(own) if "__init__" in vars(each)]
    return {
        name: each.default
        for maker in makers
        for name, each in inspect.signature(inspect.unwrap(maker)).parameters.items()
        if each.kind is each.KEYWORD_ONLY
    }


def test_every_failure_of_the_emulator_is_in_its_docs():
    """Whoever writes a script finds its name."""
    text = _text("docs/emulator.md")

    assert [name for name in FAILURES if f"`{name}`" not in text] == []


def test_the_changelog_s_newest_version_is_the_package_s():
    """A release without its notes does not happen."""
    versions = re.findall(r"^## \[(.+?)\]", _text("CHANGELOG.md"), re.MULTILINE)

    assert versions[0] == airflow_provider_aicore.__version__


def test_every_picture_is_shown_and_small():
    """Whoever clones the repository takes them along."""
    shown = {
        (page.parent / path).resolve()
        for page in PAGES
        for path in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text())
    }

    assert shown == set((ROOT / "docs" / "images").glob("*.png"))
    assert all(path.stat().st_size <= MAX_BYTES for path in shown)


def test_every_test_that_the_guarantees_name_exists():
    """A promise without its test would be none."""
    text = _text("docs/guarantees.md")
    named = re.findall(r"`(tests/[\w/.]+?)(?:::(\w+))?`", text)

    assert len(named) > 10
    for path, test in named:
        assert (ROOT / path).exists(), path
        assert not test or f"def {test}(" in _text(path), test
