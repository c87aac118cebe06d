"""The judge between client and emulator: what they say has to fit the vendor's OpenAPI description."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import yaml
from jsonschema_path import SchemaPath
from openapi_core import V30ResponseValidator
from openapi_core.templating.paths.exceptions import PathError
from openapi_core.templating.paths.finders import APICallPathFinder
from openapi_core.testing import MockRequest, MockResponse
from openapi_core.validation.request.exceptions import ParameterValidationError
from openapi_core.validation.request.validators import V30RequestBodyValidator, V30RequestParametersValidator
from openapi_core.validation.response.exceptions import HeaderValidationError

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterable, Iterator

    import httpx
    from openapi_core.templating.paths.datatypes import PathOperationServer


@dataclasses.dataclass(frozen=True)
class Undeclared:
    """Statuses that AI Core answers although its description does not declare them."""

    statuses: Collection[int]
    reason: str
    operation_id: str | None = None  # None: any operation

    def covers(self, status: int, operation_id: str) -> bool:
        return status in self.statuses and self.operation_id in (None, operation_id)


# The one place for what may differ from the description. The body of such an answer is not checked: what
# stands before AI Core answers in plain text, also where the description declares the status with JSON.
OF_OPERATIONS = (
    Undeclared([404], "an execution without metrics: seen in the vendor's own tests", "metrics.find"),
    Undeclared(
        [410], "a continue token that expired: the parameter's text", "kubesubmit.v4.resourcegroups.get_all"
    ),
)
UNDECLARED = (
    *OF_OPERATIONS,
    Undeclared([401], "the gateway refuses the token"),
    Undeclared([403], "the gateway refuses the resource group or the scope"),
    Undeclared([429], "the gateway limits the rate; declared for one operation only"),
    Undeclared(range(500, 600), "the gateway or what is behind it is in trouble"),
)


FILES = "/dataset/files/"


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the description, without what AI Core cannot mean."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    description: dict[str, Any] = yaml.load(Path(path).read_bytes(), Loader=loader)
    # The id of a thing that an administrator names is its name, which has other limits than an id.
    del description["components"]["schemas"]["BckndId"]["pattern"]
    return description


class Description:
    """The vendor's description. What does not fit it is an `AssertionError` that says what and where."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        spec = SchemaPath.from_dict(load(path))
        server = spec / "servers" / 0
        defaults = {name: variable["default"] for name, variable in (server / "variables").str_items()}
        self._server = str(server["url"]).format(**defaults)
        self._finder = APICallPathFinder(spec)
        # Not the validator of whole requests: it looks for a token too, and a request without one may well be
        # sent, to be refused.
        self._parameters = V30RequestParametersValidator(spec)
        self._body = V30RequestBodyValidator(
            spec,
            extra_media_type_deserializers={"application/merge-patch+json": _json},
            # AI Core may add properties to its answers; in a request an unknown one is a mistake of ours.
            forbid_unspecified_additional_properties=True,
        )
        self._response = V30ResponseValidator(
            spec,
            # The counts: an integer, says the schema, and text, says the media type.
            extra_media_type_deserializers={"text/plain": _json},
        )

    def has(self, request: httpx.Request) -> bool:
        """Say whether there is such a method on such a path."""
        try:
            self._find(self._translate(request))
        except AssertionError:
            return False
        return True

    def check_request(self, request: httpx.Request) -> None:
        """Judge path, method, parameters, headers and body; what is not described there is a violation."""
        sent = self._translate(request)
        found = self._find(sent)
        parameters = [*found.path.get("parameters", []), *found.operation.get("parameters", [])]
        declared = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
        violations = [
            *(f"unknown query parameter {name}" for name in request.url.params if name not in declared),
            *_readable(self._parameters.iter_errors(sent)),
            *_readable(self._body.iter_errors(sent)),
        ]
        if sent.body and "requestBody" not in found.operation:
            violations.append("a body where none is declared")
        _refuse("request", sent, found, violations)

    def check_response(
        self, request: httpx.Request, response: httpx.Response, *, nulls_count_as_absent: bool = False
    ) -> None:
        """Judge status, headers and body; the request itself may be a bad one, of a known operation.

        AI Core has been seen to answer null for optional fields that are not described as nullable: with
        *nulls_count_as_absent* that is fine, and null for a required field still is not.
        """
        sent = self._translate(request)
        found = self._find(sent)
        if any(rule.covers(response.status_code, found.operation["operationId"]) for rule in UNDECLARED):
            return
        body = response.read()
        if nulls_count_as_absent and body.startswith(b"{"):
            body = json.dumps(_without_nulls(json.loads(body))).encode()
        answer = MockResponse(
            body,
            response.status_code,
            dict(response.headers),
            response.headers.get("Content-Type", ""),
        )
        violations = list(_readable(self._response.iter_errors(sent, answer)))
        declared = found.operation["responses"].get(str(response.status_code))
        if answer.data and declared is not None and "content" not in declared:
            violations.append("a body where none is declared")
        _refuse(f"response {response.status_code}", sent, found, violations)

    def _translate(self, request: httpx.Request) -> MockRequest:
        """Make it what openapi-core takes, as if sent to the described server, wherever it went."""
        query = request.url.params
        return MockRequest(
            self._server,
            request.method,
            _with_path_in_one(request.url.path),
            args={name: query.get_list(name) for name in query},
            headers=dict(request.headers),
            data=request.read(),
            content_type=request.headers.get("Content-Type", ""),
        )

    def _find(self, sent: MockRequest) -> PathOperationServer:
        try:
            return self._finder.find(sent.method, urljoin(self._server, sent.path))
        except PathError:
            raise AssertionError(
                f"{sent.method.upper()} {sent.path}: the description has no such operation"
            ) from None


def _with_path_in_one(path: str) -> str:
    """Hide the slashes in the path of a file: openapi-core takes none in a parameter."""
    before, marker, file = path.partition(FILES)
    return before + marker + file.replace("/", "%2F")


def _json(body: bytes, **_parameters: str) -> Any:
    """Read JSON whatever the parameters of its media type, such as the character set."""
    return json.loads(body)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return value


def _readable(errors: Iterable[Exception]) -> Iterator[str]:
    """Say what each error is about: openapi-core has the objections of the schema in its cause."""
    for error in errors:
        about = "body"
        if isinstance(error, ParameterValidationError):
            about = str(error)
        elif isinstance(error, HeaderValidationError):
            about = f"header {error.name}"
        cause = error.__cause__
        objections = getattr(cause, "schema_errors", ())
        for objection in objections:
            where = "".join(f"[{step!r}]" for step in objection.absolute_path)
            yield f"{about}{where}: {objection.message}"
        if not objections:
            yield f"{about}: {cause}" if cause else str(error)


def _refuse(what: str, sent: MockRequest, found: PathOperationServer, violations: list[str]) -> None:
    if violations:
        title = f"{what} of {sent.method.upper()} {sent.path} ({found.operation['operationId']})"
        raise AssertionError("\n- ".join([f"{title} does not fit the description:", *violations]))
