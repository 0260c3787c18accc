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
# # Orbits
#
# Cosmic rays do one thing: they gyrate. Everything else, mirrors, scattering, diffusion, chaos, is what comes
# of it in a field that is not uniform. This notebook follows one orbit, then thousands, measures what theory
# knows, and says how far a single orbit can be believed. Half a minute on two cores. Lengths are in pc, fields in
# µG, rigidities in PV; time is path, for all particles have the speed of light.

# %%
# %matplotlib inline
import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np

from jaxcr import fields, kinetic, orbits, plots, sky, units
from jaxcr.plots.style import BLUE, GREEN, ORANGE, VERMILION, add_legend, new_figure, polish

# %% tags=["sizes"]
num_cells = 64  # on each axis of the box, 1 pc each
num_orbits, num_fields = 1024, 8  # orbits of each measurement, and fields that share them
num_free_paths = 5.0  # length of the orbits that scatter weakly
num_path_samples = 80  # along an orbit, for averages
num_pairs = 128  # of neighbours
num_waves, num_scheme_orbits, num_steps = 64, 16, (40, 80, 160, 320)  # for the errors of schemes

# %% [markdown]
# ## One orbit between two mirrors
# A magnetic bottle of 20 pc whose field rises from 1 µG in the middle to 3 µG at its ends. The speed never
# changes, for a magnetic field does no work. The magnetic moment $(1-\mu^2)/B$, with $\mu$ the cosine between
# direction and field, is not exactly constant: it is an adiabatic invariant, good as long as the field changes
# little within a gyration. Three particles start in the middle with $\mu = 0.6$.

# %%
bottle = fields.MirrorChainField(
    minimum=1.0, left_mirror=3.0, right_mirror=3.0, length=20.0, num_bottles=1
)
moments_of = jax.jit(jax.vmap(lambda x, n: orbits.magnetic_moment(bottle, x, n)))
cosine = 0.6
sine = np.sqrt(1 - cosine**2)
figure = new_figure(10, 3.6)
left, right = figure.subplots(1, 2)
for radius, colour in ((0.1, BLUE), (0.4, GREEN), (1.2, VERMILION)):
    track = orbits.record_tracks(
        bottle, jnp.array([10.0, 0.0, 0.0]), jnp.array([[cosine, sine, 0.0]]), rigidity=radius / units.GYRORADIUS,
        path_length=80.0, num_samples=1600, pusher=orbits.BlanesMoan4(step=0.05),
    )
    x, n = track.position[:, 0], track.direction[:, 0]
    moment = np.asarray(moments_of(x, n))
    left.plot(track.path, x[:, 0], color=colour, label=f"$r_L$ = {radius:g} pc")
    right.plot(track.path, moment / moment[0], color=colour)
    turned = np.abs(x[:, 0] - 10.0).max()
    print(f"r_L = {radius:3.1f} pc: speed kept to {jnp.abs(jnp.linalg.norm(n, axis=1) - 1).max():.0e}, "
          f"moment between {moment.min() / moment[0]:.2f} and {moment.max() / moment[0]:.2f}, "
          f"turns {turned:.2f} pc from the middle")
where = np.linspace(10, 20, 10_001)
axis = np.exp(jax.vmap(lambda x: bottle.log_strength(x)[0])(jnp.asarray(where)))
print(f"where B is 1/(1 - 0.6²) µG: {np.interp(1 / sine**2, axis, where) - 10:.2f} pc")
polish(left, x_label="path [pc]", y_label="x [pc]", title="between mirrors")
polish(right, x_label="path [pc]", y_label="moment / moment at start", title="adiabatic invariant")
left.set_ylim(5, 19)
add_legend(left, loc="upper right", ncols=2)
figure

# %% [markdown]
# Small gyroradii turn where $B = B_0/(1-\mu^2)$, over and over: that is what the theory of traps (03-traps)
# takes for granted. At 1.2 pc, a seventeenth of the bottle, the moment already swings by 6 %, and the particle
# turns early. In turbulence, whose smallest waves are as long as a gyroradius, it will be worse.
#
# ## Thousands of orbits, and how they end
# Turbulence as strong as the mean field of 3 µG. Particles with a gyroradius of 10 pc start at one place in all
# directions, and three spheres are crossed in one pass. Every orbit has a status; none is dropped.

# %%
along = jnp.array([1.0, 0.0, 0.0])
spectrum = fields.PowerLaw(5 / 3, outer_scale=32.0, inner_scale=4.0)
mean_field = fields.UniformField(3 * along)


def make_field(number):
    key = jax.random.fold_in(jax.random.key(5), number)
    return mean_field + fields.realise_grid(
        spectrum, key=key, shape=(num_cells,) * 3, spacing=1.0, rms=3.0
    )


