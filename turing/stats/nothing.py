"""Fields of a result that has no value."""

import math
from typing import Any


def nans(*names: str) -> dict[str, Any]:
    """NaN under each name, to fill a result that could not be computed."""
    return dict.fromkeys(names, math.nan)
