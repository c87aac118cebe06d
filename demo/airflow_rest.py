"""What the demo and the end-to-end tests ask of Airflow's REST API."""

from __future__ import annotations

from typing import Any

import httpx


class AirflowREST:
    """A client for Airflow's REST API, version 2.

    :param url: where the API server listens.
    """

    def __init__(self, url: str) -> None:
        # On a busy machine a request can wait for SQLite for half a minute.
        self.http = httpx.Client(base_url=url, timeout=90, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def log_in(self, user: str, password: str) -> None:
        """Get a token and use it from now on."""
        answer = self.http.post("/auth/token", json={"username": user, "password": password})
        self._expect_success(answer)
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Call ``/api/v2`` and read the JSON of the answer.

        :param options: what ``httpx.Client.request`` takes: ``json``, ``params``, ``headers``.
        :raises RuntimeError: for any answer but a success.
        """
        answer = self.http.request(method, f"/api/v2{path}", **options)
        self._expect_success(answer)
        return answer.json() if answer.content else None

    def health(self) -> dict[str, Any] | None:
        """Ask for the health of each component; ``None`` while the API server is not ready to say."""
        answer = self.http.get("/api/v2/monitor/health")
        return answer.json() if answer.is_success else None

    def version(self) -> str:
        """Ask for Airflow's version."""
        return str(self.call("GET", "/version")["version"])

    def has_dag(self, dag_id: str) -> bool:
        """Say whether the DAG is known."""
        return self.http.get(f"/api/v2/dags/{dag_id}").is_success

    def import_errors(self) -> list[str]:
        """Read the stack traces of DAG files that could not be imported."""
        errors = self.call("GET", "/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace']}" for error in errors]

    def create_connection(self, connection_id: str, conn_type: str, extra: str, **fields: str) -> None:
        """Create a connection.

        :param extra: a JSON text.
        :param fields: what else it has, as the API names it.
        """
        body = {"connection_id": connection_id, "conn_type": conn_type, "extra": extra, **fields}
        self.call("POST", "/connections", json=body)

    def create_variable(self, key: str, value: str, description: str = "") -> None:
        """Create a variable."""
        self.call("POST", "/variables", json={"key": key, "value": value, "description": description})

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run the DAG."""
        self.call("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run of a DAG.

        :param conf: values of its params.
        :return: the run's id.
        """
        body = {"logical_date": None, "conf": conf or {}}
        return str(self.call("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def dag_run_state(self, dag_id: str, run_id: str) -> str:
        """Read the state of a run: queued, running, success or failed."""
        return str(self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def task_instances(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """Read all task instances of a run, by task id."""
        answer = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances")
        return {str(each["task_id"]): each for each in answer["task_instances"]}

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """Read what a task has handed on."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.call("GET", path)["value"]

    def links(self, dag_id: str, run_id: str, task_id: str) -> dict[str, str | None]:
        """Read where the buttons of a task lead, by what is written on them."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/links"
        links: dict[str, str | None] = self.call("GET", path)["extra_links"]
        return links

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1) -> list[str]:
        """Read the messages in the log of one try of a task, exceptions among them."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        content = self.call("GET", path, headers={"Accept": "application/json"})["content"]
        return [message for line in content for message in (line["event"], *self._errors(line))]

    @staticmethod
    def _errors(line: dict[str, Any]) -> list[str]:
        return [f"{error['exc_type']}: {error['exc_value']}" for error in line.get("error_detail") or []]

    @staticmethod
    def _expect_success(answer: httpx.Response) -> None:
        if not answer.is_success:
            asked = f"Airflow's {answer.request.method} {answer.request.url.path}"
            raise RuntimeError(f"{asked} answered {answer.status_code}: {answer.text[:500]}")
