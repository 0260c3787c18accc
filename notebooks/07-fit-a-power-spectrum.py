# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a field to a fitted power spectrum
#
# Everything below is small, so that it runs in about a minute: a 64³ box, few fields, low multipoles.
# `jaxcr fit` does the same at full size.

# %%
# %matplotlib inline
import jax

jax.config.update("jax_enable_x64", True)  # fits need float64

import jax.numpy as jnp
import numpy as np

from jaxcr import fields, infer, plots, sky

# %% [markdown]
# ## A field, measured
# `describe` measures what was asked for: rms, spectral index, correlation length, divergence.

# %%
skies = infer.SkyEnsemble(
    cells=64, outer_scale=25.6, gyroradius=10.0, path=3.0, nside=4, lmax=8, boundary_lmax=16
)
turbulence = skies.turbulence(0)
print(fields.describe(turbulence))

# %% [markdown]
# ## A sky, and its spectrum
# Particles are traced back from every pixel; the boundary's dipole is read where they end.

# %%
dipole = sky.DipoleBoundary(axis=jnp.array(infer.AXIS), amplitude=1e-3)
arrivals = skies.arrivals(turbulence, 0.8, dtype=jnp.float64)
one = sky.intensity_map(arrivals, dipole)[0]
plots.plot_sky(np.asarray(one), np.asarray(sky.remove_dipole(one)))

# %% [markdown]
# ## A gradient, and how far it can be trusted
# The derivative by dB/B0 along every orbit, and by differences between skies with the same phases.

# %%
report = infer.spectrum_gradient(
    lambda level, number: infer.simulated_spectra(skies, level, number),
    0.8,
    num_fields=4,
    name="dB/B0",
)
print(report.verdict())
numbers = {name: getattr(report, name)[1:] for name in (
    "pathwise", "pathwise_error", "difference", "difference_error")}
plots.plot_gradient(ell=np.arange(1, skies.lmax + 1), **numbers)

# %% [markdown]
# ## A fit
# Plant parameters (A = 1e-3, dB/B0 = 0.8, R = 2, eta = 0.3), simulate eight skies in other fields,
# and fit them back: exact gradients through trap chain, transfer tensor and likelihood.

# %%
emulator = infer.build_emulator(skies, num_fields=10)
traps = infer.TrapSeries(lmax=skies.boundary_lmax)
model = infer.SkyModel(emulator, traps)
data = infer.simulate_data(skies, traps, jnp.array(infer.PLANTED), seed=1, num_skies=8)
problem = infer.Problem(model, model.comparable(data))
result = infer.fit(problem, num_starts=4)
posterior = result.posterior
for row in zip(
    problem.parameters.names, posterior.mean, posterior.errors, infer.PLANTED, strict=True
):
    print("{:9s} {:7.3f} ± {:.3f}   planted {:.3f}".format(*row))

# %% [markdown]
# The slope of the likelihood at the best fit, by reverse mode through the whole model:

# %%
slope = jax.grad(lambda v: infer.log_likelihood(problem, v))(result.values)
print(dict(zip(problem.parameters.names, np.asarray(slope).round(3).tolist(), strict=True)))
