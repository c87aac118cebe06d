"""Ways in which executions fail on AI Core, as its answers and logs tell of them.

The messages are those of Kubernetes, its container runtimes and Argo; where they stand in AI Core's answers
follows what SAP's documentation and notebooks show.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_aicore.emulator.progress import Progress, Step
from airflow_provider_aicore.emulator.status_details import PodReport

_IMAGE = "registry.example.com/team/train:1.0"


def failing(cause: str, *, seconds: float = 0.0) -> Progress:
    """Make the progress of an execution that fails.

    :param cause: one of :data:`FAILURES`; those that keep it from starting leave it PENDING for ever.
    :param seconds: of the emulator's clock before it fails; 0: before the first look.
    :raises ValueError: it is none of them.
    """
    if cause not in FAILURES:
        raise ValueError(f"failing({cause!r}): one of {', '.join(sorted(FAILURES))} is possible")
    return FAILURES[cause].progress(seconds)


@dataclass(frozen=True, slots=True)
class Failure:
    """How an execution fails.

    :param message: what the workflow engine says of the pod.
    :param culprit: the container that fails; None: none is ever started.
    :param exit_code: of that container.
    :param log: what ``main`` prints before.
    :param waits: it stays PENDING for ever instead of being DEAD.
    """

    message: str = ""
    culprit: str | None = "main"
    exit_code: int = 1
    log: tuple[str, ...] = ()
    waits: bool = False

    def progress(self, seconds: float) -> Progress:
        """Make the progress, in which it fails after so many seconds."""
        if self.waits:
            pod = PodReport("", message=self.message, waits=True)
            return Progress((Step("PENDING", seconds, message=self.message, pod=pod),))
        exit_code = None if self.culprit is None else self.exit_code
        dead = Step("DEAD", seconds, log=self.log, pod=PodReport("", exit_code, self.message, self.culprit))
        return Progress((Step("RUNNING"), dead) if self.log else (dead,))


FAILURES: Mapping[str, Failure] = {
    "image-pull": Failure(f'Back-off pulling image "{_IMAGE}": ImagePullBackOff', waits=True),
    "image-unauthorized": Failure(
        f'ErrImagePull: failed to pull and unpack image "{_IMAGE}": pull access denied, repository does not '
        "exist or may require authorization",
        waits=True,
    ),
    "image-rate-limit": Failure(
        'ErrImagePull: failed to pull image "docker.io/team/train:1.0": toomanyrequests: You have reached '
        "your pull rate limit",
        waits=True,
    ),
    "no-node": Failure("Task currently un-schedulable due to lack of resource", waits=True),
    "secret-missing": Failure('CreateContainerConfigError: secret "hub-token" not found', waits=True),
    "out-of-memory": Failure(
        "OOMKilled (exit code 137)", exit_code=137, log=("epoch 1", "loading 12 GB of images")
    ),
    "killed": Failure("Error (exit code 137)", exit_code=137, log=("epoch 1",)),
    "terminated": Failure("Error (exit code 143)", exit_code=143, log=("epoch 1",)),
    "evicted": Failure(
        "The node was low on resource: ephemeral-storage. Container main was using 20Gi", culprit=None
    ),
    "node-lost": Failure("pod deleted", culprit=None),
    "input-missing": Failure(
        "failed to load the input artifact text-data: The specified key does not exist: "
        "s3://bucket/prefix/ai/data/train.csv",
        culprit="init",
    ),
    "output-missing": Failure(
        "failed to save output artifact text-model: stat /app/model: no such file or directory",
        culprit="wait",
    ),
    "no-such-command": Failure("Error (exit code 127)", exit_code=127, log=("sh: 1: pyhton: not found",)),
    "permission-denied": Failure(
        "Error (exit code 1)",
        log=(
            "Traceback (most recent call last):",
            '  File "/app/train.py", line 7, in <module>',
            "PermissionError: [Errno 13] Permission denied: '/app/model'",
        ),
    ),
    "error": Failure(
        "Error (exit code 1)",
        log=("Traceback (most recent call last):", "NameError: name 'BatchNormalization' is not defined"),
    ),
    "quota": Failure('pods "train" is forbidden: exceeded quota: tenant-pods', culprit=None),
}
"""By the name that a script gives as ``cause``."""
