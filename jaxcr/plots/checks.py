"""Conversion of what is drawn to NumPy, with one error text for shapes that do not match."""

import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import check_range, check_shape


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
        If a value has another shape, is NaN everywhere, or an error negative or infinite.
    """
    arrays = []
    for name, value in values.items():
        array = None if value is None else np.asarray(value, dtype=float)
        remedy = "All curves of a figure share their axis."
        check_shape(f"{function}: {name}", array, shape, remedy=remedy)
        if array is not None and array.ndim == 1:  # a curve; a plane may be all holes
            known = array[~np.isnan(array)]
            check_range(f"{function}: {name}: values that are not NaN", known.size, 1)
            if name.endswith("error"):
                check_range(f"{function}: {name}", known, 0)
        arrays.append(array)
    return arrays
