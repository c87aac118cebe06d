"""The part of Argo's workflow language that the emulator runs: containers, scripts, steps, and ``{{…}}``.

What it does not know is refused by name, so that nothing is silently left out of a run.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

_TAG = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
_OURS = ("workflow.", "inputs.", "outputs.", "steps.", "tasks.", "item")
_REFUSED_TAGS = ("pod.name", "node.name", "retries", "lastRetry")
_PLAIN_NAME = re.compile(r"\w[\w.-]*", re.ASCII)
_EXPRESSION = re.compile(r"\{\{=.*?\}\}", re.DOTALL)
# Beside what runs here these hold what makes no difference to a local process.
_KNOWN_IN_TEMPLATES = {
    "name", "inputs", "outputs", "container", "script", "steps", "metadata", "nodeSelector", "tolerations",
    "affinity", "serviceAccountName", "automountServiceAccountToken", "securityContext", "priorityClassName",
}  # fmt: skip
_KNOWN_IN_CONTAINERS = {
    "name", "image", "command", "args", "env", "workingDir", "source", "resources", "imagePullPolicy",
    "securityContext", "ports", "terminationMessagePath", "terminationMessagePolicy",
}  # fmt: skip
_KNOWN_IN_STEPS = {"name", "template", "arguments"}
_KNOWN_IN_INPUTS = {"name", "path", "optional", "archive", "mode"}
_KNOWN_IN_OUTPUTS = {"name", "path", "from", "globalName", "optional", "archive"}


class WorkflowError(Exception):
    """The workflow cannot run, or cannot go on; the message becomes the execution's ``statusMessage``."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container to run; texts may hold ``{{…}}`` and paths of artifacts.

    :param source: the text of a ``script`` template, None for a ``container``.
    """

    image: str
    command: tuple[str, ...]
    args: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    working_dir: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """A call of a template.

    :param artifacts: name to the ``{{…}}`` that it comes from.
    """

    name: str
    template: str
    parameters: Mapping[str, str]
    artifacts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ArtifactPort:
    """An artifact that goes into a template or comes out of it.

    :param path: where the container finds or leaves it.
    :param source: for an output of ``steps``: the ``{{…}}`` that it comes from.
    :param global_name: as what AI Core registers it; None: it stays inside the workflow.
    :param optional: whether it may be missing.
    """

    name: str
    path: str | None
    source: str | None
    global_name: str | None
    optional: bool


@dataclass(frozen=True, slots=True)
class Template:
    """One template of a workflow: it has either a *container* or *steps*, groups that run in turn."""

    name: str
    parameters: Mapping[str, str | None]
    inputs: tuple[ArtifactPort, ...]
    outputs: tuple[ArtifactPort, ...]
    container: Container | None
    steps: tuple[tuple[Step, ...], ...]


def templates(spec: Mapping[str, Any]) -> dict[str, Template]:
    """Read all templates of a workflow.

    :param spec: the ``spec`` of a WorkflowTemplate.
    :raises WorkflowError: something in it is missing, or not known here.
    """
    try:
        return {each["name"]: _template(each) for each in spec["templates"]}
    except (KeyError, TypeError, AttributeError) as error:
        raise WorkflowError(f"The workflow is not as Argo describes it: {error!r}") from error


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of ``{{…}}``; what looks like somebody else's tag stays.

    :param values: by the full names in the braces, such as ``inputs.parameters.epochs``.
    :raises WorkflowError: one of Argo's tags has no value here.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in values:
            return values[name]
        if name in _REFUSED_TAGS or name.startswith("lastRetry."):
            raise WorkflowError(f"{{{{{name}}}}} is not filled in by the emulator: do without it")
        if name.startswith(_OURS):
            raise WorkflowError(f"{{{{{name}}}}} has no value here; these have: {', '.join(sorted(values))}")
        return match[0]

    if expression := _EXPRESSION.search(text):
        raise WorkflowError(f"{expression[0]} is an expression, which the emulator does not evaluate")
    return _TAG.sub(value, text)


def as_text(value: Any) -> str:
    """Write a value of the template as Argo does: YAML's ``true`` stays ``true``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def tag_name(text: str) -> str:
    """Give the name in a text that is one ``{{…}}``, as in ``from`` of an artifact."""
    match = _TAG.fullmatch(text.strip())
    if match is None:
        raise WorkflowError(f"{text!r} is not of the form {{{{steps.a.outputs.artifacts.b}}}}")
    return match[1]


