"""Geometries of turbulence: where wave vectors point, and where B points across them."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_range
from jaxcr.fields.spectra import Spectrum, power_between
from jaxcr.fields.wave_vectors import Parts, circle, lengths, sphere, split
from jaxcr.vectors import unit_vector

BOTH, TOROIDAL, POLOIDAL = 0.5, 1.0, 0.0
"""Share of the power with B along axis × k; the rest lies in the plane of k and the axis."""


class Modes(NamedTuple):
    """Power of waves, and the toroidal share of it, one number for each."""

    power: Float[Array, "..."]
    toroidal: Float[Array, "..."]


class Geometry(eqx.Module):
    """How waves are oriented about an axis, for a spectrum E of unit power.

    The wavenumber of E is k, or that across the axis where the cascade runs across it.
    """

    axis: eqx.AbstractVar[Vector]
    helicity: eqx.AbstractVar[Scalar | None]
    """k times the mean of A·B over that of B², from -1 to 1; ``None`` where it must vanish."""
    kinds: eqx.AbstractClassVar[int]
    """Waves of different kind that share each cell of k."""
    index: eqx.AbstractClassVar[float | None]
    """Spectral index that the geometry holds for, or ``None`` for any."""
    varies_along: eqx.AbstractClassVar[bool]
    varies_across: eqx.AbstractClassVar[bool]
    """Whether B changes along the axis, and across it."""
    needs_lattice_axis: eqx.AbstractClassVar[bool]
    """Whether its waves fit into a box only when the axis is one of the box's."""

    @abc.abstractmethod
    def draw(
        self, key: Key[Array, ""], wavenumber: Float[Array, " wave"], spectrum: Spectrum
    ) -> tuple[Float[Array, "wave xyz=3"], Modes]:
        """Return random wave vectors (1/pc) of given wavenumbers.

        Their modes' power is relative to that of the cell, one on average over the kinds.
        """

    @abc.abstractmethod
    def lattice_modes(
        self, wave_vector: Float[Array, "... xyz=3"], cell: Vector, spectrum: Spectrum
    ) -> Modes:
        """Return the power in the cells around given wave vectors, k and -k apart.

        The spectrum is averaged over the width of a cell of k (``cell``, 1/pc), so that the modes
        of a box hold all of it.
        """


class Isotropic(Geometry):
    """All directions alike, B anywhere across k.

    Parameters
    ----------
    helicity
        Relative magnetic helicity from -1 to 1; at 1 every wave turns so that curl B = k B.
    """

    axis: Vector
    helicity: Scalar | None
    kinds = 1
    index = None
    varies_along = True
    varies_across = True
    needs_lattice_axis = False

    def __init__(self, *, helicity: ScalarLike | None = None):
        self.axis = jnp.array([0.0, 0.0, 1.0])
        self.helicity = as_helicity("Isotropic", helicity)

    def draw(
        self, key: Key[Array, ""], wavenumber: Float[Array, " wave"], spectrum: Spectrum
    ) -> tuple[Float[Array, "wave xyz=3"], Modes]:
        """Return directions uniform on the sphere."""
        return wavenumber[:, None] * sphere(key, wavenumber), alike(wavenumber, BOTH)

    def lattice_modes(
        self, wave_vector: Float[Array, "... xyz=3"], cell: Vector, spectrum: Spectrum
    ) -> Modes:
        """Return E over the sphere."""
        return sphere_modes(spectrum, wave_vector, cell, BOTH)


