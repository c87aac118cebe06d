"""The known causes of which executions die or do not start: how each is recognised, and what to do.

What AI Core and Argo say decides, and so do the exit codes of a command that is none. What the user's program
has printed is a hint only: a program may print anything, and die of something else.

Sources: SAP's documentation on troubleshooting, Argo's and Kubernetes' messages, exit codes as shells have
them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aicore.api.status_details import failed_container, messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aicore.api.models import Execution, LogLine

INPUT_MISSING = "input-missing"
_LONGEST = 2000
"""Characters of one text that are looked at."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something of which executions die or do not start.

    :param name: by which docs/errors.md has it.
    :param what: a sentence that says what it is.
    :param remedy: a sentence that says what to do.
    :param said: how it is recognised in the words of AI Core, Argo and Kubernetes.
    :param printed: how it is recognised in what the program has printed, of what may heal only.
    :param exit_codes: how it is recognised in the container's exit code.
    :param may_heal: another execution may fare better although nobody has changed anything.
    """

    name: str
    what: str
    remedy: str
    said: re.Pattern[str] | None = None
    printed: re.Pattern[str] | None = None
    exit_codes: frozenset[int] = frozenset()
    may_heal: bool = True


class Recognised(NamedTuple):
    """A cause, and whether it is more than a guess."""

    cause: Cause
    is_sure: bool

    def __str__(self) -> str:
        sure = "Cause" if self.is_sure else "Probable cause"
        return f"{sure} ({self.cause.name}): {self.cause.what} {self.cause.remedy}"


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_PULL = r"ImagePullBackOff|ErrImagePull|pull(?:ing)? (?:and unpack )?image"

CAUSES = (
    Cause(
        "image-pull-later",
        "The image's registry is out of reach, or lets nobody pull as often as that.",
        "Try again later; a docker registry secret of an account raises the registry's limit.",
        said=_words(
            r"toomanyrequests",
            r"pull rate limit",
            rf"(?:{_PULL})(?s:.*)(?:i/o timeout|TLS handshake timeout|connection refused|no such host)",
        ),
    ),
    Cause(
        "image-not-allowed",
        "The image is not there, or its registry does not let AI Core pull it.",
        "Check the image's name and tag in the template, and that imagePullSecrets there names a docker "
        "registry secret for just this registry (for Docker Hub its host is https://index.docker.io/v1/).",
        said=_words(
            r"InvalidImageName",
            r"manifest unknown",
            r"manifest for \S+ not found",
            r"pull access denied",
            r"no basic auth credentials",
            rf"(?:{_PULL})(?s:.*)(?:not found|unauthorized|authentication required|denied|forbidden)",
        ),
        may_heal=False,
    ),
    Cause(
        "image-pull",
        "The image cannot be pulled.",
        "Check the image's name in the template, that imagePullSecrets there names a docker registry secret "
        "for its registry, and that the tenant has that secret with the host, user and password of today.",
        said=_words(_PULL),
    ),
    Cause(
        "secret-missing",
        "The pod asks for a secret, or for a key of one, that is not there.",
        "Create the generic secret in this resource group under the name that the template uses.",
        said=_words(r"secrets? \"[^\"]*\" not found", r"find key \S+ in Secret"),
        may_heal=False,
    ),
    Cause(
        "container-config",
        "The container cannot be set up, as when it asks for a secret that is not there.",
        "Compare the secrets that the template names with the generic secrets of this resource group; a "
        "cluster that is short of time says the same.",
        said=_words(r"CreateContainerConfigError"),
    ),
    Cause(
        "no-node",
        "No node has room for the pod, now or ever.",
        "Wait, or ask for less: check the label ai.sap.com/resourcePlan of the template.",
        said=_words(
            r"un-?schedulable",
            r"lack of resource",
            r"Insufficient (?:cpu|memory|pods|ephemeral|nvidia)",
            r"nodes are available",
        ),
    ),
    Cause(
        "quota",
        "A quota of the tenant is used up.",
        "Stop what is not needed, run fewer tasks at once (an Airflow pool), or have the quota raised by a "
        "ticket for the component CA-ML-AIC.",
        said=_words(r"exceeded quota", r"quota (?:is )?exceeded", r"ResourceQuota", r"quota .{0,40}used up"),
    ),
    Cause(
        "node-lost",
        "The cluster took the pod away: its node was lost, drained or short of resources.",
        "A retry starts a new execution elsewhere; if it happens often take a larger resource plan.",
        said=_words(
            r"\bEvicted\b",
            r"node was low on resource",
            r"NodeLost|NodeShutdown|NodeNotReady",
            r"node .{0,80}(?:not ready|shut ?down|lost)",
            r"preempt",
            r"pod deleted|pod was (?:deleted|terminated)",
        ),
    ),
    Cause(
        "out-of-memory",
        "The container was killed, as it is when it takes more memory than it may.",
        "Take a larger resource plan (label ai.sap.com/resourcePlan of the template), or less data at once.",
        said=_words(r"OOMKilled"),
        printed=_words(r"\bMemoryError\b", r"out of memory", r"Cannot allocate memory", r"std::bad_alloc"),
        exit_codes=frozenset({137}),
    ),
    Cause(
        "deadline",
        "The pod ran longer than its template lets it.",
        "Raise activeDeadlineSeconds in the template, or give it less to do.",
        said=_words(r"longer than the specified deadline", r"DeadlineExceeded"),
    ),
    Cause(
        INPUT_MISSING,
        "An input artifact's file is not where its URL says.",
        "Check the artifact's URL: ai://<object store secret>/<path>, without a slash at its end, with exact "
        "case, and without what the secret's pathPrefix adds by itself.",
        said=_words(
            r"specified key does not exist",
            r"NoSuchKey|NoSuchBucket|BlobNotFound",
            r"specified (?:bucket|blob) does not exist",
            r"failed to load the input artifact .{0,80}(?:nothing is bound|there is no object store secret)",
        ),
        may_heal=False,
    ),
    Cause(
        "object-store-refused",
        "The object store refuses the credentials of its secret.",
        "Correct the object store secret that the artifact's URL names (`default` for outputs): access key, "
        "secret key, bucket, region, and what the key may do.",
        said=_words(
            r"InvalidAccessKeyId",
            r"SignatureDoesNotMatch",
            r"\bAccess ?Denied\b",
            r"AuthorizationHeaderMalformed",
        ),
        may_heal=False,
    ),
    Cause(
        "output-not-written",
        "The program ended well, but wrote nothing to the path of an output artifact.",
        "Let it write there, or correct the output's path in the template; one that may be missing is "
        "declared `optional: true`.",
        said=_words(
            r"nothing was written to",
            r"failed to (?:save|store) (?:the )?output.{0,200}(?:no such file|not found|does not exist)",
            r"path \S+ does not exist in archive",
        ),
        may_heal=False,
    ),
    Cause(
        "no-such-command",
        "The container's command is not in the image, or no program.",
        "Correct command and args of the template, or the image: the path has to be there, be executable for "
        "user 65534, and be built for linux/amd64.",
        said=_words(
            r"executable file not found",
            r"exec format error",
            r"\bcannot run '",
            r"exec: \\?\"[^\"]*\": (?:stat [^:]*: )?(?:no such file or directory|permission denied)",
        ),
        exit_codes=frozenset({126, 127}),
        may_heal=False,
    ),
    Cause(
        "container-start",
        "The container cannot be started: because of its command or image, or of the node that it is on.",
        "A retry starts a new execution elsewhere; if it happens again check the command in the template.",
        said=_words(r"StartError|ContainerCannotRun|RunContainerError"),
    ),
    Cause(
        "terminated",
        "The container was told to end (SIGTERM), as it is when its node goes or the execution is stopped.",
        "A retry starts a new execution; if it happens often ask SAP's support.",
        exit_codes=frozenset({143}),
    ),
    Cause(
        "permission-denied",
        "The program may not read or write a file: on AI Core it runs as user 65534, not as root.",
        "Give the folder to that user in the image: RUN chown -R 65534:65534 /app && chmod -R u+rwX /app.",
        printed=_words(
            r"Permission ?denied", r"\bPermissionError\b", r"\bEACCES\b", r"Read-only file system"
        ),
    ),
    Cause(
        "disk-full",
        "The pod's disk is full.",
        "Write less, or take a larger resource plan.",
        said=_words(r"No space left on device"),
        printed=_words(r"No space left on device"),
    ),
    Cause(
        "package-missing",
        "The image lacks a Python package that the program imports.",
        "Add it to the image.",
        printed=_words(r"ModuleNotFoundError", r"No module named "),
    ),
    Cause(
        "parameter-missing",
        "The program was not given an argument or a variable that it asks for.",
        "Compare the names of parameters in the configuration, the template and the program: they are "
        "case-sensitive, and AI Core ignores one that the template does not declare.",
        printed=_words(
            r"the following arguments are required",
            r"unrecognized arguments",
            r"^KeyError: '[A-Z][A-Z0-9_]+'",
        ),
    ),
)
"""In the order in which they are looked for."""


def recognise(execution: Execution, lines: Sequence[LogLine] = ()) -> Recognised | None:
    """Recognise of what an execution died, or why it does not start, if that is known.

    :param lines: of its log.
    """
    container = failed_container(execution.status_details)
    said, printed = [execution.status_message or "", *messages(execution.status_details)], [""]
    argo_s = container.name if container is not None and container.is_argo_s else None
    if container is not None:
        said.append(container.message)
        (said if argo_s else printed).append(container.log)
    for line in lines:
        (said if argo_s and line.container == argo_s else printed).append(line.msg)
    exit_code = None if container is None else container.exit_code
    for cause in CAUSES:
        if _is_in(cause.said, said):
            return Recognised(cause, is_sure=True)
    for cause in CAUSES:
        if exit_code in cause.exit_codes:
            return Recognised(cause, is_sure=not cause.may_heal)
    for cause in CAUSES:
        if _is_in(cause.printed, printed):
            return Recognised(cause, is_sure=False)
    return None


def _is_in(pattern: re.Pattern[str] | None, texts: Sequence[str]) -> bool:
    return pattern is not None and any(pattern.search(text[-_LONGEST:]) for text in texts)
