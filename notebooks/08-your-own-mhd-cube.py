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
# # Your own MHD cube
#
# You have a file from a simulation and want its sky. Four things are not in an array of numbers, and each is
# asked for, never guessed: the *unit* of B, the *size* of a cell, the *order* of the axes, and what lies beyond the
# *boundary*. This notebook makes such a file, reads it, and goes on to orbits, a sky, its spectrum and a
# derivative. Then it does everything wrong once, to show which mistakes are caught and which are not. Half
# a minute on two cores.

# %%
# %matplotlib inline
import tempfile
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np

from jaxcr import fields, orbits, plots, sky, units
from jaxcr.fields.field import sample_field
from jaxcr.plots.style import BLUE, VERMILION, add_legend, new_figure, polish

# %% tags=["sizes"]
num_points = 16_384  # random places, for means over the cube
nside, per_pixel, lmax = 16, 4, 24
num_observers, slope_nside, num_steps = 64, 4, 60  # for the derivative

# %% [markdown]
# ## A file
# Our "simulation" is the snapshot that comes with the package, written as Fortran codes
# write: z first, components before everything, single precision, in code units (one is the mean field, the box is
# one). Replace this cell by your file.

# %%
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "cube.npy"
snapshot = fields.mhd_snapshot()
samples = np.asarray(sample_field(snapshot, snapshot.lattice()))  # (x, y, z, component)
np.save(path, (samples / 3.0).transpose(3, 2, 1, 0).astype(np.float32))
cells = samples.shape[0]
print(np.load(path).shape, f"{path.stat().st_size / 1e6:.1f} MB")

# %% [markdown]
# ## Reading it
# - `unit`: µG in one unit of the file. Here one unit shall be 3 µG; for gauss it is `1e6`. Codes with
#   Heaviside units store $B/\sqrt{4\pi}$.
# - `spacing` and `origin`: the cell and the corner of the box, in pc. Samples are taken as the centres of cells.
# - `axes`: the letters in the order of the array's axes, `c` for the components.
# - `boundary`: `Periodic()` for a whole box, `Clamped()`, `Mirrored()` or `ZeroOutside()` for a part of one.
#
# The stencil is a choice, not a fact: splines are smooth, which derivatives and small steps need; `Linear()`, the
# default, is faster.

# %%
given = {
    "unit": 3.0, "spacing": 25.0 / cells, "origin": jnp.full(3, -12.5), "axes": "czyx",
    "boundary": fields.Periodic(), "stencil": fields.CubicSpline(),
}
cube = fields.read_field(path, **given)
report = fields.describe(cube, rigidities=(1.0, 7.5))
print(report)
plots.plot_field(report, np.asarray(sample_field(cube, cube.lattice())))

# %% [markdown]
# What to look at: the mean field points where your simulation had it and is as strong as you think; the divergence
# is small (here it is that of rounding in the shipped file; up to 1 % of $|B|$ per cell is common, and
# `fields.solenoidal_part` removes it); at your rigidities a gyroradius has at least four cells and fits into the
# box several times. The spectrum is steep, 4.4 and not 5/3: a cube of 48³ cells is dissipation below its
# driving scale. $B_x$ is narrow and skew and $B_y$ has a tail that no Gaussian has. That is why one takes a
# simulated cube.
#
# An independent look at unit and axes: the field at random places, not at samples.

# %%
places = jax.random.uniform(jax.random.key(0), (num_points, 3), minval=-0.5, maxval=0.5)


def averages(field, box):
    """Return mean B_x and rms fluctuation in the box, with errors."""
    values = np.asarray(jax.vmap(field)(box * places), float)
    squares = ((values - values.mean(0)) ** 2).sum(1)
    strength = np.sqrt(squares.mean())
    share = np.sqrt(num_points)
    return (values[:, 0].mean(), values[:, 0].std() / share), (strength, squares.std() / share / 2 / strength)


mean, fluctuation = averages(cube, 25.0)
print(f"mean B_x {mean[0]:.3f} ± {mean[1]:.3f}   planted 3.000 µG")
print(f"rms fluctuation {fluctuation[0]:.3f} ± {fluctuation[1]:.3f} µG, "
      f"dB/B0 {fluctuation[0] / mean[0]:.2f}")

