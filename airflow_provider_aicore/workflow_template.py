"""What a WorkflowTemplate beside a DAG file declares, read when the DAG is parsed and without the network.

    TRAIN = WorkflowTemplate.from_file("train.yaml")

    AICoreRunExecutableOperator(task_id="train", template=TRAIN, parameters={"epochs": 20})

Scenario and executable come from the file then, and a name that it does not declare is an import error of
the DAG.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from airflow_provider_aicore.signature import ID, Problem, Signature, check_names, parameter_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from os import PathLike

_API_VERSION = "argoproj.io/v1alpha1"
_MERGE = "tag:yaml.org,2002:merge"
_KINDS = ("model", "dataset", "resultset", "other")
_SOURCES = ("s3", "gcs", "azure", "oss", "hdfs", "http", "git", "raw", "artifactory")
"""Where an artifact of a template can come from without a configuration that binds it."""


class WorkflowTemplateError(ValueError):
    """A file is no WorkflowTemplate that AI Core can run; the message has file, line and field."""


@dataclass(frozen=True)
class WorkflowTemplate(Signature):
    """A WorkflowTemplate as AI Core's Git sync makes an executable of it.

    Source: SAP's documentation of workflow templates.

    :param version_id: label ``ai.sap.com/version``; ``None`` if the template has none.
    :param path: of the file.
    """

    version_id: str | None = None
    # Not shown: Airflow would take a DAG that was moved for a new version of it.
    path: Path = field(default=Path(), repr=False, compare=False)

    @classmethod
    def from_file(cls, path: str | PathLike[str], *, name: str | None = None) -> Self:
        """Read a WorkflowTemplate from YAML.

        Documents of other kinds in the file are left aside.

        :param path: of the file; a relative one begins at the folder of the Python file that calls this,
            which is the DAG file, wherever it is parsed.
        :param name: its `metadata.name`, where the file has several.
        :raises WorkflowTemplateError: the file cannot be read, or is not what is wanted.
        """
        frame = inspect.currentframe()
        caller = Path(frame.f_back.f_code.co_filename if frame and frame.f_back else "")
        # What is typed into an interpreter has no file.
        file = caller.parent / path if caller.is_file() else Path(path)
        document = _document(file, name)
        metadata, spec = document.get("metadata"), document.get("spec")
        labels, annotations = metadata.get("labels"), metadata.get("annotations")
        templates = _templates(spec)
        inputs = _inputs(templates)
        return cls(
            scenario_id=_id(labels.get("scenarios.ai.sap.com/id")),
            executable_id=_id(metadata.get("name")),
            parameters=dict(_parameters(spec.get("arguments").get("parameters"))),
            input_artifacts={name: _kind(annotations, name) for name in inputs},
            output_artifacts={name: _kind(annotations, name) for name in _outputs(templates)},
            optional_inputs=tuple(name for name, is_optional in inputs.items() if is_optional),
            version_id=labels.get("ai.sap.com/version").text(),
            path=file,
        )

    def check(self, parameters: Any, input_artifacts: Any) -> list[Problem]:
        """Compare bindings with the template, as far as they are known when a DAG is parsed.

        A value that is a Jinja template or comes from another task is checked by its name only.

        :param parameters: values by name, or something that becomes that when the task runs.
        :param input_artifacts: likewise.
        """
        given, inputs = _known(parameters), _known(input_artifacts)
        problems = check_names(self, given, inputs, undeclared_is_error=True)
        for name, value in (given or {}).items():
            try:
                if _is_literal(value):
                    parameter_value(name, value)
            except ValueError as error:
                problems.append(Problem(f"The {error}"))
        for name, value in (inputs or {}).items():
            if _is_literal(value) and not (isinstance(value, str) and ID.fullmatch(value)):
                problems.append(
                    Problem(f"The input artifact {name!r} is {value!r}, which is no artifact's id.")
                )
        return problems


def _known(bindings: Any) -> Mapping[str, Any] | None:
    if bindings is None:
        return {}
    return bindings if isinstance(bindings, dict) else None


def _is_literal(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_literal(each) for each in value.values())
    if isinstance(value, list | tuple):
        return all(_is_literal(each) for each in value)
    if isinstance(value, str):
        return not any(mark in value for mark in ("{{", "{%", "{#"))
    return value is None or isinstance(value, int | float)


@dataclass(frozen=True)
class _Field:
    """A value in the file that knows where it stands.

    :param loader: PyYAML's, which knows merge keys.
    :param node: PyYAML's; ``None`` for a field that is not there.
    :param way: the names and indices that lead to it.
    :param line: its own, or that of what it should stand in.
    """

    file: Path
    loader: Any
    node: Any
    way: str
    line: int

    def refuse(self, why: str) -> NoReturn:
        raise WorkflowTemplateError(f"{self.file}, line {self.line}, {self.way or 'the document'}: {why}.")

    def get(self, name: str) -> _Field:
        """Give a field of a mapping."""
        way = f"{self.way}.{name}" if self.way else name
        found = [value for key, value in self._pairs() if key == name]
        if len(found) > 1:
            self.refuse(f"{name} is there {len(found)} times")
        if not found:
            return _Field(self.file, self.loader, None, way, self.line)
        return _Field(self.file, self.loader, found[0], way, found[0].start_mark.line + 1)

    def _pairs(self) -> Iterator[tuple[str, Any]]:
        if self.is_empty():
            return
        if self.node.id != "mapping":
            self.refuse("a mapping is needed here")
        if any(key.tag == _MERGE for key, _ in self.node.value):
            self._merge()
        for key, value in self.node.value:
            yield str(key.value), value

    def _merge(self) -> None:
        """Put in place of merge keys what they bring; what stands beside them wins."""
        from yaml import MarkedYAMLError

        try:
            self.loader.flatten_mapping(self.node)
        except MarkedYAMLError as error:
            self.refuse(str(error.problem))
        # What is merged comes first.
        self.node.value = list({str(key.value): (key, value) for key, value in self.node.value}.values())

    def has(self, *names: str) -> bool:
        return any(key in names for key, _ in self._pairs())

    def items(self) -> list[_Field]:
        """Give the items of a list."""
        if self.is_empty():
            return []
        if self.node.id != "sequence":
            self.refuse("a list is needed here")
        return [
            _Field(self.file, self.loader, node, f"{self.way}[{index}]", node.start_mark.line + 1)
            for index, node in enumerate(self.node.value)
        ]

    def is_empty(self) -> bool:
        return self.node is None or self.node.tag == "tag:yaml.org,2002:null"

    def is_true(self) -> bool:
        """Tell whether it is YAML's truth, which has several spellings."""
        return not self.is_empty() and self.loader.construct_object(self.node, deep=True) is True

    def text(self) -> str | None:
        """Give a value as it is written."""
        if self.is_empty():
            return None
        if self.node.id != "scalar":
            self.refuse("text is needed here")
        return str(self.node.value)

    def needed_text(self) -> str:
        text = self.text()
        if not text:
            self.refuse("it is missing, but needed")
        return text


