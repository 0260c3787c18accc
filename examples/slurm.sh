#!/usr/bin/env bash
# An array of 32 shards of one run in one folder; a shard that dies is started again by itself,
# finds its finished chunks, and goes on. Whichever shard ends last merges.
#SBATCH --job-name=jaxcr
#SBATCH --array=1-32
#SBATCH --cpus-per-task=8
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@60
set -euo pipefail
srun jaxcr ensemble --num 1000000000 --particles 30PeV --turbulence.cells 256 --path 60 200 \
    --precision float32 --shard "${SLURM_ARRAY_TASK_ID}/32" --out "${SCRATCH:-.}/ensemble"
