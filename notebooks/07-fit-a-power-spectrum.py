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
# The whole way in forty lines: turbulence (01-field), a sky (05-sky), a derivative and its verdict
# (06-trust-a-gradient), and a fit of four parameters to a simulated measurement. Everything is small, so that it
# runs in a good minute: a 64³ box, few fields, low multipoles. `jaxcr fit` does the same at full size.

# %%
# %matplotlib inline
import jax

jax.config.update("jax_enable_x64", True)  # fits need float64

import jax.numpy as jnp
import numpy as np

from jaxcr import fields, infer, plots, sky

# %% tags=["sizes"]
cells = 64  # on each axis of the box
nside, lmax, boundary_lmax = 4, 8, 16  # pixels, multipoles of the sky and of the boundary
num_slope_fields = 4  # turbulent fields for a derivative
num_model_fields, num_nodes = 10, 12  # fields of the emulator, at so many levels of dB/B0
num_data_skies, num_starts = 8, 4

# %% [markdown]
# ## A field, measured
# `describe` measures what was asked for: rms, spectral index, correlation length, divergence.

# %%
skies = infer.SkyEnsemble(
    cells=cells, outer_scale=25.6, gyroradius=10.0, path=3.0, nside=nside, lmax=lmax,
    boundary_lmax=boundary_lmax,
)
turbulence = skies.turbulence(0)
print(fields.describe(fields.UniformField(jnp.array(infer.AXIS)) + turbulence))

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
# The derivative by dB/B0 along every orbit, and by differences between skies with the same phases. On a path of
# three gyroradii both should agree within their errors, and the verdict says which to take.

# %%
report = infer.spectrum_gradient(
    lambda level, number: infer.simulated_spectra(skies, level, number),
    0.8,
    num_fields=num_slope_fields,
    name="dB/B0",
)
print(report.verdict())
numbers = {name: getattr(report, name)[1:] for name in (
    "pathwise", "pathwise_error", "difference", "difference_error")}
plots.plot_gradient(ell=np.arange(1, skies.lmax + 1), **numbers)

# %% [markdown]
# ## A fit
# Plant parameters (A = 1e-3, dB/B0 = 0.8, R = 2, gradient 0.3), simulate eight skies in other fields,
# and fit them back: exact gradients through trap chain, transfer tensor and likelihood. R is the mirror ratio of
# the traps outside, and the gradient ln(B1/B2) that of the field across each of them (03-traps).

# %%
emulator = infer.build_emulator(skies, num_fields=num_model_fields, num_nodes=num_nodes)
traps = infer.TrapSeries(lmax=skies.boundary_lmax)
model = infer.SkyModel(emulator, traps)
planted = jnp.array(infer.PLANTED)
data = infer.simulate_data(skies, traps, planted, seed=1, num_skies=num_data_skies)
problem = infer.Problem(model, model.comparable(data))
result = infer.fit(problem, num_starts=num_starts)
posterior = result.posterior
for row in zip(
    problem.parameters.names, posterior.mean, posterior.errors, planted, strict=True
):
    print("{:9s} {:7.3f} ± {:.3f}   planted {:.3f}".format(*row))

# %% [markdown]
# Compare the errors with what was believed before: 0.91 for ln(R-1) and 0.15 for the gradient. Eight skies measure
# amplitude and turbulence to about a tenth, the mirror ratio poorly, and the gradient not at all: its error is that
# of its prior. 11-joint-fit-and-posterior takes this fit apart.
#
# The slope of the likelihood at the best fit, by reverse mode through the whole model. It is zero where
# the data decide alone; where it is not, a prior pulls the other way.

# %%
slope = jax.grad(lambda v: infer.log_likelihood(problem, v))(result.values)
print(dict(zip(problem.parameters.names, np.asarray(slope).round(3).tolist(), strict=True)))
