"""The operator for configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aicore.binding import AICoreBindingOperator
from airflow_provider_aicore.exceptions import refusing_bad_input
from airflow_provider_aicore.links.aicore import AICoreConfigurationLink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context


class AICoreCreateConfigurationOperator(AICoreBindingOperator):
    """Binds parameters and input artifacts to an executable.

    Executions and schedules are started from the result.

    :param name: up to 256 characters; need not be unique. (templated)
    :param scenario_id: the scenario. (templated)
    :param executable_id: the executable, which is its template's `metadata.name`, not its display name.
        (templated)
    :param template: in place of both ids: the WorkflowTemplate as a file beside the DAG file. What is known
        of the bindings when the DAG is parsed is checked with it.
    :param parameters: values by name. Text stays as it is, ``True`` becomes ``true``, numbers are written as
        Python does, dicts and lists as JSON; ``None`` is refused. (templated)
    :param input_artifacts: artifact ids by the name of the input. (templated)
    :param reuse: take an existing configuration of this name with the same bindings, since configurations can
        never be deleted.
    :param preflight: what to do where the bindings do not fit the executable: ``error`` fails the task before
        anything is created, ``warn`` only logs it, ``off`` does not look. A configuration that is reused is
        not looked at.
    :param validate_only: look at everything, object store secrets included, and create nothing.

    :return: ``{"id", "name", "scenario_id", "executable_id", "reused"}``; with `validate_only` ``{"valid":
        True, "warnings": [text]}``.
    :raises AICoreInvalidInput: an argument is bad, or the bindings do not fit; nothing was created.
    """

    template_fields: Sequence[str] = (*AICoreBindingOperator.template_fields, "name")
    makes_execution = False
    operator_extra_links = (AICoreConfigurationLink(),)

    def __init__(self, *, name: str, reuse: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.reuse = reuse

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aicore.api import ensure

        with self.connect() as client:
            wanted = self.bindings()
            with refusing_bad_input():
                creation = ensure.configuration(
                    self.name,
                    wanted,
                    client.retry,
                    reuse=self.reuse,
                    before_creation=self.checking(client, wanted),
                )
            if self.validate_only:
                return self.validate(client, wanted)
            configuration = client.run(creation)
        self.log.info(
            "%s configuration %s: %r of executable %s in scenario %s.",
            "Reused the identical" if configuration.reused else "Created",
            configuration.id,
            self.name,
            self.executable_id,
            self.scenario_id,
        )
        self.know_link(
            AICoreConfigurationLink(),
            resource_group=client.resource_group,
            configuration_id=configuration.id,
            scenario_id=self.scenario_id,
        )
        return {
            "id": configuration.id,
            "name": self.name,
            "scenario_id": self.scenario_id,
            "executable_id": self.executable_id,
            "reused": configuration.reused,
        }
