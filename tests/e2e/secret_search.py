"""Looks for secrets where Airflow keeps things: its files and its metadata database."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import sqlite3
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from cryptography.fernet import Fernet, InvalidToken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.airflow_processes import Airflow

PLAIN_ENDS = ("canary7f3a91", "canary5c0de2")
ODD_SECRET = "$a!b|c=d&e%f?g#h/i:j@k l+m\"n'o\\p${HOME}q".join(PLAIN_ENDS)
"""Holds what shells, URLs and JSON treat in ways of their own; the REST API takes it into the connection.

The service key is JSON within JSON, so its middle has more spellings than can be listed; an end has but one.
"""
WRONG_SECRET = "canary-b9b7e0c2-a-secret-that-aicore-refuses"
JWT = re.compile(r"eyJ[\w-]+\.(eyJ[\w-]+)")
ENCRYPTED_BY_DESIGN = {"connection"}


def spellings(client_id: str, client_secret: str) -> set[str]:
    """Write a secret in the ways in which it could get out: in JSON, in a form, in a header, an end of it."""
    basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    quoted = base64.b64encode(f"{quote(client_id)}:{quote(client_secret)}".encode()).decode()
    in_json = json.dumps(client_secret).strip('"')
    ends = {end for end in PLAIN_ENDS if end in client_secret}
    return {client_secret, quote(client_secret), quote_plus(client_secret), in_json, basic, quoted} | ends


def finds(text: str, needles: set[str]) -> set[str]:
    """Say which of the texts looked for stand in *text*."""
    return {needle for needle in needles if needle in text}


def tokens_of(client_id: str, text: str) -> list[str]:
    """Find access tokens that were issued for a client."""
    return [found.group() for found in JWT.finditer(text) if client_id in claims(found.group(1))]


def claims(segment: str) -> str:
    """Decode the middle part of a token."""
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode(errors="replace")


def files(airflow: Airflow) -> Iterator[tuple[str, str]]:
    """Read every file in Airflow's folder: logs of tasks and components, and the raw database."""
    for path in airflow.home.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(airflow.home)), path.read_bytes().decode("latin-1")


def values(airflow: Airflow) -> Iterator[tuple[str, str]]:
    """Read every value in the database, decrypted; only connections may hold secrets."""
    fernet = fernet_of(airflow)
    with sqlite3.connect(f"file:{airflow.home / 'airflow.db'}?mode=ro", uri=True, timeout=30) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        for table in set(tables) - ENCRYPTED_BY_DESIGN:
            for row in database.execute(f'select * from "{table}"'):
                for value in row:
                    yield f"table {table}", decrypted(fernet, value)


def fernet_of(airflow: Airflow) -> Fernet:
    """Make what decrypts the values that Airflow has encrypted."""
    return Fernet(airflow.environment["AIRFLOW__CORE__FERNET_KEY"])


def decrypted(fernet: Fernet, value: object) -> str:
    """Turn a value of the database into readable text."""
    content = value if isinstance(value, bytes) else str(value).encode()
    with contextlib.suppress(InvalidToken):
        content = fernet.decrypt(content)
    return content.decode("latin-1")
