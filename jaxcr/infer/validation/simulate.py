"""Plant parameters, simulate a spectrum in fields of its own, to be fitted back."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.infer.emulator import TurbulenceAxis, physical_values
from jaxcr.infer.emulator.emulator import HALF_MAP
from jaxcr.infer.models.trap_parameters import ratio_and_gradient
from jaxcr.infer.models.trap_series import TrapSeries
from jaxcr.infer.skies import SkyEnsemble, pair_products, simulate_tensors
from jaxcr.observed import SpectrumData

PLANTED = (float(np.log(1e-3)), float(np.log(0.8)), 0.0, 0.3)
"""ln A, ln dB/B0, ln(R-1), gradient of the simulated data: A = 1e-3, dB/B0 = 0.8, R = 2."""

_OTHER_FIELDS = 1_000_003


def simulate_data(
    skies: SkyEnsemble,
    traps: TrapSeries,
    values: Float[Array, " parameter"],
    *,
    seed: int,
    num_skies: int,
    axes: tuple[TurbulenceAxis, ...] | None = None,
) -> SpectrumData:
    """Return the mean spectrum of independent skies, one observer in each field.

    Parameters
    ----------
    skies
        The model's ensemble; the fields are others, by their seed.
    values
        The planted (ln A, ln dB/B0, ln(R-1), gradient), or with ``axes`` what they stand for in
        place of ln dB/B0: the vector of a `SkyModel` over such an emulator.
    seed, num_skies
        Which fields, and how many.
    axes
        Of the emulator; default dB/B0 alone.

    Returns
    -------
    C_1 ... C_lmax, see `data_from_tensors`.
    """
    other = dataclasses.replace(
        skies, seed=skies.seed + _OTHER_FIELDS * (1 + seed), observers_per_axis=1
    )
    if axes is None:
        parameters = other.at(level=jnp.exp(values[1]))
    else:
        parameters = other.at(**physical_values(axes, values[1 : 1 + len(axes)]))
    results = [
        simulate_tensors(other, other.turbulence(i, parameters), parameters)
        for i in range(num_skies)
    ]
    depth, gradient = values[-2:]
    return data_from_tensors(
        np.concatenate([np.asarray(k, np.float64) for k, _ in results]).mean(0),
        float(np.mean([float(n) for _, n in results])),
        float(jnp.exp(values[0])) * traps.series(*ratio_and_gradient(depth, gradient)),
        num_skies=num_skies,
        label=f"simulated, seed {seed}, mean of {num_skies} skies",
    )


def data_from_tensors(
    tensor: Float[np.ndarray, "ell pair"],
    noise: float,
    series: Float[Array, " l"],
    *,
    num_skies: int = 1,
    label: str = "simulated",
) -> SpectrumData:
    """Return the spectrum of simulated skies under a boundary.

    Parameters
    ----------
    tensor
        Mean of the packed transfer tensors of the skies.
    noise
        Of one sky for a dipole of unit amplitude, sr.
    series
        f_l of the boundary, 0 in place of the monopole.
    num_skies
        Skies behind the mean.

    Returns
    -------
    C_1 ... C_lmax of half-cross spectra, hence debiased, with the noise level of half a map: twice
    that of the whole, it is what they scatter with.
    """
    c_ell = np.asarray(tensor, np.float64) @ np.asarray(pair_products(series))
    ell = np.arange(1, c_ell.size)
    level = np.full(ell.size, HALF_MAP * noise * float(series[1]) ** 2)
    return SpectrumData(ell, c_ell[1:], np.zeros(ell.size), level, num_skies, label=label)
