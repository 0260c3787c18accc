"""Discretisations of the pitch-angle cosine: a Legendre series, and finite volumes."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import as_float, check_range, check_shape
from jaxcr.kinetic.pitch_angle.quadrature import half_range_rule, legendre_tables
from jaxcr.legendre import gauss_rule

_BETWEEN = 6  # nodes between a centre and a face
Diffusion = Callable[[Array], Array]
"""D_mumu in 1/pc at cosines of any shape, >= 0."""

_MOST_PECLET = 60.0  # above it coth is 1 to rounding


class PitchAngleMethod(eqx.Module):
    """A way to hold f(mu) as numbers: one value of f at each of ``cosines``.

    The cosines rise and are symmetric, so that reversing the values is mu -> -mu.
    """

    @abc.abstractmethod
    def cosines(self) -> Float[Array, " mu"]:
        """Return where the values stand."""

    @abc.abstractmethod
    def weights(self) -> Float[Array, " mu"]:
        """Return the weights of the integral over mu; their sum is 2."""

    @abc.abstractmethod
    def operator(self, diffusion: Diffusion, focusing: ScalarLike) -> Float[Array, "mu mu"]:
        """Return the matrix of f -> d_mu(D d_mu f) - focusing d_mu[(1 - mu²) f].

        ``focusing`` is v/(2L) in 1/pc. ``weights() @ operator`` vanishes: particles only move in
        mu. Of a constant the matrix makes exactly ``2 focusing cosines()``.
        """

    @abc.abstractmethod
    def coefficients(
        self, values: Float[Array, "*shape mu"], lmax: int
    ) -> Float[Array, "*shape ell"]:
        """Return f_0 ... f_lmax of f = sum f_l P_l(mu), f_l = (2l + 1)/2 int f P_l dmu."""


class LegendreSeries(PitchAngleMethod):
    """f = sum of f_l P_l(mu) up to lmax, held as its values at the lmax + 1 Gauss nodes.

    The series of the equation cut at lmax (P_N approximation): mu and d_mu (1 - mu²) act exactly
    within the series, D by its matrix elements -(2l + 1)/2 int D P_l' P_k' dmu.

    Parameters
    ----------
    lmax
        Highest order, at least 1; static.

    Raises
    ------
    ValueError
        If ``lmax`` is below 1, or D (when known) is negative.

    Notes
    -----
    Converges faster than any power for smooth f and D; f may become negative where it is not
    resolved, as at the edge of a beam. The matrix elements are exact for polynomials D up to
    degree 20 and for |mu|^s times these with 3 s an integer.
    """

    lmax: int = eqx.field(static=True)

    def __check_init__(self):
        check_range("LegendreSeries: lmax", self.lmax, 1, remedy="Without a dipole nothing moves.")

    def cosines(self) -> Float[Array, " mu"]:
        """Return Gauss's nodes."""
        return jnp.asarray(self._gauss()[0], jnp.result_type(float))

    def weights(self) -> Float[Array, " mu"]:
        """Return Gauss's weights."""
        return jnp.asarray(self._gauss()[1], jnp.result_type(float))

    def operator(self, diffusion: Diffusion, focusing: ScalarLike) -> Float[Array, "mu mu"]:
        """Return the matrix between values, from that between coefficients."""
        scattering = scattering_matrix(diffusion, lmax=self.lmax)
        focusing = as_float(focusing).astype(scattering.dtype)
        moved = scattering - focusing * _spreading(self.lmax).astype(scattering.dtype)
        values, series = self._transforms()
        return values @ moved @ series

    def coefficients(
        self, values: Float[Array, "*shape mu"], lmax: int
    ) -> Float[Array, "*shape ell"]:
        """Return the coefficients; those above the series are zero."""
        kept = min(lmax, self.lmax)
        series = values @ self._transforms()[1][: kept + 1].T
        return jnp.pad(series, [(0, 0)] * (values.ndim - 1) + [(0, lmax - kept)])

    def _gauss(self):
        """Return Gauss's nodes and weights in NumPy."""
        return gauss_rule(self.lmax + 1)

    def _transforms(self):
        """Return the matrices from coefficients to values and back."""
        values, _ = legendre_tables(self._gauss()[0], self.lmax)
        order = jnp.arange(self.lmax + 1, dtype=values.dtype)
        return values, (order + 0.5)[:, None] * values.T * self.weights()[None, :]


