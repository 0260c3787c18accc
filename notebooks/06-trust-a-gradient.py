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
# # How far can I trust a gradient?
#
# A simulated sky is a differentiable program: automatic differentiation hands you the derivative of
# $C_\ell$ by $\delta B/B_0$ to machine precision. That number is exact for the orbits of that one sky, and
# it can still be worthless. This notebook shows when, how the library notices, and which estimates to take
# instead. Small boxes, about a minute on two cores; the measurement in a large box stands at the end.

# %%
# %matplotlib inline
import dataclasses
import json
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np
import optimistix
from jax import lax

from jaxcr import fields, infer, orbits, plots, sky, units
from jaxcr.plots.style import BLUE, GREEN, ORANGE, VERMILION, add_legend, new_figure, polish

# %% tags=["sizes"]
cells, nside = 32, 4  # on each axis of the box; pixels
num_fields, num_stand_in_fields = 8, 32  # of the skies; of the mean of their cheap stand-in
paths = (1.5, 3.0, 6.0, 9.0)  # in gyroradii
num_pairs = 4  # of random moves, for the smoothed derivative
num_fit_steps = 10

# %% [markdown]
# ## What chaos does to a derivative
# Isotropic Kolmogorov turbulence as strong as the mean field, in a box of 32 cells; $r_L$ is 8 cells; each
# sky holds 768 orbits, traced back over a fixed path to a distribution with a dipole. One field has eight
# observers, hence eight skies. `simulated_spectra` returns their $C_\ell$, and forward mode the slope of
# each by $\delta B/B_0$. All phases stay when the amplitude changes.

# %%
skies = infer.SkyEnsemble(
    cells=cells, outer_scale=12.8, gyroradius=8.0, step=1.0, path=9.0, nside=nside, lmax=8
)
level = jnp.float32(1.0)


def at_path(path):
    ensemble = dataclasses.replace(skies, path=path)
    return lambda value, number: infer.simulated_spectra(ensemble, value, number)


slopes = {}
for path in paths:
    spectra = at_path(path)
    rows = [
        jax.jvp(lambda x, i=i, f=spectra: f(x, i), (level,), (jnp.ones_like(level),))[1]
        for i in range(num_fields)
    ]
    slopes[path] = np.concatenate(rows)[:, 1]  # dC_1 of 64 skies
    size = np.sort(np.abs(slopes[path]))
    print(
        f"path {path:3.1f} r_L: mean {slopes[path].mean():9.3g}, rms {slopes[path].std():9.3g}, "
        f"the largest sky holds {100 * size[-1] ** 2 / np.sum(size**2):2.0f} % of the sum of squares"
    )

# %% [markdown]
# Neighbouring orbits part exponentially. The arrival direction at the far end depends on $\delta B/B_0$
# with a slope that grows as $e^{s/\lambda}$, and so does the slope of every single sky. The *mean* $C_1$
# changes smoothly: these huge slopes have either sign and belong to ripples of tiny size. Averaging them is
# a fair game, in that nothing is biased, but the stakes grow exponentially with the path while the prize
# stays the same.

# %%
figure = new_figure(7, 4)
axes = figure.subplots()
for (path, values), colour in zip(slopes.items(), (BLUE, GREEN, ORANGE, VERMILION)):
    size = np.sort(np.abs(values))
    axes.step(size, np.arange(size.size, 0, -1) / size.size, color=colour, label=f"{path:g} $r_L$")
axes.set(xscale="log", yscale="log")
polish(axes, x_label=r"$|dC_1/d(\delta B/B_0)|$ of one sky [sr]", y_label="share of skies with more")
add_legend(axes)
figure

# %% [markdown]
# ## Ask for a report
# `spectrum_gradient` simulates path-wise slopes and a central difference from the same phases, and compares:
# errors jackknifed over fields (skies of one field share it, so fields are what is independent), tails of
# single skies, distance of both. The verdict is one line. Its thresholds are calibrated on a hundred
# regular and a hundred chaotic ensembles of different amplitude, index, scales and seed
# (`experiments/inference/gauge.py`). The path in Lyapunov lengths, over which neighbouring orbits part
# by e, goes into the report for the reader; the verdict does not need it.

