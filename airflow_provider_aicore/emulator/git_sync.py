"""Reading the folder of templates again: what AI Core's Git sync does every few minutes, or when told to."""

from collections.abc import Mapping
from pathlib import Path

from airflow_provider_aicore.emulator.administration import Sync, SyncedTemplate
from airflow_provider_aicore.emulator.state import Tenant
from airflow_provider_aicore.emulator.templates import TemplateError, sync


def synchronise(tenant: Tenant, folder: Path, images: Mapping[str, Path]) -> Sync:
    """Replace and add executables by the templates in *folder*.

    One whose template is gone or refused stays as it is: whether AI Core takes it away is not documented.

    :param images: those that the emulator knows, as for `templates.load`.
    :return: what became of each template.
    """
    now = tenant.now()
    outcomes: dict[str, SyncedTemplate] = {}
    for file, outcome in sync(folder, now, images):
        if isinstance(outcome, TemplateError):
            outcomes[str(outcome)] = SyncedTemplate(file.name, str(outcome))
            continue
        executable, scenario = outcome
        if executable.id in outcomes:
            refusal = f"{file}: there is a template {executable.id!r} already: give one another metadata.name"
            outcomes[refusal] = SyncedTemplate(file.name, refusal)
            continue
        outcomes[executable.id] = SyncedTemplate.of(executable)
        tenant.replace_executable(executable, scenario)
    return Sync(now, tuple(outcomes.values()))
