"""From a WorkflowTemplate's ``spec`` to templates; what does not run here is refused by name and place."""

import math
import re

from airflow_provider_aicore.emulator.argo import (
    ArtifactPort,
    Call,
    Container,
    OutputParameter,
    Retry,
    SecretKey,
    SecretVariables,
    Template,
)
from airflow_provider_aicore.emulator.parts import Part
from airflow_provider_aicore.emulator.retry import POLICIES, seconds
from airflow_provider_aicore.emulator.tags import tag_names

_PLAIN_NAME = re.compile(r"\w[\w.-]*", re.ASCII)
_PODS = {"nodeSelector", "tolerations", "affinity", "automountServiceAccountToken", "securityContext",
         "serviceAccountName", "schedulerName"}  # fmt: skip
"""Settings of pods and of what becomes of them: they make no difference to a local process."""
_SPEC_ASIDE = _PODS | {"imagePullSecrets", "ttlStrategy", "podGC", "podMetadata", "workflowMetadata",
                       "archiveLogs", "priority", "podPriorityClassName"}  # fmt: skip
_SPEC = {"entrypoint", "arguments", "templates", "activeDeadlineSeconds", "parallelism"}
_TEMPLATE = {"name", "inputs", "outputs", "metadata", "retryStrategy"}
_TEMPLATE_ASIDE = _PODS | {"priorityClassName"}
_CONTAINER = {"name", "image", "command", "args", "env", "envFrom", "workingDir"}
_CONTAINER_ASIDE = {"resources", "imagePullPolicy", "securityContext", "ports", "terminationMessagePath",
                    "terminationMessagePolicy"}  # fmt: skip
_CALL = {"name", "template", "arguments", "when", "withItems", "withParam", "continueOn"}
_PARAMETER = {"name", "value", "default", "description", "enum"}


def read_templates(spec: Part) -> dict[str, Template]:
    """Read all templates of a workflow.

    :param spec: the ``spec`` of a WorkflowTemplate.
    :raises PartRefused: something in it is missing, or not known here.
    """
    spec.only(_SPEC, _SPEC_ASIDE)
    arguments = spec.part("arguments")
    arguments.only({"parameters"})
    for each in arguments.items("parameters"):
        each.only(_PARAMETER)
    for name in ("activeDeadlineSeconds", "parallelism"):
        _number(spec, name)
    templates: dict[str, Template] = {}
    for each in spec.items("templates"):
        template = _template(each)
        if template.name in templates:
            each.refuse(f"there are two templates of the name {template.name}")
        templates[template.name] = template
    return templates


def _template(part: Part) -> Template:
    kinds = [kind for kind in ("container", "script", "steps", "dag") if kind in part]
    if len(kinds) != 1:
        name, others = part.text("name"), [each for each in part.mapping() if each not in _TEMPLATE]
        part.refuse(
            f"{name} needs one of container, script, steps and dag; it has {', '.join(others) or 'none'}"
        )
    kind, body = kinds[0], part.part(kinds[0])
    is_pod = kind in {"container", "script"}
    part.only(_TEMPLATE, _TEMPLATE_ASIDE, {kind}, {"activeDeadlineSeconds"} if is_pod else ())
    inputs, outputs = part.part("inputs"), part.part("outputs")
    inputs.only({"parameters", "artifacts"})
    outputs.only({"parameters", "artifacts"})
    deadline = part.optional_text("activeDeadlineSeconds")
    if deadline is not None and "{{" not in deadline:
        _number(part, "activeDeadlineSeconds")
    used = {name for text in part.texts() for name in tag_names(text.value)}
    if kind == "dag":
        body.only({"tasks", "failFast"})
    return Template(
        name=part.text("name"),
        parameters=dict(_input_parameter(each) for each in inputs.items("parameters")),
        inputs=tuple(_input_artifact(each) for each in inputs.items("artifacts")),
        outputs=tuple(_output_artifact(each, is_pod=is_pod) for each in outputs.items("artifacts")),
        output_parameters=tuple(
            _output_parameter(each, is_pod=is_pod) for each in outputs.items("parameters")
        ),
        container=_container(body, kind) if is_pod else None,
        steps=tuple(tuple(_call(each, used) for each in group.list()) for group in body.list())
        if kind == "steps"
        else (),
        tasks=tuple(_call(each, used) for each in body.items("tasks")) if kind == "dag" else (),
        fail_fast=kind != "dag" or body.flag("failFast", default=True),
        retry=_retry(part.part("retryStrategy")) if "retryStrategy" in part else None,
        deadline=deadline,
    )


def _container(part: Part, kind: str) -> Container:
    part.only(_CONTAINER, _CONTAINER_ASIDE, {"source"} if kind == "script" else ())
    command = _words(part, "command")
    if not command:
        part.refuse("command is needed, on AI Core too")
    return Container(
        image=part.optional_text("image") or "",
        command=command,
        args=_words(part, "args"),
        env=tuple(_variable(each) for each in part.items("env")),
        env_from=tuple(_secret_variables(each) for each in part.items("envFrom")),
        working_dir=part.optional_text("workingDir"),
        source=part.text("source") if kind == "script" else None,
    )


def _words(part: Part, name: str) -> tuple[str, ...]:
    return tuple(each.word() for each in part.items(name))


