"""What Airflow reads about this provider in each of its processes; it imports nothing but the version."""

from __future__ import annotations

from typing import Any

from airflow_provider_aicore import __version__

_INTEGRATION = "SAP AI Core"
_ASSETS = "airflow_provider_aicore.assets.aicore"
_LINKS = "airflow_provider_aicore.links.aicore"


def _text(label: str, description: str, *, secret: bool = False) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": ["string", "null"]}
    if secret:
        schema["format"] = "password"
    return {"label": label, "description": description, "schema": schema}


CONNECTION_FIELDS: dict[str, dict[str, Any]] = {
    # Airflow masks by name, in its audit log too; before 3.3 it would show a "service_key" in clear.
    "secret_service_key": _text(
        "Service key",
        "The whole service key as JSON. Then leave empty all other fields that are of a key.",
        secret=True,
    ),
    "resource_group": _text("Resource group", "Used where a task names none; 'default' if empty."),
    "service_key_file": _text(
        "Service key file", "Path of a file with the service key, on workers and triggerer."
    ),
    "auth_url": _text("Token URL", "'url' of the service key, when the client secret is given as password."),
    "launchpad_url_template": _text(
        "SAP AI Launchpad URL template",
        "Page of an execution, for links: {resource_group}, {execution_id}, {configuration_id} and "
        "{scenario_id} stand for a task's own. No links if empty.",
    ),
}

FIELD_BEHAVIOUR: dict[str, Any] = {
    "hidden-fields": ["schema", "port"],
    "relabeling": {"host": "AI API URL", "login": "Client ID", "password": "Client secret"},
    "placeholders": {
        "host": (
            "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com (AI_API_URL of the service key); "
            "empty if a service key is given"
        ),
        "login": "empty if a service key is given",
        "password": "empty if a service key is given",
        "secret_service_key": (
            '{"serviceurls": {"AI_API_URL": "…"}, "clientid": "…", "clientsecret": "…", "url": "…"}'
        ),
    },
}


_CONFIGURATION: dict[str, Any] = {
    "aicore": {
        "description": "SAP AI Core.",
        "options": {
            "poll_requests_per_minute": {
                "description": (
                    "Requests per minute and resource group up to which a triggerer looks at executions "
                    "before their interval is over: at young ones, and at those that are expected to end. "
                    "All requests count, but what the intervals ask for is always done. More than 0."
                ),
                "version_added": "0.1.0",
                "type": "float",
                "example": None,
                "default": "20.0",
            },
        },
    },
}


def _modules(package: str, *names: str) -> list[dict[str, Any]]:
    modules = [f"airflow_provider_aicore.{package}.{name}" for name in names]
    return [{"integration-name": _INTEGRATION, "python-modules": modules}]


def get_provider_info() -> dict[str, Any]:
    """Return the provider's entry point information."""
    return {
        "package-name": "airflow-provider-aicore",
        "name": _INTEGRATION,
        "description": "Runs executions of SAP AI Core as tasks.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://help.sap.com/docs/AI_CORE",
                "tags": ["service"],
            }
        ],
        "hooks": _modules("hooks", "aicore"),
        "operators": _modules(
            "operators", "artifact", "configuration", "execution", "execution_schedule", "metrics"
        ),
        "sensors": _modules("sensors", "aicore"),
        "triggers": _modules("triggers", "aicore"),
        "extra-links": [f"{_LINKS}.AICoreExecutionLink", f"{_LINKS}.AICoreConfigurationLink"],
        "cli": ["airflow_provider_aicore.doctor.get_cli_commands"],
        "config": _CONFIGURATION,
        "asset-uris": [
            {
                "schemes": ["aicore"],
                "handler": f"{_ASSETS}.sanitize_uri",
                "factory": f"{_ASSETS}.create_asset",
                "to_openlineage_converter": f"{_ASSETS}.convert_asset_to_openlineage",
            }
        ],
        "connection-types": [
            {
                "connection-type": "aicore",
                "hook-class-name": "airflow_provider_aicore.hooks.aicore.AICoreHook",
                "hook-name": _INTEGRATION,
                "ui-field-behaviour": FIELD_BEHAVIOUR,
                "conn-fields": CONNECTION_FIELDS,
            }
        ],
    }
