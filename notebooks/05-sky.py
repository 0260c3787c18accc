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
# # Sky
#
# From a turbulent field to an angular power spectrum with honest error bars, and on to what an array on
# the ground sees of it. Runs in about a minute on two cores.

# %%
# %matplotlib inline
import tempfile
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np

from jaxcr import fields, orbits, plots, sky, units
from jaxcr.plots.style import BLUE, GREEN, ORANGE, VERMILION, add_legend, new_figure, polish

# %% tags=["sizes"]
num_cells = 64  # on each axis of the box, 1 pc each
nside, lmax, per_pixel = 16, 32, 4  # pixels, highest multipole, orbits in a pixel
num_null_steps = 600  # for 30 pc, of the test of volumes and the way back
num_isotropic, num_fields = 1000, 8  # skies of chance, fields of the same spectrum
slope_nside, num_slope_steps = 8, 160  # of the derivatives

# %% [markdown]
# ## One sky
# A mean field of 3 µG along x and Kolmogorov turbulence as strong, in a periodic box of 64 pc; particles
# whose gyroradius in the mean field is 10 pc, ten cells. Each orbit that arrives is traced back, and three
# spheres about the observer are crossed in one pass. Directions are random within the pixels, four in each.

# %%
along = jnp.array([1.0, 0.0, 0.0])
here = jnp.zeros(3)
mean = 3.0
turbulence = fields.PowerLaw(5 / 3, outer_scale=32.0, inner_scale=4.0)


def make_field(number):
    key = jax.random.fold_in(jax.random.key(7), number)
    waves = fields.realise_grid(turbulence, key=key, shape=(num_cells,) * 3, spacing=1.0, rms=mean)
    return fields.UniformField(mean * along) + waves


field = make_field(0)
rigidity = 10 * mean / units.GYRORADIUS  # PV
radii = jnp.array([10.0, 20.0, 40.0])
options = {"stop": orbits.Sphere(radii), "observer": here, "pusher": orbits.Boris(step=0.5)}
directions = sky.jittered_directions(jax.random.key(1), nside, per_pixel)
arrivals = sky.backtrack(field, rigidity=rigidity, directions=directions, **options)
paths = np.median(arrivals.path_length, axis=(1, 2))
print(f"{rigidity:.1f} PV, {arrivals.weight.size} orbits; median path", paths.round(1), "pc")

# %% [markdown]
# Intensity is constant along an orbit (Liouville), so the sky is that of the boundary, seen through the
# field. Outside we put a dipole of 0.1 % in momentum along the mean field, with the excess where the field
# points to. A pixel is the mean of its orbits, and their scatter is its error.

# %%
outside = sky.DipoleBoundary(along, -1e-3)


half_maps = jax.jit(sky.half_maps)
maps = jax.jit(sky.intensity_map)(arrivals, outside)
errors = jax.jit(sky.intensity_error)(arrivals, outside)
print("radius   dipole / 1e-3     longitude, latitude      error of a pixel / 1e-3")
for radius, map, error in zip(radii, maps, errors):
    dipole = sky.fit_dipole(map)
    x, y, z = np.asarray(dipole.direction)
    print(f"{radius:4.0f} pc  {1e3 * dipole.amplitude:.3f} ± {1e3 * dipole.amplitude_error:.3f}   "
          f"{np.degrees(np.arctan2(y, x)):6.1f}°, {np.degrees(np.arcsin(z)):5.1f}° "
          f"± {np.degrees(dipole.direction_error):.1f}°     {1e3 * jnp.sqrt(jnp.mean(error**2)):.4f}")
plots.plot_sky(maps[2], sky.remove_dipole(maps[2]), title="40 pc: a dipole outside, seen inside")

# %% [markdown]
# The farther the boundary, the weaker the dipole and the more of it has become small structure. The error
# of the dipole is the scatter about the fit: it holds that structure, not only noise.

# %% [markdown]
# ## Which boundary?
# What is assumed outside matters as much as the field. A dipole may be one of momentum or of position, along
# the mean field or along the field where the orbit crosses (López-Barquero et al. 2016). Or the density has a
# gradient, or a wind blows (Compton & Getting 1935).

