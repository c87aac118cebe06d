"""Operation ``meta.get``, and the two paths beside it that only SAP's own client knows."""

from airflow_provider_aicore.emulator.exchange import ApiRequest, Reply
from airflow_provider_aicore.emulator.routes import dataset_files


def get(request: ApiRequest) -> Reply:
    """Say what this AI Core can do; what the emulator does not have is not claimed.

    ``minimumFrequencyHour`` is in SAP's documentation only, not in the description.
    """
    bulk = request.tenant.options.bulk_updates
    capabilities = {
        "logs": {"executions": True, "deployments": True},
        "multitenant": True,
        "shareable": True,
        "staticDeployments": False,
        "userDeployments": True,
        "userExecutions": True,
        "timeToLiveDeployments": True,
        "executionSchedules": True,
        "bulkUpdates": {"executions": bulk, "deployments": bulk},
    }
    limits = {
        "executions": {"maxRunningCount": -1},
        "deployments": {"maxRunningCount": -1},
        "minimumFrequencyHour": 1,
        "timeToLiveDeployments": {"minimum": "10m", "maximum": "-1"},
    }
    dataset = {
        "version": "1.0.0",
        "capabilities": {"upload": True, "download": True, "delete": True},
        "limits": {
            "maxUploadFileSize": dataset_files.MOST_BYTES,
            "maxFilesPerDataset": -1,
            "acceptedContentTypes": [dataset_files.CONTENT_TYPE],
        },
    }
    extensions = {
        "dataset": dataset,
        "metrics": {"version": "1.0.0", "capabilities": {"extendedResults": True}},
        "resourceGroups": {"version": "1.2.0"},
    }
    body = {
        "runtimeIdentifier": "aicore",
        "runtimeApiVersion": "2.21.0",
        "description": "A local emulator of AI Core",
        "aiApi": {"version": "2.18.0", "capabilities": capabilities, "limits": limits},
        "extensions": extensions,
    }
    return Reply(200, body)


def versions(request: ApiRequest) -> Reply:
    """List the versions of the API: there is one."""
    version = {"versionId": "v2", "url": f"{request.base_url}/v2", "description": "AI API v2"}
    return Reply(200, {"versions": [version]})


def healthz(_request: ApiRequest) -> Reply:
    """Say that AI Core is ready."""
    return Reply(200, {"status": "READY", "message": "The emulator is ready"})
