"""Random streams: one explicit seed, an independent stream for every purpose."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """A random generator that depends on the seed and the purpose alone.

    Work split over threads or done in another order draws the same numbers, because each piece asks for its
    own stream by name (``stream(seed, "bootstrap", replicate)``) and none shares a generator.

    Args:
        seed: the study's seed, a non-negative integer.
        purpose: what the numbers are for; any strings and integers.

    Example:
        >>> bool(stream(1, "folds").random() == stream(1, "folds").random())
        True
        >>> bool(stream(1, "folds").random() == stream(1, "placebo").random())
        False
    """
    import numpy as np  # here, so that the command line's help and errors need not wait for it

    digest = hashlib.sha256("\x1f".join(map(str, purpose)).encode()).digest()
    words = np.frombuffer(digest, dtype=np.uint32).tolist()
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *words])))