# %%
field = fields.UniformField(jnp.array(infer.AXIS)) + skies.turbulence(0)
directions = sky.refined_directions(4, 1)[:, 0]
lyapunov = float(
    orbits.lyapunov_length(
        field, skies.observers()[0], directions, rigidity=8.0 / units.GYRORADIUS, path_length=72.0
    )
)
reports = {
    path: infer.spectrum_gradient(
        at_path(path), level, num_fields=num_fields, name="dB/B0", step=0.15,
        path_over_lyapunov=8.0 * path / lyapunov,
    )
    for path in (1.5, 9.0)
}
for path, report in reports.items():
    print(f"{path:g} r_L: {report.verdict()}")
    print(
        f"   dC_1: path-wise {report.pathwise[1]:.3f} ± {report.pathwise_error[1]:.3f}, "
        f"difference {report.difference[1]:.3f} ± {report.difference_error[1]:.3f}, "
        f"best {report.best[1]:.3f} ± {report.best_error[1]:.3f} ({report.reason})"
    )

# %%
report = reports[9.0]
plots.plot_gradient(
    ell=np.arange(1, 9), pathwise=report.pathwise[1:], pathwise_error=report.pathwise_error[1:],
    difference=report.difference[1:], difference_error=report.difference_error[1:],
    best=report.best[1:], best_error=report.best_error[1:], title="dB/B0 at 9 gyroradii",
)  # fmt: skip

# %% [markdown]
# On regular orbits both agree and the path-wise derivative has no step to choose. On chaotic ones the
# difference wins: over a step much wider than the ripples the noise of a sky is divided by the step, and
# what both sides have in common (same phases) cancels as far as the orbits still remember it.
#
# ## The estimators side by side
# All are called alike: `estimator(spectra, values, field numbers)` with a vector of parameters. `remembered`
# keeps simulated skies, so that estimators share them.
#
# - `Pathwise`: forward mode. `clip` cuts the largest slopes, `groups` takes a median of means. Both tame
#   the tail and pay with a bias of unknown sign: the tail is where part of the mean lives.
# - `CentralDifference`: with a given step; with `step=None` several steps and forms (plain, Richardson,
#   logarithmic) compete for the least squared error, bias against noise. `neighbours` puts
#   $d\ln C_\ell$ of neighbouring multipoles on a line: chaos makes noise that differs from one $\ell$ to
#   the next, physics does not.
# - `Smoothed`: all parameters move at once by random amounts; a linear fit takes them apart.
# - `ControlVariate`: a cheap stand-in whose mean is known from many more fields takes out what both share.
# - `Combined`: inverse-variance weights with the covariances between estimators.
#
# The stand-in here: orbits of the last 4.5 $r_L$ exactly, everything before as the mean transfer of
# Legendre coefficients over the same length. It forgets gyrophases and places, so it is no result, but it
# fluctuates with the field as the full sky does.

# %%
axis = jnp.array(infer.AXIS, jnp.float32)
short = dataclasses.replace(skies, path=4.5)


@jax.jit
def traced(turbulence, value):
    arrivals = short.arrivals(turbulence, value.astype(jnp.float32))
    tensors = sky.transfer_tensor(arrivals, axis, lmax=8, boundary_lmax=4)
    return infer.pack_pairs(tensors), infer.transfer_operator(arrivals, axis, lmax=4)


@infer.remembered
def short_path(values, number):
    return traced(short.turbulence(number), values[0])


series = np.array([0.0, 1.0, 0.0, 0.0, 0.0])  # a dipole
extra = tuple(range(100, 100 + num_stand_in_fields))
surrogate = infer.composed_surrogate(
    short_path, series=series, repeats=1, operator_numbers=extra
)


@infer.remembered
def chaotic(values, number):
    return at_path(9.0)(values[0], number)


