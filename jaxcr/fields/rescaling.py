"""Put a simulated cube at other scales: ideal MHD has none of its own."""

import jax.numpy as jnp

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import argument_error, as_float, check_positive, check_range
from jaxcr.fields.analytic import UniformField
from jaxcr.fields.field import SumField, sample_field
from jaxcr.fields.grid import GridField


def rescale_field(
    field: GridField,
    *,
    injection_cells: ScalarLike | None = None,
    injection_scale: ScalarLike | None = None,
    mean_strength: ScalarLike | None = None,
    rms: ScalarLike | None = None,
) -> SumField:
    """Return a cube with another injection scale, mean field and level of turbulence.

    B' = m' + f (B - m) about the mean m of the cube: m' along m.

    Parameters
    ----------
    field
        The cube.
    injection_cells, injection_scale
        Wavelength at which the simulation was driven, in cells, and where it shall be, in pc:
        the cells become ``injection_scale / injection_cells``, the same on every axis. The
        box keeps its centre. Give both or neither.
    mean_strength
        |m'| in µG; default as it is.
    rms
        Of the fluctuations about the mean, in µG; default as it is.

    Returns
    -------
    A ``UniformField`` plus the cube times f. ``mean_strength`` and ``rms`` are differentiable.

    Raises
    ------
    ValueError
        When only one of the two injection lengths is given, a number is not positive, the cells
        are not cubes, or the cube has no mean field, or no fluctuations, to scale.

    Notes
    -----
    With another dB/B0 it is no longer a solution of the MHD equations.
    """
    lattice = field.lattice()
    samples = sample_field(field, lattice)
    mean = jnp.mean(samples, axis=(0, 1, 2))
    away = jnp.sqrt(jnp.mean(jnp.sum((samples - mean[None, None, None]) ** 2, axis=-1)))
    factor = _ratio("rms", rms, away, "fluctuations")
    target = mean * _ratio("mean_strength", mean_strength, jnp.linalg.norm(mean), "mean field")
    if (injection_cells is None) != (injection_scale is None):
        raise argument_error(
            "rescale_field: injection_cells, injection_scale",
            expected="both or neither",
            got=f"{injection_cells}, {injection_scale}",
            remedy="The first is the driven wavelength in cells, the second in pc.",
        )
    if injection_cells is not None:
        field = _move(field, as_float(injection_scale) / as_float(injection_cells))
    return UniformField(target - factor * mean) + factor * field


def _move(field: GridField, cell: Scalar) -> GridField:
    """Return the cube with cells of that size about the same centre."""
    name, remedy = "rescale_field: injection_scale", "Give both lengths positive."
    check_positive(name, cell, expected="a positive length", remedy=remedy)
    uneven = jnp.max(field.spacing) / jnp.min(field.spacing)
    expected, remedy = "a cube whose cells are cubes", "Read it with the spacing that you want."
    check_range(name, uneven, 1.0, 1 + 1e-6, expected=expected, remedy=remedy)
    half = jnp.array(field.shape, field.origin.dtype) / 2
    center = field.origin + half * field.spacing
    spacing = jnp.full(3, 1, field.origin.dtype) * cell.astype(field.origin.dtype)
    return field.at(center - half * spacing, spacing)


def _ratio(name: str, value: ScalarLike | None, present: Scalar, what: str) -> Scalar:
    """Return the asked value over the present one."""
    if value is None:
        return jnp.ones_like(present)
    name, expected = f"rescale_field: {name}", "a strength in µG, not negative"
    check_range(name, value, 0.0, expected=expected, remedy="Turn the field by its samples.")
    remedy = "Leave it out; add a UniformField for a mean field."
    check_positive(name, present, expected=f"a cube with {what}", remedy=remedy)
    return as_float(value).astype(present.dtype) / present
