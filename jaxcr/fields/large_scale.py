"""Large-scale fields with a closed form: dipole, Parker spiral."""

import jax.numpy as jnp

from jaxcr.annotations import checked
from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_finite, check_positive, check_range
from jaxcr.fields.field import Field, Lattice
from jaxcr.vectors import unit_vector

_CORE = 0.01
"""Of the reference radius of a dipole, within which its field no longer grows as r^-3."""


class DipoleField(Field):
    """The field of a point dipole: B = s (R/r)³ [3 (m·e) e - m] / 2 around its centre.

    Parameters
    ----------
    polar_strength
        s, |B| in µG at the poles of the reference sphere; at its equator it is s/2.
    radius
        R of the reference sphere in pc.
    axis
        m, direction of the dipole moment, ``(3,)``; any length.
    center
        In pc, ``(3,)``.

    Raises
    ------
    ValueError
        When the radius is not positive or the axis has no length.

    Notes
    -----
    Inside a hundredth of the radius the distance is held at that value, so that B stays finite.
    """

    polar_strength: Scalar
    radius: Scalar
    axis: Vector
    center: Vector

    def __init__(
        self,
        *,
        polar_strength: ScalarLike,
        radius: ScalarLike,
        axis: Vector,
        center: Vector,
    ):
        name = "DipoleField: polar_strength"
        self.polar_strength = as_float(check_finite(name, polar_strength))
        self.radius = positive_length("DipoleField: radius", radius)
        self.axis = unit_vector("DipoleField: axis", axis)
        self.center = check_finite("DipoleField: center", center)

    @checked
    def __call__(self, position: Vector) -> Vector:
        """Return B in µG at ``position`` in pc."""
        dtype = position.dtype
        strength, radius, axis = (
            x.astype(dtype) for x in (self.polar_strength, self.radius, self.axis)
        )
        away = (position - self.center.astype(dtype)) / radius
        square = jnp.maximum(jnp.sum(away**2), jnp.asarray(_CORE**2, dtype))
        along = jnp.sum(axis * away)
        return 0.5 * strength * (3 * along * away / square - axis) / square**1.5

    def max_strength(self) -> Scalar:
        """Return the strength at the poles of the core."""
        return jnp.abs(self.polar_strength) / _CORE**3

    def lattice(self) -> Lattice | None:
        """Return ``None``: the field has no cells."""
        return None


class ParkerSpiralField(Field):
    """The field that a rotating star draws out in its wind, with both polarities.

    B_r = ± s (r0/r)², B_phi = -B_r (r - r0) sin(theta) / p: a spiral of pitch p around z, away from
    the star in the north and toward it in the south for s > 0.

    Parameters
    ----------
    strength
        s, radial |B| in µG at the source surface.
    source_radius
        r0 in pc, the surface at which the field is radial.
    pitch
        p = wind speed / angular speed in pc: at that distance in the equator the field winds by
        45°. 1 au = 4.848e-6 pc for the sun at 1 au.
    sheet_width
        Half width in rad of latitude over which the polarity turns; 0 jumps.

    Raises
    ------
    ValueError
        When a length is not positive or the width is negative.

    Notes
    -----
    div B = 0 outside the source surface; inside, the field of the surface continues along each
    ray. Source: Parker, ApJ 128 (1958) 664.
    """

    strength: Scalar
    source_radius: Scalar
    pitch: Scalar
    sheet_width: Scalar

    def __init__(
        self,
        *,
        strength: ScalarLike,
        source_radius: ScalarLike,
        pitch: ScalarLike,
        sheet_width: ScalarLike = 0.0,
    ):
        self.strength = as_float(check_finite("ParkerSpiralField: strength", strength))
        self.source_radius = positive_length("ParkerSpiralField: source_radius", source_radius)
        self.pitch = positive_length("ParkerSpiralField: pitch", pitch)
        name, expected = "ParkerSpiralField: sheet_width", "an angle of 0 or more"
        self.sheet_width = as_float(check_range(name, sheet_width, 0.0, expected=expected))

    @checked
    def __call__(self, position: Vector) -> Vector:
        """Return B in µG at ``position`` in pc."""
        dtype = position.dtype
        strength, source, pitch, width = (
            x.astype(dtype)
            for x in (self.strength, self.source_radius, self.pitch, self.sheet_width)
        )
        tiny = jnp.finfo(dtype).tiny
        size = jnp.sqrt(jnp.sum(position**2) + tiny)
        distance = jnp.maximum(size, source)
        outward = position / size
        cosine = outward[2]
        smooth = jnp.tanh(cosine / jnp.where(width == 0, 1, width))
        polarity = jnp.where(width == 0, jnp.sign(cosine), smooth)
        radial = polarity * strength * (source / distance) ** 2
        # phi-hat sin(theta) = (-y, x, 0) / r
        winding = jnp.stack([-outward[1], outward[0], jnp.zeros((), dtype)])
        return radial * (outward - (distance - source) / pitch * winding)

    def max_strength(self) -> Scalar:
        """Return the strength at the source surface, or in the equator where it winds faster."""
        return jnp.abs(self.strength) * (1 + 0.25 * self.source_radius / self.pitch)

    def lattice(self) -> Lattice | None:
        """Return ``None``: the field has no cells."""
        return None


def positive_length(name: str, value: ScalarLike) -> Scalar:
    """Return a positive length as an array; another raises an error that begins with ``name``."""
    remedy = "All lengths are in pc: 1 au is 4.848e-6, 1 kpc is 1000."
    return as_float(check_positive(name, value, expected="a positive length", remedy=remedy))