values, numbers = jnp.array([1.0], jnp.float32), range(num_fields)
difference = infer.CentralDifference(step=0.3, richardson=False)
lines = infer.CentralDifference(neighbours=3, logarithmic=False)
control = infer.ControlVariate(surrogate, extra, 0.5, lines)
estimators = {
    "path-wise": infer.Pathwise(),
    "path-wise, clipped": infer.Pathwise(clip=0.8),
    "path-wise, median of means": infer.Pathwise(groups=4),
    "difference, step 0.3": difference,
    "difference, chosen step": infer.CentralDifference(),
    "the same, lines over l": lines,
    "smoothed": infer.Smoothed(width=0.2, num_pairs=2),
    "control variate": control,
    "combined": infer.Combined((infer.Pathwise(), control)),
}
print(f"{'':28} {'dC_1 ± error (bias)':28} {'dC_4 ± error (bias)':30} cost")
for name, estimator in estimators.items():
    e = estimator(chaotic, values, numbers)
    columns = [
        f"{e.value[0, i]:9.4f} ± {e.error[0, i]:7.4f} ({e.bias[0, i]:.4f})" for i in (1, 4)
    ]
    print(f"{name:28} {columns[0]:28} {columns[1]:30} {e.cost:4.1f}")

# %% [markdown]
# Costs are in forward simulations of the same skies. The path-wise derivative cannot even tell the sign, and
# its tamed versions can't either: so far past the horizon the noise sits in all skies, not in a few. A bias
# of zero says that none can be seen within the noise, not that there is none.
#
# ## Several parameters
# Amplitude and gyroradius at once, at 3 $r_L$: on the edge, where the verdict of the worst parameter counts.
# Differences cost two simulations for each parameter,
# smoothing costs the same for any number.

# %%
medium = dataclasses.replace(skies, path=3.0)


def two(values, number):
    changed = medium.at(level=values[0], gyroradius=8.0 * jnp.exp(values[1]))
    return infer.simulated_spectra(medium, changed, number)


both = infer.spectrum_gradient(
    two, np.array([1.0, 0.0]), num_fields=num_fields, names=("dB/B0", "ln r_L"), step=0.15,
    estimator=infer.Smoothed(width=0.15, num_pairs=num_pairs),
)  # fmt: skip
print(both.verdict())
for j, name in enumerate(("dB/B0", "ln r_L")):
    row = [
        f"{label} {v[j, 1]:.3f} ± {e[j, 1]:.3f}"
        for label, v, e in zip(both.estimators.split("; "), both.estimates, both.errors, strict=True)
    ]
    print(f"dC_1 / d {name}:", ", ".join(row))

# %% [markdown]
# ## Fitting through chaos
# A least-squares solver needs the slope of the trend, while the curve that it evaluates has ripples.
# `estimated_jacobian` gives a function the tangents of your choice. Planted: $\delta B/B_0 = 0.85$ and
# $\ln A = 0.3$ at 9 $r_L$, in eight other fields; fitted: the mean of our eight, by $\ln C_\ell$ of
# $\ell$ = 1 to 6, with the covariance of both means.

# %%
planted = np.array([0.85, 0.3])
used = slice(1, 7)
turbulence = [skies.turbulence(i) for i in numbers]
stacked = jax.tree.map(lambda *x: jnp.stack(x), *turbulence)
boundary = sky.DipoleBoundary(axis, jnp.float32(1))


@jax.jit
def field_means(value):
    def one(field):
        arrivals = skies.arrivals(field, value.astype(jnp.float32))
        return sky.cross_spectrum(*sky.half_maps(arrivals, boundary), lmax=8).mean(axis=0)

    return lax.map(one, stacked)


def log_mean(values):
    return jnp.log(field_means(values[0]).mean(axis=0)[used]).astype(float) + 2 * values[1]


observed = np.stack([at_path(9.0)(jnp.float32(planted[0]), 200 + i).mean(axis=0) for i in numbers])
target = np.log(observed.mean(axis=0)[used]) + 2 * planted[1]
relative = observed[:, used] / observed.mean(axis=0)[used]
covariance = 2 * np.cov(relative.T) / num_fields  # of both means
covariance = 0.5 * covariance + 0.5 * np.diag(np.diag(covariance))  # eight fields for six numbers
whiten = jnp.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))

