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
# # The joint fit, and what its errors mean
#
# Traps outside, turbulence inside: four parameters make one spectrum, and they trade with each other along a
# curve. This notebook fits them to the mean of sixteen simulated skies and then asks four methods for the
# errors. Two assume an ellipse and two don't. Small boxes, one to two minutes; `jaxcr fit` does it at full size.
# The sampler needs the extra `jaxcr[bayes]`.

# %%
# %matplotlib inline
import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np

from jaxcr import infer, plots
from jaxcr.plots.style import BLUE, GREEN, ORANGE, VERMILION, add_legend, new_figure, polish

# %% tags=["sizes"]
cells, nside, lmax = 64, 4, 8  # on each axis of the box; pixels; highest multipole
num_model_fields, num_nodes = 12, 8  # fields of the emulator, at so many levels of dB/B0
num_data_skies, num_starts = 16, 6
num_warmup, num_samples = 200, 600  # of each of four chains
num_profile = 16

# %% [markdown]
# ## Model and data
# The sky is quadratic in the boundary's Legendre coefficients, so amplitude, mirror ratio and gradient act
# exactly, without new orbits. Only $\delta B/B_0$ needs them: skies at eight values with the same phases,
# and a polynomial between. The data come from fields that the model never saw.

# %%
skies = infer.SkyEnsemble(
    cells=cells, outer_scale=25.6, gyroradius=10.0, path=3.0, nside=nside, lmax=lmax,
    boundary_lmax=16,
)
emulator = infer.build_emulator(skies, num_fields=num_model_fields, num_nodes=num_nodes)
traps = infer.TrapSeries(lmax=skies.boundary_lmax)
model = infer.SkyModel(emulator, traps)
planted = jnp.array(infer.PLANTED)
data = model.comparable(infer.simulate_data(skies, traps, planted, seed=2, num_skies=num_data_skies))
likelihood = infer.choose_likelihood(model, data)
problem = infer.Problem(model, data, likelihood=likelihood)
print(model.conventions())
print(f"{likelihood}: {likelihood.reason}")

# %%
result = infer.fit(problem, num_starts=num_starts)
names = problem.parameters.names
print(f"chi² = {result.chi_squared:.1f} for {result.degrees_of_freedom} degrees of freedom")
print("ends of the starts, -2 ln posterior:", np.asarray(result.start_costs).round(2))
print("Adam's, as a check:                 ", np.asarray(result.check_costs).round(2))
print(infer.data_directions(problem.parameters, result.posterior.covariance).text())

# %% [markdown]
# The last line is worth more than four numbers with errors. Eight multipoles of sixteen skies know one
# combination to a few per cent, another to less than ten, and the rest hardly: there the priors speak. The reason
# is in the sky. $C_1$ gives $A$, lowered by turbulence; power at $\ell \geq 2$ can come
# from stronger turbulence, which breaks the dipole up, or from deeper traps, which never were a dipole.
#
# ## Four answers to one question
# - *Fisher*: curvature expected of such data at the best fit. A matrix inversion.
# - *Laplace*: curvature of the actual posterior there. One Hessian.
# - *Importance*: weighted draws from a wide distribution that adapts in four rounds. `fit` returns it.
# - *NUTS*: four Markov chains that follow the gradient, through traps, tensors and likelihood.

# %%
laplace = infer.laplace_covariance(problem, result.values)
chains = infer.sample_nuts(
    problem, result.values, key=jax.random.key(0), num_warmup=num_warmup, num_samples=num_samples
)
draws = np.asarray(chains.samples).reshape(-1, len(names))
importance = result.posterior
methods = {
    "Fisher": (result.values, result.errors),
    "Laplace": (result.values, jnp.sqrt(jnp.diagonal(laplace))),
    "importance": (importance.mean, importance.errors),
    "NUTS": (draws.mean(0), draws.std(0)),
}
print("              " + "".join(f"{name:^18}" for name in names))
for method, (centre, error) in methods.items():
    print(f"{method:14}" + "".join(
        f"{c:8.3f} ± {e:<7.3f}" for c, e in zip(centre, error, strict=True)))  # fmt: skip

