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
# # From spectrum to transport
#
# One spectrum of turbulence makes a field, scatters particles, and so fixes how cosmic rays diffuse,
# are accelerated and fill a halo. Everything is differentiable. The theory here is the quasi-linear one and its
# relatives; where orbits contradict it is measured elsewhere (02-orbits, `jaxcr experiment --list`). Runs in under
# a minute.

# %%
# %matplotlib inline
import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np

from jaxcr import fields, kinetic, sky, traps, units
from jaxcr.plots.style import BLUE, VERMILION, add_legend, new_figure, polish

# %% tags=["sizes"]
num_waves = 64  # of the turbulence
num_shock_momenta, num_momenta, num_cells = 30, 24, 32  # of the shock; of the halo, with its cells
num_steps = 6  # of the fit

# %% [markdown]
# ## One spectrum: a field, and the scattering in it
# Kolmogorov's law below 10 pc, flat above; waves along a mean field of 3 µG with a tenth of its energy.

# %%
along = jnp.array([0.0, 0.0, 1.0])
spectrum = fields.BendOver(
    5 / 3, energy_index=0.0, bend_over_scale=10.0, outer_scale=1e5, inner_scale=1e-5
)
waves = fields.realise_waves(
    spectrum, key=jax.random.key(0), num_waves=num_waves, rms=0.9, geometry=fields.Slab(along)
)
field = fields.UniformField(3 * along) + waves
print("B at the origin:", field(jnp.zeros(3)).round(2), "µG")

strengths = {"rms": 0.9, "mean_strength": 3.0}
sharp = kinetic.SlabScattering(spectrum, endless=True, **strengths)
broad = kinetic.SlabScattering(spectrum, resonance=kinetic.SecondOrderResonance(), **strengths)

# %% [markdown]
# Resonance is with waves that a particle passes in one gyration. A sharp one scatters nobody at 90°;
# broadened by the turbulence itself it does. The mean free path grows as R^(2 - 5/3), above the bend as R².

# %%
cosine, rigidity = jnp.linspace(0, 1, 81), jnp.geomspace(1e-3, 1e3, 25)
at = 1.0 / units.GYRORADIUS  # PV: a gyroradius of 1/3 pc
mean_free_path = jax.jit(jax.vmap(lambda r: kinetic.parallel_mean_free_path(sharp, r)))(rigidity)
exponent = jax.jit(jax.vmap(lambda r: kinetic.rigidity_exponent(sharp, r)))(rigidity)
print(f"mean free path {kinetic.parallel_mean_free_path(sharp, at):.1f} pc at {at:.2f} PV; "
      f"d ln / d ln R from {exponent[0]:.3f} to {exponent[-1]:.3f}")

figure = new_figure(7.8, 3)
left, right = figure.subplots(1, 2)
for model, color, label in ((sharp, BLUE, "sharp"), (broad, VERMILION, "broadened")):
    left.plot(cosine, kinetic.pitch_angle_diffusion(model, cosine, at), color=color, label=label)
right.loglog(rigidity, mean_free_path, color=BLUE)
add_legend(left, loc="lower center")
polish(left, x_label="pitch cosine", y_label="D [1/pc]", title="scattering")
polish(right, x_label="rigidity [PV]", y_label="mean free path [pc]")
figure

# %% [markdown]
# ## Into a chain of traps
# Scattering feeds the loss cones of magnetic bottles: the turbulence sets the unit of their hopping rates.

# %%
rate = kinetic.scattering_rate(sharp, at)
chain = traps.trap_chain(
    traps.trap_from_ratio(3.0, 0.2), 40, scattering_rate=rate,
    left_end=traps.AbsorbingEnd(), right_end=traps.AbsorbingEnd(),
)
print(f"{rate:.4f} scatterings per pc; out of the chain in {traps.escape_time(chain)[20]:.0f} pc/c")

# %% [markdown]
# Such a chain lets go of its particles after some hundred thousand parsecs of path: traps are slow. That number is the
# chain's; measured times are off by a factor of two (03-traps).
#
# ## A shock
# Particles that diffuse across a converging flow gain energy: f ~ p^-q with q = 3 r/(r - 1).

# %%
compression, fast, kappa = 4.0, 0.01, 1.0
slow, index = fast / compression, 3 * compression / (compression - 1)
momentum = kinetic.MomentumGrid(1.0, 1e3, num_shock_momenta, reference_index=index - 3)
width = 0.02 * kappa / fast  # a shock that is wider than 0.05 kappa/u makes a softer spectrum
edges = width * jnp.sinh(jnp.arcsinh(12 * kappa / slow / width) * jnp.linspace(-1, 1, 161))
source = jnp.zeros((num_shock_momenta, 160)).at[0, 79:81].set(1.0)  # at the shock, lowest momentum
shock = kinetic.ParkerProblem(
    kinetic.CartesianGrid(edges), diffusion=kappa, momentum=momentum, source=source,
    velocity=lambda x: (fast + slow) / 2 - (fast - slow) / 2 * jnp.tanh(x / width),
    boundaries=((kinetic.FreeEscape(), kinetic.Outflow()),),
)
f = kinetic.solve_parker(shock).phase_space_density()[5:-5, 80]
slope = np.polyfit(np.log(momentum.centers()[5:-5]), np.log(f), 1)[0]
print(f"q = {-slope:.3f}, theory {index:.3f}")