start = jnp.array([1.0, 0.0])
trend = infer.CentralDifference(neighbours=3, logarithmic=False)(chaotic, values, numbers)
centre = np.asarray(field_means(level)).mean(axis=0)
jacobian = jnp.stack([jnp.asarray((trend.value[0] / centre)[used]), 2 * jnp.ones(6)])


def fitted(function, max_steps):
    solution = optimistix.least_squares(
        lambda values, _: whiten @ (function(values) - target),
        optimistix.LevenbergMarquardt(rtol=1e-3, atol=1e-3), start, max_steps=max_steps, throw=False,
    )  # fmt: skip
    chi_squared = float(np.sum((whiten @ (log_mean(solution.value) - target)) ** 2))
    return np.asarray(solution.value), chi_squared


smooth = infer.estimated_jacobian(log_mean, lambda values: jacobian)
best, chi_squared = fitted(smooth, num_fit_steps)
design = np.asarray(whiten @ jacobian.T)
errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
print(f"estimated Jacobian: chi² = {chi_squared:.1f} for 4 degrees of freedom")
for name, value, error, truth in zip(("dB/B0", "ln A"), best, errors, planted, strict=True):
    print(f"  {name:6} {value:.3f} ± {error:.3f}  planted {truth:g}")
stuck, chi_squared = fitted(log_mean, 5)
print(f"path-wise Jacobian, 5 steps: ends at {stuck.round(3)} with chi² = {chi_squared:.1f}")

# %% [markdown]
# ## Measured: 1,024 skies of 12,288 orbits
# `experiments/inference/gradient_estimators.py` repeats the comparison in a 128³ box with 128 independent
# fields. Groups of four fields (32 skies) are what a user would have; their scatter is the real error, and
# all skies together (Richardson of steps 0.15 and 0.3) are the truth. The second part uses only
# fields that played no part in the choice of methods. The stand-in's mean, known to 1.3 % from all fields,
# is common to the groups: add that in quadrature for $\ell=1$.

# %%
results = [Path(x) / "experiments/results/gradient_estimators.json" for x in (".", "..")]
found = [file for file in results if file.exists()]
if found:
    record = json.loads(found[0].read_text())
    record = record.get("results", record)
    for part, table in record["summary"].items():
        for path in ("9", "12"):
            print(f"{part}, path of {path} r_L")
            for name, row in table[path].items():
                error, stated, bias = (
                    row[f"l=1 {x}"] for x in ("error, %", "stated error, %", "bias in errors")
                )
                ratio = row["l=2..20 error over step 0.3's, geometric mean"]
                print(
                    f"  {name:16} dC_1 error {error:9.3g} % (stated {stated:9.3g} %, bias {bias:5.2f} "
                    f"errors); l = 2..20: {ratio:8.3g} of step 0.3's; "
                    f"cost {row['cost in forward C_l']:4.1f}"
                )
else:
    print("not here: run experiments/inference/gradient_estimators.py")

# %% [markdown]
# ## Rules of thumb
# 1. Ask for the report first. If it says *regular*, use the path-wise derivative, in any number of
#    parameters, and forget the rest.
# 2. The horizon is a few Lyapunov lengths. Beyond it more skies do not help a path-wise derivative:
#    its error grows exponentially with the path and falls as one over the root of the number.
# 3. Beyond it take differences with the same phases, and a wide step: a tenth to a third of the parameter.
#    At least two steps, because the bias of one cannot be seen. In the table above the plain step of 0.3 is
#    off by two and four of its errors at 9 and 12 $r_L$.
# 4. Jackknife over fields, never over skies or orbits of one field.
# 5. Lines over $\ell$ cost nothing and more than halve the noise of an unbiased difference from $\ell=2$ on.
#    A control variate pays for $\ell=1$, where the sky still follows the last gyroradii of its orbits.
# 6. Clipped slopes and medians of means are no cure: what they cut belongs to the mean.
# 7. In a fit give the solver an estimated Jacobian. Where the curve itself is too rough, fit an emulator.
