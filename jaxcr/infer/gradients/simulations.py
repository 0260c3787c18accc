"""Running the simulations behind derivatives, each of them once."""

from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import check_range, is_concrete

SLOPE_COST = 1.4
"""Forward-mode slope by one parameter over one forward C_l, both measured at 12,288 orbits."""


def remembered(spectra: Callable) -> Callable:
    """Return the same function, which simulates no sky twice.

    Estimators that are combined share most of their skies.

    Parameters
    ----------
    spectra
        ``spectra(values, number)``; whatever it returns is kept until the new function is gone.
    """
    memory = {}

    def recalled(values, number):
        if not is_concrete(values):
            return spectra(values, number)
        label = (np.asarray(values).tobytes(), number)
        if label not in memory:
            memory[label] = spectra(values, number)
        return memory[label]

    recalled.memory = memory
    return recalled


def field_numbers(numbers: Iterable[int]) -> tuple[int, ...]:
    """Return the numbers of at least two fields.

    Raises
    ------
    ValueError
        For fewer than two fields.
    """
    numbers = tuple(numbers)
    check_range("gradient estimator: num_fields", len(numbers), 2, remedy="For the jackknife.")
    return numbers


def forward(spectra: Callable, values, numbers: Iterable[int]) -> Float[np.ndarray, "field ..."]:
    """Return what ``spectra`` gives in every field, stacked."""
    return np.stack([np.asarray(spectra(values, number)) for number in numbers])


def path_slopes(
    spectra: Callable, values: Float[Array, " parameter"], numbers: Iterable[int]
) -> tuple[Float[np.ndarray, "field sky ell"], Float[np.ndarray, "field sky parameter ell"]]:
    """Return C_l and its derivatives along the orbits, one forward pass for each parameter.

    With `remembered` spectra the slopes are kept as well.
    """
    memory = getattr(spectra, "memory", {})
    label = np.asarray(values).tobytes()
    rows = []
    for number in numbers:
        if ("slope", label, number) not in memory:
            memory["slope", label, number] = _one_field(spectra, values, number)
        rows.append(memory["slope", label, number])
    centre, slopes = (np.stack(x) for x in zip(*rows, strict=True))
    return centre, slopes


def _one_field(spectra, values, number):
    """Return C_l and slopes of the skies in one field."""
    passes = [
        jax.jvp(lambda x: spectra(x, number), (values,), (tangent,))
        for tangent in jnp.eye(values.size, dtype=values.dtype)
    ]
    return np.asarray(passes[0][0]), np.stack([np.asarray(slope) for _, slope in passes], axis=1)


def point_label(values: Float[Array, " parameter"]) -> str:
    """Return the label of a forward simulation at these values."""
    return "C at " + ", ".join(f"{x:.6g}" for x in np.asarray(values))
