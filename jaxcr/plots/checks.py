"""Conversion of what is drawn to NumPy, with one error text for shapes that do not match."""

import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import check_shape


def as_arrays(
    function: str, shape: tuple[int, ...], **values: Float[Array | np.ndarray, "..."] | None
) -> list[Float[np.ndarray, "..."] | None]:
    """Return every value as a float64 array on the host, in order; ``None`` stays ``None``.

    Parameters
    ----------
    function
        The caller's name, for the message.
    shape
        The shape that every value must have.

    Raises
    ------
    ValueError
        If a value has another shape.
    """
    arrays = []
    for name, value in values.items():
        array = None if value is None else np.asarray(value, dtype=float)
        remedy = "All curves of a figure share their axis."
        check_shape(f"{function}: {name}", array, shape, remedy=remedy)
        arrays.append(array)
    return arrays
