"""A workflow's way through its templates: steps and tasks that call templates, down to the containers."""

import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from airflow_provider_aicore.emulator.argo import Call, Template, WorkflowError
from airflow_provider_aicore.emulator.argo_reader import read_templates
from airflow_provider_aicore.emulator.expressions import is_true
from airflow_provider_aicore.emulator.loops import item_values, loop_items
from airflow_provider_aicore.emulator.outcomes import Outcome, Outputs, Scope, Source
from airflow_provider_aicore.emulator.parts import Part
from airflow_provider_aicore.emulator.retry import run_with_retries
from airflow_provider_aicore.emulator.tags import substitute, tag_names

A = TypeVar("A")
T = TypeVar("T")
Node = tuple[str, ...]
"""The names of the steps that lead to a container; empty for the entrypoint."""
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class PodOrder:
    """A container to run.

    :param template: has the container; its texts are not filled in yet.
    :param values: for ``{{…}}``, by full name.
    :param sources: of the input artifacts, by name.
    :param node: where in the workflow it is.
    :param wants_result: whether somebody uses what it writes to standard output.
    """

    template: Template
    values: Mapping[str, str]
    sources: Mapping[str, Source]
    node: Node
    wants_result: bool


class Surroundings(Protocol):
    """What a workflow needs of the execution that it belongs to."""

    def bound_artifact(self, name: str) -> str | None:
        """Give the URL of the artifact that the configuration binds to *name*."""

    def run_pod(self, order: PodOrder) -> Outputs:
        """Run a container to its end."""

    def publish(self, name: str, source: Any) -> None:
        """Keep an output artifact, a file or a folder, under its global name."""

    def pause(self, seconds: float) -> bool:
        """Wait, and say whether the execution has to end meanwhile."""


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
        self._run_template(Call("", self.entrypoint, self.parameters, {}), {}, ())

    def _run_template(self, call: Call, artifacts: Mapping[str, Source], node: Node) -> Outputs:
        """Run the template of a call whose parameters have been filled in."""
        if len(node) > _DEEPEST:
            raise WorkflowError(f"The templates call each other more than {_DEEPEST} deep")
        template = self.templates[call.template]
        values = {**self.values, **_input_values(template, call.parameters, self.values)}
        sources = self._sources(template, artifacts)

        def attempt(tries: int) -> Outputs:
            here = node if template.retry is None else (*node, f"({tries})")
            if template.container is None:
                return self._run_calls(template, Scope(values, sources), here)
            retries = {} if template.retry is None else {"retries": str(tries)}
            return self.surroundings.run_pod(
                PodOrder(template, {**values, **retries}, sources, here, call.wants_result)
            )

        outputs = run_with_retries(template.retry, attempt, self.surroundings.pause)
        for port in template.outputs:
            if port.global_name and port.name in outputs.artifacts:
                self.surroundings.publish(port.global_name, outputs.artifacts[port.name])
        return outputs

    def _sources(self, template: Template, artifacts: Mapping[str, Source]) -> dict[str, Source]:
        sources: dict[str, Source] = {}
        for port in template.inputs:
            source = artifacts.get(port.name) or self.surroundings.bound_artifact(port.name)
            if source is not None:
                sources[port.name] = source
        return sources

    def _run_calls(self, template: Template, scope: Scope, node: Node) -> Outputs:
        if template.tasks:
            self._run_tasks(template, scope, node)
        for group in template.steps:
            outcomes = _side_by_side(partial(self._run_call, scope=scope, node=node), group)
            for call, outcome in zip(group, outcomes, strict=True):
                scope.add("steps", call, outcome)
            for call, outcome in zip(group, outcomes, strict=True):
                if outcome.stops(call) and outcome.error is not None:
                    raise outcome.error
        return scope.outputs(template.outputs, template.output_parameters)

    def _run_tasks(self, template: Template, scope: Scope, node: Node) -> None:
        """Run each task of a dag as soon as all that it depends on have ended."""
        calls = {call.name: call for call in template.tasks}
        waiting, done = list(template.tasks), dict[str, Outcome]()
        running: queue.SimpleQueue[tuple[Call, Future[Outcome]]] = queue.SimpleQueue()
        count = 0
        first_error: WorkflowError | None = None
        while waiting or count:
            ready = [each for each in waiting if all(name in done for name in each.dependencies)]
            waiting = [each for each in waiting if each not in ready]
            for call in ready:
                blocked = any(done[name].stops(calls[name]) for name in call.dependencies)
                if blocked or (first_error is not None and template.fail_fast):
                    done[call.name] = Outcome("Omitted")
                    continue
                _start(partial(self._run_call, call, scope, node), partial(_put, running, call))
                count += 1
            if count == 0:
                continue
            call, future = running.get()
            count -= 1
            done[call.name] = outcome = future.result()
            scope.add("tasks", call, outcome)
            if outcome.stops(call):
                first_error = first_error or outcome.error
        if first_error is not None:
            raise first_error

    def _run_call(self, call: Call, scope: Scope, node: Node) -> Outcome:
        """Run a step or a task, with all items if it loops."""
        try:
            if not call.loops:
                return self._run_once(call, scope, scope.values, (*node, call.name))
            by_item = any(name.startswith("item") for name in tag_names(call.when or ""))
            if call.when and not by_item and not is_true(substitute(call.when, scope.values)):
                return Outcome("Skipped")
            items = loop_items(call, scope.values)

            def run(number: int) -> Outcome:
                values = {**scope.values, **item_values(items[number])}
                return self._run_once(call, scope, values, (*node, f"{call.name}({number})"))

            return Outcome.of_loop(_side_by_side(run, range(len(items))))
        except WorkflowError as error:
            return Outcome(error.status, error=error)

    def _run_once(self, call: Call, scope: Scope, values: Mapping[str, str], node: Node) -> Outcome:
        try:
            if call.when is not None and not is_true(substitute(call.when, values)):
                return Outcome("Skipped")
            parameters = {name: substitute(text, values) for name, text in call.parameters.items()}
            call = replace(call, parameters=parameters)
            outputs = self._run_template(call, self._artifacts(call, scope), node)
        except WorkflowError as error:
            return Outcome(error.status, error=error)
        return Outcome("Succeeded", outputs)

    def _artifacts(self, call: Call, scope: Scope) -> dict[str, Source]:
        optional = {port.name for port in self.templates[call.template].inputs if port.optional}
        found = {}
        for name, text in call.artifacts.items():
            source = scope.artifact(text)
            if source is not None:
                found[name] = source
            elif name not in optional:
                raise WorkflowError(
                    f"The artifact {name} of {call.name} comes from {text}, which is not there"
                )
        return found


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
    return Workflow(read_templates(Part(spec)), str(spec["entrypoint"]), given, values, surroundings)


