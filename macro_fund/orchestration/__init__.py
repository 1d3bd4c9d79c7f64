"""The thin Dagster skin: partitions, one module a stage, checks, jobs, schedules, sensors, resources.

Belongs here: what to compute when, and what the Dagster UI shows of it. Does not belong here: a formula.
"""

import warnings

from dagster import BetaWarning

# backfill_policy is in beta; the Dagster version is pinned and the behaviour that we use is tested.
warnings.filterwarnings("ignore", category=BetaWarning)
