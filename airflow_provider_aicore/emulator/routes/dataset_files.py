"""Operations ``file.upload``, ``.download`` and ``.delete``: files in the object store."""

import re
from pathlib import Path

from airflow_provider_aicore.emulator.argo import WorkflowError
from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.refusals import Refusal, bad_request, not_found

MOST_BYTES = 100 * 1024 * 1024
"""Source: operation ``file.upload`` ("size <= 100Mb"); default of ``maxUploadFileSize`` in ``/lm/meta``."""
CONTENT_TYPE = "text/csv"
"""Source: SAP's documentation of the dataset API, which takes nothing else."""
_PATH = re.compile(r"([\w.-]+:[\w.-]+|[\w.-]+)(/([\w./-]+[\w.-]+)?)?", re.ASCII)
_LONGEST_PATH = 1024
_LONGEST_NAME = 255  # What a file system takes; an object store takes more.
_DOWNLOAD_HEADERS = {
    "content-type": "application/octet-stream",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "content-disposition": "attachment",
}


def upload(request: ApiRequest) -> Reply:
    """Write a file; one that exists is only replaced with ``overwrite=true``."""
    path, file = request.path_ids["path"], _file(request)
    overwrite = request.query.flag("overwrite")
    if not path.lower().endswith(".csv"):
        raise bad_request(f"{path}: only CSV files can be uploaded")
    if len(request.content) > MOST_BYTES:
        raise Refusal(413, f"The file has {len(request.content)} bytes, at most {MOST_BYTES} are allowed")
    if file.is_file() and not overwrite:
        raise Refusal(409, f"{path} exists; it is replaced with overwrite=true")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(request.content)
    except OSError as error:
        raise bad_request(f"{path} cannot be a file: {error.strerror}") from error
    url = f"ai://{path}"
    answer = {"message": "File creation acknowledged", "url": url}
    return Reply(201, answer, headers={"location": url})


def download(request: ApiRequest) -> Reply:
    """Give the content of a file."""
    return Reply(200, content=_existing(request).read_bytes(), headers=_DOWNLOAD_HEADERS)


def delete(request: ApiRequest) -> Reply:
    """Remove a file."""
    _existing(request).unlink()
    return Reply(204)


def _existing(request: ApiRequest) -> Path:
    file = _file(request)
    if not file.is_file():
        raise not_found("File", request.path_ids["path"])
    return file


def _file(request: ApiRequest) -> Path:
    path = request.path_ids["path"]
    if len(path) > _LONGEST_PATH or not _PATH.fullmatch(path):
        raise bad_request(f"path: {path[:80]!r} does not match the pattern {_PATH.pattern}")
    if max(map(len, path.split("/"))) > _LONGEST_NAME:
        raise bad_request(f"path: a name in it has more than {_LONGEST_NAME} characters")
    try:
        return request.store.locate(f"ai://{path}")
    except WorkflowError as error:
        raise bad_request(f"path: {error}") from error
