"""A workflow's way through its templates: steps that call templates, down to the containers."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from airflow_provider_aicore.emulator import argo
from airflow_provider_aicore.emulator.argo import Container, Step, Template, WorkflowError

T = TypeVar("T")
Source = Path | str
"""Where an artifact comes from: a file of an earlier step, or the URL of a registered artifact."""
Node = tuple[str, ...]
"""The names of the steps that lead to a container; empty for the entrypoint."""


class Surroundings(Protocol):
    """What a workflow needs of the execution that it belongs to."""

    def bound_artifact(self, name: str) -> str | None:
        """Give the URL of the artifact that the configuration binds to *name*."""

    def run_container(
        self,
        container: Container,
        template: Template,
        values: Mapping[str, str],
        sources: Mapping[str, Source],
        node: Node,
    ) -> dict[str, Path]:
        """Run the container of a template, and give its output artifacts by name."""

    def publish(self, name: str, source: Path) -> None:
        """Keep an output artifact under its global name."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow that is ready to run.

    Input artifacts that no step fills come from the configuration by their name, wherever in the workflow
    they are declared: AI Core puts them there.

    :param entrypoint: name of the template to begin with.
    :param parameters: of the workflow, all with a value.
    :param values: for ``{{…}}`` in every template: those parameters, and the workflow's name.
    """

    templates: Mapping[str, Template]
    entrypoint: str
    parameters: Mapping[str, str]
    values: Mapping[str, str]
    surroundings: Surroundings

    def run(self) -> None:
        """Run it to its end.

        :raises WorkflowError: a container failed, or the workflow is not in order.
        """
        self._run_template(self._template(self.entrypoint), self.parameters, {}, ())

    def _template(self, name: str) -> Template:
        if name not in self.templates:
            raise WorkflowError(f"The workflow has no template {name}; it has {', '.join(self.templates)}")
        return self.templates[name]

    def _run_template(
        self, template: Template, parameters: Mapping[str, str], artifacts: Mapping[str, Source], node: Node
    ) -> dict[str, Path]:
        values = {**self.values, **_input_values(template, parameters, self.values)}
        sources: dict[str, Source] = {}
        for port in template.inputs:
            source = artifacts.get(port.name) or self.surroundings.bound_artifact(port.name)
            if source is not None:
                sources[port.name] = source
        if template.container is None:
            outputs = self._run_steps(template, values, sources, node)
        else:
            outputs = self.surroundings.run_container(template.container, template, values, sources, node)
        for port in template.outputs:
            if port.global_name and port.name in outputs:
                self.surroundings.publish(port.global_name, outputs[port.name])
        return outputs

    def _run_steps(
        self, template: Template, values: Mapping[str, str], sources: Mapping[str, Source], node: Node
    ) -> dict[str, Path]:
        known: dict[str, Source] = {f"inputs.artifacts.{name}": source for name, source in sources.items()}
        for group in template.steps:
            for step, outputs in zip(group, self._run_group(group, values, known, node), strict=True):
                for name, path in outputs.items():
                    known[f"steps.{step.name}.outputs.artifacts.{name}"] = path
        found = {port.name: _from(port.source, known) for port in template.outputs}
        return {name: source for name, source in found.items() if isinstance(source, Path)}

    def _run_group(
        self, group: Sequence[Step], values: Mapping[str, str], known: Mapping[str, Source], node: Node
    ) -> list[dict[str, Path]]:
        def run(step: Step) -> dict[str, Path]:
            parameters = {name: argo.substitute(text, values) for name, text in step.parameters.items()}
            artifacts = {name: _from(text, known) for name, text in step.artifacts.items()}
            return self._run_template(
                self._template(step.template), parameters, artifacts, (*node, step.name)
            )

        return _side_by_side(run, group)


def prepare(
    spec: Mapping[str, Any],
    parameters: Mapping[str, str | None],
    execution_id: str,
    surroundings: Surroundings,
) -> Workflow:
    """Make a workflow ready to run.

    :param spec: of the WorkflowTemplate.
    :param parameters: what the template declares, with the value of the configuration or the default.
    :raises WorkflowError: a parameter has no value, or the template is not in order.
    """
    missing = [name for name, value in parameters.items() if value is None]
    if missing:
        names = ", ".join(missing)
        raise WorkflowError(f"No value for the parameters {names}: the configuration has to bind them")
    given = {name: value for name, value in parameters.items() if value is not None}
    values = {f"workflow.parameters.{name}": value for name, value in given.items()}
    values |= {"workflow.name": execution_id, "workflow.uid": execution_id}
    return Workflow(argo.templates(spec), str(spec["entrypoint"]), given, values, surroundings)


def _input_values(
    template: Template, parameters: Mapping[str, str], values_outside: Mapping[str, str]
) -> dict[str, str]:
    values = {}
    for name, default in template.parameters.items():
        value = parameters.get(name)
        if value is None and default is not None:
            value = argo.substitute(default, values_outside)
        if value is None:
            raise WorkflowError(f"The template {template.name} is given no value for its parameter {name}")
        values[f"inputs.parameters.{name}"] = value
    return values


def _from(text: str | None, known: Mapping[str, Source]) -> Source:
    name = argo.tag_name(text or "")
    if name not in known:
        raise WorkflowError(f"There is no {name}; there are {', '.join(known) or 'no artifacts yet'}")
    return known[name]


def _side_by_side(run: Callable[[Step], T], group: Sequence[Step]) -> list[T]:
    """Run the steps of a group in threads, and wait for all of them, also when one has failed."""
    futures: list[Future[T]] = [Future() for _ in group]

    def settle(future: Future[T], step: Step) -> None:
        try:
            future.set_result(run(step))
        except BaseException as error:  # noqa: BLE001 - it is raised again where the result is asked for
            future.set_exception(error)

    for future, step in zip(futures, group, strict=True):
        # No ThreadPoolExecutor: the interpreter would wait for its threads, and so for a forgotten process.
        threading.Thread(target=settle, args=(future, step), daemon=True).start()
    wait(futures)
    return [future.result() for future in futures]
