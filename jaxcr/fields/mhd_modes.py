"""The three modes of MHD: dispersion, displacement, and the field that each makes."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxcr.annotations import checked
from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_positive
from jaxcr.fields.cascade import KOLMOGOROV, CriticalBalance, as_alfven_mach
from jaxcr.fields.geometries import POLOIDAL, TOROIDAL, Geometry, Modes, alike, sphere_modes
from jaxcr.fields.spectra import Spectrum
from jaxcr.fields.wave_vectors import sphere
from jaxcr.vectors import unit_vector


class Mode(eqx.Module):
    """A linear wave of an isothermal plasma about a mean field along ``axis``.

    The displacement xi makes dB = curl(xi × B0): for the Alfvén mode along axis × k (toroidal), for
    slow and fast modes in the plane of k and axis, across k (poloidal). So B alone cannot tell
    slow from fast; their spectra do. Source: Cho & Lazarian, MNRAS 345 (2003) 325, appendix A.
    """

    @abc.abstractmethod
    def phase_speed(self, cosine: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return omega/k in Alfvén speeds, for the cosine of the angle between k and axis."""

    @abc.abstractmethod
    def displacement(self, cosine: Float[Array, "..."]) -> Float[Array, "... part=3"]:
        """Return xi as a unit vector: parts along the axis, along k across it, and axis × k."""


