"""What was not loaded and why, kept as the newest result of a check until the objects at fault change.

A check that fails is where people look, what alerts tell of, and what the sensor and the command line both read,
so that neither asks again for what only new data can mend.

Dagster on the concept: https://docs.dagster.io/guides/test/asset-checks
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg

from netflix_assets.private_apis import AssetCheckExecutionRecordStatus

LOADS_ACCEPTED = "loads_accepted"
"""Check of every raw table: no file or month in the bucket is refused."""

DID_NOT_SHRINK = "did_not_shrink"
"""Check of every raw table: no load is held back because it would take away too much."""

EXPORT_IS_SPLIT = "export_is_split"
"""Check of the asset that splits a whole export: the one in the bucket is split."""

_FAILED_LOADS = "failed loads"
_EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


@dataclass(frozen=True)
class FailedLoad:
    """A file, month or export that is not loaded as it is in the bucket.

    Attributes:
        objects: Fingerprint of its objects, and of the limits that they were judged by: another limit is another try.
        why: In a sentence: what is wrong, where, and what to do.
    """

    objects: str
    why: str


def load_fingerprint(arrival: str, limits: str) -> str:
    """Tell apart two tries to load the same objects: they were put again, or another limit holds.

    Args:
        arrival: The objects' `arrival_fingerprint`.
        limits: See `Warehouse.limits`.
    """
    return f"{arrival} {limits}"


def failed_loads_result(check: dg.AssetCheckKey, failed: Mapping[str, FailedLoad]) -> dg.AssetCheckResult:
    """Return the result of a check that passes when nothing is refused and else holds what is, by name and reason."""
    lines = "\n".join(f"- `{name}`: {one.why}" for name, one in sorted(failed.items()))
    return dg.AssetCheckResult(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "not loaded": dg.MetadataValue.md(lines or "nothing"),
            _FAILED_LOADS: dg.MetadataValue.json(
                {name: {"objects": one.objects, "why": one.why} for name, one in sorted(failed.items())}
            ),
        },
    )


def failed_loads_evaluation(check: dg.AssetCheckKey, failed: Mapping[str, FailedLoad]) -> dg.AssetCheckEvaluation:
    """Return the same as an event to report outside the check's own step."""
    result = failed_loads_result(check, failed)
    return dg.AssetCheckEvaluation(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=result.passed,
        severity=result.severity,
        metadata=result.metadata,
    )


def recorded_failures(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> dict[str, FailedLoad]:
    """Return what the newest evaluation of such a check says is not loaded."""
    # Not the newest execution: one that is planned, or was killed, knows nothing.
    newest = instance.event_log_storage.get_asset_check_execution_history(check, limit=1, status=_EVALUATED)
    evaluation = newest[0].evaluation if newest else None
    kept = evaluation.metadata.get(_FAILED_LOADS) if evaluation else None
    if not isinstance(kept, dg.JsonMetadataValue) or not isinstance(kept.data, Mapping):
        return {}
    return {name: FailedLoad(one["objects"], one["why"]) for name, one in kept.data.items()}
