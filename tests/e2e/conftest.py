"""One real Airflow and one emulator for all end-to-end tests, and the runs that several tests look at."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from airflow_provider_aicore.emulator import Emulator
from demo.airflow_processes import Airflow
from demo.emulator_process import EmulatorProcess
from demo.stage import EXAMPLE_DAGS, IMAGES, TEMPLATES, introduce
from tests.contract.judged_program import JUDGED_PROGRAM
from tests.e2e.observation import Observation, observe
from tests.e2e.secret_search import ODD_SECRET, WRONG_SECRET

HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def end_on_sigterm():
    """Let SIGTERM end the session as Ctrl-C does: then the fixtures end what they have started."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory):
    """An emulator with the demo's executable and those of the tests."""
    folder = tmp_path_factory.mktemp("aicore")
    templates = folder / "templates"
    for source in (TEMPLATES, HERE / "templates"):
        shutil.copytree(source, templates, dirs_exist_ok=True)
    key_file = folder / "key.json"
    key_file.write_text(json.dumps(Emulator().service_key | {"clientsecret": ODD_SECRET}))
    options = ("--service-key", str(key_file))
    violations = folder / "violations"
    with EmulatorProcess(
        folder, templates=templates, images=IMAGES, options=options, program=(JUDGED_PROGRAM, str(violations))
    ) as running:
        yield running
    assert not violations.read_text(), "The emulator left the vendor's description"


@pytest.fixture(scope="session")
def airflow(tmp_path_factory, emulator, pem):
    """An Airflow with the example DAGs and those of the tests, connected with the emulator."""
    folder = tmp_path_factory.mktemp("airflow")
    dags = folder / "dags"
    for source in (EXAMPLE_DAGS, HERE / "dags"):
        shutil.copytree(source, dags, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    # How long a killed triggerer counts as alive: 30 s by default.
    settings = {"AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15"}
    with Airflow(folder / "home", dags, settings=settings) as running:
        introduce(running, emulator)
        key = {name: value for name, value in emulator.service_key.items() if name != "clientsecret"}
        key["certurl"] = key["url"]
        wrong = {
            "aicore_wrong_secret": emulator.service_key | {"clientsecret": WRONG_SECRET},
            "aicore_wrong_certificate": key | {"certificate": pem["own.crt"], "key": pem["own.key"]},
        }
        for connection_id, wrong_key in wrong.items():
            extra = {"secret_service_key": json.dumps(wrong_key)}
            running.rest.create_connection(connection_id, "aicore", json.dumps(extra))
        running.rest.create_connection(
            "aicore_single_fields",
            "aicore",
            json.dumps({"auth_url": emulator.service_key["url"]}),
            host=key["serviceurls"]["AI_API_URL"],
            login=key["clientid"],
            password=emulator.service_key["clientsecret"],
        )
        yield running


@pytest.fixture(scope="session")
def demo_run(airflow, emulator) -> Observation:
    """One run of the demo's pipeline, from its start to its end."""
    return observe(airflow, emulator, "demo_pipeline", executable_id="digits-classifier-train")


@pytest.fixture(scope="session")
def failed_run(airflow, emulator) -> Observation:
    """A run whose execution fails."""
    conf = {"seconds": 8, "exit_code": 3}
    return observe(airflow, emulator, "one_execution", executable_id="sleep-and-exit", conf=conf)


@pytest.fixture(scope="session")
def blocking_run(airflow, emulator) -> Observation:
    """A run of two tasks that wait in their workers, one for success and one for failure."""
    return observe(airflow, emulator, "blocking", executable_id="sleep-and-exit")


@pytest.fixture(scope="session")
def refused_run(airflow, emulator) -> Observation:
    """A run whose connections, by secret and by certificate, are refused by AI Core."""
    return observe(airflow, emulator, "wrong_secret", executable_id="sleep-and-exit")


@pytest.fixture(scope="session")
def example_runs(airflow, demo_run):
    """Ids of a run of each of the two examples that need the demo's data, after they have ended."""
    known = {
        "digits_artifact_id": airflow.rest.xcom("demo_pipeline", demo_run.run_id, "register", "id"),
        "digits_url": airflow.rest.xcom("demo_pipeline", demo_run.run_id, "store_digits"),
    }
    needed = {"run_executable": "digits_artifact_id", "long_form": "digits_url"}
    runs = {}
    for dag_id, name in needed.items():
        airflow.wait_for_dag(dag_id)
        airflow.rest.unpause(dag_id)
        runs[dag_id] = airflow.rest.trigger(dag_id, {name: known[name], "epochs": 2})

    def have_ended():
        return all(airflow.rest.dag_run_state(*run) in {"success", "failed"} for run in runs.items())

    airflow.wait_until(have_ended, what="the examples to end")
    return runs