# %%
gradient = -1e-3 / 40 * along  # 1/pc
boundaries = {
    "momentum, mean field": outside,
    "momentum, local field": sky.DipoleBoundary(field, -1e-3),
    "position, mean field": sky.DipoleBoundary(along, -1e-3, by_position=True),
    "position, local field": sky.DipoleBoundary(field, -1e-3, by_position=True),
    "density gradient": sky.GradientBoundary(gradient),
    "a wind of 30 km/s": sky.ConvectionBoundary(-30 * units.km_per_s * along),
}
last = arrivals.select(stop=2)
print("boundary at 40 pc         dipole / 1e-3   C_2/C_1  C_3/C_1  C_10/C_1")
for name, boundary in boundaries.items():
    halves = half_maps(last, boundary)
    dipole = sky.fit_dipole((halves[0] + halves[1]) / 2)
    c = sky.cross_spectrum(*halves, lmax=10)
    ratio = c[jnp.array([2, 3, 10])] / c[1]
    print(f"{name:24s}  {1e3 * dipole.amplitude:10.3f}    "
          + "  ".join(f"{value:7.4f}" for value in ratio))
own_motion = (2.7 + 2) * 29.8 * units.km_per_s
print(f"the Earth's own motion, which no field scrambles: {1e3 * own_motion:.3f}e-3")

# %% [markdown]
# The wind is the first row again, scaled: it is a dipole of momentum. On a sphere about the observer the
# gradient is the dipole of position. The Earth's own motion acts at the detector; it adds to the map as it is.

# %% [markdown]
# ## What must come out as nothing
# A uniform boundary must give a uniform sky, volumes in phase space must stay, orbits must find their way
# back, and two disjoint halves of the orbits must agree within the errors.

# %%
null = sky.run_null_tests(
    field, last, outside, rigidity=rigidity, path_length=30.0, num_steps=num_null_steps, lmax=lmax
)
print(null.report())

# %% [markdown]
# Where the sky is smooth within a pixel, orbits spread over it scatter together: the
# half-difference below 1 says that the quoted errors are upper limits.

# %% [markdown]
# ## Two kinds of noise
# Published maps often count weighted orbits in pixels. Then the number of orbits itself fluctuates: relative
# to the C_1 of the boundary's dipole a, the noise of N counts is 9/(N a²) (1 + a²/3). The mean of the orbits
# in a pixel scatters only as the intensity does: 3/N at most. The first is measured from random directions.

# %%
num = arrivals.weight.size
scattered = sky.backtrack(
    field, rigidity=rigidity, directions=sky.random_directions(jax.random.key(2), num), **options
).select(stop=2)
counted = sky.counting_map(scattered, outside, nside=nside)
ell = np.arange(2, lmax + 1)
modes = 2 * ell + 1
level = sky.poisson_noise(sky.arrival_weights(scattered, outside))
found = np.sum(modes * sky.power_spectrum(counted, lmax=lmax)[2:]) / modes.sum() / level
print(f"counted noise over its theory {found:.3f} ± {np.sqrt(2 / modes.sum()):.3f}   planted 1.000")

a = 1e-3
c_outside = 4 * np.pi / 9 * a**2
mean_noise = sky.noise_power(*sky.pixel_samples(last, outside))
print(f"noise over C_1 outside, {num} orbits:")
print(f"  counting  {level / c_outside:9.3g}   formula {9 / (num * a**2) * (1 + a**2 / 3):.3g}")
print(f"  mean      {mean_noise / c_outside:9.3g}   formula, at most {3 / num:.3g}")
print(f"orbits that a counting map needs for the noise of the mean map: {num * level / mean_noise:.2g}")

# %% [markdown]
# Half-cross spectra multiply two disjoint halves of the orbits: no noise level is left in their mean. For an
# experiment the events are what they are: the grey band is what 1e10 events of an isotropic sky give by chance.

# %%
c_ell = sky.cross_spectrum(*half_maps(arrivals, outside), lmax=lmax)
isotropic = sky.isotropic_bands(nside=nside, lmax=lmax, num_events=1e10, num_skies=num_isotropic)
figure = new_figure(7.8, 4)
axes = figure.add_subplot()
axes.set(xscale="log", yscale="log", ylim=(1e-15, 2e-6))
degree = np.arange(1, lmax + 1)
axes.fill_between(degree, isotropic.lower[1, 1:], isotropic.upper[1, 1:], color="#d9d9d9",
                  label="isotropic, 1e10 events, 90 %")
for radius, c, color in zip(radii, c_ell, (GREEN, ORANGE, BLUE)):
    axes.plot(degree, np.where(c[1:] > 0, c[1:], np.nan), color=color, label=f"{radius:.0f} pc")
axes.axhline(mean_noise, color=BLUE, ls=":", label="noise of the mean map, 40 pc")
add_legend(axes, loc="lower left")
polish(axes, x_label="multipole l", y_label="C_l [sr]", title="half-cross spectra")
figure