class Slab(Geometry):
    """Waves along the mean field, B across it: it varies along ``axis`` only.

    Parameters
    ----------
    axis
        Direction of the mean field, ``(3,)``; any length.
    helicity
        Relative magnetic helicity from -1 to 1.
    """

    axis: Vector
    helicity: Scalar | None
    kinds = 1
    index = None
    varies_along = True
    varies_across = False
    needs_lattice_axis = True

    def __init__(self, axis: Float[Array, "xyz=3"], *, helicity: ScalarLike | None = None):
        self.axis = unit_vector("Slab: axis", axis)
        self.helicity = as_helicity("Slab", helicity)

    def draw(
        self, key: Key[Array, ""], wavenumber: Float[Array, " wave"], spectrum: Spectrum
    ) -> tuple[Float[Array, "wave xyz=3"], Modes]:
        """Return the axis for all waves."""
        axis = self.axis.astype(wavenumber.dtype)
        return wavenumber[:, None] * axis[None], alike(wavenumber, BOTH)

    def lattice_modes(
        self, wave_vector: Float[Array, "... xyz=3"], cell: Vector, spectrum: Spectrum
    ) -> Modes:
        """Return half of E on either side of the axis, nothing off it."""
        parts = split(wave_vector, self.axis, cell)
        mean = cell_mean(spectrum, jnp.abs(parts.along), parts.width_along)
        power = jnp.where(parts.across > 0, 0, mean * parts.width_along / 2)
        return Modes(power, jnp.full_like(power, BOTH))


class TwoDimensional(Geometry):
    """Wave vectors across the mean field and B across both: it varies across ``axis`` only.

    Parameters
    ----------
    axis
        Direction of the mean field, ``(3,)``; any length.
    """

    axis: Vector
    helicity: None
    kinds = 1
    index = None
    varies_along = False
    varies_across = True
    needs_lattice_axis = True

    def __init__(self, axis: Float[Array, "xyz=3"]):
        self.axis = unit_vector("TwoDimensional: axis", axis)
        self.helicity = None

    def draw(
        self, key: Key[Array, ""], wavenumber: Float[Array, " wave"], spectrum: Spectrum
    ) -> tuple[Float[Array, "wave xyz=3"], Modes]:
        """Return directions uniform on the circle across the axis."""
        direction = circle(key, self.axis, wavenumber)
        return wavenumber[:, None] * direction, alike(wavenumber, TOROIDAL)

    def lattice_modes(
        self, wave_vector: Float[Array, "... xyz=3"], cell: Vector, spectrum: Spectrum
    ) -> Modes:
        """Return E over the circle across the axis, nothing off its plane."""
        parts = split(wave_vector, self.axis, cell)
        mean = ring_mean(spectrum, parts, cell)
        power = jnp.where(parts.along == 0, mean, 0)
        return Modes(power, jnp.full_like(power, TOROIDAL))


class SlabTwoD(Geometry):
    """Slab and two-dimensional waves in a fixed ratio of power, as in the solar wind.

    Parameters
    ----------
    axis
        Direction of the mean field, ``(3,)``; any length.
    slab_share
        Share of the power in slab waves: 0.2 in the solar wind at 1 au (Bieber et al. 1996).
    """

    axis: Vector
    helicity: None
    slab_share: Float[Array, ""]
    kinds = 2
    index = None
    varies_along = True
    varies_across = True
    needs_lattice_axis = True

    def __init__(self, axis: Float[Array, "xyz=3"], slab_share: ScalarLike):
        self.axis = unit_vector("SlabTwoD: axis", axis)
        self.helicity = None
        name, expected = "SlabTwoD: slab_share", "a share between 0 and 1"
        self.slab_share = as_float(check_range(name, slab_share, 0.0, 1.0, expected=expected))

    def draw(
        self, key: Key[Array, ""], wavenumber: Float[Array, " wave"], spectrum: Spectrum
    ) -> tuple[Float[Array, "wave xyz=3"], Modes]:
        """Return both kinds in turn."""
        share = self.slab_share.astype(wavenumber.dtype)
        even = jnp.arange(wavenumber.shape[0]) % 2 == 0
        slab, _ = Slab(self.axis).draw(key, wavenumber, spectrum)
        plane, _ = TwoDimensional(self.axis).draw(key, wavenumber, spectrum)
        return jnp.where(even[:, None], slab, plane), Modes(
            jnp.where(even, 2 * share, 2 * (1 - share)),
            jnp.where(even, BOTH, TOROIDAL).astype(wavenumber.dtype),
        )

    def lattice_modes(
        self, wave_vector: Float[Array, "... xyz=3"], cell: Vector, spectrum: Spectrum
    ) -> Modes:
        """Return the slab modes on the axis and the two-dimensional ones across it."""
        slab = Slab(self.axis).lattice_modes(wave_vector, cell, spectrum)
        plane = TwoDimensional(self.axis).lattice_modes(wave_vector, cell, spectrum)
        share = self.slab_share.astype(slab.power.dtype)
        return Modes(
            share * slab.power + (1 - share) * plane.power,
            jnp.where(plane.power > 0, plane.toroidal, slab.toroidal),
        )


