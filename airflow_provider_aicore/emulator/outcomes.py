"""What a part of a workflow leaves: outputs, an end, and the values that later parts can use."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_provider_aicore.emulator.argo import ArtifactPort, Call, OutputParameter, WorkflowError
from airflow_provider_aicore.emulator.tags import substitute, tag_name, tag_names

Source = Path | str
"""Where an artifact comes from: a file of an earlier step, or the URL of a registered artifact."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a template leaves when it ends well.

    :param result: what its program wrote to standard output, where somebody uses it.
    """

    artifacts: Mapping[str, Path] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    result: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step or a task ended.

    :param status: ``Succeeded``, ``Failed``, ``Error``, ``Skipped`` (by ``when``) or ``Omitted`` (as what it
        depends on did not end well).
    :param outputs: empty if it did not end well.
    :param error: why it did not.
    :param loop: the ends of its items, None if it is no loop.
    """

    status: str
    outputs: Outputs = field(default_factory=Outputs)
    error: WorkflowError | None = None
    loop: Sequence["Outcome"] | None = None

    def stops(self, call: Call) -> bool:
        """Say whether what comes after *call* must not run."""
        return self.status in {"Failed", "Error", "Omitted"} and self.status not in call.continue_on

    @staticmethod
    def of_loop(outcomes: Sequence["Outcome"]) -> "Outcome":
        """Put the ends of a loop's items together."""
        if not outcomes:
            return Outcome("Skipped", loop=outcomes)
        bad = next((each for each in outcomes if each.error is not None), None)
        return Outcome(
            "Succeeded" if bad is None else bad.status,
            error=None if bad is None else bad.error,
            loop=outcomes,
        )


class Scope:
    """The values and artifacts that the calls of one template can use.

    Nothing is changed in place, as calls that run side by side read it.

    :param values: by full name, such as ``inputs.parameters.epochs``.
    :param artifacts: the template's own inputs, by name.
    """

    def __init__(self, values: Mapping[str, str], artifacts: Mapping[str, Source]) -> None:
        self.values: dict[str, str] = dict(values)
        self._artifacts = {f"inputs.artifacts.{name}": source for name, source in artifacts.items()}

    def add(self, kind: str, call: Call, outcome: Outcome) -> None:
        """Take in how a call ended.

        :param kind: ``steps`` or ``tasks``.
        """
        prefix, outputs = f"{kind}.{call.name}", outcome.outputs
        values = {"status": outcome.status}
        if outcome.loop:
            values |= {f"outputs.{name}": text for name, text in _aggregated(outcome.loop)}
        else:
            values |= {f"outputs.parameters.{name}": text for name, text in outputs.parameters.items()}
        if outputs.result is not None:
            values["outputs.result"] = outputs.result
        exit_code = 0 if outcome.status == "Succeeded" else getattr(outcome.error, "exit_code", None)
        if exit_code is not None:
            values["exitCode"] = str(exit_code)
        artifacts = {f"{prefix}.outputs.artifacts.{name}": path for name, path in outputs.artifacts.items()}
        self.values = {**self.values, **{f"{prefix}.{name}": text for name, text in values.items()}}
        self._artifacts = {**self._artifacts, **artifacts}

    def artifact(self, text: str) -> Source | None:
        """Give the artifact that a ``from`` names, None if its step was skipped or did not write it."""
        return self._artifacts.get(tag_name(text))

    def outputs(self, artifacts: Sequence[ArtifactPort], parameters: Sequence[OutputParameter]) -> Outputs:
        """Give what a template of steps or tasks hands out.

        :raises WorkflowError: something is missing that is neither optional nor has a default.
        """
        found = {port.name: self.artifact(port.source or "") for port in artifacts}
        for port in artifacts:
            if found[port.name] is None and not port.optional:
                raise WorkflowError(
                    f"The output artifact {port.name} comes from {port.source}, which is not there"
                )
        texts = {}
        for each in parameters:
            missing = [name for name in tag_names(each.source or "") if name not in self.values]
            use_default = missing and each.default is not None
            texts[each.name] = substitute((each.default if use_default else each.source) or "", self.values)
        return Outputs({name: path for name, path in found.items() if isinstance(path, Path)}, texts)


def _aggregated(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    """Write the outputs of a loop's good items as JSON lists, as Argo does."""
    good = [each.outputs for each in outcomes if each.status == "Succeeded"]
    names = list(dict.fromkeys(name for each in good for name in each.parameters))
    lists: dict[str, list[Any]] = {
        f"parameters.{name}": [each.parameters[name] for each in good if name in each.parameters]
        for name in names
    }
    lists["parameters"] = [dict(each.parameters) for each in good if each.parameters]
    lists["result"] = [_json_or_text(each.result) for each in good if each.result is not None]
    return [(name, json.dumps(each)) for name, each in lists.items()]


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
