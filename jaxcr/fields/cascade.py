"""The Goldreich–Sridhar cascade: eddies longer along the mean field the smaller they are."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_range
from jaxcr.fields.geometries import BOTH, Geometry, Modes, alike, as_helicity, ring_mean
from jaxcr.fields.spectra import Spectrum
from jaxcr.fields.wave_vectors import circle, split
from jaxcr.vectors import unit_vector

KOLMOGOROV = 5 / 3


class CriticalBalance(Geometry):
    """Turbulence whose eddies turn over as fast as Alfvén waves cross them along the field."""

    alfven_mach: eqx.AbstractVar[Scalar]
    toroidal: eqx.AbstractClassVar[float]

    def draw(
        self, key: Key[Array, ""], wavenumber: Float[Array, " wave"], spectrum: Spectrum
    ) -> tuple[Float[Array, "wave xyz=3"], Modes]:
        """Return directions uniform about the axis, k along it from the exponential."""
        of_circle, of_length = jax.random.split(key)
        along = jax.random.laplace(of_length, wavenumber.shape, wavenumber.dtype)
        along = along * self._cutoff(wavenumber, spectrum)
        across = wavenumber[:, None] * circle(of_circle, self.axis, wavenumber)
        vectors = across + along[:, None] * self.axis.astype(wavenumber.dtype)[None]
        return vectors, alike(wavenumber, self.toroidal)

    def lattice_modes(
        self, wave_vector: Float[Array, "... xyz=3"], cell: Vector, spectrum: Spectrum
    ) -> Modes:
        """Return E over the circle across the axis, times the exponential along it."""
        parts = split(wave_vector, self.axis, cell)
        cutoff = self._cutoff(jnp.where(parts.across > 0, parts.across, 1), spectrum)
        near = (jnp.abs(parts.along) - parts.width_along / 2) / cutoff
        far = (jnp.abs(parts.along) + parts.width_along / 2) / cutoff
        # The cells in the plane across the axis reach to both sides of it.
        beyond = jnp.exp(-jnp.abs(near))
        share = (jnp.where(near < 0, 2 - beyond, beyond) - jnp.exp(-far)) / 2
        power = share * ring_mean(spectrum, parts, cell)
        return Modes(power, jnp.full_like(power, self.toroidal))

    def _cutoff(self, wavenumber: Float[Array, "..."], spectrum: Spectrum) -> Float[Array, "..."]:
        """Return k_c, at which the power along the axis has fallen to 1/e."""
        largest, _ = spectrum.edges(wavenumber.dtype)
        mach = self.alfven_mach.astype(wavenumber.dtype)
        return mach ** (4 / 3) * jnp.cbrt(largest) * jnp.cbrt(wavenumber) ** 2


class GoldreichSridhar(CriticalBalance):
    """Critically balanced turbulence, B anywhere across k.

    E is the spectrum over k across the axis; along it the power falls as exp(-abs(k_par)/k_c) with
    k_c = M_A^(4/3) k_0^(1/3) k_perp^(2/3) and k_0 = 2 pi/outer_scale.

    Parameters
    ----------
    axis
        Direction of the mean field, ``(3,)``; any length.
    alfven_mach
        M_A; below 1 it holds from k_0/M_A² on, and weak turbulence above is left out.
    helicity
        Relative magnetic helicity from -1 to 1.

    Notes
    -----
    For E ~ k_perp^-5/3 the trace of the power is that of Yan & Lazarian, PRL 89 (2002) 281102, eq.
    3, with L = 1/k_0; another index is refused. The cascade is anisotropic about the field that an
    eddy sees. About one axis, as here, small eddies lose that once dB reaches the mean field.
    """

    axis: Vector
    alfven_mach: Scalar
    helicity: Scalar | None
    kinds = 1
    toroidal = BOTH
    index = KOLMOGOROV
    varies_along = True
    varies_across = True
    needs_lattice_axis = False

    def __init__(
        self,
        axis: Float[Array, "xyz=3"],
        *,
        alfven_mach: ScalarLike = 1.0,
        helicity: ScalarLike | None = None,
    ):
        self.axis = unit_vector("GoldreichSridhar: axis", axis)
        self.alfven_mach = as_alfven_mach("GoldreichSridhar", alfven_mach)
        self.helicity = as_helicity("GoldreichSridhar", helicity)


def as_alfven_mach(name: str, value: ScalarLike) -> Scalar:
    """Return M_A as an array; raise unless it is positive and at most 1."""
    expected = "above 0 and at most 1"
    remedy = (
        "Super-Alfvenic turbulence is isotropic from its outer scale down to where M_A is 1: take "
        "that scale as outer_scale."
    )
    name = f"{name}: alfven_mach"
    check_range(name, value, 0.0, 1.0, ends="(]", expected=expected, remedy=remedy)
    return as_float(value)