# %% [markdown]
# ## Other skies
# One observer sees one realisation of the field. Eight more fields of the same spectrum give mean and spread:
# cosmic variance, which no detector shrinks. Eight skies know the scatter to a quarter of itself, 1/sqrt(14).

# %%
spectra = sky.realisation_spectra(
    make_field, range(1, num_fields + 1), boundary=outside, rigidity=rigidity, nside=nside, lmax=lmax,
    per_pixel=per_pixel, **options,
)  # (field, radius, l)
statistics = sky.spectrum_statistics(spectra[:, 2])
low, high = statistics.band((68.0,))
scatter = np.sqrt(np.diagonal(statistics.covariance)) / statistics.mean
print("l = 1 ... 4, scatter over mean:", scatter[1:5].round(2), " of Gaussian skies:",
      np.sqrt(2 / (2 * np.arange(1, 5) + 1)).round(2))
print(f"correlation of C_1 and C_2: {statistics.correlation[1, 2]:.2f} ± {1 / np.sqrt(7):.2f}")

# %% [markdown]
# The dipole scatters less than on Gaussian skies, for the one outside is always the same.
#
# Three theories beside the mean, all with its C_1, none fitted. A cascade hands power from each multipole to the
# next (Ahlers 2014). In a relative-rate closure two particles forget each other the more slowly the closer
# their directions are, here at the rate (1 - x)^(1/2), x the cosine between them, by diffusion on the sphere
# (Fokker-Planck) or by relaxation (BGK).

# %%
figure = plots.plot_spectrum(
    ell=np.arange(lmax + 1), mean=statistics.mean, low=low[0], high=high[0], cascade=sky.cascade_spectrum(lmax),
    title="eight fields, boundary at 40 pc",
)
axes = figure.axes[0]
for closure, color, label in (
    (sky.fokker_planck_spectrum, VERMILION, "closure, Fokker-Planck"),
    (sky.bgk_spectrum, ORANGE, "closure, BGK"),
):
    shape = closure(lambda x: jnp.sqrt(1 - x), lmax)
    axes.plot(degree, shape[1:] * statistics.mean[1], color=color, label=label)
add_legend(axes, loc="lower left")
ratio = statistics.mean[1:] / statistics.mean[1] / sky.cascade_spectrum(lmax)[1:]
print(f"mean over cascade at l = 2, 4, 8, 16, {lmax}:", ratio[np.array([1, 3, 7, 15, lmax - 1])].round(2))
figure

# %% [markdown]
# The cascade holds to about a factor of two. The closures' exponent is a choice, not derived from this
# turbulence; another gives another slope.

# %% [markdown]
# ## Energies
# A detector does not see one rigidity. Protons as E^-2.7 through a log-normal response of 0.25 decades, their
# median as before: skies of different rigidities add up, and the structure that differs between them
# averages out.

# %%
response = sky.EnergyResponse.with_observed_median(rigidity, width=0.25, index=2.7)
drawn = sky.draw_energies(jax.random.key(3), (12 * nside**2, per_pixel), response=response)
smeared = sky.backtrack(field, rigidity=drawn.rigidity, directions=directions, **options)
c_smeared = sky.cross_spectrum(*half_maps(smeared, outside), lmax=lmax)
noise = sky.noise_power(*sky.pixel_samples(smeared, outside))
error = sky.gaussian_error(c_smeared, noise[:, None], num_folds=2, sample_variance=False)
print("rigidities, 16, 50 and 84 %:", np.percentile(drawn.rigidity, [16, 50, 84]).round(1), "PV")
print("smeared over sharp C_l")
bins = sky.SpectrumBins((1, 2, 4, 8, 16, lmax))
weights = bins.average_matrix(lmax)
for radius, one, many, sigma in zip(radii, c_ell, c_smeared, error):
    ratio, bar = weights @ many / (weights @ one), np.sqrt(weights**2 @ sigma**2) / (weights @ one)
    print(f"{radius:4.0f} pc ", "  ".join(
        f"l = {label}: {x:.2f} ± {y:.2f}" for label, x, y in zip(bins.labels(), ratio, bar)))

# %% [markdown]
# At 10 pc the rigidities see nearly the same sky: C_l changes by a fifth at most where it is measured at all. From
# 20 pc on their skies have ever less in common at small scales, and the mean loses it.

# %% [markdown]
# ## From the ground
# Turn the sky so that the mean field points to right ascension 229°, declination 11° (the local field as
# HAWC and IceCube infer it, 2019), and let an array at the South Pole count 1e10 events. It measures each
# declination against its own mean, so that all of m = 0 is lost.

