"""Who owns the assets and jobs that we make."""

import warnings

import dagster as dg

OWNERS = ["team:data"]

# To Dagster owners of a job are a beta, of which every process that serves the jobs would warn: they are wanted here.
warnings.filterwarnings("ignore", "Parameter `owners` of", dg.BetaWarning)
