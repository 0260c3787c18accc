"""Null tests of a back-tracked sky: what must come out as nothing, measured."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_one_of
from jaxcr.compilation import jit_loop
from jaxcr.fields import Field
from jaxcr.orbits import Boris, PathLength, phase_space_jacobian, trace_ensemble
from jaxcr.sky.arrivals.backtrack import Arrivals
from jaxcr.sky.arrivals.boundaries import BoundaryDistribution, FunctionBoundary
from jaxcr.sky.arrivals.intensity import (
    check_grouped,
    intensity_map,
    pixel_samples,
    scatter_level,
    split_mean,
)
from jaxcr.sky.harmonics import cross_spectrum, power_spectrum

_ISOTROPY = 1e-12
_JACOBIAN = 1e-8
_SIGMAS = 4.0
_CHANGE = 0.05
_SAMPLE = 32  # orbits whose Jacobian and return are computed


class NullTests(eqx.Module):
    """Numbers that vanish, or are 1, for a sky that obeys Liouville's theorem.

    Attributes
    ----------
    isotropy
        Largest |dI/I| that a uniform, isotropic boundary gives.
    jacobian
        Largest |J - 1| of the volume in phase space along ``path``, over a sample of orbits.
    path
        Path in pc over which Jacobian and return were computed.
    return_distance
        Median distance in pc by which orbits miss the observer when they are sent back from
        the end of ``path``.
    half_difference
        Power of half the difference of the two half maps over the noise level expected from the
        scatter within pixels, averaged over l >= 2; ``half_difference_error`` is its error.
    lost_share
        Share of orbits that never reached the boundary.
    change, change_error
        C_l at a boundary farther away less C_l, over C_l, ``(ell,)`` for l = 1 ... lmax, and its
        standard error from the scatter of the orbits; ``None`` where none was given. Not small
        where the boundary is one that no stationary state has, or is too near.
    farther
        Median path to that boundary over that to the nearer one.
    """

    isotropy: Scalar
    jacobian: Scalar
    path: Scalar
    return_distance: Scalar
    half_difference: Scalar
    half_difference_error: Scalar
    lost_share: Scalar
    change: Float[Array, " ell"] | None = None
    change_error: Float[Array, " ell"] | None = None
    farther: Scalar | None = None

    def passed(self) -> dict[str, bool]:
        """Return which tests hold.

        1e-12, 1e-8, at most the expected noise within 4 sigma, and changes of C_l by 5 % at most,
        within 4 sigma.
        """
        most = 1 + _SIGMAS * float(self.half_difference_error)
        tests = {
            "isotropy": float(self.isotropy) < _ISOTROPY,
            "jacobian": float(self.jacobian) < _JACOBIAN,
            "half_difference": float(self.half_difference) < most,
        }
        if self.change is not None:
            tests["change"] = unchanged(self.change, self.change_error)
        return tests

    def report(self) -> str:
        """Return the numbers and verdicts, one line each."""
        good = {name: "ok" if held else "FAILS" for name, held in self.passed().items()}
        return "\n".join(
            [
                f"uniform boundary: largest |dI/I| {float(self.isotropy):.1e}  {good['isotropy']}",
                f"phase-space volume over {float(self.path):.3g} pc: largest |J - 1| "
                f"{float(self.jacobian):.1e}  {good['jacobian']}",
                f"sent back over {float(self.path):.3g} pc: median miss of the observer "
                f"{float(self.return_distance):.1e} pc",
                f"half-difference power over the noise of random orbits, 1 at most: "
                f"{float(self.half_difference):.3f} ± {float(self.half_difference_error):.3f}  "
                f"{good['half_difference']}",
                f"orbits that never reached the boundary: {float(self.lost_share):.2%}",
                self._change_line(),
            ]
        )

    def _change_line(self) -> str:
        """Return the line on a boundary farther away."""
        if self.change is None:
            return "C_l from a boundary farther away: not tested, it takes two stops"
        worst = int(np.argmax(_beyond_noise(self.change, self.change_error)))
        return (
            f"C_l from a boundary {float(self.farther):.3g} times as far away: largest change "
            f"{float(self.change[worst]):+.1%} ± {float(self.change_error[worst]):.1%} "
            f"at l = {worst + 1}  {'ok' if self.passed()['change'] else 'FAILS'}"
        )


def unchanged(change: Array, error: Array) -> bool:
    """Return whether no C_l changes by more than 5 %, within 4 standard errors."""
    return bool(np.all(_beyond_noise(change, error) < _CHANGE))


def _beyond_noise(change: Array, error: Array) -> np.ndarray:
    return np.abs(change) - _SIGMAS * np.asarray(error)


def run_null_tests(
    field: Field,
    arrivals: Arrivals,
    boundary: BoundaryDistribution,
    *,
    rigidity: ScalarLike,
    path_length: ScalarLike,
    num_steps: int,
    lmax: int,
) -> NullTests:
    """Run the null tests of one observer's sky.

    Parameters
    ----------
    field, rigidity
        With which the sky was back-tracked.
    arrivals
        Orbits grouped by pixels, at least four in each, of one observer and one stop; or two
        stops, of which the first is tested, and C_l from the second compared with its own: for
        example ``PathLength(jnp.array([path, 2 * path]))``.
    boundary
        Distribution whose sky is split into halves.
    path_length, num_steps
        Path in pc and number of Boris steps for the Jacobian and the return. A few gyroradii:
        beyond, chaos multiplies the round-off of float64 itself.
    lmax
        Highest multipole of the half-difference, and of the comparison of two stops.

    Raises
    ------
    ValueError
        When the arrivals are of several observers, or more than two stops.

    Notes
    -----
    The half-difference is that of a regular grid, which scatters less than random directions
    where the sky is smooth within a pixel: a ratio below 1 is no failure.
    """
    remedy = "Take one observer and one stop: arrivals.select(observer=0, stop=0)."
    check_one_of("run_null_tests: axes of observer", arrivals.observer.ndim, [1], remedy=remedy)
    check_grouped(arrivals)
    change = None, None, None
    if arrivals.path_length.ndim == 3:
        num_stops = arrivals.path_length.shape[0]
        check_one_of("run_null_tests: stops", num_stops, [1, 2], remedy=remedy)
        if num_stops == 2:
            change = compare_stops(arrivals, boundary, lmax)
        arrivals = arrivals.select(stop=0)
    isotropy, difference, noise = _from_orbits(arrivals, boundary)
    path = as_float(path_length)
    ends = _along_orbits(field, arrivals, as_float(rigidity), path, num_steps)
    c_ell = power_spectrum(difference, lmax=lmax)
    return _gather(arrivals, isotropy, path, ends, c_ell, noise, change)


@eqx.filter_jit
def compare_stops(arrivals: Arrivals, boundary: BoundaryDistribution, lmax: int):
    """Return the relative change of C_l from stop to stop, its error, and the ratio of paths."""
    samples, weight = pixel_samples(arrivals, boundary)
    noise = scatter_level(samples, weight)[:, None]
    c_ell = cross_spectrum(*split_mean(samples, weight), lmax=lmax)[:, 1:]
    modes = 2 * jnp.arange(1, lmax + 1, dtype=c_ell.dtype) + 1
    # Each half has noise 2N: of s² the mean of (s + n_1) (s + n_2) over 2 l + 1 modes.
    variance = 4 * noise * (jnp.maximum(c_ell, 0) + noise) / modes[None]
    near = jnp.where(c_ell[0] == 0, 1, c_ell[0])
    paths = jnp.median(arrivals.path_length.reshape(2, -1), axis=-1)
    error = jnp.sqrt(jnp.sum(variance, axis=0)) / jnp.abs(near)
    return (c_ell[1] - c_ell[0]) / near, error, paths[1] / paths[0]


@eqx.filter_jit
def _from_orbits(
    arrivals: Arrivals, boundary: BoundaryDistribution
) -> tuple[Scalar, Float[Array, " pixel"], Scalar]:
    """Return the isotropy, half the difference of the half maps, and its noise level."""
    uniform = FunctionBoundary(lambda position, direction: jnp.ones((), direction.dtype))
    flat = intensity_map(arrivals, uniform)
    samples, weight = pixel_samples(arrivals, boundary)
    first, second = split_mean(samples, weight)
    return jnp.max(jnp.abs(flat - 1)), (first - second) / 2, scatter_level(samples, weight)


@jit_loop
def _along_orbits(field, arrivals, rigidity, path, num_steps):
    """Return the Jacobian of a sample of orbits, and by how far they miss when sent back."""
    sky = arrivals.arrival.reshape(-1, 3)
    sky = sky[np.linspace(0, len(sky) - 1, _SAMPLE).astype(int)]
    start = arrivals.observer
    leg = {"stop": PathLength(path), "pusher": Boris(path / num_steps)}

    def volume(direction):
        options = {"rigidity": -rigidity, "path_length": path, "num_steps": num_steps}
        return phase_space_jacobian(field, start, direction, **options)

    there = trace_ensemble(field, start, sky, rigidity=-rigidity, **leg)
    home = trace_ensemble(field, there.position, -there.direction, rigidity=rigidity, **leg)
    miss = jnp.sqrt(jnp.sum((home.position - start[None]) ** 2, axis=-1))
    return jax.lax.map(volume, sky), miss


@eqx.filter_jit
def _gather(
    arrivals: Arrivals,
    isotropy: Scalar,
    path: Scalar,
    ends: tuple[Float[Array, " orbit"], Float[Array, " orbit"]],
    c_ell: Float[Array, " ell"],
    noise: Scalar,
    change: tuple,
) -> NullTests:
    """Return the results, with the power of half the difference over the noise level."""
    jacobian, miss = ends
    modes = 2 * jnp.arange(2, c_ell.size, dtype=c_ell.dtype) + 1
    none = noise == 0
    ratio = jnp.sum(modes * c_ell[2:]) / jnp.sum(modes) / jnp.where(none, 1, noise)
    return NullTests(
        isotropy=isotropy,
        jacobian=jnp.max(jnp.abs(jacobian - 1)),
        path=path,
        return_distance=jnp.median(miss),
        half_difference=jnp.where(none, 0, ratio),
        half_difference_error=jnp.sqrt(2 / jnp.sum(modes)),
        lost_share=arrivals.lost_share(),
        change=change[0],
        change_error=change[1],
        farther=change[2],
    )