def _variable(part: Part) -> tuple[str, str | SecretKey]:
    part.only({"name", "value", "valueFrom"})
    name, source = part.text("name"), part.part("valueFrom")
    if source.value is None:
        return name, part.optional_text("value") or ""
    source.only({"secretKeyRef"})
    reference = source.part("secretKeyRef")
    reference.only({"name", "key", "optional"})
    return name, SecretKey(reference.text("name"), reference.text("key"), reference.flag("optional"))


def _secret_variables(part: Part) -> SecretVariables:
    part.only({"secretRef", "prefix"})
    reference = part.part("secretRef")
    reference.only({"name", "optional"})
    return SecretVariables(
        reference.text("name"), part.optional_text("prefix") or "", reference.flag("optional")
    )


def _call(part: Part, used: set[str]) -> Call:
    is_task = "tasks" in part.way
    part.only(_CALL, {"dependencies", "depends"} if is_task else ())
    if "withItems" in part and "withParam" in part:
        part.refuse("give one of withItems and withParam")
    arguments, continue_on = part.part("arguments"), part.part("continueOn")
    arguments.only({"parameters", "artifacts"})
    continue_on.only({"failed", "error"})
    for each in arguments.items("parameters"):
        each.only({"name", "value"})
    for each in arguments.items("artifacts"):
        each.only({"name", "from"})
    name = part.text("name")
    harmless = {status for status, key in (("Failed", "failed"), ("Error", "error")) if continue_on.flag(key)}
    return Call(
        name=name,
        template=part.text("template"),
        parameters={each.text("name"): each.text("value") for each in arguments.items("parameters")},
        artifacts={each.text("name"): each.text("from") for each in arguments.items("artifacts")},
        when=part.optional_text("when"),
        items=tuple(each.value for each in part.items("withItems")) if "withItems" in part else None,
        with_param=part.optional_text("withParam"),
        continue_on=frozenset(harmless),
        dependencies=_dependencies(part),
        wants_result=f"{'tasks' if is_task else 'steps'}.{name}.outputs.result" in used,
    )


def _dependencies(part: Part) -> tuple[str, ...]:
    depends = part.optional_text("depends")
    if depends is None:
        return _words(part, "dependencies")
    if "dependencies" in part:
        part.refuse("give one of dependencies and depends")
    names = tuple(each.strip() for each in depends.split("&&"))
    if not all(re.fullmatch(r"[\w-]+", each) for each in names):
        part.part("depends").refuse(f"{depends!r}: the emulator knows names joined with && only")
    return names


def _input_parameter(part: Part) -> tuple[str, str | None]:
    part.only(_PARAMETER)
    value = part.optional_text("value")
    return part.text("name"), part.optional_text("default") if value is None else value


def _output_parameter(part: Part, *, is_pod: bool) -> OutputParameter:
    part.only({"name", "valueFrom", "description"})
    source, key = part.part("valueFrom"), "path" if is_pod else "parameter"
    source.only({key, "default"})
    given, default = source.text(key), source.optional_text("default")
    return OutputParameter(part.text("name"), given if is_pod else None, None if is_pod else given, default)


def _input_artifact(part: Part) -> ArtifactPort:
    part.only({"name", "path", "optional", "archive", "mode", "description"})
    return ArtifactPort(part.text("name"), part.optional_text("path"), None, None, part.flag("optional"))


def _output_artifact(part: Part, *, is_pod: bool) -> ArtifactPort:
    part.only(
        {"name", "globalName", "optional", "archive", "description"}, {"path", "mode"} if is_pod else {"from"}
    )
    part.text("path" if is_pod else "from")
    name, global_name = part.text("name"), part.optional_text("globalName")
    if global_name is not None:
        if not _PLAIN_NAME.fullmatch(global_name):
            part.part("globalName").refuse(
                f"{global_name!r} is no plain name: use letters, digits, -_. for it"
            )
        if "none" not in part.part("archive"):
            part.refuse(f"{name} becomes a .tgz on AI Core: add archive: {{none: {{}}}} to it")
    return ArtifactPort(
        name, part.optional_text("path"), part.optional_text("from"), global_name, part.flag("optional")
    )


def _retry(part: Part) -> Retry:
    part.only({"limit", "retryPolicy", "backoff"})
    backoff, policy = part.part("backoff"), part.optional_text("retryPolicy") or "OnFailure"
    backoff.only({"duration", "factor", "maxDuration"})
    if policy not in POLICIES:
        part.part("retryPolicy").refuse(f"{policy!r} is not one of {', '.join(POLICIES)}")
    limit = _number(part, "limit")
    return Retry(
        limit=None if limit is None else int(limit),
        policy=policy,
        delay=_duration(backoff, "duration") or 0.0,
        factor=_number(backoff, "factor") or 1.0,
        longest=_duration(backoff, "maxDuration"),
    )


def _number(part: Part, name: str) -> float | None:
    text = part.optional_text(name)
    try:
        number = 0.0 if text is None else float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        part.part(name).refuse(f"has to be a number from 0 on, it is {text!r}")
    return None if text is None else number


def _duration(part: Part, name: str) -> float | None:
    text = part.optional_text(name)
    try:
        return None if text is None else seconds(text)
    except ValueError as error:
        part.part(name).refuse(str(error))