field = make_field(0)
rigidity = 10 * 3 / units.GYRORADIUS
directions = sky.random_directions(jax.random.key(0), num_orbits)
stepper = orbits.Boris(step=0.5)
options = {"rigidity": rigidity, "pusher": stepper}
spheres = orbits.Sphere(jnp.array([10.0, 20.0, 40.0]))
exits = orbits.trace_ensemble(field, jnp.zeros(3), directions, stop=spheres, **options)
print(exits.report())
print("median path to 10, 20 and 40 pc:", np.median(exits.path_length, axis=1).round(1), "pc")
short = orbits.trace_ensemble(
    field, jnp.zeros(3), directions, stop=spheres, max_path_length=60.0, **options
)
print("\nno longer than 60 pc:\n" + short.report())

# %%
tracks = orbits.record_tracks(
    field, jnp.zeros(3), directions, path_length=60.0, num_samples=120, **options
)
at = np.linspace(-40, 40, 81)
plane = jnp.stack([*np.meshgrid(at, at), np.zeros((81, 81))], axis=-1).reshape(-1, 3)
strength = np.linalg.norm(jax.jit(jax.vmap(field))(plane), axis=-1).reshape(81, 81)
last = orbits.Exits(
    exits.position[2], exits.direction[2], exits.path_length[2], exits.met[2], exits.status,
    exits.num_steps,
)
plots.plot_orbits(tracks, last, strength, (0.0, 0.0, 40.0))

# %% [markdown]
# Left: forty orbits; right: where on the sphere they left, coloured by path. They leave along the field,
# and those with long paths leave anywhere else.
#
# ## Diffusion: a case where theory is exact
# How fast do particles spread? Where gyroradii are much larger than the correlation length $L_c$ and there is no
# mean field, deflections are small and independent, and the answer is simple: a mean free path of
# $\lambda = 2 r_L^2/L_c$, three times the diffusion coefficient
# (`kinetic.weak_scattering_diffusion`). Orbits that know nothing of it must give the same, here with
# $r_L = 15\,L_c$. They cross the box many times before they turn, but never at the same place twice.

# %%
small = fields.PowerLaw(5 / 3, outer_scale=4.0, inner_scale=1.5)
length = float(small.correlation_length())
radius = 15 * length
expected = 3 * float(kinetic.weak_scattering_diffusion(
    radius / units.GYRORADIUS, rms=1.0, correlation_length=length))
each = num_orbits // num_fields
parts = []
for number in range(num_fields):
    key = jax.random.fold_in(jax.random.key(6), number)
    weak = fields.realise_grid(
        small, key=key, shape=(num_cells,) * 3, spacing=0.25, rms=1.0, stencil=fields.CubicSpline()
    )
    parts.append(orbits.record_tracks(
        weak, jnp.zeros(3), sky.random_directions(key, each), rigidity=radius / units.GYRORADIUS,
        path_length=num_free_paths * expected, num_samples=num_path_samples,
        pusher=orbits.Boris(step=0.5),
    ))
free = orbits.mean_free_path(orbits.join_tracks(parts), num_groups=num_fields)
print(f"mean free path  {free.correlation.value[-1]:.1f} ± {free.correlation.error[-1]:.1f}   "
      f"planted {expected:.1f} pc")
print(f"first turned by 90° after {free.turning.value:.0f} ± {free.turning.error:.0f} pc")

# %% [markdown]
# The error is a jackknife over fields: orbits of one field share it and are not independent. The first number is the
# integral of the correlation $\langle n(0)\cdot n(s)\rangle$, which is what diffusion means; the second is another
# definition that one finds in papers, and another number. With plane waves this test needs a thousand
# of them: with 128 the mean free path comes out 24 % too long, for particles meet too few resonances
# (`experiments/results/transport_limits.json`).
#
# ## Diffusion: where it is not
# Now the strong turbulence with a mean field and gyroradii of 5 pc, which resonate with its waves. There is no
# closed form; there is a measurement, along and across the mean field.

# %%
rigidity = 5 * 3 / units.GYRORADIUS
parts = []
for number in range(num_fields):
    of_place, of_direction = jax.random.split(jax.random.fold_in(jax.random.key(7), number))
    box = jax.random.uniform(of_place, (each, 3), minval=-32.0, maxval=32.0)
    parts.append(orbits.record_tracks(
        make_field(number), box, sky.random_directions(of_direction, each), rigidity=rigidity,
        path_length=300.0, num_samples=num_path_samples, pusher=stepper,
    ))
tracks = orbits.join_tracks(parts)
running = orbits.running_diffusion(tracks, num_groups=num_fields)
free = orbits.mean_free_path(tracks, num_groups=num_fields)
moments = orbits.moment_scatter(make_field(0), parts[0], num_groups=num_fields)
late = -num_path_samples // 8
for name, estimate in (
    ("along ", running.by_velocity.along(along)), ("across", running.by_velocity.across(along))
):
    print(f"kappa {name} {estimate.value[late]:5.1f} ± {estimate.error[late]:.1f} pc · c")
print(f"mean free path {free.correlation.value[late]:.1f} ± {free.correlation.error[late]:.1f} pc; "
      f"{free.turned_share:.0%} turned by 90°, after {free.turning.value:.1f} ± {free.turning.error:.1f} pc")
print(f"moment: sigma over mean {np.median(moments.ratio):.2f} in the median orbit")
plots.plot_transport(running, free, moments, along)

