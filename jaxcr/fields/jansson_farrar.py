"""The regular Galactic field of Jansson & Farrar (2012): spiral disc, toroidal halo, X-field."""

import itertools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.annotations import checked
from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import (
    argument_error,
    as_float,
    check_finite,
    check_range,
    check_shape,
    is_concrete,
)
from jaxcr.fields.field import Field, Lattice
from jaxcr.fields.large_scale import positive_length

_CENTER, _DISC_INNER, _RING_OUTER, _EDGE = 1000.0, 3000.0, 5000.0, 20000.0
"""In pc: no field within the first and outside the last, no disc within the second, the molecular
ring from there to the third. The model fixes them."""

_FREE_ARMS = (0.1, 3.0, -0.9, -0.8, -2.0, -4.2, 0.0)
_ARM_RADII = (5100.0, 6300.0, 7100.0, 8300.0, 9800.0, 11400.0, 12700.0, 15500.0)
_AXIS = 1e-6
"""In pc: how close to the z axis directions around it lose their length."""
_PITCH, _ELEVATION = math.radians(11.5), math.radians(49.0)

Arms = Float[Array, "arms"] | tuple[float | int, ...]


class JanssonFarrarField(Field):
    """The large-scale field of the Milky Way after Jansson & Farrar, with their best fit.

    Galactocentric coordinates: the sun at (-8500, 0, 0) pc, z to the north Galactic pole, azimuth
    counter-clockwise seen from there. Set a strength to 0 to leave its part out.

    Parameters
    ----------
    arm_strengths
        b_1 ... b_8, ``(8,)``: B in µG of the arms at r = 5 kpc, outward and counter-clockwise
        where positive. Without b_8, ``(7,)``, it is set so that no net flux crosses a cylinder:
        2.76, where the paper tabulates 2.7. In the plane, the halo has already taken
        1 / (1 + exp(2 h_disk / w_disk)) of the disc, which is 5%.
    arm_radii
        ``(8,)``, in pc: where the outer edges of the arms cross the negative x axis.
    pitch
        Of the arms in rad.
    ring_strength
        b_ring in µG of the molecular ring (3 to 5 kpc) at its outer edge; counter-clockwise.
    disc_height, disc_width
        h_disk and w_disk in pc: the height of the change from disc to halo and its width.
    north_strength, south_strength
        B_n and B_s of the toroidal halo in µG; counter-clockwise.
    north_radius, south_radius, halo_width
        r_n, r_s and w_h in pc: where the toroidal halo ends, and how wide that end is. The fit
        finds r_s > 16.7 kpc; the default is that limit.
    halo_height
        z_0 in pc, e-folding height of the toroidal halo.
    x_strength
        B_X in µG, the strength that the X-field tends to at the centre; north where positive.
    x_elevation
        Theta_X^0 in rad, of the X-field above the plane outside its core.
    x_core, x_radius
        r_X^c and r_X in pc: where the elevation begins to rise to 90° at the axis, and the
        e-folding radius of the X-field in the plane.

    Raises
    ------
    ValueError
        When a length is not positive, an angle not between 0 and 90°, or the edges of the arms
        are not 8 increasing radii within one turn of the spiral.

    Notes
    -----
    div B = 0 except where the arms end on the ring, at r = 5 kpc, and where all ends, on spheres
    of 1 and 20 kpc. The toroidal halo has no limit on the axis and is 0 there. It and the outward
    X-field jump across the plane, where z = 0 counts as north. No derivative sees the jumps from
    arm to arm: to it, ``arm_radii`` act through b_8 only. Implementations differ in three points;
    here the ring falls as 1/r, as the arms do, the X-field has one elevation on both sides of the
    plane, also in its core, and 20 kpc is the radius of a sphere, not of a cylinder.

    Sources: Jansson & Farrar, ApJ 757 (2012) 14; Kleimann et al., ApJ 877 (2019) 76 on div B.
    """

    arm_strengths: Float[Array, "arms=8"]
    arm_radii: Float[Array, "arms=8"]
    pitch: Scalar
    ring_strength: Scalar
    disc_height: Scalar
    disc_width: Scalar
    north_strength: Scalar
    south_strength: Scalar
    north_radius: Scalar
    south_radius: Scalar
    halo_width: Scalar
    halo_height: Scalar
    x_strength: Scalar
    x_elevation: Scalar
    x_core: Scalar
    x_radius: Scalar

    def __init__(
        self,
        *,
        arm_strengths: Arms = _FREE_ARMS,
        arm_radii: Arms = _ARM_RADII,
        pitch: ScalarLike = _PITCH,
        ring_strength: ScalarLike = 0.1,
        disc_height: ScalarLike = 400.0,
        disc_width: ScalarLike = 270.0,
        north_strength: ScalarLike = 1.4,
        south_strength: ScalarLike = -1.1,
        north_radius: ScalarLike = 9220.0,
        south_radius: ScalarLike = 16700.0,
        halo_width: ScalarLike = 200.0,
        halo_height: ScalarLike = 5300.0,
        x_strength: ScalarLike = 4.6,
        x_elevation: ScalarLike = _ELEVATION,
        x_core: ScalarLike = 4800.0,
        x_radius: ScalarLike = 2900.0,
    ):
        self.pitch = _acute_angle("JanssonFarrarField: pitch", pitch)
        self.arm_radii = _arm_radii(arm_radii, self.pitch)
        self.arm_strengths = _arm_strengths(arm_strengths, self.arm_radii, self.pitch)
        self.ring_strength = as_float(
            check_finite("JanssonFarrarField: ring_strength", ring_strength)
        )
        self.disc_height = positive_length("JanssonFarrarField: disc_height", disc_height)
        self.disc_width = positive_length("JanssonFarrarField: disc_width", disc_width)
        self.north_strength = as_float(
            check_finite("JanssonFarrarField: north_strength", north_strength)
        )
        self.south_strength = as_float(
            check_finite("JanssonFarrarField: south_strength", south_strength)
        )
        self.north_radius = positive_length("JanssonFarrarField: north_radius", north_radius)
        self.south_radius = positive_length("JanssonFarrarField: south_radius", south_radius)
        self.halo_width = positive_length("JanssonFarrarField: halo_width", halo_width)
        self.halo_height = positive_length("JanssonFarrarField: halo_height", halo_height)
        self.x_strength = _strength("x_strength", x_strength)
        self.x_elevation = _acute_angle("JanssonFarrarField: x_elevation", x_elevation)
        self.x_core = positive_length("JanssonFarrarField: x_core", x_core)
        self.x_radius = positive_length("JanssonFarrarField: x_radius", x_radius)

    @checked
    def __call__(self, position: Vector) -> Vector:
        """Return B in µG at ``position`` in pc."""
        model = jax.tree.map(lambda x: x.astype(position.dtype), self)
        x, y, z = position
        radius, outward, around = _cylinder(position)
        height, north = jnp.abs(z), z >= 0
        in_halo = _logistic(height, model.disc_height, model.disc_width)
        in_disc = _logistic(-height, -model.disc_height, model.disc_width)
        disc_out, disc_around = model._disc(radius, jnp.arctan2(y, x))
        x_out, x_up = model._x_field(radius, height)
        out = in_disc * disc_out + jnp.where(north, x_out, -x_out)
        along = in_disc * disc_around + in_halo * model._halo(radius, height, north)
        up = jnp.stack([jnp.zeros_like(z), jnp.zeros_like(z), x_up])
        field = out * outward + along * around + up
        square = jnp.sum(position**2)
        return jnp.where((square <= _CENTER**2) | (square >= _EDGE**2), 0, field)

    def _disc(self, radius: Scalar, azimuth: Scalar) -> tuple[Scalar, Scalar]:
        """Return the outward and the azimuthal field of ring and arms in the plane."""
        ring = radius < _RING_OUTER
        arm = self.arm_strengths[self._arm(radius, azimuth)]
        strength = jnp.where(ring, self.ring_strength, arm)
        strength *= _RING_OUTER / jnp.maximum(radius, _DISC_INNER)
        strength = jnp.where(radius > _DISC_INNER, strength, 0)
        pitch = jnp.where(ring, 0, self.pitch)
        return strength * jnp.sin(pitch), strength * jnp.cos(pitch)

    def _arm(self, radius: Scalar, azimuth: Scalar) -> Array:
        """Return which arm a point in the plane is in, from 0."""
        growth = jnp.tan(self.pitch)
        turn = 2 * jnp.pi * growth
        outermost = self.arm_radii[-1]
        # ln of where the spiral through the point crosses the negative x axis within one turn of
        # the outermost edge, over the radius of that edge.
        crossing = jnp.log(radius / outermost) - (azimuth - jnp.pi) * growth
        crossing = jnp.mod(crossing, turn) - turn
        return jnp.sum(crossing[None] >= jnp.log(self.arm_radii[:-1] / outermost[None]))

    def _halo(self, radius: Scalar, height: Scalar, north: Array) -> Scalar:
        """Return the azimuthal field of the toroidal halo."""
        strength = jnp.where(north, self.north_strength, self.south_strength)
        end = jnp.where(north, self.north_radius, self.south_radius)
        inside = _logistic(-radius, -end, self.halo_width)
        return strength * inside * jnp.exp(-height / self.halo_height)

    def _x_field(self, radius: Scalar, height: Scalar) -> tuple[Scalar, Scalar]:
        """Return the outward and the upward component of the X-field in the north."""
        slope = jnp.tan(self.x_elevation)
        # The line that leaves the plane at the edge of the core is at this radius.
        edge = self.x_core + height / slope
        core = radius < edge
        narrowing = self.x_core / edge
        foot = jnp.where(core, radius * narrowing, radius - height / slope)
        # Flux between lines: in the core they spread in both directions, outside around the axis.
        spread = jnp.where(core, self.x_core * narrowing, foot) / jnp.where(core, edge, radius)
        strength = self.x_strength * jnp.exp(-foot / self.x_radius) * spread
        # slope * edge / radius is the slope of the line from the foot: (r - foot) / z has no value
        # in the plane.
        rise = slope * jnp.where(core, edge, radius)
        length = jnp.sqrt(radius**2 + rise**2)
        return strength * radius / length, strength * rise / length

    def max_strength(self) -> Scalar:
        """Return the strongest arm, ring or toroidal halo plus the X-field at the centre."""
        ring = jnp.abs(self.ring_strength) * (_RING_OUTER / _DISC_INNER)
        toroidal = jnp.maximum(jnp.abs(self.north_strength), jnp.abs(self.south_strength))
        # The logistic shares of disc and halo add up to one.
        planar = jnp.maximum(jnp.maximum(jnp.max(jnp.abs(self.arm_strengths)), ring), toroidal)
        return planar + jnp.abs(self.x_strength)

    def lattice(self) -> Lattice | None:
        """Return ``None``: the field has no cells."""
        return None


