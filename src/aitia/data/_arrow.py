"""Small questions to Arrow arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def absent(values: pa.Array) -> np.ndarray:
    """Where a value is missing: null, or NaN. Shape (rows,), booleans."""
    return values.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)


def may_miss(values: pa.Array) -> bool:
    """Whether a value can be missing here; False only where that is certain at a glance."""
    return bool(values.null_count) or pa.types.is_floating(values.type)


def index_in(values: pa.Array, among: pa.Array) -> np.ndarray:
    """The position of each value in `among`, int32; -1 for null and for values that are not there."""
    found = pc.call_function("index_in", [values], pc.SetLookupOptions(value_set=among, skip_nulls=True))
    return found.fill_null(-1).to_numpy(zero_copy_only=False)


def plain(values: pa.Array) -> pa.Array:
    """Dictionary-encoded values written out, decimals as float64, anything else as it is."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    return values.cast(pa.float64()) if pa.types.is_decimal(values.type) else values