def _input_values(
    template: Template, parameters: Mapping[str, str], values_outside: Mapping[str, str]
) -> dict[str, str]:
    values = {}
    for name, default in template.parameters.items():
        value = parameters.get(name)
        if value is None and default is not None:
            value = substitute(default, values_outside)
        if value is None:
            raise WorkflowError(f"The template {template.name} is given no value for its parameter {name}")
        values[f"inputs.parameters.{name}"] = value
    return values


def _start(run: Callable[[], T], ended: Callable[[Future[T]], None]) -> None:
    """Run something in a thread.

    No ThreadPoolExecutor: the interpreter would wait for its threads, and so for a forgotten process.

    :param ended: is given the future once it has a result.
    """
    future: Future[T] = Future()
    future.add_done_callback(ended)

    def settle() -> None:
        try:
            future.set_result(run())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the result is asked for
            future.set_exception(error)

    threading.Thread(target=settle, daemon=True).start()


def _put(ended: "queue.SimpleQueue[tuple[A, Future[T]]]", key: A, future: Future[T]) -> None:
    ended.put((key, future))


def _side_by_side(run: Callable[[A], T], subjects: Iterable[A]) -> list[T]:
    """Run something for each of some subjects in threads, and wait for all, also when one has failed."""
    ended: queue.SimpleQueue[tuple[int, Future[T]]] = queue.SimpleQueue()
    subjects = list(subjects)
    for number, subject in enumerate(subjects):
        _start(partial(run, subject), partial(_put, ended, number))
    futures = dict(ended.get() for _ in subjects)
    return [futures[number].result() for number in range(len(subjects))]
