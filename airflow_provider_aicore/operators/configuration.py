"""The operator for configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_aicore.base import AICoreBaseOperator
from airflow_provider_aicore.exceptions import refusing_bad_input
from airflow_provider_aicore.links.aicore import AICoreConfigurationLink

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context


class AICoreCreateConfigurationOperator(AICoreBaseOperator):
    """Binds parameters and input artifacts to an executable.

    Executions and schedules are started from the result.

    :param name: up to 256 characters; need not be unique. (templated)
    :param scenario_id: the scenario. (templated)
    :param executable_id: the executable, which is its template's `metadata.name`, not its display name.
        (templated)
    :param parameters: values by name. Text stays as it is, ``True`` becomes ``true``, numbers are written as
        Python does, dicts and lists as JSON; ``None`` is refused. (templated)
    :param input_artifacts: artifact ids by the name of the input. (templated)
    :param reuse: take an existing configuration of this name with the same bindings, since configurations can
        never be deleted.

    :return: ``{"id", "name", "scenario_id", "executable_id", "reused"}``
    """

    template_fields: Sequence[str] = (
        *AICoreBaseOperator.template_fields,
        "name",
        "scenario_id",
        "executable_id",
        "parameters",
        "input_artifacts",
    )
    operator_extra_links = (AICoreConfigurationLink(),)
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json", "input_artifacts": "json"}

    def __init__(
        self,
        *,
        name: str,
        scenario_id: str,
        executable_id: str,
        parameters: Mapping[str, Any] | None = None,
        input_artifacts: Mapping[str, str] | None = None,
        reuse: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.scenario_id = scenario_id
        self.executable_id = executable_id
        self.parameters = parameters
        self.input_artifacts = input_artifacts
        self.reuse = reuse

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aicore.api import ensure

        with self.connect() as client:
            with refusing_bad_input():
                wanted = ensure.Bindings.of(
                    self.scenario_id,
                    self.executable_id,
                    {} if self.parameters is None else self.parameters,
                    {} if self.input_artifacts is None else self.input_artifacts,
                )
                creation = ensure.configuration(self.name, wanted, client.retry, reuse=self.reuse)
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