class Alfven(CriticalBalance, Mode):
    """Alfvén waves in critical balance: incompressible, B toroidal.

    Parameters
    ----------
    axis
        Direction of the mean field, ``(3,)``; any length.
    alfven_mach
        See ``GoldreichSridhar``, whose power they have.
    """

    axis: Vector
    alfven_mach: Scalar
    helicity: None
    kinds = 1
    toroidal = TOROIDAL
    index = KOLMOGOROV
    varies_along = True
    varies_across = True
    needs_lattice_axis = False

    def __init__(self, axis: Float[Array, "xyz=3"], *, alfven_mach: ScalarLike = 1.0):
        self.axis = unit_vector("Alfven: axis", axis)
        self.alfven_mach = as_alfven_mach("Alfven", alfven_mach)
        self.helicity = None

    @checked
    def phase_speed(self, cosine: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return abs(cosine)."""
        return jnp.abs(cosine)

    @checked
    def displacement(self, cosine: Float[Array, "..."]) -> Float[Array, "... part=3"]:
        """Return the direction across both."""
        return jnp.stack([0 * cosine, 0 * cosine, jnp.ones_like(cosine)], axis=-1)


class Slow(CriticalBalance, Mode):
    """Slow waves, passive in the Alfvén cascade and as anisotropic, B poloidal.

    Parameters
    ----------
    axis
        Direction of the mean field, ``(3,)``; any length.
    beta
        Gas over magnetic pressure: 2 c_s²/V_A². It gives speed and displacement; the spectrum
        is that of B whatever beta.
    alfven_mach
        See ``GoldreichSridhar``, whose power they have.
    """

    axis: Vector
    beta: Scalar
    alfven_mach: Scalar
    helicity: None
    kinds = 1
    toroidal = POLOIDAL
    index = KOLMOGOROV
    varies_along = True
    varies_across = True
    needs_lattice_axis = False

    def __init__(
        self, axis: Float[Array, "xyz=3"], beta: ScalarLike, *, alfven_mach: ScalarLike = 1.0
    ):
        self.axis = unit_vector("Slow: axis", axis)
        self.beta = _as_beta("Slow", beta)
        self.alfven_mach = as_alfven_mach("Slow", alfven_mach)
        self.helicity = None

    @checked
    def phase_speed(self, cosine: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the slower root of the magnetosonic dispersion relation."""
        return _magnetosonic(self.beta, cosine)[0]

    @checked
    def displacement(self, cosine: Float[Array, "..."]) -> Float[Array, "... part=3"]:
        """Return its eigenvector: along the axis for small beta."""
        return _compressive_displacement(self.beta, cosine, -1)


class Fast(Geometry, Mode):
    """Fast waves: an isotropic cascade of its own with index 3/2, B poloidal.

    Parameters
    ----------
    axis
        Direction of the mean field, ``(3,)``; any length.
    beta
        Gas over magnetic pressure: 2 c_s²/V_A². It gives speed and displacement; the spectrum
        is that of B whatever beta.
    """

    axis: Vector
    beta: Scalar
    helicity: None
    kinds = 1
    index = 3 / 2
    varies_along = True
    varies_across = True
    needs_lattice_axis = False

    def __init__(self, axis: Float[Array, "xyz=3"], beta: ScalarLike):
        self.axis = unit_vector("Fast: axis", axis)
        self.beta = _as_beta("Fast", beta)
        self.helicity = None

    def draw(
        self, key: Key[Array, ""], wavenumber: Float[Array, " wave"], spectrum: Spectrum
    ) -> tuple[Float[Array, "wave xyz=3"], Modes]:
        """Return directions uniform on the sphere."""
        return wavenumber[:, None] * sphere(key, wavenumber), alike(wavenumber, POLOIDAL)

    def lattice_modes(
        self, wave_vector: Float[Array, "... xyz=3"], cell: Vector, spectrum: Spectrum
    ) -> Modes:
        """Return E over the sphere."""
        return sphere_modes(spectrum, wave_vector, cell, POLOIDAL)

    @checked
    def phase_speed(self, cosine: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the faster root of the magnetosonic dispersion relation."""
        return _magnetosonic(self.beta, cosine)[1]

    @checked
    def displacement(self, cosine: Float[Array, "..."]) -> Float[Array, "... part=3"]:
        """Return its eigenvector: across the axis for small beta."""
        return _compressive_displacement(self.beta, cosine, 1)


def _magnetosonic(beta: Scalar, cosine: Float[Array, "..."]) -> tuple[Float[Array, "..."], ...]:
    """Return both roots of w⁴ - (1 + a) w² + a cos² = 0 with a = c_s²/V_A²: slow, fast."""
    a = beta.astype(cosine.dtype) / 2
    fast = (1 + a + _root(a, cosine)) / 2
    # Their product is a cos²: no difference of near numbers.
    return jnp.sqrt(a / fast) * jnp.abs(cosine), jnp.sqrt(fast)


def _compressive_displacement(
    beta: Scalar, cosine: Float[Array, "..."], sign: int
) -> Float[Array, "... part=3"]:
    """Return the eigenvector in the plane of k and axis; sign -1 is slow, 1 fast.

    Each is a difference of near numbers at one end: fast along the axis at low beta, slow across
    it, and along it at high beta. There it is the other one turned, since both are at right angles.
    """
    fast = (cosine**2 < 0.5) | (beta.astype(cosine.dtype) >= 2)
    along, across = (
        jnp.where(fast, a, b)
        for a, b in zip(_eigenvector(beta, cosine, 1), _eigenvector(beta, cosine, -1), strict=True)
    )
    turn = jnp.where(fast == (sign == 1), 0, jnp.where(cosine < 0, -sign, sign)).astype(along.dtype)
    parts = (
        jnp.where(turn == 0, along, turn * across),
        jnp.where(turn == 0, across, -turn * along),
    )
    return jnp.stack([*parts, 0 * cosine], axis=-1)


def _eigenvector(
    beta: Scalar, cosine: Float[Array, "..."], sign: int
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return the parts along the axis and across it, by the closed form."""
    a = beta.astype(cosine.dtype) / 2
    sine = jnp.sqrt(jnp.maximum(1 - cosine**2, 0))
    root = sign * _root(a, cosine)
    along, across = (-1 + a + root) * cosine, (1 + a + root) * sine
    size = jnp.sqrt(along**2 + across**2)
    lost = size < 1e-12
    # Where k lies along the axis one of the two moves across it, in any direction.
    along = jnp.where(lost, 0, along / jnp.where(lost, 1, size))
    across = jnp.where(lost, 1, across / jnp.where(lost, 1, size))
    return along, across


def _root(a: Scalar, cosine: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return sqrt((1 + a)² - 4 a cos²), without loss of digits near cos = 1, a = 1."""
    return jnp.sqrt((1 - a) ** 2 + 4 * a * (1 - cosine**2))


def _as_beta(name: str, beta: ScalarLike) -> Scalar:
    """Return beta as an array; raise unless it is positive."""
    expected = "a positive ratio of gas over magnetic pressure"
    return as_float(check_positive(f"{name}: beta", beta, expected=expected))