def _strength(name: str, value: ScalarLike) -> Scalar:
    """Return a strength as an array; raise unless it is finite."""
    return as_float(check_finite(f"JanssonFarrarField: {name}", value))


def _logistic(value: Scalar, middle: Scalar, width: Scalar) -> Scalar:
    """Return the step from 0 to 1 at ``middle``: 1 / (1 + exp(-2 (value - middle) / width))."""
    return jax.nn.sigmoid(2 * (value - middle) / width)


def _arm_radii(radii: Arms, pitch: Scalar) -> Float[Array, "arms=8"]:
    """Return the edges of the arms; raise unless they increase and lie within one turn."""
    name = "JanssonFarrarField: arm_radii"
    radii = as_float(check_finite(name, check_shape(name, radii, (8,))))
    if is_concrete(radii, pitch):
        turn = math.exp(2 * math.pi * math.tan(float(pitch)))
        edges = [float(radii[-1]) / turn, *radii.tolist()]
        if edges[0] <= 0 or any(a >= b for a, b in itertools.pairwise(edges)):
            raise argument_error(
                name,
                expected=f"increasing radii, the last less than {turn:.3g} times the first",
                got=f"{radii.tolist()} pc",
                remedy="That factor is one turn of the spiral: beyond it, the arms would overlap.",
            )
    return radii