def _document(file: Path, name: str | None) -> _Field:
    """Find the one WorkflowTemplate that is wanted."""
    documents = list(_documents(file))
    mappings = [each for each in documents if each.node.id == "mapping"]
    found = [each for each in mappings if each.get("kind").text() == "WorkflowTemplate"]
    if not found:
        _refuse(file, documents, [each.get("kind") for each in mappings])
    names = [each.get("metadata").get("name").text() for each in found]
    chosen = [each for each, its in zip(found, names, strict=True) if name in {None, its}]
    if len(chosen) != 1:
        raise WorkflowTemplateError(
            f"{file} has {len(chosen)} WorkflowTemplates{f' of the name {name!r}' if name else ''}: choose "
            f"one with name=, out of {', '.join(map(str, names))}."
        )
    version = chosen[0].get("apiVersion")
    if version.text() != _API_VERSION:
        version.refuse(f"a WorkflowTemplate has {_API_VERSION}, not {version.text()}")
    return chosen[0]


def _refuse(file: Path, documents: Sequence[_Field], kinds: Sequence[_Field]) -> NoReturn:
    """Say what stands there in place of a WorkflowTemplate."""
    for kind in kinds:
        if kind.text() == "ServingTemplate":
            kind.refuse(
                "a ServingTemplate is for deployments, and this is for executables that run: give a "
                "WorkflowTemplate, or the ids in place of a template"
            )
    needed = "a document with kind: WorkflowTemplate is needed"
    if kinds:
        kinds[0].refuse(f"{needed}, and this is {kinds[0].text() or 'without a kind'}")
    if documents:
        documents[0].refuse(f"{needed}, and this is no mapping")
    raise WorkflowTemplateError(f"{file}, line 1, the document: {needed}, and the file is empty.")


