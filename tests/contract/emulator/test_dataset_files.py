"""Files in the object store."""

from __future__ import annotations

import pytest

from tests.emulators import connect

FILES = "/dataset/files"


@pytest.fixture
def folder(tmp_path):
    """Give the folder of an object store with the secrets ``default`` and ``training``."""
    (tmp_path / "default").mkdir()
    (tmp_path / "training").mkdir()
    return tmp_path


@pytest.fixture
def api(make_emulator, folder):
    """Give a client of an emulator with that object store."""
    return connect(make_emulator(object_store=folder))


def test_uploaded_file_is_where_its_artifact_looks(api, folder):
    """A file lands below the folder of its secret, and the answer has the URL that an artifact needs."""
    answer = api.put(f"{FILES}/training/2027/flights.csv", content=b"from,to")
    url = "ai://training/2027/flights.csv"
    assert (answer.status_code, answer.json()["url"], answer.headers["location"]) == (201, url, url)
    assert (folder / "training/2027/flights.csv").read_bytes() == b"from,to"


def test_file_can_be_read_and_removed(api, folder):
    """A download is a stream of bytes; after a deletion the file is not found."""
    (folder / "default/model.bin").write_bytes(b"\x00\xff")
    path = f"{FILES}/default/model.bin"
    answer = api.get(path)
    assert (answer.status_code, answer.content) == (200, b"\x00\xff")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert api.delete(path).status_code == 204
    assert [api.get(path).status_code, api.delete(path).status_code] == [404, 404]


def test_file_that_exists_is_kept(api):
    """It is replaced only if that is asked for."""
    path = f"{FILES}/default/a.csv"
    statuses = [api.put(path, content=b"1").status_code for _ in range(2)]
    statuses += [
        api.put(path, content=b"2", params={"overwrite": each}).status_code for each in ("false", "true")
    ]
    assert statuses == [201, 409, 409, 201]
    assert api.get(path).content == b"2"


@pytest.mark.parametrize(
    "path",
    [
        "default",
        "default/",
        "default/folder.csv",
        "default/folder.csv/a.csv/b.csv",
        "default/%2e%2e/training/a.csv",
        "%2e%2e/a.csv",
        "unknown/a.csv",
        "default/a.exe",
        "default/a b.csv",
        "default/a%0Ab.csv",
        f"default/{'x' * 1024}.csv",
        f"default/{'x' * 300}.csv",
    ],
)
def test_bad_path_is_refused(api, folder, path):
    """What is no file of a secret, leads out of it, or is no CSV file cannot be uploaded."""
    (folder / "default/folder.csv/a.csv").mkdir(parents=True)
    (folder / "default/folder.csv/a.csv/b.csv").mkdir()
    answer = api.put(f"{FILES}/{path}", content=b"x")
    assert (answer.status_code, answer.json()["error"]["details"]) == (400, [])


def test_large_file_is_refused(api):
    """More than 100 MB are too much."""
    answer = api.put(f"{FILES}/default/a.csv", content=bytes(100 * 1024 * 1024 + 1))
    assert answer.status_code == 413


def test_no_resource_group_and_no_folder_are_needed(make_emulator):
    """The header is optional here, and without a folder the files are in a temporary one."""
    api = connect(make_emulator())
    del api.headers["AI-Resource-Group"]
    assert api.put(f"{FILES}/default/a.csv", content=b"1").status_code == 201
    assert api.get(f"{FILES}/default/a.csv").content == b"1"