def _template(raw: Mapping[str, Any]) -> Template:
    name = raw["name"]
    what = f"The template {name}"
    _refuse_unknown(raw, _KNOWN_IN_TEMPLATES, what)
    inputs, outputs = raw.get("inputs") or {}, raw.get("outputs") or {}
    _refuse_unknown(inputs, {"parameters", "artifacts"}, f"{what}: inputs")
    _refuse_unknown(outputs, {"artifacts"}, f"{what}: outputs")
    container = raw.get("container") or raw.get("script")
    if (container is None) == ("steps" not in raw):
        raise WorkflowError(f"The template {name} needs one of container, script and steps")
    return Template(
        name=name,
        parameters={each["name"]: _default(each) for each in inputs.get("parameters") or []},
        inputs=tuple(_port(each, _KNOWN_IN_INPUTS, what) for each in inputs.get("artifacts") or []),
        outputs=tuple(_port(each, _KNOWN_IN_OUTPUTS, what) for each in outputs.get("artifacts") or []),
        container=None if container is None else _container(container, name),
        steps=tuple(tuple(_step(each) for each in group) for group in raw.get("steps") or []),
    )


def _container(raw: Mapping[str, Any], template: str) -> Container:
    _refuse_unknown(raw, _KNOWN_IN_CONTAINERS, f"The container of the template {template}")
    command = tuple(as_text(each) for each in raw.get("command") or [])
    if not command:
        raise WorkflowError(f"The container of the template {template} needs a command, on AI Core too")
    return Container(
        image=str(raw.get("image", "")),
        command=command,
        args=tuple(as_text(each) for each in raw.get("args") or []),
        env=tuple(_variable(each, template) for each in raw.get("env") or []),
        working_dir=raw.get("workingDir"),
        source=raw.get("source"),
    )


def _variable(raw: Mapping[str, Any], template: str) -> tuple[str, str]:
    if "valueFrom" in raw:
        raise WorkflowError(f"The template {template} takes {raw['name']} from a secret; there are none here")
    return raw["name"], as_text(raw.get("value", ""))


def _step(raw: Mapping[str, Any]) -> Step:
    _refuse_unknown(raw, _KNOWN_IN_STEPS, f"The step {raw['name']}")
    arguments = raw.get("arguments") or {}
    return Step(
        name=raw["name"],
        template=raw["template"],
        parameters={each["name"]: as_text(each["value"]) for each in arguments.get("parameters") or []},
        artifacts={each["name"]: each["from"] for each in arguments.get("artifacts") or []},
    )


def _port(raw: Mapping[str, Any], known: Collection[str], template: str) -> ArtifactPort:
    what = f"{template}: artifact {raw['name']}"
    _refuse_unknown(raw, known, what)
    global_name = raw.get("globalName")
    if global_name is not None:
        if not _PLAIN_NAME.fullmatch(str(global_name)):
            raise WorkflowError(
                f"{what}: globalName {global_name!r} is no plain name: use letters, digits, -_."
            )
        if "none" not in (raw.get("archive") or {}):
            raise WorkflowError(f"{what} becomes a .tgz on AI Core: add archive: {{none: {{}}}} to it")
    return ArtifactPort(
        name=raw["name"],
        path=raw.get("path"),
        source=raw.get("from"),
        global_name=raw.get("globalName"),
        optional=bool(raw.get("optional", False)),
    )


def _default(raw: Mapping[str, Any]) -> str | None:
    value = raw.get("value", raw.get("default"))
    return None if value is None else as_text(value)


def _refuse_unknown(raw: Mapping[str, Any], known: Collection[str], what: str) -> None:
    found = [each for each in raw if each not in known]
    if found:
        raise WorkflowError(f"{what} uses {', '.join(found)}, which the emulator does not run")
