"""Paths of a container on this machine."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from airflow_provider_aicore.emulator.argo import WorkflowError
from airflow_provider_aicore.emulator.object_store import ObjectStore
from airflow_provider_aicore.emulator.sandbox import Sandbox, find_image


@pytest.fixture
def sandbox(tmp_path):
    """Make a sandbox with two artifacts, one path lying within the other, and an image."""
    image = tmp_path / "image"
    image.mkdir()
    (image / "train.py").write_text("print('hello')")
    return Sandbox(tmp_path / "sandbox", image, "/app/src", ["/app/data/", "/app/data/model"])


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ("/app/data", "{data}"),
        ("/app/data/", "{data}/"),
        ("--data=/app/data/train.csv", "--data={data}/train.csv"),
        ("open('/app/data')", "open('{data}')"),
        ("/app/data:/app/data", "{data}:{data}"),
        ("read /app/data.", "read {data}."),
        ("/app/data/model/x", "{data}/model/x"),
        ("/app/src/train.py", "{work}/train.py"),
        ("/app/database", "/app/database"),
        ("/app/data.csv", "/app/data.csv"),
        ("/app/data-2", "/app/data-2"),
        ("/my/app/data", "/my/app/data"),
        ("./app/data", "./app/data"),
        ("/app", "/app"),
    ],
)
def test_declared_paths_lead_into_the_sandbox(sandbox, text, translated):
    """A declared path is replaced where it stands as a whole or begins a longer one, and nowhere else."""
    data = sandbox.place("/app/data")
    assert sandbox.translate(text) == translated.format(data=data, work=sandbox.work)


def test_process_starts_in_a_copy_of_the_image(sandbox, tmp_path):
    """What a run writes into its working directory does not reach the folder of the image."""
    assert (sandbox.work / "train.py").read_text() == "print('hello')"
    (sandbox.work / "new").touch()
    assert not (tmp_path / "image" / "new").exists()


def test_environment_is_not_the_emulators(sandbox, monkeypatch):
    """No variable of the emulator's own environment is handed on."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    assert set(sandbox.environment()) == {"PATH", "HOME", "TMPDIR", "LANG"}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("docker.io/acme/trainer:1", "tagged"),
        ("docker.io/acme/trainer:2", "bare"),
        ("docker.io/acme/trainer", "bare"),
        ("docker.io/acme/trainer@sha256:0123", "bare"),
        ("localhost:5000/trainer", None),
    ],
)
def test_image_is_found_with_or_without_its_tag(name, found):
    """The full name goes before the name without tag and digest; a port is no tag."""
    images = {
        "docker.io/acme/trainer:1": Path("tagged"),
        "docker.io/acme/trainer": Path("bare"),
        "localhost": Path("wrong"),
    }
    assert find_image(name, images) == (found and Path(found))


@pytest.mark.parametrize(
    "url",
    [
        "s3://default/data",
        "ai://default",
        "ai://default/",
        "ai://default/missing",
        "ai://default/data/",
        "ai://other/data",
        "ai://default/../secret/key",
        "ai://../default/data",
    ],
)
def test_urls_that_lead_nowhere(tmp_path, url):
    """A missing file, a slash at the end, another scheme and a way out of the store are refused."""
    (tmp_path / "store" / "default").mkdir(parents=True)
    (tmp_path / "store" / "default" / "data").write_text("1")
    (tmp_path / "store" / "secret").mkdir()
    (tmp_path / "store" / "secret" / "key").write_text("1")
    with pytest.raises(WorkflowError, match=url.replace(".", r"\.")):
        ObjectStore(tmp_path / "store").fetch(url, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_nothing_is_stored_outside_the_object_store(tmp_path):
    """A name that leads out of the execution's folder is refused, and so is a path out of the sandbox."""
    (tmp_path / "model").write_text("1")
    with pytest.raises(WorkflowError, match="escaped"):
        ObjectStore(tmp_path / "store").store(tmp_path / "model", "e1", "../../../escaped")
    assert not (tmp_path / "escaped").exists()
    with pytest.raises(WorkflowError, match="out of the container"):
        Sandbox(tmp_path / "sandbox", None, None, ["/../../../escaped"])


def test_folder_of_a_secret_may_be_a_link(tmp_path):
    """The files of an object store secret may lie elsewhere."""
    (tmp_path / "store").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "texts").write_text("hello")
    (tmp_path / "store" / "default").symlink_to(tmp_path / "data")
    ObjectStore(tmp_path / "store").fetch("ai://default/texts", tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "hello"


@pytest.mark.parametrize("name", ["python", "python3"])
def test_python_is_the_interpreter_of_the_emulator(sandbox, name):
    """Both names lead to the interpreter that runs the emulator, whatever else is on the machine."""
    found = shutil.which(name, path=sandbox.environment()["PATH"])
    assert Path(found or "").resolve() == Path(sys.executable).resolve()