def _arm_strengths(
    strengths: Arms, radii: Float[Array, "arms=8"], pitch: Scalar
) -> Float[Array, "arms=8"]:
    """Return the strengths of all arms; the eighth from the others where it is missing."""
    name = "JanssonFarrarField: arm_strengths"
    strengths = as_float(check_finite(name, check_shape(name, strengths, (7,), (8,))))
    if strengths.shape == (8,):
        return strengths
    # The part of a circle in each arm, times the length of a turn in ln r.
    inner = jnp.log(radii[-1]) - 2 * jnp.pi * jnp.tan(pitch).astype(radii.dtype)
    parts = jnp.diff(jnp.log(radii), prepend=inner)
    last = -jnp.sum(parts[:-1] * strengths.astype(radii.dtype)) / parts[-1]
    return jnp.append(strengths, last.astype(strengths.dtype))


def _cylinder(position: Vector) -> tuple[Scalar, Vector, Vector]:
    """Return the distance from the z axis and the unit vectors away from it and around it.

    On the axis the distance is 1e-6 pc and both vectors are 0, all with finite derivatives.
    """
    x, y, _ = position
    zero = jnp.zeros_like(x)
    radius = jnp.sqrt(x**2 + y**2 + _AXIS**2)
    return radius, jnp.stack([x, y, zero]) / radius, jnp.stack([-y, x, zero]) / radius


def _acute_angle(name: str, value: ScalarLike) -> Scalar:
    """Return an angle between 0 and pi/2 as an array; another raises an error with ``name``."""
    expected = "an angle between 0 and pi/2"
    remedy = "Angles are in rad; the pitch of arms that trail the rotation is positive."
    check_range(name, value, 0.0, math.pi / 2, ends="()", expected=expected, remedy=remedy)
    return as_float(value)
