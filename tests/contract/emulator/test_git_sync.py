"""Repositories and applications: templates are read again, and the status says what became of them."""

from __future__ import annotations

import pytest

from airflow_provider_aicore.emulator import Emulator
from tests.unit.emulator.test_templates import SERVING, TEMPLATE

APPLICATION = {"applicationName": "pipelines", "repositoryName": "acme", "revision": "HEAD", "path": "."}
REPOSITORY = {"name": "acme", "url": "https://git.example.com/acme", "username": "u", "password": "hidden"}


@pytest.fixture
def emulator(tmp_path, clock):
    """Give an emulator with one template."""
    (tmp_path / "train.yaml").write_text(TEMPLATE)
    with Emulator(now=clock.now, templates=tmp_path) as emulator:
        yield emulator


@pytest.fixture
def admin(admin):
    """Give a client below ``/v2/admin`` of a tenant with an application."""
    admin.post("/repositories", json=REPOSITORY).raise_for_status()
    admin.post("/applications", json=APPLICATION).raise_for_status()
    return admin


def test_refresh_replaces_and_adds_executables(emulator, admin, tmp_path):
    """What changed in the folder is there after a refresh."""
    (tmp_path / "train.yaml").write_text(TEMPLATE.replace("1.2.0", "1.3.0"))
    (tmp_path / "more.yaml").write_text(TEMPLATE.replace("name: text-clf-train", "name: text-clf-more"))
    assert admin.post("/applications/pipelines/refresh").status_code == 202
    executables = emulator.state.executables
    assert {name: each.version_id for name, each in executables.items()} == {
        "text-clf-more": "1.2.0",
        "text-clf-train": "1.3.0",
    }


def test_status_says_why_a_template_was_refused(emulator, admin, tmp_path):
    """The refused one is named with its reason, the others are taken, and what was there stays."""
    (tmp_path / "train.yaml").write_text(TEMPLATE.replace("entrypoint: main", ""))
    (tmp_path / "more.yaml").write_text(TEMPLATE.replace("name: text-clf-train", "name: text-clf-more"))
    (reason,) = emulator.reload_templates()
    status = admin.get("/applications/pipelines/status").json()
    assert (status["syncStatus"], status["healthStatus"], status["message"]) == (
        "OutOfSync",
        "Degraded",
        reason,
    )
    assert "entrypoint" in reason
    assert [(each["name"], each["status"], each["message"]) for each in status["syncResourcesStatus"]] == [
        ("text-clf-more", "Synced", "text-clf-more configured"),
        ("train.yaml", "SyncFailed", reason),
    ]
    assert set(emulator.state.executables) == {"text-clf-more", "text-clf-train"}


def test_two_templates_of_one_name_are_refused(emulator, tmp_path):
    """The first one is taken."""
    (tmp_path / "twin.yaml").write_text(TEMPLATE)
    assert "twin.yaml" in emulator.reload_templates()[0]


def test_missing_folder_is_a_refusal(emulator, tmp_path):
    """What went wrong with the folder as a whole shows in the same place."""
    (tmp_path / "train.yaml").unlink()
    tmp_path.rmdir()
    assert "does not exist" in emulator.reload_templates()[0]


def test_tenant_has_at_most_fifty_templates(emulator, tmp_path):
    """The fifty-first is refused."""
    documents = [TEMPLATE.replace("name: text-clf-train", f"name: train-{number}") for number in range(51)]
    (tmp_path / "train.yaml").write_text("---".join(documents))
    (reason,) = emulator.reload_templates()
    assert "at most 50" in reason


def test_without_a_folder_there_is_nothing_to_read():
    """An emulator of scripted executables has nothing to refuse."""
    assert Emulator().reload_templates() == ()


def test_status_after_a_good_sync(admin):
    """All is well, and the source is that of the application."""
    status = admin.get("/applications/pipelines/status").json()
    assert (status["syncStatus"], status["healthStatus"]) == ("Synced", "Healthy")
    assert status["source"] == {"repoURL": REPOSITORY["url"], "path": ".", "revision": "HEAD"}


def test_repository_is_unique_and_keeps_its_password(emulator, admin):
    """A second one of the name is 409; no answer and no record has the password."""
    assert admin.post("/repositories", json=REPOSITORY).status_code == 409
    assert admin.get("/repositories/acme").json() == {
        "name": "acme",
        "url": REPOSITORY["url"],
        "status": "COMPLETED",
    }
    assert "hidden" not in repr(emulator.requests)


@pytest.mark.parametrize("source", [{}, {"repositoryUrl": "https://a", "repositoryName": "acme"}])
def test_application_needs_one_repository(admin, source):
    """By its name or by its URL, not by both."""
    body = {"revision": "HEAD", "path": ".", **source}
    assert admin.post("/applications", json=body).status_code == 400


def test_what_is_read_again_stays_as_old_as_it_is(emulator, api, clock):
    """Another reading creates neither executables nor scenarios anew."""
    created_at = clock.now()
    clock.move(3600)
    assert emulator.reload_templates() == ()
    state = emulator.state
    assert {each.created_at for each in (*state.executables.values(), *state.scenarios.values())} == {
        created_at
    }


def test_quota_is_of_either_kind(emulator, tmp_path):
    """Fifty WorkflowTemplates leave room for as many ServingTemplates."""
    documents = [TEMPLATE.replace("name: text-clf-train", f"name: train-{number}") for number in range(50)]
    documents.append(SERVING)
    (tmp_path / "train.yaml").write_text("---".join(documents))
    assert emulator.reload_templates() == ()


def test_executable_of_a_template_read_again_is_no_longer_one_of_before(tmp_path, clock):
    """Once a template has taken the place of an earlier emulator's executable, its id is taken."""
    templates = tmp_path / "templates"
    templates.mkdir()
    with Emulator(now=clock.now, state=tmp_path / "state") as first:
        first.add_executable("text-clf", "text-clf-train")
    with Emulator(now=clock.now, state=tmp_path / "state", templates=templates) as second:
        (templates / "train.yaml").write_text(TEMPLATE)
        assert second.reload_templates() == ()
        with pytest.raises(ValueError, match="exists already"):
            second.add_executable("text-clf", "text-clf-train")


def test_status_at_the_start_is_about_templates_alone(tmp_path, clock):
    """Executables that an earlier emulator has left are none."""
    (tmp_path / "templates").mkdir()
    with Emulator(now=clock.now, state=tmp_path / "state") as first:
        first.add_executable("text-clf", "text-clf-train")
    with Emulator(now=clock.now, state=tmp_path / "state", templates=tmp_path / "templates") as second:
        assert second.state.sync.templates == ()


def test_refused_template_does_not_take_along_those_after_it(emulator, admin, tmp_path):
    """Each document of a file has a fate of its own, and the status says of which kind it is."""
    refused = TEMPLATE.replace("entrypoint: main", "").replace("name: text-clf-train", "name: bad")
    (tmp_path / "train.yaml").write_text(f"{TEMPLATE}---{refused}---{SERVING}")
    assert len(emulator.reload_templates()) == 1
    status = admin.get("/applications/pipelines/status").json()
    fates = [(each["kind"], each["status"]) for each in status["syncResourcesStatus"]]
    assert fates == [
        ("WorkflowTemplate", "Synced"),
        ("WorkflowTemplate", "SyncFailed"),
        ("ServingTemplate", "Synced"),
    ]
