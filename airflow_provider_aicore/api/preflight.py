"""Looks whether bindings fit their executable, before anything is made of them.

AI Core itself checks little when it takes a configuration: what does not fit shows when the execution is
DEAD. What is right costs one request, and one more if there are input artifacts; more are made only to
explain what is wrong, or when all is to be looked at. Trouble in looking is a warning, not an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aicore.api import artifacts, object_store_secrets, scenarios
from airflow_provider_aicore.api.call import Call, Flow, once
from airflow_provider_aicore.api.diagnosis import OUTPUT_SECRET
from airflow_provider_aicore.api.errors import AICoreError, NotFoundError
from airflow_provider_aicore.signature import Problem, Signature, check_names, check_outputs, closest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from airflow_provider_aicore.api.ensure import Bindings
    from airflow_provider_aicore.api.models import Artifact, Executable, ExecutableArtifact, Scenario
    from airflow_provider_aicore.api.retry import RetryPolicy

T = TypeVar("T")

LISTED = 1000
"""Artifacts of a scenario that are read at once; what is bound and not among them is read singly."""
_SCHEME = "ai://"
_SHOWN = 10


def check(
    bindings: Bindings,
    retry: RetryPolicy,
    *,
    for_execution: bool = True,
    optional_inputs: Collection[str] = (),
    expected_outputs: Collection[str] = (),
    thorough: bool = False,
) -> Flow[list[Problem]]:
    """Look for what is wrong with bindings; errors come before warnings.

    :param for_execution: an execution is to be started with them; else it may be a deployment.
    :param optional_inputs: names of input artifacts that may be left out, which AI Core does not tell.
    :param expected_outputs: names of output artifacts that the execution is to write.
    :param thorough: look at the object store secrets as well, and raise what the client raises where the
        executable or the artifacts cannot be read.
    :raises AICoreError: see `thorough`.
    """
    problems: list[Problem] = []
    signature: Signature | None = None
    call = scenarios.get_executable(bindings.scenario_id, bindings.executable_id)
    try:
        executable = yield from _if_there(call, retry)
    except AICoreError as error:
        if thorough:
            raise
        return [Problem(f"The bindings could not be checked: {error}", is_error=False)]
    if executable is None:
        problems.append((yield from _unknown(bindings, retry)))
    else:
        signature = signature_of(executable, bindings, optional_inputs)
        problems += check_executable(executable, for_execution=for_execution)
        problems += check_names(signature, bindings.parameters, bindings.input_artifacts)
        problems += check_outputs(signature, expected_outputs)
    try:
        bound = yield from _artifacts(bindings, retry)
        problems += check_artifacts(bindings, signature, bound)
        if thorough:
            problems += yield from _secrets(signature, bound.values(), retry)
    except AICoreError as error:
        if thorough:
            raise
        problems.append(Problem(f"The input artifacts could not be checked: {error}", is_error=False))
    return sorted(problems, key=lambda problem: not problem.is_error)


def signature_of(executable: Executable, bindings: Bindings, optional_inputs: Collection[str]) -> Signature:
    """Return what an executable declares."""

    def kinds(declared: list[ExecutableArtifact] | None) -> dict[str, str | None]:
        return {one.name: one.kind for one in declared or []}

    return Signature(
        bindings.scenario_id,
        bindings.executable_id,
        {one.name: one.default for one in executable.parameters or []},
        kinds(executable.input_artifacts),
        kinds(executable.output_artifacts),
        tuple(optional_inputs),
    )


def check_executable(executable: Executable, *, for_execution: bool) -> Iterator[Problem]:
    """Look whether an executable can be run at all.

    Source for 1970: SAP's documentation has it as the mark of an executable whose sync from Git has failed.
    """
    if for_execution and executable.deployable:
        yield Problem(
            f"The executable {executable.id!r} is for deployments (`deployable` is true), so that no "
            "execution of it can be started: give one that comes from a WorkflowTemplate."
        )
    if executable.modified_at.year <= 1970:
        yield Problem(
            f"AI Core failed to sync the executable {executable.id!r} from its Git repository: `modifiedAt` "
            "is of 1970. Look at the application's status and correct the template."
        )


def check_artifacts(
    bindings: Bindings, signature: Signature | None, bound: Mapping[str, Artifact | None]
) -> Iterator[Problem]:
    """Look whether the artifacts that are bound are there and of the kind and scenario that is wanted.

    :param signature: ``None`` if the executable does not exist.
    :param bound: artifacts by id; ``None`` for one that does not exist.
    """
    for name, artifact_id in bindings.input_artifacts.items():
        artifact = bound[artifact_id]
        if artifact is None:
            yield Problem(
                f"The input artifact {name!r} is bound to {artifact_id}, which is no artifact of this "
                "resource group: check the id, and in which group it was registered."
            )
            continue
        which = f"The input artifact {name!r} is bound to {artifact_id} ({artifact.name!r})"
        kind = signature and signature.input_artifacts.get(name)
        if kind and artifact.kind != kind:
            yield Problem(
                f"{which} of kind {artifact.kind!r}, but the executable wants {kind!r}: bind another one."
            )
        if signature and artifact.scenario_id != bindings.scenario_id:
            text = f"{which} of another scenario, {artifact.scenario_id!r}, which may not be allowed."
            yield Problem(text, is_error=False)
        if not artifact.url.startswith(_SCHEME):
            text = f"{which} with the URL {artifact.url!r}: AI Core reads ai://<object store secret>/<path>."
            yield Problem(text, is_error=False)
        elif artifact.url.endswith("/"):
            text = (
                f"{which} with the URL {artifact.url!r}: its slash at the end keeps AI Core from finding it."
            )
            yield Problem(text, is_error=False)


def _artifacts(bindings: Bindings, retry: RetryPolicy) -> Flow[dict[str, Artifact | None]]:
    """Read the artifacts that are bound: one by itself, several in one list."""
    found: dict[str, Artifact | None] = dict.fromkeys(bindings.input_artifacts.values())
    if len(found) > 1:
        call = artifacts.query(scenario_id=bindings.scenario_id, top=LISTED)
        found |= {one.id: one for one in (yield from once(call, retry)) if one.id in found}
    for artifact_id in [each for each, artifact in found.items() if artifact is None]:
        found[artifact_id] = yield from _if_there(artifacts.get(artifact_id), retry)
    return found


def _if_there(call: Call[T], retry: RetryPolicy) -> Flow[T | None]:
    try:
        return (yield from once(call, retry))
    except NotFoundError:
        return None


def _unknown(bindings: Bindings, retry: RetryPolicy) -> Flow[Problem]:
    """Say whether it is the scenario or the executable that does not exist, and what there is."""
    scenario_id, executable_id = bindings.scenario_id, bindings.executable_id
    both = f"There is no executable {executable_id!r} in scenario {scenario_id!r}"
    try:
        known = yield from once(scenarios.query(), retry)
        if scenario_id not in {one.id for one in known}:
            return Problem(f"There is no scenario {scenario_id!r}. {_hint(scenario_id, known)}")
        there = yield from once(scenarios.query_executables(scenario_id), retry)
    except AICoreError as error:
        return Problem(f"{both}: check both ids. What there is could not be looked up: {error}")
    if executable_id in {one.id for one in there}:
        return Problem(
            f"AI Core lists the executable {executable_id!r} but does not give it.", is_error=False
        )
    return Problem(f"{both}. {_hint(executable_id, there)}")


def _hint(given: str, there: Sequence[Scenario | Executable]) -> str:
    for one in there:
        if one.name.strip().casefold() == given.strip().casefold():
            return f"{given!r} is the display name of {one.id!r}: give that id."
    ids = sorted(one.id for one in there)
    meant = closest(given, ids)
    if meant:
        return f"Did you mean {meant!r}?"
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return f"There are: {', '.join(ids[:_SHOWN])}{more}." if ids else "There is none at all."


def _secrets(
    signature: Signature | None, bound: Collection[Artifact | None], retry: RetryPolicy
) -> Flow[list[Problem]]:
    """Look whether the object store secrets that inputs and outputs need are there."""
    urls = [one.url for one in bound if one]
    needed = [url.removeprefix(_SCHEME).partition("/")[0] for url in urls if url.startswith(_SCHEME)]
    use = dict.fromkeys(needed, "an input artifact's URL names")
    if signature and signature.output_artifacts:
        use[OUTPUT_SECRET] = "outputs are stored with"
    if not use:
        return []
    try:
        there = {secret.name for secret in (yield from once(object_store_secrets.query(), retry))}
    except AICoreError as error:
        return [Problem(f"The object store secrets could not be checked: {error}", is_error=False)]
    return [
        Problem(
            f"The resource group has no object store secret {name!r}, which {use[name]}: create it.",
            is_error=False,
        )
        for name in sorted(use.keys() - there)
    ]