# %% [markdown]
# ## A halo
# Sources in the disc, free escape at height H, a wind that advects and cools; kappa = kappa_10 (R/10 GV)^δ
# with the exponent of the spectrum. Simulated: the spectrum in the disc, and the profile at 10 GV, to 3%.

# %%
momentum = kinetic.MomentumGrid(1e-6, 1e-2, num_momenta, reference_index=1.68, continued=True)
place = int(jnp.argmin(jnp.abs(momentum.centers() - 1e-5)))
names = ("kappa_10 [pc]", "delta", "H [kpc]", "V [km/s]")


@jax.jit
def observed(values):
    """Return ln N in the disc at all rigidities, and at twelve heights at one."""
    kappa, delta, height, wind = values
    cell = 1e3 * height / num_cells
    injection = (momentum.centers() / 1e-5) ** -1.35
    halo = kinetic.ParkerProblem(
        kinetic.CartesianGrid(cell * jnp.arange(num_cells + 1)), momentum=momentum,
        diffusion=lambda z, p: kappa * (p / 1e-5) ** delta,
        velocity=lambda z: wind * units.km_per_s * jnp.ones_like(z),
        source=jnp.zeros((num_momenta, num_cells)).at[:, 0].set(injection / (2 * cell)),
        boundaries=((kinetic.Reflecting(), kinetic.FreeEscape()),),
    )
    density = kinetic.solve_parker(halo).density
    # the profile is read at fixed heights of 0.2, 0.4 ... 2.4 kpc
    heights = jnp.interp(jnp.linspace(0.2, 2.4, 12), halo.grid.centers(0) / 1e3, density[place])
    return jnp.log(jnp.concatenate([density[:, 0], heights]))


planted = jnp.array([1.0, float(exponent[0]), 4.0, 20.0])
noise = 0.03
data = observed(planted)
data = data + noise * np.random.default_rng(3).standard_normal(data.size)

# %% [markdown]
# Gauss and Newton's steps: linear fits with the exact derivatives of the solver. Errors from the Fisher matrix.

# %%
slopes_of = jax.jit(jax.jacfwd(observed))
best = jnp.array([1.5, 0.45, 3.0, 10.0])
for _ in range(num_steps):
    slopes = slopes_of(best) / noise
    best = best + jnp.linalg.lstsq(slopes, (data - observed(best)) / noise)[0]
errors = jnp.sqrt(jnp.diagonal(jnp.linalg.inv(slopes.T @ slopes)))
for row in zip(names, best, errors, planted, strict=True):
    print("{:14s} {:7.3f} ± {:.3f}   planted {:.3f}".format(*row))

# %%
figure = new_figure(7.8, 3)
left, right = figure.subplots(1, 2)
fitted, p = observed(best), momentum.centers() / 1e-6
for axes, x, rows in (
    (left, p, slice(num_momenta)), (right, jnp.linspace(0.2, 2.4, 12), slice(num_momenta, None)),
):
    power = 1.68 * jnp.log(x / 10) if axes is left else 0.0
    axes.errorbar(x, jnp.exp(data[rows] + power), noise * jnp.exp(data[rows] + power), fmt="o",
                  color=BLUE, label="simulated")
    axes.plot(x, jnp.exp(fitted[rows] + power), color=VERMILION, label="fit")
left.set_xscale("log")
add_legend(left)
polish(left, x_label="rigidity [GV]", y_label="N (R/10 GV)^1.68", title="in the disc")
polish(right, x_label="height [kpc]", y_label="N", title="at 10 GV")
figure

# %% [markdown]
# Spectrum and profile together separate the strength of diffusion from the height of the halo; of the spectrum in
# the disc alone their ratio would come out. The wind is the least certain: it matters where diffusion is slow, at the lowest
# rigidities.
#
# ## Into the sky
# A gradient of density along a field that weakens (focusing) makes an anisotropy: the boundary of a sky.

# %%
def anisotropy(focusing):
    return kinetic.steady_anisotropy(
        lambda mu: kinetic.pitch_angle_diffusion(broad, mu, at), gradient=-1e-3,
        inverse_focusing_length=focusing, lmax=4,
    )


focusing = 2e-3
series, growth = jax.jit(lambda x: jax.jvp(anisotropy, (x,), (jnp.ones(()),)))(focusing)
boundary = sky.TrapBoundary(series, along)
excess = [boundary.excess(jnp.zeros(3), sign * along, jnp.zeros(3)) for sign in (1, -1)]
print(f"excess of particles along the field {excess[0]:.4f}, against it {excess[1]:.4f}")
print("f_l/f_0:", series[1:].round(5))
print("d ln f_l / d ln(1/L):", (focusing * growth / series)[1:].round(3))

# %% [markdown]
# The gradient makes the odd coefficients, the dipole first; they do not ask for the focusing. The even ones need
# both, and grow in proportion to it: an $f_2$ on the sky would say that the field weakens.
