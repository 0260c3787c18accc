"""Which likelihood fits the data, and why."""

import numpy as np

from jaxcr.infer.likelihood.base import Likelihood
from jaxcr.infer.likelihood.gamma import GammaLikelihood
from jaxcr.infer.likelihood.gaussian import GaussianLikelihood
from jaxcr.infer.likelihood.log_normal import LogNormalLikelihood
from jaxcr.infer.likelihood.noise_limits import noise_limits
from jaxcr.infer.models.base import SpectrumModel
from jaxcr.observed.data import SpectrumData

_MANY = 30.0
"""Degrees of freedom from which C_l itself is Gaussian: its skewness is below 0.5."""

_SIGNIFICANCE = 2.0
"""Multipoles below this many sigma of their noise count as not detected."""


def choose_likelihood(model: SpectrumModel, data: SpectrumData) -> Likelihood:
    """Return the likelihood for such data; its ``reason`` says why.

    Parameters
    ----------
    model
        Its prediction at the start of its parameters says how skew C_l are.
    data
        As ``model.comparable`` returns them.

    Raises
    ------
    ValueError
        When all multipoles are under the noise.

    Notes
    -----
    Undetected multipoles: Gaussian in C_l if all have many modes, else limits in ln(C + N).
    Otherwise Gamma where the model knows the exact distribution (no simulations behind it, few
    modes), and Gaussian in ln(C + N) for simulated skies and for data of many modes.
    """
    prediction = model.predict(model.parameters.start, data)
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
    if np.isinf(float(prediction.num_simulations)) and freedom < _MANY:
        reason = f"Gaussian skies, {freedom:.0f} degrees of freedom at least"
        return GammaLikelihood(f"{reason}: C_l + N_l has a Gamma distribution")
    skies = "one sky" if data.num_skies == 1 else f"the mean of {data.num_skies} skies"
    return LogNormalLikelihood(f"{skies}: ln(C_l + N_l) is close to Gaussian")
