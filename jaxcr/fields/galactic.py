"""A smooth Galactic field: logarithmic spiral disc and toroidal halo."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_finite, check_range, checked
from jaxcr.fields.field import Field, Lattice
from jaxcr.fields.large_scale import positive_length

_PITCH = math.radians(6.0)
_AXIS = 1e-6
"""In pc: how close to the z axis directions around it lose their length."""


class SpiralDiscField(Field):
    """A logarithmic spiral that reverses ``2 mode`` times around a circle, and a toroidal halo.

    Disc, with r and phi around z, and phi = 0 at the sun: B = s (R/r) tanh³(r/r_1) exp(-|z|/h)
    cos(m [phi - cot(p) ln(r/xi)]) along (sin p, cos p) in (r, phi). m = 0 is the axisymmetric
    model (ASS), m = 1 the bisymmetric one (BSS).

    Halo, along phi in the north and against it in the south: B = ± s_h (r/r_h) exp(1 - r/r_h)
    / (1 + [(|z| - z_h)/w]²), with one width w below z_h and another above.

    Parameters
    ----------
    strength
        s in µG at the radius of the sun where the cosine is 1 (tanh³ near 1 there); outward and
        counter-clockwise where positive. The Galaxy's near the sun is clockwise: negative.
    pitch
        p in rad; spirals that trail the Galactic rotation have p > 0 here.
    sun_radius
        R in pc. The sun is at (-R, 0, 0), z to the north Galactic pole.
    mode
        m, a whole number.
    peak_radius
        xi in pc: a radius, on the ray from the centre through the sun, at which the cosine is 1.
    core_radius
        r_1 in pc, within which the disc vanishes as r².
    disc_height
        h in pc.
    halo_strength
        s_h in µG.
    halo_radius, halo_height
        r_h and z_h in pc, where the halo is strongest.
    halo_inner_width, halo_outer_width
        w in pc for |z| below and above z_h.

    Raises
    ------
    ValueError
        When a length is not positive, the pitch not between 0 and 90°, or the mode negative.

    Notes
    -----
    The halo has no divergence, nor has the spiral far from the core, where its lines begin: div B
    is 3 sech²(r/r_1) / [r_1 tanh(r/r_1)] times the outward B, with the defaults 0.2% of it over
    r_1 at the sun. As B_z = 0, exp(-|z|/h) adds nothing. The halo jumps across the plane by
    2 s_h / (1 + (z_h/w)²).

    The defaults are the BSS model of Pshirkov et al. with their local 2 µG, but their constant
    strength within 5 kpc replaced by tanh³.

    Sources: Harari, Mollerach & Roulet, JHEP 08 (1999) 022 for the disc; Sun et al., A&A 477
    (2008) 573 for the halo; Pshirkov et al., ApJ 738 (2011) 192 for the numbers.
    """

    strength: Scalar
    pitch: Scalar
    sun_radius: Scalar
    mode: int = eqx.field(static=True)
    peak_radius: Scalar
    core_radius: Scalar
    disc_height: Scalar
    halo_strength: Scalar
    halo_radius: Scalar
    halo_height: Scalar
    halo_inner_width: Scalar
    halo_outer_width: Scalar

    def __init__(
        self,
        *,
        strength: ScalarLike = -3.12,
        pitch: ScalarLike = _PITCH,
        sun_radius: ScalarLike = 8500.0,
        mode: int = 1,
        peak_radius: ScalarLike = 9320.0,
        core_radius: ScalarLike = 2000.0,
        disc_height: ScalarLike = 1000.0,
        halo_strength: ScalarLike = 4.0,
        halo_radius: ScalarLike = 8000.0,
        halo_height: ScalarLike = 1300.0,
        halo_inner_width: ScalarLike = 250.0,
        halo_outer_width: ScalarLike = 400.0,
    ):
        remedy = "0 never reverses (ASS), 1 twice around a circle (BSS)."
        check_range("SpiralDiscField: mode", mode, 0.0, remedy=remedy)
        self.strength = as_float(check_finite("SpiralDiscField: strength", strength))
        self.pitch = acute_angle("SpiralDiscField: pitch", pitch)
        self.sun_radius = positive_length("SpiralDiscField: sun_radius", sun_radius)
        self.mode = mode
        self.peak_radius = positive_length("SpiralDiscField: peak_radius", peak_radius)
        self.core_radius = positive_length("SpiralDiscField: core_radius", core_radius)
        self.disc_height = positive_length("SpiralDiscField: disc_height", disc_height)
        self.halo_strength = as_float(check_finite("SpiralDiscField: halo_strength", halo_strength))
        self.halo_radius = positive_length("SpiralDiscField: halo_radius", halo_radius)
        self.halo_height = positive_length("SpiralDiscField: halo_height", halo_height)
        self.halo_inner_width = positive_length(
            "SpiralDiscField: halo_inner_width", halo_inner_width
        )
        self.halo_outer_width = positive_length(
            "SpiralDiscField: halo_outer_width", halo_outer_width
        )

    @checked
    def __call__(self, position: Vector) -> Vector:
        """Return B in µG at ``position`` in pc."""
        model = jax.tree.map(lambda x: x.astype(position.dtype), self)
        radius, outward, around = cylinder(position)
        along = jnp.sin(model.pitch) * outward + jnp.cos(model.pitch) * around
        return model._disc(position, radius) * along + model._halo(position, radius) * around

    def _disc(self, position: Vector, radius: Scalar) -> Scalar:
        """Return B along the spiral."""
        envelope = jnp.tanh(radius / self.core_radius) ** 3 * self.sun_radius / radius
        x, y, _ = position
        # On the axis, where the envelope vanishes, the azimuth would have no derivative.
        azimuth = jnp.arctan2(-y, jnp.where(radius > 2 * _AXIS, -x, 1))
        phase = azimuth - jnp.log(radius / self.peak_radius) / jnp.tan(self.pitch)
        fall = jnp.exp(-jnp.abs(position[2]) / self.disc_height)
        return self.strength * envelope * jnp.cos(self.mode * phase) * fall

    def _halo(self, position: Vector, radius: Scalar) -> Scalar:
        """Return B along the azimuth."""
        height = jnp.abs(position[2]) - self.halo_height
        width = jnp.where(height < 0, self.halo_inner_width, self.halo_outer_width)
        strength = jnp.where(position[2] < 0, -self.halo_strength, self.halo_strength)
        share = radius / self.halo_radius
        return strength * share * jnp.exp(1 - share) / (1 + (height / width) ** 2)

    def max_strength(self) -> Scalar:
        """Return the bound of the disc, as tanh³(x) / x < 1/2, plus the maximum of the halo."""
        disc = 0.5 * jnp.abs(self.strength) * self.sun_radius / self.core_radius
        return disc + jnp.abs(self.halo_strength)

    def lattice(self) -> Lattice | None:
        """Return ``None``: the field has no cells."""
        return None


def cylinder(position: Vector) -> tuple[Scalar, Vector, Vector]:
    """Return the distance from the z axis and the unit vectors away from it and around it.

    On the axis the distance is 1e-6 pc and both vectors are 0, all with finite derivatives.
    """
    x, y, _ = position
    zero = jnp.zeros_like(x)
    radius = jnp.sqrt(x**2 + y**2 + _AXIS**2)
    return radius, jnp.stack([x, y, zero]) / radius, jnp.stack([-y, x, zero]) / radius


def acute_angle(name: str, value: ScalarLike) -> Scalar:
    """Return an angle between 0 and pi/2 as an array; another raises an error with ``name``."""
    expected = "an angle between 0 and pi/2"
    remedy = "Angles are in rad; the pitch of arms that trail the rotation is positive."
    check_range(name, value, 0.0, math.pi / 2, ends="()", expected=expected, remedy=remedy)
    return as_float(value)
