"""The service key in a connection: in which of its fields it may stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_aicore.api import ServiceKey

_FIELD_NAMES = {
    "serviceurls.AI_API_URL": "host",
    "url": "auth_url (extra)",
    "clientid": "login",
    "clientsecret": "password",
}
_SERVICE_KEY_FIELDS = (
    "serviceurls",
    "clientid",
    "clientsecret",
    "certificate",
    "key",
    "certurl",
    "url",
    "credentials",
)


def of_connection(connection: Connection, extra: Mapping[str, Any]) -> ServiceKey:
    """Read the service key, from exactly one of the ways to give it.

    :param extra: the connection's, read.
    :raises InvalidServiceKeyError: it is given in no way or in several, or is no good.
    """
    from airflow_provider_aicore.api import InvalidServiceKeyError, ServiceKey

    _refuse_misplaced(extra)
    single = {
        "serviceurls.AI_API_URL": _url(connection),
        "url": extra.get("auth_url"),
        "clientid": connection.login,
        "clientsecret": connection.password,
    }
    given = {
        "extra secret_service_key": bool(extra.get("secret_service_key")),
        "extra service_key_file": bool(extra.get("service_key_file")),
        "single fields": any(single.values()),
    }
    sources = [name for name, is_given in given.items() if is_given]
    if len(sources) != 1:
        raise InvalidServiceKeyError(
            f"It holds {' and '.join(sources) or 'no service key'}: "
            "give the service key in exactly one way: extra secret_service_key, extra service_key_file, "
            "or host, login, password and extra auth_url."
        )
    if given["extra secret_service_key"]:
        return ServiceKey.parse(extra["secret_service_key"])
    if given["extra service_key_file"]:
        return ServiceKey.from_file(extra["service_key_file"])
    return ServiceKey.of(single, _FIELD_NAMES)


def _refuse_misplaced(extra: Mapping[str, Any]) -> None:
    """Tell where the service key belongs, if it stands in a place that nobody reads."""
    from airflow_provider_aicore.api import InvalidServiceKeyError

    if "service_key" in extra:
        raise InvalidServiceKeyError(
            "Extra service_key is not read, since not every Airflow masks it: call it secret_service_key."
        )
    misplaced = [name for name in _SERVICE_KEY_FIELDS if name in extra]
    if misplaced:
        raise InvalidServiceKeyError(
            f"The extra has fields of a service key ({', '.join(misplaced)}): "
            "put the whole key under secret_service_key in it."
        )


def _url(connection: Connection) -> str | None:
    """Return the host as URL: Airflow's URI form cannot hold a scheme of its own, and people leave it out."""
    host = connection.host
    if not host:
        return None
    url = host if "://" in host else f"https://{host}"
    if not connection.port:
        return url
    import httpx

    try:
        # Not appended to the text: the host may carry a path.
        return str(httpx.URL(url).copy_with(port=connection.port))
    except httpx.InvalidURL:
        return url  # It is refused, with the field's name, where all URLs are checked.
