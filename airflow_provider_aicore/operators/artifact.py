"""The operator for artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_aicore.base import AICoreBaseOperator
from airflow_provider_aicore.exceptions import refusing_bad_input

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context


class AICoreRegisterArtifactOperator(AICoreBaseOperator):
    """Registers a data set, model or other file that lies in an object store, so that executions can use it.

    AI Core stores only what is said here; whether the file is there shows when an execution reads it.

    :param name: what a person calls it, up to 256 characters; need not be unique. (templated)
    :param kind: ``model``, ``dataset``, ``resultset`` or ``other``. (templated)
    :param url: ``ai://<object store secret>/<path>``. (templated)
    :param scenario_id: the scenario it belongs to. (templated)
    :param description: free text. (templated)
    :param labels: keys begin with ``ext.ai.sap.com/``. (templated)
    :param reuse: take an identical artifact that is registered already, since artifacts can never be deleted.

    :return: ``{"id", "name", "kind", "url", "scenario_id", "reused"}``
    """

    template_fields: Sequence[str] = (
        *AICoreBaseOperator.template_fields,
        "name",
        "kind",
        "url",
        "scenario_id",
        "description",
        "labels",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"labels": "json"}

    def __init__(
        self,
        *,
        name: str,
        kind: str,
        url: str,
        scenario_id: str,
        description: str | None = None,
        labels: Mapping[str, str] | None = None,
        reuse: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.kind = kind
        self.url = url
        self.scenario_id = scenario_id
        self.description = description
        self.labels = labels
        self.reuse = reuse

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_aicore.api import ensure

        wanted = ensure.ArtifactData(
            name=self.name,
            kind=self.kind,
            url=self.url,
            scenario_id=self.scenario_id,
            description=self.description,
            labels={} if self.labels is None else self.labels,
        )
        with self.connect() as client:
            with refusing_bad_input():
                registration = ensure.artifact(wanted, client.retry, reuse=self.reuse)
            artifact = client.run(registration)
        self.log.info(
            "%s artifact %s: %s %r at %s.",
            "Reused the identical" if artifact.reused else "Registered",
            artifact.id,
            self.kind,
            self.name,
            self.url,
        )
        return {
            "id": artifact.id,
            "name": self.name,
            "kind": self.kind,
            "url": self.url,
            "scenario_id": self.scenario_id,
            "reused": artifact.reused,
        }