# %% [markdown]
# ## At other scales
# Ideal MHD has no scale of its own: lengths and strengths may be chosen, as long as $\delta B/B_0$ stays. We put
# the driving, 19.2 cells in this simulation, to a wavelength of 40 pc, and ask for fluctuations as strong as the
# mean field. The last is no solution of the MHD equations any more, only a field with the right look.

# %%
rms, injection_cells = 3.0, 19.2
placed = fields.rescale_field(
    cube, injection_cells=injection_cells, injection_scale=40.0, rms=rms
)
strength, error = averages(placed, 100.0)[1]
print(f"rms {strength:.3f} ± {error:.3f}   planted {rms:.3f} µG")
rigidity = 12 * 3 / units.GYRORADIUS  # a gyroradius of 12 pc in the mean field
print(fields.describe(placed, rigidities=(rigidity,), sphere=25.0))

# %% [markdown]
# ## Orbits and a sky
# From here on nothing knows that the field was a file. The sphere has 25 pc, and outside is a dipole of
# 0.1 %.

# %%
along = jnp.array([1.0, 0.0, 0.0])


def sky_through(field):
    return sky.backtrack(
        field, rigidity=rigidity, stop=orbits.Sphere(25.0), observer=jnp.zeros(3),
        directions=sky.jittered_directions(jax.random.key(1), nside, per_pixel),
        pusher=orbits.Boris(step=0.5),
    )


arrivals = sky_through(placed)
outside = sky.DipoleBoundary(along, -1e-3)
intensity = sky.intensity_map(arrivals, outside)
print(f"median path {np.median(arrivals.path_length):.1f} pc")
plots.plot_sky(intensity, sky.remove_dipole(intensity), title="through an MHD cube")

# %% [markdown]
# Smooth patches are bundles of orbits that stay together up to the sphere. Sharp borders are where they part: one
# side leaves along the field, the other against it. That is what makes small-scale anisotropy out of a dipole.
#
# Its spectrum, beside that of random phases with the same rms and the same driving scale:

# %%
spectrum = sky.cross_spectrum(*sky.half_maps(arrivals, outside), lmax=lmax)
noise = sky.noise_power(*sky.pixel_samples(arrivals, outside))
key = jax.random.key(2)
gaussian = fields.UniformField(3 * along) + fields.realise_grid(
    fields.PowerLaw(5 / 3, outer_scale=40.0, inner_scale=10.0), key=key, shape=(cells,) * 3,
    spacing=100.0 / cells, rms=rms, stencil=fields.CubicSpline(), exact_rms=True,
)
random_phases = sky.cross_spectrum(*sky.half_maps(sky_through(gaussian), outside), lmax=lmax)
figure = new_figure(7.5, 3.8)
axes = figure.subplots()
ell = np.arange(1, lmax + 1)
for values, colour, label in (
    (spectrum, BLUE, "MHD cube"), (random_phases, VERMILION, "random phases, as strong")
):
    axes.plot(ell, np.where(values[1:] > 0, values[1:], np.nan), "o-", ms=4, color=colour, label=label)
axes.axhline(float(noise), color="0.5", ls=":", label="noise of the mean map")
axes.set(xscale="log", yscale="log")
polish(axes, x_label=r"multipole $\ell$", y_label=r"$C_\ell$ [sr]")
add_legend(axes)
figure

# %% [markdown]
# One observer in each. Do not read physics into the difference of the two curves: two draws of one kind of field
# differ as much (cosmic variance, 05-sky). A cube is one realisation; `infer.SkyEnsemble(cube="mhd")` moves
# observers about in it, which helps, and does not make them independent.
#
# ## A derivative by the strength of the turbulence
# `rescale_field` is differentiable in `rms`. Here $d\ln C_1/d\ln\delta B$ of observers at random places after
# a path of 10 pc, less than a gyroradius, along the orbits in forward mode and by differences. The error is that of
# the mean over observers; the two share them and agree much better.

# %%
centers = jnp.asarray(sky.pixel_centers(slope_nside))
observers = jax.random.uniform(jax.random.key(3), (num_observers, 3), minval=-50.0, maxval=50.0)


