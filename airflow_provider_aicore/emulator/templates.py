"""From the templates in a folder to executables, by the mapping that AI Core's Git sync uses.

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

A ServingTemplate names its parameters and input artifacts in ``spec.inputs``; it has no output artifacts.
Source: SAP's documentation of workflow templates, removed from its public repository in April 2026.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import yaml

from airflow_provider_aicore.emulator.administration import QUOTA
from airflow_provider_aicore.emulator.argo import Template
from airflow_provider_aicore.emulator.argo_reader import read_templates
from airflow_provider_aicore.emulator.checks import ARTIFACT_KINDS, ID
from airflow_provider_aicore.emulator.definitions import ArtifactSlot, Executable, Parameter, Scenario
from airflow_provider_aicore.emulator.parts import Part, PartRefused, line_of
from airflow_provider_aicore.emulator.template_checks import WorkflowChecker

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the first one is much quicker, and may be missing
_VERSIONS = {"WorkflowTemplate": "argoproj.io/v1alpha1", "ServingTemplate": "ai.sap.com/v1alpha1"}


class TemplateError(ValueError):
    """A template that AI Core's Git sync would not take, or cannot run; it names file, line and field."""


def load(folder: Path, created_at: float, images: Mapping[str, Path]) -> list[tuple[Executable, Scenario]]:
    """Read all templates of a folder (not of folders in it) from ``*.yaml`` and ``*.yml``.

    Documents of other kinds are left aside: a folder may hold secrets as well.

    :param created_at: what the executables carry as ``createdAt``, seconds since the epoch.
    :param images: name of an image to the folder that stands for it; where there are any, the image of each
        container has to be among them.
    :raises TemplateError: the folder or a file cannot be read, or a template is not as it should be.
    """
    loaded = []
    for _, outcome in sync(folder, created_at, images):
        if isinstance(outcome, TemplateError):
            raise outcome
        loaded.append(outcome)
    return loaded


def sync(
    folder: Path, created_at: float, images: Mapping[str, Path]
) -> Iterator[tuple[Path, tuple[Executable, Scenario] | TemplateError]]:
    """Read as `load` does, with the same parameters; give each file's templates or why they are refused."""
    if not folder.is_dir():
        yield folder, TemplateError(f"The folder of templates {folder} does not exist")
        return
    taken: Counter[str] = Counter()
    for file in sorted(each for each in folder.iterdir() if each.suffix in {".yaml", ".yml"}):
        try:
            documents = _documents(file)
        except TemplateError as error:
            yield file, error
            continue
        for document, node in documents:
            kind = document.text("kind")
            taken[kind] += 1
            too_many = TemplateError(f"{file}: a tenant has at most {QUOTA} {kind}s")
            try:
                found = _located(document, node, file, created_at, images)
                yield file, found if taken[kind] <= QUOTA else too_many
            except TemplateError as error:
                yield file, error


def _documents(file: Path) -> list[tuple[Part, yaml.Node]]:
    found = []
    try:
        loader = _LOADER(file.read_text())
        while loader.check_node():
            node = loader.get_node()
            document = loader.construct_document(node)
            if node is not None and isinstance(document, Mapping) and document.get("kind") in _VERSIONS:
                found.append((Part(document), node))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TemplateError(f"{file}: cannot be read as YAML: {error}") from error
    return found


def _located(
    document: Part, node: yaml.Node, file: Path, created_at: float, images: Mapping[str, Path]
) -> tuple[Executable, Scenario]:
    try:
        return _read(document, created_at, images)
    except PartRefused as refusal:
        raise TemplateError(f"{file}:{line_of(node, refusal.way)}: {refusal}") from refusal


def _read(document: Part, created_at: float, images: Mapping[str, Path]) -> tuple[Executable, Scenario]:
    kind, version = document.text("kind"), document.part("apiVersion")
    if version.value != _VERSIONS[kind]:
        version.refuse(f"a {kind} has {_VERSIONS[kind]}, not {version.value!r}")
    metadata, spec = document.part("metadata"), document.part("spec")
    labels, annotations = metadata.part("labels"), metadata.part("annotations")
    executable_id = _required_id(metadata, "name")
    scenario_id = _required_id(labels, "scenarios.ai.sap.com/id")
    version_id = labels.mapping().get("ai.sap.com/version")
    if not isinstance(version_id, str) or not version_id:
        labels.refuse('ai.sap.com/version is needed, such as "1.0.0"')
    deployable = kind == "ServingTemplate"
    inputs, outputs = _served_names(spec) if deployable else _workflow_names(spec, images)
    parameters = spec.part("inputs" if deployable else "arguments").items("parameters")
    executable = Executable(
        id=executable_id,
        scenario_id=scenario_id,
        name=annotations.optional_text("executables.ai.sap.com/name") or executable_id,
        created_at=created_at,
        version_id=version_id,
        description=annotations.optional_text("executables.ai.sap.com/description"),
        deployable=deployable,
        parameters=tuple(_parameter(each) for each in parameters),
        input_artifacts=tuple(_slot(name, annotations) for name in inputs),
        output_artifacts=tuple(_slot(name, annotations) for name in outputs),
        workflow=None if deployable else spec.mapping(),
    )
    scenario_name = annotations.optional_text("scenarios.ai.sap.com/name") or scenario_id
    description = annotations.optional_text("scenarios.ai.sap.com/description")
    return executable, Scenario(scenario_id, scenario_name, created_at, description)


def _workflow_names(spec: Part, images: Mapping[str, Path]) -> tuple[list[str], list[str]]:
    """Check a workflow, and give the names of its input and output artifacts."""
    for name in ("entrypoint", "templates"):
        if not spec.mapping().get(name):
            spec.refuse(f"{name} is needed")
    templates = read_templates(spec)
    WorkflowChecker(spec, templates, images).check()
    return _input_names(templates.values()), _output_names(templates.values())


def _served_names(spec: Part) -> tuple[list[str], list[str]]:
    """Give the names of the input artifacts of what a deployment serves; it has no output."""
    if not spec.part("template").mapping():
        spec.refuse("template is needed")
    return [each.text("name") for each in spec.part("inputs").items("artifacts")], []


def _required_id(parent: Part, name: str) -> str:
    value = parent.mapping().get(name)
    if not isinstance(value, str) or not ID.fullmatch(value):
        where = parent if value is None else parent.part(name)
        where.refuse(f"{name} is needed and has to match {ID.pattern}, it is {value!r}")
    return value


def _parameter(part: Part) -> Parameter:
    default = part.optional_text("value")
    default = part.optional_text("default") if default is None else default
    return Parameter(part.text("name"), default, part.optional_text("description"))


def _slot(name: str, annotations: Part) -> ArtifactSlot:
    key = f"artifacts.ai.sap.com/{name}.kind"
    kind = annotations.optional_text(key)
    if kind is not None and kind not in ARTIFACT_KINDS:
        annotations.part(key).refuse(f"has to be one of {', '.join(ARTIFACT_KINDS)}, it is {kind!r}")
    return ArtifactSlot(name, kind)


def _input_names(templates: Collection[Template]) -> list[str]:
    """Give the names of the artifacts that no step and no task fills: they come from a configuration."""
    calls = [call for template in templates for call in template.calls]
    filled = {(call.template, name) for call in calls for name in call.artifacts}
    ports = [(template.name, port.name) for template in templates for port in template.inputs]
    return list(dict.fromkeys(name for template, name in ports if (template, name) not in filled))


def _output_names(templates: Collection[Template]) -> list[str]:
    ports = [port for template in templates for port in template.outputs]
    return list(dict.fromkeys(port.global_name for port in ports if port.global_name))
