"""What binds parameters and input artifacts to an executable, and looks first whether they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from airflow_provider_aicore.base import AICoreBaseOperator, names
from airflow_provider_aicore.exceptions import AICoreInvalidInput, refusing_bad_input

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_aicore.api import Client
    from airflow_provider_aicore.api.call import Flow
    from airflow_provider_aicore.api.ensure import Bindings
    from airflow_provider_aicore.signature import Problem
    from airflow_provider_aicore.workflow_template import WorkflowTemplate

Preflight = Literal["error", "warn", "off"]


class AICoreBindingOperator(AICoreBaseOperator):
    """The base of operators that bind parameters and input artifacts to an executable.

    :param scenario_id: the scenario. (templated)
    :param executable_id: the executable, which is its template's `metadata.name`, not its display name.
        (templated)
    :param template: in place of both ids: the WorkflowTemplate as a file beside the DAG file. What is known
        of the bindings when the DAG is parsed is checked with it.
    :param parameters: values by name; text stays as it is, ``True`` becomes ``true``, numbers are written as
        Python does, dicts and lists as JSON, ``None`` is refused. (templated)
    :param input_artifacts: artifact ids by the name of the input. (templated)
    :param preflight: what to do where the bindings do not fit the executable: ``error`` fails the task before
        anything is created, ``warn`` only logs it, ``off`` does not look.
    :param validate_only: look at everything, object store secrets included, and create nothing.
    """

    template_fields: Sequence[str] = (
        *AICoreBaseOperator.template_fields,
        "scenario_id",
        "executable_id",
        "parameters",
        "input_artifacts",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json", "input_artifacts": "json"}
    makes_execution = True
    """Whether an execution is started with the bindings; else a deployment may be."""
    expected_outputs: Sequence[str] = ()
    """Names of output artifacts that are to be written."""

    def __init__(
        self,
        *,
        scenario_id: str | None = None,
        executable_id: str | None = None,
        template: WorkflowTemplate | None = None,
        parameters: Mapping[str, Any] | None = None,
        input_artifacts: Mapping[str, str] | None = None,
        preflight: Preflight = "error",
        validate_only: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if preflight not in get_args(Preflight):
            raise AICoreInvalidInput(
                f"preflight is {preflight!r}, but it is one of {', '.join(get_args(Preflight))}."
            )
        given = sum(each is not None for each in (scenario_id, executable_id))
        if given != (2 if template is None else 0):
            raise AICoreInvalidInput(
                f"scenario_id is {scenario_id!r}, executable_id {executable_id!r} and template {template!r}, "
                "but either both ids are needed, or a template."
            )
        # One of the two is there: both ids, or a template that has them.
        self.scenario_id: Any = scenario_id if template is None else template.scenario_id
        self.executable_id: Any = executable_id if template is None else template.executable_id
        self.template = template
        self.parameters = parameters
        self.input_artifacts = input_artifacts
        self.preflight = preflight
        self.validate_only = validate_only
        if template is not None and preflight != "off":
            # The task is named since Airflow shows an import error without the DAG file's own line.
            self._judge(
                template.check(parameters, input_artifacts),
                f"its template {template.path} (task {self.task_id!r})",
            )

    def bindings(self) -> Bindings:
        """Return what is to be bound, or fail without retries."""
        from airflow_provider_aicore.api.ensure import Bindings

        with refusing_bad_input():
            return Bindings.of(
                self.scenario_id,
                self.executable_id,
                {} if self.parameters is None else self.parameters,
                {} if self.input_artifacts is None else self.input_artifacts,
            )

    def checking(self, client: Client, bindings: Bindings) -> Flow[None]:
        """Make the flow that refuses bindings which do not fit; to be run before anything is created."""
        if self.preflight != "off":
            self._judge((yield from self._check(client, bindings)), "the executable in AI Core")

    def validate(self, client: Client, bindings: Bindings) -> dict[str, Any]:
        """Look at everything; return the warnings, or fail with all that is wrong."""
        problems = client.run(self._check(client, bindings, thorough=True))
        self._judge(problems, "the executable in AI Core", fail=True)
        return {"valid": True, "warnings": [problem.text for problem in problems]}

    def _check(self, client: Client, bindings: Bindings, *, thorough: bool = False) -> Flow[list[Problem]]:
        from airflow_provider_aicore.api import preflight

        return preflight.check(
            bindings,
            client.retry,
            for_execution=self.makes_execution,
            optional_inputs=() if self.template is None else self.template.optional_inputs,
            expected_outputs=names(self.expected_outputs),
            thorough=thorough,
        )

    def _judge(self, problems: list[Problem], source: str, *, fail: bool = False) -> None:
        """Fail with all that is wrong, or tell it in the log."""
        if any(problem.is_error for problem in problems) and (fail or self.preflight == "error"):
            listed = "".join(
                f"\n- {'' if problem.is_error else 'Warning: '}{problem.text}" for problem in problems
            )
            what_else = "" if fail else "\nCorrect these; preflight='warn' goes on in spite of them."
            raise AICoreInvalidInput(
                f"What is given for executable {self.executable_id} of scenario {self.scenario_id} does not "
                f"fit {source}. Nothing was created.{listed}{what_else}"
            )
        for problem in problems:
            self.log.warning("%s", problem.text)