@jax.jit
def log_dipoles(rms, cube):
    """Return ln C_1 of the sky of each observer after a path of 10 pc."""
    scaled = fields.rescale_field(
        cube, injection_cells=injection_cells, injection_scale=40.0, rms=rms
    )

    def one(observer):
        exits = orbits.trace_ensemble(
            scaled, observer, centers, rigidity=-rigidity, stop=orbits.PathLength(10.0),
            pusher=orbits.Boris(10.0 / num_steps),
        )  # fmt: skip
        return jnp.log(sky.power_spectrum(exits.direction @ along, lmax=4)[1])

    return jax.lax.map(one, observers)


slopes = rms * jax.jvp(lambda x: log_dipoles(x, cube), (rms,), (1.0,))[1]
step = 0.05
high, low = (log_dipoles(rms * (1 + sign * step), cube) for sign in (1, -1))
differences = (high - low) / (2 * step)
root = np.sqrt(num_observers)
print(f"d ln C_1/d ln dB  {slopes.mean():.3f} ± {slopes.std() / root:.3f}   "
      f"planted {differences.mean():.3f} (differences)")

# %% [markdown]
# On a path so short both agree. On longer ones they part, for orbits are chaotic in any turbulence; which to
# believe then is the subject of 06-trust-a-gradient.
#
# ## What goes wrong
# Everything once. What is missing, or contradicts the file, raises an error that names the argument, what was expected,
# what was given, and the remedy:

# %%
def attempt(mistake, read):
    try:
        read()
    except ValueError as error:
        print(f"-- {mistake}\n{error}\n".replace(folder.name, "FOLDER"))
    else:
        print(f"-- {mistake}\nno error\n")


def save(name, array):
    np.save(Path(folder.name) / name, array)
    return Path(folder.name) / name


array = np.load(path)
attempt("nothing stated but the axes", lambda: fields.read_field(path, axes="czyx"))
wrong = given | {"axes": "xyzc"}
attempt("components where there are none", lambda: fields.read_field(path, **wrong))
half = save("half.npy", array[..., : cells // 2])
attempt("half a box, called periodic", lambda: fields.read_field(half, **given))
broken = array.copy()
broken[0, 3, 3, 3] = np.nan
attempt("one sample not a number", lambda: fields.read_field(save("broken.npy", broken), **given))
attempt("rescaled to 40 pc, from what?", lambda: fields.rescale_field(cube, injection_scale=40.0))

# %% [markdown]
# The dangerous mistakes are those that make another field that is as good an array as the right one. Nobody can
# raise an error for them. They are silent, and only the report shows them:

# %%
rows = {
    "as it should be": {},
    "z and x confused": {"axes": "cxyz"},
    "taken for gauss": {"unit": 3e6},
    "a factor sqrt(4 pi) forgotten": {"unit": 3.0 / np.sqrt(4 * np.pi)},
    "spacing in boxes": {"spacing": 1.0 / cells},
}
for mistake, changes in rows.items():
    report = fields.describe(fields.read_field(path, **given | changes), rigidities=(7.5,))
    print(f"{mistake:30s} B_x {report.mean[0]:10.4g} µG, div B {report.divergence_rms:7.1e} per cell, "
          f"gyroradius {report.gyroradius[0] / report.cell:8.2g} cells")
    for sentence in report.warnings:
        print("    " + sentence)
folder.cleanup()

# %% [markdown]
# - Confused axes leave mean and rms as they were and give themselves away by the divergence alone. If
#   div B is of order 0.1 per cell or above, try another order before you blame the simulation.
# - A wrong power of ten makes gyroradii absurd in cells, and the report warns.
# - A factor of 3.5 passes every test. Only you know how strong your mean field is: read the second line.
# - A wrong spacing does not change a single number in µG; gyroradii in cells show it.
#
# ## To take home
# 1. Read, describe, compare three numbers with what you know: mean field, rms, divergence.
# 2. Lengths: rescale by the driving scale, and let the gyroradius have four cells.
# 3. One cube is one realisation. Differences between it and random phases need many observers to be believed.
