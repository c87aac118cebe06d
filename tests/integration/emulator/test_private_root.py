"""Paths that a program has hard-coded, where the machine lets a process have a root of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airflow_provider_aicore.emulator import private_root
from tests.integration.emulator.laboratory import lines, python
from tests.integration.emulator.test_runner import ENDS

POSSIBLE = pytest.mark.skipif(not private_root.is_possible(), reason="needs user and mount namespaces")
TRAINER = """
import os, pathlib
path = pathlib.Path('/app-of-emulator') / 'out'
print(path.parent.is_dir(), os.getuid(), flush=True)
path.write_text('hello')
"""


def trainer(tmp_path):
    """Make an image whose program writes to a path that is not in the template's texts."""
    image = tmp_path / "image"
    image.mkdir()
    (image / "train.py").write_text(TRAINER)
    outputs = {"parameters": [{"name": "word", "valueFrom": {"path": "/app-of-emulator/out"}}]}
    template = python("", outputs=outputs)
    template["container"] |= {"command": ["python", "train.py"]}
    return template, {"docker.io/acme/trainer": image}


@POSSIBLE
def test_hard_coded_path_is_found(laboratory, tmp_path):
    """A program finds the declared path itself, as the user that AI Core runs it as."""
    template, images = trainer(tmp_path)
    api, read = laboratory.run(template, images=images)
    assert read["status"] == "COMPLETED", read
    assert lines(api, read["id"]) == ["True 65534"]
    assert not Path("/app-of-emulator").exists()


def test_paths_are_only_replaced_in_texts_without_it(laboratory, tmp_path):
    """With the option turned off a program has to be told the path, and runs as the emulator's user."""
    template, images = trainer(tmp_path)
    api, read = laboratory.run(template, images=images, private_root=False)
    assert read["status"] == "DEAD"
    assert lines(api, read["id"])[0] == f"False {os.getuid()}"


@POSSIBLE
def test_command_that_is_not_there_in_a_private_root(laboratory):
    """A command that cannot be run is named in the same words."""
    template = python("", inputs={"artifacts": [{"name": "a", "path": "/app-of-emulator", "optional": True}]})
    template["container"]["command"] = ["no-such-program"]
    _, read = laboratory.run(template)
    assert read["statusMessage"] == "cannot run 'no-such-program': No such file or directory"


@POSSIBLE
def test_working_directory_is_found_by_its_path(laboratory, tmp_path):
    """Below ``workingDir`` the image's files are found by their absolute path as well."""
    template, images = trainer(tmp_path)
    source = "import sys; sys.path.insert(0, '/' + 'app-of-emulator/src'); import train"
    template["container"] |= {"command": ["python", "-c", source], "workingDir": "/app-of-emulator/src"}
    laboratory.prepare(template)
    api = laboratory.open(images=images)
    assert laboratory.wait(api, api.start(), ENDS)["status"] == "COMPLETED"


@pytest.mark.parametrize("unshare", ["", "/bin/false"])
def test_machine_without_namespaces(unshare):
    """Where the program for it is missing, or fails, it is not done."""
    assert not private_root.is_possible(unshare)