# %% [markdown]
# Look at the flat parts of the first panel: before them particles still know where they went, and a
# number read off there would be no diffusion coefficient. The two estimators differ in noise, not in meaning: the
# derivative of the mean square (solid) and the correlation of directions (dashed). The magnetic moment is no
# invariant here: it scatters by most of its mean. And the box of 64 pc is met again on such
# paths; the numbers hold for a periodic field.
#
# ## Chaos
# Neighbours separate exponentially. `lyapunov_length` carries a small turn of the start along the orbit by the
# tangent map. Check it the simple way: start the same orbits in pairs, $10^{-8}$ apart, and watch.

# %%
path = 60.0
options = {"rigidity": 10 * 3 / units.GYRORADIUS, "pusher": stepper}
ahead = directions[:num_pairs]
by_tangent = orbits.lyapunov_length(field, jnp.zeros(3), ahead, path_length=path, **options)
turn = jnp.cross(ahead, jnp.roll(ahead, 1, axis=-1))
near = ahead + 1e-8 * turn / jnp.linalg.norm(turn, axis=1, keepdims=True)
near = near / jnp.linalg.norm(near, axis=1, keepdims=True)
pair = [
    orbits.record_tracks(
        field, jnp.zeros(3), n, path_length=path, num_samples=num_path_samples, **options
    )
    for n in (ahead, near)
]
growth = np.log(np.linalg.norm(pair[1].direction - pair[0].direction, axis=-1) / 1e-8)
rates = growth[-1] / path
print(f"growth of pairs  {rates.mean():.4f} ± {rates.std() / np.sqrt(num_pairs):.4f}   "
      f"planted {1 / by_tangent:.4f} per pc, the tangent map's")
print(f"a factor of e every {by_tangent:.1f} pc, {by_tangent / 10:.1f} gyroradii in the mean field")

figure = new_figure(7, 3.8)
axes = figure.subplots()
axes.plot(pair[0].path, growth[:, :40], color=BLUE, lw=0.5, alpha=0.4)
axes.plot(pair[0].path, growth.mean(1), color=VERMILION, label="mean of all pairs")
axes.plot(pair[0].path, pair[0].path / by_tangent, color="k", ls="--", label="tangent map")
polish(axes, x_label="path [pc]", y_label="ln(separation / at start)")
add_legend(axes)
figure

# %% [markdown]
# So an error of one part in $10^{8}$ fills the sky after some twenty of these lengths, and a single orbit says
# nothing beyond. Means over orbits are not concerned: they converge as ever. Derivatives along orbits are, and
# that is the subject of 06-trust-a-gradient.
#
# ## Which scheme, which step?
# All pushers are called alike. Errors in the position after 15 pc in a smooth field of waves, against the work: the
# reference has steps of 0.01 pc. The order of convergence comes from the last step halved, in the median orbit.
# Adaptive solvers of diffrax go in the same place, `orbits.DiffraxPusher()`; how they compare is measured in
# `benchmarks/results/work_precision.png`.

# %%
smooth = fields.realise_waves(spectrum, key=jax.random.key(9), num_waves=num_waves, rms=3.0) + mean_field
starts = sky.random_directions(jax.random.key(10), num_scheme_orbits)
reach = orbits.PathLength(15.0)


def ends(pusher):
    exits = orbits.trace_ensemble(
        smooth, jnp.zeros(3), starts, rigidity=rigidity, stop=reach, pusher=pusher
    )
    return np.asarray(exits.position)


truth = ends(orbits.BlanesMoan4(step=0.01))
figure = new_figure(7, 4)
axes = figure.subplots()
for kind, stages, order, colour in (
    (orbits.Boris, 1, 2, BLUE), (orbits.BlanesMoan4, 6, 4, ORANGE)
):
    found = [ends(kind(step=15.0 / n)) for n in num_steps]
    errors = np.array([np.linalg.norm(x - truth, axis=1) for x in found])  # (step, orbit)
    axes.loglog(stages * np.array(num_steps), np.median(errors, axis=1), "o-", color=colour,
                label=kind.__name__)
    print(f"{kind.__name__:12s} order {np.median(np.log2(errors[-2] / errors[-1])):.3f}, theory {order}")
polish(axes, x_label="field evaluations in an orbit", y_label="error of the position [pc]")
add_legend(axes)
figure

# %% [markdown]
# For skies and averages take Boris, cheapest for each step, exact in speed, volume and reversal; an error of
# a hundredth of a parsec is nothing beside what chaos does. Where an orbit itself matters and the
# field is smooth, `BlanesMoan4` is hundreds of times better for the same work. On linear interpolation
# all are of second order at best: the field has kinks.
#
# ## To take home
# 1. Status first: an ensemble that lost its long orbits is biased.
# 2. Errors by fields, not by orbits. Diffusion coefficients where the curve is flat.
# 3. The magnetic moment holds for gyroradii much below all scales of the field, and in turbulence not at all.
# 4. An orbit is forgotten after a few Lyapunov lengths; its mean is not.
#
# Next: what happens between mirrors, 03-traps.