def cell_mean(
    spectrum: Spectrum, size: Float[Array, "..."], width: Float[Array, "..."] | Scalar
) -> Float[Array, "..."]:
    """Return the mean of E over the width of a cell around each wavenumber."""
    low = jnp.maximum(size - width / 2, 0)
    return power_between(spectrum, low, size + width / 2, num_nodes=3) / width


def sphere_modes(
    spectrum: Spectrum, wave_vector: Float[Array, "... xyz=3"], cell: Vector, toroidal: float
) -> Modes:
    """Return E over the sphere, in the volume of a cell."""
    size, width = lengths(wave_vector, cell)
    share = jnp.prod(cell) / (4 * jnp.pi * jnp.where(size > 0, size, 1) ** 2)
    return Modes(share * cell_mean(spectrum, size, width), jnp.full_like(size, toroidal))


def ring_mean(spectrum: Spectrum, parts: Parts, cell: Vector) -> Float[Array, "..."]:
    """Return E over the circle across the axis, in the area of a cell there."""
    area = jnp.prod(cell) / parts.width_along
    around = 2 * jnp.pi * jnp.where(parts.across > 0, parts.across, 1)
    return area / around * cell_mean(spectrum, parts.across, parts.width_across)


def alike(wavenumber: Float[Array, " wave"], toroidal: float) -> Modes:
    """Return modes of equal power."""
    return Modes(jnp.ones_like(wavenumber), jnp.full_like(wavenumber, toroidal))


def helical_shares(helicity: Scalar) -> tuple[Scalar, Scalar]:
    """Return a, b with a² + b² = 1 and 2ab = helicity: a of B itself, b of k × B turned by 90°."""
    plus, minus = jnp.sqrt(1 + helicity), jnp.sqrt(1 - helicity)
    return (plus + minus) / 2, (plus - minus) / 2


def as_helicity(name: str, helicity: ScalarLike | None) -> Scalar | None:
    """Return the helicity as an array; raise unless it lies between -1 and 1."""
    if helicity is None:
        return None
    expected = "a relative helicity between -1 and 1"
    remedy = "It is k times the mean of A·B over that of B²."
    check_range(f"{name}: helicity", helicity, -1.0, 1.0, expected=expected, remedy=remedy)
    return as_float(helicity)


def check_index(geometry: Geometry, spectrum: Spectrum) -> None:
    """Raise when the geometry holds for another spectral index than the spectrum has."""
    if geometry.index is not None:
        check_range(
            f"{type(geometry).__name__}: index of the spectrum",
            getattr(spectrum, "index", None),
            geometry.index - 0.01,
            geometry.index + 0.01,
            expected=f"{geometry.index:.4g}, which this cascade has",
            remedy="Change the index, or give a FunctionSpectrum to go beyond the theory.",
        )


def check_rms(name: str, rms: ScalarLike) -> None:
    """Raise when a strength is negative or not finite."""
    remedy = "It is the root mean square of all three components."
    expected = "a strength in µG, not negative"
    check_range(f"{name}: rms", rms, 0.0, expected=expected, remedy=remedy)