def _documents(file: Path) -> Iterator[_Field]:
    import yaml

    # The first one is much quicker, and may be missing.
    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        loader = loader_class(file.read_text(encoding="utf-8"))
        while loader.check_node():
            node: Any = loader.get_node()
            yield _Field(file, loader, node, "", node.start_mark.line + 1)
    except OSError as error:
        raise WorkflowTemplateError(
            f"{file} cannot be read: {error.strerror}. A relative path begins at the folder of the Python "
            "file that calls from_file()."
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}, line {mark.line + 1}," if mark else file
        raise WorkflowTemplateError(f"{where} is no YAML: {getattr(error, 'problem', error)}.") from error


def _templates(spec: _Field) -> list[_Field]:
    """Give the templates of a workflow, among which its entrypoint has to be."""
    templates = spec.get("templates").items()
    if not templates:
        spec.get("templates").refuse("it is missing, but needed")
    names = [each.get("name").needed_text() for each in templates]
    for each, name in zip(templates, names, strict=True):
        if names.count(name) > 1:
            each.refuse(f"there are {names.count(name)} templates of the name {name!r}")
    entrypoint = spec.get("entrypoint")
    if entrypoint.needed_text() not in names:
        entrypoint.refuse(f"there is no template {entrypoint.text()!r}; there are {', '.join(names)}")
    return templates


def _id(part: _Field) -> str:
    text = part.needed_text()
    if not ID.fullmatch(text):
        part.refuse(f"{text!r} is no id: those have 4 to 64 letters, digits, '_', '.' and '-'")
    return text


def _parameters(declared: _Field) -> Iterator[tuple[str, str | None]]:
    seen = set()
    for each in declared.items():
        name = each.get("name").needed_text()
        if name in seen:
            each.refuse(f"there are two parameters of the name {name!r}")
        seen.add(name)
        value = each.get("value").text()
        yield name, each.get("default").text() if value is None else value


def _inputs(templates: list[_Field]) -> dict[str, bool]:
    """Give the names of the input artifacts that no step fills, and whether each may be left out."""
    filled = {
        (call.get("template").text(), artifact.get("name").text())
        for template in templates
        for call in _calls(template)
        for artifact in call.get("arguments").get("artifacts").items()
    }
    found: dict[str, bool] = {}
    for template in templates:
        for artifact in template.get("inputs").get("artifacts").items():
            name = artifact.get("name").needed_text()
            if (template.get("name").text(), name) not in filled:
                is_optional = artifact.get("optional").is_true() or artifact.has(*_SOURCES)
                found[name] = found.get(name, True) and is_optional
    return found


def _calls(template: _Field) -> Iterator[_Field]:
    for group in template.get("steps").items():
        yield from group.items()
    yield from template.get("dag").get("tasks").items()


def _outputs(templates: list[_Field]) -> list[str]:
    artifacts = [each for template in templates for each in template.get("outputs").get("artifacts").items()]
    return [name for each in artifacts if (name := each.get("globalName").text())]


def _kind(annotations: _Field, name: str) -> str | None:
    part = annotations.get(f"artifacts.ai.sap.com/{name}.kind")
    kind = part.text()
    if kind is not None and kind not in _KINDS:
        part.refuse(f"{kind!r} is no kind of artifact: those are {', '.join(_KINDS)}")
    return kind
