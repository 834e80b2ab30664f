"""How loud samples are."""

import math

import numpy as np
from numpy.typing import NDArray

_LEAST = 1e-8
"""-80 dBFS: less counts as that."""


def level_db(samples: NDArray[np.float32]) -> float:
    """Root mean square in dBFS, -80 at least."""
    return 10 * math.log10(float(np.dot(samples, samples)) / max(len(samples), 1) + _LEAST)
