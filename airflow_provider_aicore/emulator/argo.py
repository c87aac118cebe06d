"""The part of Argo's workflow language that the emulator runs, as data: templates, calls, containers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class WorkflowError(Exception):
    """The workflow cannot run, or cannot go on; the message becomes the execution's ``statusMessage``."""

    status = "Error"
    """What Argo calls such an end: ``Failed`` if the user's own program failed, else ``Error``."""


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A value of a generic secret, for one variable.

    :param optional: whether the container starts without it.
    """

    secret: str
    key: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class SecretVariables:
    """A generic secret all of whose values become variables.

    :param prefix: goes before the name of each.
    :param optional: whether the container starts without it.
    """

    secret: str
    prefix: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """A container to run; texts may hold ``{{…}}`` and paths of artifacts.

    :param source: the text of a ``script`` template, None for a ``container``.
    """

    image: str
    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str | SecretKey], ...] = ()
    env_from: tuple[SecretVariables, ...] = ()
    working_dir: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a template: a step, or a task of a dag.

    :param artifacts: name to the ``{{…}}`` that it comes from.
    :param when: the condition, None for always.
    :param items: of ``withItems``, None for no loop.
    :param with_param: the text that becomes a JSON list to loop over.
    :param continue_on: which of ``Failed`` and ``Error`` do no harm.
    :param dependencies: the tasks that have to end before.
    :param wants_result: whether somebody uses ``outputs.result`` of it.
    """

    name: str
    template: str
    parameters: Mapping[str, str]
    artifacts: Mapping[str, str]
    when: str | None = None
    items: tuple[Any, ...] | None = None
    with_param: str | None = None
    continue_on: frozenset[str] = frozenset()
    dependencies: tuple[str, ...] = ()
    wants_result: bool = False

    @property
    def loops(self) -> bool:
        """Whether it runs once for each of some items."""
        return self.items is not None or self.with_param is not None


@dataclass(frozen=True, slots=True)
class ArtifactPort:
    """An artifact that goes into a template or comes out of it.

    :param path: where the container finds or leaves it.
    :param source: for an output of ``steps`` or ``dag``: the ``{{…}}`` that it comes from.
    :param global_name: as what AI Core registers it; None: it stays inside the workflow.
    :param optional: whether it may be missing.
    """

    name: str
    path: str | None
    source: str | None
    global_name: str | None
    optional: bool


@dataclass(frozen=True, slots=True)
class OutputParameter:
    """A parameter that comes out of a template.

    :param path: the file that the container writes it to.
    :param source: for an output of ``steps`` or ``dag``: the text that gives it.
    :param default: its value where there is no file or no value; None: that is an error.
    """

    name: str
    path: str | None
    source: str | None
    default: str | None


@dataclass(frozen=True, slots=True)
class Retry:
    """When a template that failed runs again.

    :param limit: of the tries after the first; None: no limit.
    :param policy: ``Always``, ``OnFailure`` (of the user's program) or ``OnError`` (of all else).
    :param delay: seconds before the second try.
    :param factor: by which the delay grows from try to try.
    :param longest: seconds since the first try after which there is no other; None: no limit.
    """

    limit: int | None
    policy: str
    delay: float
    factor: float
    longest: float | None


@dataclass(frozen=True, slots=True)
class Template:
    """One template of a workflow: it has a *container*, or *steps* in groups that run in turn, or *tasks*.

    :param parameters: its input parameters, with the default or None.
    :param tasks: of a dag.
    :param fail_fast: whether a dag starts nothing more once a task has failed.
    :param deadline: ``activeDeadlineSeconds`` of each of its pods, as text that may hold ``{{…}}``.
    """

    name: str
    parameters: Mapping[str, str | None]
    inputs: tuple[ArtifactPort, ...]
    outputs: tuple[ArtifactPort, ...]
    output_parameters: tuple[OutputParameter, ...]
    container: Container | None
    steps: tuple[tuple[Call, ...], ...] = ()
    tasks: tuple[Call, ...] = ()
    fail_fast: bool = True
    retry: Retry | None = None
    deadline: str | None = None

    @property
    def calls(self) -> tuple[Call, ...]:
        """All steps or tasks, in the order of the template."""
        return (*(call for group in self.steps for call in group), *self.tasks)


def as_text(value: Any) -> str:
    """Write a value of the template as Argo does: YAML's ``true`` stays ``true``."""
    return str(value).lower() if isinstance(value, bool) else str(value)