# %%
rotation = sky.field_to_equatorial(np.radians(229.2), np.radians(11.4))
equatorial = sky.rotate_map(maps[2], rotation, lmax=lmax)
window = sky.icecube_window(nside)
observed = sky.observe(equatorial, window, num_events=1e10, seed=4)
print(f"{window.sky_fraction:.0%} of the sky, error of a pixel {jnp.max(observed.error):.1e}")

# %% [markdown]
# The pseudo-spectrum of that map mixes multipoles. Forward, a model goes through the same window and nothing is
# inverted. Backward, the mixing matrix is inverted in bins; inside a bin, and for its error, a shape must be
# assumed: here the cascade. The errors, of a Gaussian sky, hold what the unseen part may do; for the lowest
# multipoles that is as much as the value itself. Planted is the spectrum of the whole sky.

# %%
coupling = sky.pseudo_coupling(window, lmax=lmax, lmax_in=lmax)  # this map has nothing above
bins = sky.SpectrumBins((1, 4, 8, 16, lmax))
truth = sky.power_spectrum(equatorial, lmax=lmax)
fiducial = sky.cascade_spectrum(lmax) * truth[1]
ground = observed.spectrum(coupling, bins, fiducial=fiducial, model=truth)
print(f"condition of the binned matrix {sky.binned_condition(coupling, bins):.2g}")
pull = (ground.pseudo - ground.noise - ground.model)[1:] / ground.model_error[1:]
print(f"forward: largest pull of {lmax} multipoles {jnp.max(jnp.abs(pull)):.1f}")
print("backward, C_l in 1e-9 sr")
for label, *row in zip(bins.labels(), ground.estimate.c_ell, ground.estimate.error, bins.bin(truth)):
    value, error, planted = 1e9 * np.array(row)
    print(f"l = {label:6s} {value:8.3f} ± {error:.3f}   planted {planted:.3f}")

# %%
smooth = sky.top_hat_smooth(observed.relative_intensity, radius=np.radians(10), weight=observed.background)
plots.plot_sky_page(
    maps=maps, rest=np.stack([sky.remove_dipole(map) for map in maps]),
    labels=[f"{radius:.0f} pc" for radius in radii], c_ell=c_ell,
    noise=sky.noise_power(*sky.pixel_samples(arrivals, outside)), isotropic=isotropic,
    band=np.percentile(spectra, [16, 84], axis=0),
    ground=(np.where(window.seen, smooth, np.nan), ground, bins),
    notes="isotropic: 1e10 events on the whole sky", title="one sky on one page",
)

# %% [markdown]
# ## Derivatives
# How do the multipoles answer to the strength of the turbulence? Orbits of a fixed path have exact derivatives,
# here with a boundary of momentum at 5 to 160 pc along the orbit.

# %%
waves = make_field(0) + fields.UniformField(-mean * along)
centers = jnp.asarray(sky.pixel_centers(slope_nside))


def log_spectrum(strength, path):
    """Return ln C_l for l = 1 ... 4 with the turbulence scaled by ``strength``."""
    scaled = fields.UniformField(mean * along) + strength * waves
    exits = orbits.trace_ensemble(
        scaled, here, centers, rigidity=-rigidity, stop=orbits.PathLength(path),
        pusher=orbits.Boris(path / num_slope_steps),
    )  # fmt: skip
    map = 1e-3 * exits.direction @ along  # traced back, so minus the forward momentum
    return jnp.log(sky.power_spectrum(map, lmax=4)[1:])


slopes = jax.jit(lambda path: jax.jvp(lambda s: log_spectrum(s, path), (1.0,), (1.0,))[1])
for path in (5.0, 10.0, 40.0, 160.0):
    print(f"{path:4.0f} pc: d ln C_l / d ln rms", np.asarray(slopes(path)).round(3))
step = 1e-6
difference = jax.jit(lambda s: log_spectrum(s, 10.0))
print("  differences at 10 pc   ", ((difference(1 + step) - difference(1 - step)) / (2 * step)).round(3))

# %% [markdown]
# On a short path the power above the dipole grows about as the square of the rms, as weak scattering has it.
# Far along, chaos makes the exact derivative a large number about this one sky: trust it for a few gyroradii.

# %% [markdown]
# ## To a file and back
# FITS tables that healpy and every other HEALPix program read; the frame is in the header.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "sky.fits"
    sky.write_map(path, jnp.stack([maps[2], errors[2]]), frame="field", names=("intensity", "error"))
    back = sky.read_map(path)
print(back.names, f"nside {back.nside}, frame {back.frame}, the same bits:",
      np.array_equal(back.maps[0], maps[2]))