class FiniteVolume(PitchAngleMethod):
    """Means of f in equal cells of mu, moved by fluxes through their faces.

    Flux = a (f_j + f_k)/2 - W (f_k - f_j)/h with a = focusing (1 - mu²) and
    W = (a h/2) coth(a h/2D), the exponential fit of Scharfetter and Gummel: exact for the
    equilibrium exp(int a/D) where a/D is constant, never negative, upwind where D = 0.
    No flux passes mu = ±1.

    Parameters
    ----------
    num_cells
        At least 2; static.

    Raises
    ------
    ValueError
        If ``num_cells`` is below 2, or D (when known) is negative.

    Notes
    -----
    Error O(h²), h = 2/num_cells, where D is smooth and D > a h; O(h) where focusing meets no
    scattering. A D that touches zero at mu = 0 costs no order, one that is zero in a range parts
    the cells.
    Source: Scharfetter & Gummel 1969, IEEE Trans. Electron Devices 16, 64.
    """

    num_cells: int = eqx.field(static=True)

    def __check_init__(self):
        check_range("FiniteVolume: num_cells", self.num_cells, 2, remedy="Tens resolve the dipole.")

    def cosines(self) -> Float[Array, " mu"]:
        """Return the centres of the cells."""
        faces = self._faces()
        return jnp.asarray((faces[1:] + faces[:-1]) / 2, jnp.result_type(float))

    def weights(self) -> Float[Array, " mu"]:
        """Return the width of each cell."""
        return jnp.asarray(np.diff(self._faces()), jnp.result_type(float))

    def operator(self, diffusion: Diffusion, focusing: ScalarLike) -> Float[Array, "mu mu"]:
        """Return minus the divergence of the fluxes, a matrix of three diagonals."""
        inner = jnp.asarray(self._faces()[1:-1], jnp.result_type(float))
        width = 2 / self.num_cells
        rate = self._through_faces(diffusion, inner) / width
        push = as_float(focusing).astype(rate.dtype) * (1 - inner**2)
        spread = _fitted(push, rate)
        from_left, from_right = push / 2 + spread, push / 2 - spread
        fluxes = jnp.zeros((self.num_cells + 1, self.num_cells), rate.dtype)
        face = jnp.arange(1, self.num_cells)
        fluxes = fluxes.at[face, face - 1].set(from_left).at[face, face].set(from_right)
        return -jnp.diff(fluxes, axis=0) / width

    def coefficients(
        self, values: Float[Array, "*shape mu"], lmax: int
    ) -> Float[Array, "*shape ell"]:
        """Return the coefficients of the steps, int P_l over a cell in closed form."""
        faces = legendre_tables(self._faces(), lmax + 1)[0]
        # (2l + 1) int P_l = P_{l+1} - P_{l-1}, and P_{-1} = 1 drops out of the difference
        below = jnp.concatenate([jnp.ones_like(faces[:, :1]), faces[:, :-2]], axis=1)
        return values @ jnp.diff((faces[:, 1:] - below) / 2, axis=0)

    def _through_faces(self, diffusion: Diffusion, inner: Array) -> Array:
        """Return D for the step between two centres: (1 - mu²) at the face over <(1 - mu²)/D>.

        The mean keeps the flux through a place where D touches zero, as for a sharp resonance at
        90 degrees; where D is isotropic nothing is changed.
        """
        nodes, weights = (jnp.asarray(x, inner.dtype) for x in self._between())
        rate = checked_diffusion("FiniteVolume: diffusion", diffusion, nodes.reshape(-1))
        rate = rate.reshape(nodes.shape)
        share = 1 - nodes**2
        resistance = jnp.where(rate > 0, share / jnp.where(rate > 0, rate, 1), jnp.inf)
        return (1 - inner**2) / jnp.sum(weights * resistance, axis=1)

    def _between(self) -> tuple[np.ndarray, np.ndarray]:
        """Return nodes and weights of means from centre to centre, (face, node), in NumPy.

        Gauss's rule in u, mu = ±u^6, on both sides of the face: roots at mu = 0 are smooth in u.
        """
        places, weights = gauss_rule(_BETWEEN)
        faces = self._faces()
        points = np.arange(1 - self.num_cells, self.num_cells) / self.num_cells
        roots = np.sign(points) * np.abs(points) ** (1 / 6)
        span = np.diff(roots)[:, None]
        u = roots[:-1, None] + span * (1 + places) / 2
        shares = 6 * np.abs(u) ** 5 * span * weights / 2 * self.num_cells / 2
        shape = (faces.size - 2, 2 * _BETWEEN)
        return (np.sign(u) * u**6).reshape(shape), shares.reshape(shape)

    def _faces(self):
        """Return the faces in NumPy, symmetric to the last bit."""
        return np.arange(-self.num_cells, self.num_cells + 1, 2) / self.num_cells


