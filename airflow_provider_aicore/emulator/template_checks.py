"""What can be seen to be wrong in a workflow before it runs: names, tags, conditions, cycles, images."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from airflow_provider_aicore.emulator import expressions
from airflow_provider_aicore.emulator.argo import Call, Template, WorkflowError
from airflow_provider_aicore.emulator.parts import Part
from airflow_provider_aicore.emulator.sandbox import find_image
from airflow_provider_aicore.emulator.tags import expression_in, is_argos, tag_name, tag_names


class WorkflowChecker:
    """Checks one workflow that has been read.

    :param spec: of the WorkflowTemplate.
    :param templates: read from it.
    :param images: name of an image to the folder that stands for it; none: images are not looked at.
    """

    def __init__(self, spec: Part, templates: Mapping[str, Template], images: Mapping[str, Path]) -> None:
        self._spec, self._templates, self._images = spec, templates, images
        self._parameters = {each.text("name") for each in spec.part("arguments").items("parameters")}

    def check(self) -> None:
        """Look through all of it.

        :raises PartRefused: something cannot run, with the way to it.
        """
        entrypoint = self._spec.part("entrypoint")
        self._check_call(entrypoint, entrypoint.word(), self._parameters)
        outside = {f"workflow.parameters.{name}" for name in self._parameters}
        outside |= {"workflow.name", "workflow.uid"}
        _check_texts(self._spec.part("arguments"), set())
        for part in self._spec.items("templates"):
            self._check_template(part, self._templates[part.text("name")], outside)

    def _check_template(self, part: Part, template: Template, outside: set[str]) -> None:
        inside = outside | {f"inputs.parameters.{name}" for name in template.parameters}
        _check_texts(part.part("inputs").part("parameters"), outside)
        if template.container is None:
            artifacts = {f"inputs.artifacts.{port.name}" for port in template.inputs}
            _check_texts(part.part("inputs").part("artifacts"), inside)
            self._check_calls(part, template, inside | artifacts)
            return
        inside |= {f"inputs.artifacts.{port.name}.path" for port in template.inputs}
        inside |= {f"outputs.artifacts.{port.name}.path" for port in template.outputs}
        inside |= {f"outputs.parameters.{each.name}.path" for each in template.output_parameters}
        inside |= {"pod.name", *(["retries"] if template.retry else [])}
        for name in part.mapping():
            _check_texts(part.part(name).part("artifacts") if name == "inputs" else part.part(name), inside)
        image = part.part("script" if "script" in part else "container").part("image")
        name = template.container.image
        if self._images and "{{" not in name and find_image(name, self._images) is None:
            image.refuse(
                f"no folder is given for the image {name!r}; there are ones for {', '.join(self._images)}"
            )

    def _check_calls(self, part: Part, template: Template, inside: set[str]) -> None:
        known = {call.name: call for call in template.calls}
        results = {
            name: self._results(call, "tasks" if template.tasks else "steps") for name, call in known.items()
        }
        for call_part, call, earlier in _calls(part, template, known):
            if known[call.name] is not call:
                call_part.refuse(f"there are two of the name {call.name}")
            self._check_call(call_part.part("template"), call.template, call.parameters)
            loop = {"item"} if call.loops else set()
            names = inside.union(*(results[name] for name in earlier))
            _check_texts(call_part, names | loop)
            if call.when is not None:
                try:
                    expressions.check(call.when)
                except WorkflowError as error:
                    call_part.part("when").refuse(str(error))
        _check_texts(part.part("outputs"), inside.union(*results.values()))

    def _check_call(self, part: Part, name: str, given: Mapping[str, str] | set[str]) -> None:
        template = self._templates.get(name)
        if template is None:
            part.refuse(f"there is no template {name}; there are {', '.join(self._templates)}")
        for parameter, default in template.parameters.items():
            if default is None and parameter not in given:
                part.refuse(f"the template {name} is given no value for its parameter {parameter}")

    def _results(self, call: Call, kind: str) -> set[str]:
        template = self._templates.get(call.template)
        if template is None:
            return set()
        names = {"status"} | {f"outputs.parameters.{each.name}" for each in template.output_parameters}
        if template.container is not None:
            names |= {"outputs.result"} if call.loops else {"outputs.result", "exitCode"}
        if call.loops:
            names.add("outputs.parameters")
        else:
            names |= {f"outputs.artifacts.{port.name}" for port in template.outputs}
        return {f"{kind}.{call.name}.{name}" for name in names}


def _calls(
    part: Part, template: Template, known: Mapping[str, Call]
) -> Iterator[tuple[Part, Call, set[str]]]:
    """Give each call with the names of those that have ended before it."""
    earlier: set[str] = set()
    for group_part, group in zip(part.items("steps") if template.steps else [], template.steps, strict=True):
        for each, call in zip(group_part.list(), group, strict=True):
            yield each, call, earlier
        earlier = earlier | {call.name for call in group}
    for each, call in zip(
        part.part("dag").items("tasks") if template.tasks else [], template.tasks, strict=True
    ):
        yield each, call, _ancestors(each, call, known)


def _ancestors(part: Part, call: Call, known: Mapping[str, Call]) -> set[str]:
    found: set[str] = set()
    ahead = list(call.dependencies)
    while ahead:
        name = ahead.pop()
        if name not in known:
            part.refuse(f"the dag has no task {name} to depend on; it has {', '.join(known)}")
        if name == call.name:
            part.refuse(f"the dag runs in a circle: {name} depends on itself by way of others")
        if name not in found:
            found.add(name)
            ahead += known[name].dependencies
    return found


def _check_texts(part: Part, names: set[str]) -> None:
    """Look at every tag in a part: artifacts are filled in where they are handed on, and nowhere else."""
    values = {name for name in names if ".artifacts." not in name or name.endswith(".path")}
    for text in part.texts():
        if expression := expression_in(text.value):
            text.refuse(f"{expression} is an expression, which the emulator does not evaluate")
        if text.way[-1] == "from":
            try:
                name = tag_name(text.value)
            except WorkflowError as error:
                text.refuse(str(error))
            if name not in names - values:
                there = ", ".join(sorted(names - values)) or "none"
                text.refuse(f"there is no artifact {name} here; there are {there}")
            continue
        for name in tag_names(text.value):
            loop = name.startswith("item.") and "item" in names
            if is_argos(name) and name not in values and not loop:
                text.refuse(f"{{{{{name}}}}} has no value here; these have: {', '.join(sorted(values))}")
