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
# # Traps
#
# Particles between magnetic mirrors hop from trap to trap. Where the mean field weakens along the chain,
# they hop more easily one way: asymmetric diffusion. This notebook builds a chain of traps, looks at the sky
# inside one of them, asks real orbits whether they do what the chain says, and reads the traps off a measured
# density. Half a minute.

# %%
# %matplotlib inline
import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np

from jaxcr import fields, infer, plots, traps

# %% tags=["sizes"]
num_traps = 40  # of the chain
num_particles, hop_path = 4096, 200.0  # followed through bottles, over a path in their lengths

# %% [markdown]
# ## One trap
# Mirror ratio R = sqrt(B1 B2)/B0 and gradient ln(B1/B2) fix the loss cones: who escapes through which mirror, and who
# stays. How fast they hop to the right (g) and to the left (r) is an assumption, a closure. Two of them, with
# different answers: balance in equilibrium, and the shares of the loss cones.

# %%
trap = traps.trap_from_ratio(mirror_ratio=3.0, gradient=0.2)
print(traps.escape_probabilities(trap))
for closure in (traps.DetailedBalance(), traps.LossCone()):
    right, left = closure.rates(trap, scattering_rate=1.0)
    print(f"{type(closure).__name__}: g/r = {right / left:.4f}")

# %% [markdown]
# ## A chain
# Fed at its right end. `steady_state` gives occupations n; the phase-space density is f = n / volume, and
# the angular distribution in a trap is made of f. Look at both curves: most particles are on the right because the
# traps are wide there, while their density has long become flat. The mark is the trap whose sky comes next.

# %%
ends = {"left_end": traps.AbsorbingEnd(), "right_end": traps.AbsorbingEnd()}
chain = traps.trap_chain(trap, num_traps, scattering_rate=1.0, **ends)
source = jnp.zeros(num_traps).at[-1].set(1.0)
occupation = traps.steady_state(chain, source)
density = occupation / traps.flux_tube_volume(trap, num_traps)
print(f"reach the left end: {-traps.bond_flux(chain, source)[0]:.3g}")
print(f"time to get out from the left end: {traps.escape_time(chain)[0]:.1f} scattering times")
plots.plot_chain(density=density, occupation=occupation, place=num_traps // 2 + 1)

# %% [markdown]
# ## The sky in a trap, and its derivative by the gradient of the field

# %%
def spectrum(gradient):
    trap = traps.trap_from_ratio(3.0, gradient)
    series = traps.chain_distribution(trap, num_traps // 2 + 1, lmax=8, edge_width=0.1)
    return traps.gyrotropic_spectrum(series)[1:]


print("C_l:", np.array2string(np.asarray(spectrum(0.2)), precision=3))
print("d ln C_l / d gradient:", np.round(jax.jacfwd(lambda g: jnp.log(spectrum(g)))(0.2), 2))

# %% [markdown]
# The steps of density shrink by exp(-gradient) from trap to trap, and the sky sees the steps: C_l in the middle of
# forty traps goes roughly as exp(-40 gradient), hence derivatives of minus thirty. Odd multipoles are stronger
# than even ones, for a density that rises from left to right is odd; only the gradient makes an even part.
#
# ## Do real particles do that?
# Guiding centres that scatter once per trap, in bottles whose field falls by 1.25 from one to the next. Drift over
# diffusion decides which closure is right.

# %%
real = traps.trap_from_ratio(3.0, np.log(1.25))
bottles = fields.MirrorChainField(
    minimum=1.0, left_mirror=real.left_mirror, right_mirror=real.right_mirror, length=1.0,
    num_bottles=100,
)
hops = traps.measure_hops(
    bottles, scattering_rate=1.0, path_length=hop_path, num_particles=num_particles,
    key=jax.random.key(0),
)
print(f"V λ/D = {hops.exponent.value:.3f} ± {hops.exponent.error:.3f} "
      "(detailed balance 0.222, published partition 0.440)")
print(f"hops to neighbours, right over left: {hops.asymmetry.value:.3f} ± {hops.asymmetry.error:.3f} "
      "(time reversal: 1.25)")
print(f"but {hops.jumps.value:.0%} of the hops skip a trap or more, which the chain leaves out")

# %% [markdown]
# Detailed balance holds, the shares of loss cones do not. But the chain assumes hops to neighbours only, and two in
# five go farther: its times are wrong where its densities are right
# (`experiments/results/four_regimes.json`). `PitchAngleClosure` has the rates that give these particles' drift too.
#
# ## From a measured density back to the trap
# A density in each trap with errors of 5 %, drawn from the chain above:

# %%
noise = np.random.default_rng(1).standard_normal(num_traps)
error = 0.05 * occupation
profile = infer.DensityProfile(jnp.arange(num_traps), occupation + error * noise, error)
best = infer.fit_density(profile, source)
print(f"mirror ratio {best.mirror_ratio:.2f} ± {best.mirror_ratio_error:.2f} planted 3.0")
print(f"gradient {best.gradient:.3f} ± {best.gradient_error:.3f} planted 0.2")
plots.plot_density_fit(profile, best)