def scattering_matrix(diffusion: Diffusion, *, lmax: int) -> Float[Array, "ell ell"]:
    """Return the matrix of d_mu D d_mu between Legendre coefficients.

    M_lk = -(2l + 1)/2 int D P_l' P_k' dmu; -nu l(l + 1)/2 on the diagonal for
    D = nu (1 - mu²)/2.

    Parameters
    ----------
    diffusion
        mu -> D_mumu in 1/pc, >= 0, for arrays.
    lmax
        Highest order; static.

    Raises
    ------
    ValueError
        If D is known and negative or not finite at a node.
    """
    places, weights = half_range_rule(3 * lmax + 32, power=3)
    _, slopes = legendre_tables(places, lmax)
    nodes = jnp.asarray(places, slopes.dtype)
    weights = jnp.asarray(weights, slopes.dtype)
    rate = checked_diffusion("scattering_matrix: diffusion", diffusion, nodes)
    order = jnp.arange(lmax + 1, dtype=nodes.dtype)
    return -(order + 0.5)[:, None] * (slopes.T @ ((weights * rate)[:, None] * slopes))


def checked_diffusion(
    name: str, diffusion: Diffusion, cosines: Float[Array, " mu"], *, positive: bool = False
) -> Float[Array, " mu"]:
    """Return D at the cosines, or raise when it is known and not >= 0 (> 0 if ``positive``)."""
    rate = diffusion(cosines)
    check_shape(name, rate, cosines.shape, remedy="A constant is D * jnp.ones_like(mu).")
    ends = "(]" if positive else "[]"
    check_range(name, rate, 0, ends=ends, remedy="In 1/pc, such as nu (1 - mu²)/2.")
    return rate


def _spreading(lmax):
    """Return d_mu (1 - mu²): P_l -> [l (l-1) P_{l-1} - (l+1)(l+2) P_{l+1}] / (2l + 1)."""
    order = np.arange(lmax + 1)
    down = (order * (order - 1) / (2 * order + 1))[1:]
    up = ((order + 1) * (order + 2) / (2 * order + 1))[:-1]
    return jnp.asarray(np.diag(down, 1) - np.diag(up, -1), jnp.result_type(float))


def _fitted(push, rate):
    """Return (a/2) coth(a/2d) of a = push and d = rate = D/h; |a|/2 for d = 0, d for a = 0."""
    scattered = rate > 0
    half = push / jnp.where(scattered, rate, 1) / 2
    upwind = ~scattered | (jnp.abs(half) > _MOST_PECLET)
    weak = jnp.abs(half) < 1e-4
    safe = jnp.where(upwind | weak, jnp.ones_like(half), half)
    fitted = rate * jnp.where(weak, 1 + half**2 / 3, safe / jnp.tanh(safe))
    return jnp.where(upwind, jnp.abs(push) / 2, fitted)