# %% [markdown]
# The two that sample agree; the first two need not agree with them, or with each other. A NaN of Laplace
# means that the best fit lies at a bound, or on a saddle: no ellipse there at all. But samplers fail too, only
# differently. So ask them first. R-hat compares the spread between chains with that inside each (above
# 1.01: draw more); the effective size counts independent draws; divergent draws mark places that a step
# could not follow. Importance weights have an effective size as well.

# %%
print(infer.summary(chains))
print(f"{float(np.asarray(chains.num_steps).mean()):.0f} gradients a draw, "
      f"{int(np.asarray(chains.divergent).sum())} divergent; "
      f"importance: {float(importance.effective_samples):.0f} of {importance.weights.size} samples")

# %% [markdown]
# A warning on ln A, if it is there, is deserved: six hundred draws of four chains are few, for the sake of time.
#
# What was planted, by both samplers. They see the same data, so they are off in the same direction. And
# `to_arviz` hands the chains to arviz, for its plots and tests.

# %%
for method in ("importance", "NUTS"):
    print(method)
    for row in zip(names, *methods[method], planted, strict=True):
        print("  {:9s} {:7.3f} ± {:.3f}   planted {:.3f}".format(*row))
print(list(infer.to_arviz(chains).posterior.data_vars))

# %%
plots.plot_corner(draws, names, truth=planted)

# %% [markdown]
# ## The valley
# A profile walks along the floor of the valley: one parameter is held, all others are fitted. Its rise is the
# likelihood's own statement, without a prior on the parameter walked along; its track shows who pays. Beside
# it the straight line and the ellipse that Fisher's matrix makes of the same valley, both from the best fit.

# %%
walked = infer.profile(problem, result, "ln(R-1)", num=num_profile)
print(walked.text())
covariance = np.asarray(result.covariance)
low, high = problem.parameters.lower, problem.parameters.upper
figure = new_figure(12, 3.8)
panels = figure.subplots(1, 3)
for axes, j in zip(panels, (0, 1, 3), strict=True):
    axes.plot(draws[:, 2], draws[:, j], ".", ms=2.5, color=BLUE, alpha=0.35)
    axes.plot([], [], "o", color=BLUE, label="NUTS")
    pair = np.ix_([2, j], [2, j])
    ellipse = plots.fisher_ellipse(np.asarray(result.values)[[2, j]], covariance[pair], 2.3)
    axes.plot(*ellipse, color=VERMILION, ls="--", label="Fisher, 68 %")
    axes.plot(walked.values[:, 2], walked.values[:, j], ".-", color=GREEN, label="profile")
    axes.plot(planted[2], planted[j], "*", ms=15, mec="k", color=ORANGE, label="planted")
    axes.set_xlim(float(low[2]), 1.5)
    reach = np.ptp(draws[:, j])
    axes.set_ylim(max(float(low[j]) - 0.02, draws[:, j].min() - 0.1 * reach),
                  min(float(high[j]) + 0.02, draws[:, j].max() + 0.1 * reach))
    polish(axes, x_label="ln(R-1)", y_label=names[j])
add_legend(panels[1], loc="lower left")
figure

# %% [markdown]
# Shallow traps scarcely turn anybody, their sky is a step, and how shallow they are no longer matters: to the
# left the track runs level. Deep traps bring their own small scales; then turbulence must be weaker, and the
# amplitude with it. The valley bends, and the ellipse, fixed on one side of the bend, leaves the planted strength
# outside. With curvature taken at a single point no more can be had.
#
# ## What more skies would do
# Errors by Fisher's matrix at the planted values, priors included:

# %%
print(infer.forecast(model, planted, data, num_skies=(16, 256)).table())

# %% [markdown]
# Sixteen times the skies should quarter an error. They halve that of A, for the model itself rests on 96
# simulated skies, and the covariance is widened by 1 + skies/96. Simulate more skies than the data
# have, ten times as many if it shall not be felt.
#
# ## To take home
# 1. Print `data_directions` before any table of errors. Four numbers with errors hide what was measured.
# 2. Fisher's matrix is for planning. Quote the samples: importance where their effective size is in the
#    hundreds, NUTS where it is not, and the profile where the prior shall not speak.
# 3. An error as large as the prior's is the prior. The mirror ratio needs many skies.
# 4. All of it holds for the convention of the path that the model prints: 10-fit-turbulence-to-a-spectrum.
