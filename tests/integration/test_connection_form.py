"""The connection form, as Airflow's API server makes it for the UI."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def form():
    """Return the form of the connection type as the UI gets it."""
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

    return next(meta for meta in HookMetaService.hook_meta_data() if meta.connection_type == "aicore")


def _schema(field):
    return field["schema"] if isinstance(field, dict) else field.schema


def test_the_form_shows_the_fields(form):
    """The type has its name, and all fields that the hook reads are there with their labels."""
    assert form.hook_name == "SAP AI Core"
    assert {name: _schema(field)["title"] for name, field in form.extra_fields.items()} == {
        "secret_service_key": "Service key",
        "resource_group": "Resource group",
        "service_key_file": "Service key file",
        "auth_url": "Token URL",
        "launchpad_url_template": "SAP AI Launchpad URL template",
    }
    assert form.standard_fields.host.title == "AI API URL"
    assert form.standard_fields.login.title == "Client ID"
    assert form.standard_fields.password.title == "Client secret"
    assert form.standard_fields.port.hidden


def test_the_form_hides_the_secret_fields(form):
    """Whoever looks over a shoulder sees dots for what is secret."""
    hidden = {name for name, field in form.extra_fields.items() if _schema(field).get("format") == "password"}

    assert hidden == {"secret_service_key"}
