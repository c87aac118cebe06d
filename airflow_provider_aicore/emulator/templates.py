"""From WorkflowTemplates in a folder to executables, by the mapping that AI Core's Git sync uses.

================================================  =====================================================
Template                                          AI Core
================================================  =====================================================
``metadata.name``                                 id of the executable
annotation ``executables.ai.sap.com/name``        its name; ``…/description`` its description
label ``scenarios.ai.sap.com/id``                 id of the scenario
annotation ``scenarios.ai.sap.com/name``          its name; ``…/description`` its description
label ``ai.sap.com/version``                      version of the executable
``spec.arguments.parameters[]``                   parameters; ``value`` is the default
``templates[].inputs.artifacts[].name``           input artifacts, unless a step of the workflow fills them
``templates[].outputs.artifacts[].globalName``    output artifacts
annotation ``artifacts.ai.sap.com/<name>.kind``   the kind of either
================================================  =====================================================

Source: SAP's documentation of workflow templates, removed from its public repository in April 2026.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from airflow_provider_aicore.emulator.administration import QUOTA
from airflow_provider_aicore.emulator.argo import as_text
from airflow_provider_aicore.emulator.checks import ARTIFACT_KINDS, ID
from airflow_provider_aicore.emulator.state import ArtifactSlot, Executable, Parameter, Scenario

ARGO_VERSION = "argoproj.io/v1alpha1"


class TemplateError(ValueError):
    """A template that AI Core's Git sync would not take; the message names file and field."""


def load(folder: Path, created_at: float) -> list[tuple[Executable, Scenario]]:
    """Read all WorkflowTemplates of a folder (not of folders in it) from ``*.yaml`` and ``*.yml``.

    Documents of other kinds are left aside: a folder may hold ServingTemplates and secrets as well.

    :param created_at: what the executables carry as ``createdAt``, seconds since the epoch.
    :raises TemplateError: the folder or a file cannot be read, or a template is not as it should be.
    """
    loaded = []
    for _, outcome in sync(folder, created_at):
        if isinstance(outcome, TemplateError):
            raise outcome
        loaded.append(outcome)
    return loaded


def sync(
    folder: Path, created_at: float
) -> Iterator[tuple[Path, tuple[Executable, Scenario] | TemplateError]]:
    """Read as `load` does, and give each file's templates, or why they are refused.

    :param created_at: what the executables carry as ``createdAt``, seconds since the epoch.
    """
    if not folder.is_dir():
        yield folder, TemplateError(f"The folder of templates {folder} does not exist")
        return
    taken = 0
    for file in sorted(each for each in folder.iterdir() if each.suffix in {".yaml", ".yml"}):
        try:
            for document in _documents(file):
                executable, scenario = _checked(document, file, created_at)
                taken += 1
                too_many = TemplateError(f"{file}: a tenant has at most {QUOTA} WorkflowTemplates")
                yield file, (executable, scenario) if taken <= QUOTA else too_many
        except TemplateError as error:
            yield file, error


def _documents(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        documents = list(yaml.safe_load_all(file.read_text()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TemplateError(f"{file}: cannot be read as YAML: {error}") from error
    for document in documents:
        if not isinstance(document, Mapping) or document.get("kind") != "WorkflowTemplate":
            continue
        if document.get("apiVersion") != ARGO_VERSION:
            raise TemplateError(
                f"{file}: a WorkflowTemplate has apiVersion {ARGO_VERSION}, not "
                f"{document.get('apiVersion')!r} (ai.sap.com/v1alpha1 is for a ServingTemplate)"
            )
        yield document


def _checked(document: Mapping[str, Any], file: Path, created_at: float) -> tuple[Executable, Scenario]:
    try:
        executable, scenario = _read(document, file, created_at)
    except (TypeError, KeyError, AttributeError) as error:
        raise TemplateError(
            f"{file}: a field of spec is missing or not of the right form: {error!r}"
        ) from error
    for slot in (*executable.input_artifacts, *executable.output_artifacts):
        if slot.kind is not None and slot.kind not in ARTIFACT_KINDS:
            raise TemplateError(
                f"{file}: metadata.annotations: artifacts.ai.sap.com/{slot.name}.kind is {slot.kind!r}, "
                f"it has to be one of {', '.join(ARTIFACT_KINDS)}"
            )
    return executable, scenario


def _read(document: Mapping[str, Any], file: Path, created_at: float) -> tuple[Executable, Scenario]:
    metadata = _mapping(document, "metadata")
    labels, annotations = _mapping(metadata, "labels"), _mapping(metadata, "annotations")
    executable_id = _required_id(metadata, "name", f"{file}: metadata")
    scenario_id = _required_id(labels, "scenarios.ai.sap.com/id", f"{file}: metadata.labels")
    version_id = labels.get("ai.sap.com/version")
    if not isinstance(version_id, str) or not version_id:
        raise TemplateError(f'{file}: metadata.labels: ai.sap.com/version is needed, such as "1.0.0"')
    spec = _mapping(document, "spec")
    if not spec.get("entrypoint") or not isinstance(spec.get("templates"), list):
        raise TemplateError(f"{file}: spec: entrypoint and templates are needed")
    executable = Executable(
        id=executable_id,
        scenario_id=scenario_id,
        name=str(annotations.get("executables.ai.sap.com/name", executable_id)),
        created_at=created_at,
        version_id=version_id,
        description=annotations.get("executables.ai.sap.com/description"),
        parameters=tuple(_parameters(spec)),
        input_artifacts=tuple(_slot(name, annotations) for name in _input_names(spec)),
        output_artifacts=tuple(_slot(name, annotations) for name in _output_names(spec)),
        workflow=spec,
    )
    scenario_name = str(annotations.get("scenarios.ai.sap.com/name", scenario_id))
    description = annotations.get("scenarios.ai.sap.com/description")
    return executable, Scenario(scenario_id, scenario_name, created_at, description)


def _mapping(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    return value if isinstance(value, Mapping) else {}


def _required_id(parent: Mapping[str, Any], name: str, where: str) -> str:
    value = parent.get(name)
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise TemplateError(f"{where}: {name} is needed and has to match {ID.pattern}, it is {value!r}")
    return value


def _parameters(spec: Mapping[str, Any]) -> Iterator[Parameter]:
    for each in _mapping(spec, "arguments").get("parameters") or []:
        default = each.get("value", each.get("default"))
        yield Parameter(each["name"], None if default is None else as_text(default), each.get("description"))


def _slot(name: str, annotations: Mapping[str, Any]) -> ArtifactSlot:
    return ArtifactSlot(name, annotations.get(f"artifacts.ai.sap.com/{name}.kind"))


def _input_names(spec: Mapping[str, Any]) -> list[str]:
    filled = {
        (step["template"], artifact["name"])
        for template in spec["templates"]
        for group in template.get("steps") or []
        for step in group
        for artifact in _mapping(step, "arguments").get("artifacts") or []
        if "template" in step
    }
    names = [
        artifact["name"]
        for template in spec["templates"]
        for artifact in _mapping(template, "inputs").get("artifacts") or []
        if (template.get("name"), artifact["name"]) not in filled
    ]
    return list(dict.fromkeys(names))


def _output_names(spec: Mapping[str, Any]) -> list[str]:
    names = [
        artifact["globalName"]
        for template in spec["templates"]
        for artifact in _mapping(template, "outputs").get("artifacts") or []
        if "globalName" in artifact
    ]
    return list(dict.fromkeys(names))
