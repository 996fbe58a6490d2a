"""One change to the specs of many assets."""

from collections.abc import Callable

import dagster as dg


def with_changed_specs(definitions: dg.Definitions, change: Callable[[dg.AssetSpec], dg.AssetSpec]) -> dg.Definitions:
    """The same assets, checks and resources, the spec of each asset that we make replaced by what `change` returns."""
    return dg.Definitions(
        assets=[
            one.map_asset_specs(change) if isinstance(one, dg.AssetsDefinition) else one
            for one in definitions.assets or ()
        ],
        asset_checks=definitions.asset_checks,
        resources=definitions.resources,
    )
