"""Which likelihood fits the data, and why."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.infer.likelihood.base import Likelihood
from jaxcr.infer.likelihood.gamma import GammaLikelihood
from jaxcr.infer.likelihood.gaussian import GaussianLikelihood
from jaxcr.infer.likelihood.log_normal import LogNormalLikelihood
from jaxcr.infer.likelihood.noise_limits import noise_limits
from jaxcr.infer.likelihood.problem import predicted
from jaxcr.infer.models.base import SpectrumModel
from jaxcr.observed.data import SpectrumData

_MANY = 30.0
"""Degrees of freedom from which C_l itself is Gaussian: its skewness is below 0.5."""

_STARTS = 64
"""Points among which one as bright as the data is looked for: ln A to a tenth or better."""

_SIGNIFICANCE = 2.0
"""Multipoles below this many sigma of their noise count as not detected."""


def choose_likelihood(model: SpectrumModel, data: SpectrumData) -> Likelihood:
    """Return the likelihood for such data; its ``reason`` says why.

    Parameters
    ----------
    model
        Its prediction where its power is that of the data says how skew C_l are.
    data
        As ``model.comparable`` returns them.

    Raises
    ------
    ValueError
        When all multipoles are under the noise.

    Notes
    -----
    Undetected multipoles: Gaussian in C_l if all have many modes, else limits in ln(C + N).
    Otherwise Gamma for data of few modes, and Gaussian in ln(C + N) for those of many. ln C_l of
    single simulated skies is skew (-0.2 to -1.4, as that of a Gamma variable): over 234 skies of
    other fields ln of the Gamma density was higher by 1.0 ± 0.2 a sky.
    """
    prediction = predicted(model, _as_bright(model, data), data)
    freedom = float(np.min(prediction.freedom))
    if data.debiased:
        levels = noise_limits(data, _SIGNIFICANCE)
        under = np.asarray(data.ell)[np.asarray(data.c_ell) < levels].tolist()
        if under and freedom >= _MANY:
            reason = f"l = {under} under the noise, {freedom:.0f} degrees of freedom at least"
            return GaussianLikelihood(f"{reason}: C_l itself is close to Gaussian")
        if under:
            reason = f"l = {under} below {_SIGNIFICANCE:g} sigma of the noise: upper limits"
            return LogNormalLikelihood(reason, levels)
    skies = "one sky" if data.num_skies == 1 else f"the mean of {data.num_skies} skies"
    if freedom < _MANY:
        reason = f"{skies}: C_l + N_l is close to a Gamma variable"
        least = f"{freedom:.1f} degrees of freedom at the least certain multipole"
        return GammaLikelihood(f"{reason}, {least}")
    return LogNormalLikelihood(f"{skies}: ln(C_l + N_l) is close to Gaussian")


def _as_bright(model: SpectrumModel, data: SpectrumData) -> Float[Array, " parameter"]:
    """Return the point out of several starts whose power is nearest to that of the data.

    Noise of the data is added to the model: beside a sky far too faint it would seem to win.
    """
    starts = model.parameters.starts(_STARTS)
    power = jax.lax.map(lambda x: jnp.sum(model.mean_spectrum(x)[data.ell]), starts)
    wanted = float(np.sum(data.c_ell))
    if wanted <= 0:
        return starts[0]
    return starts[int(np.argmin(np.abs(np.log(np.asarray(power) / wanted))))]
