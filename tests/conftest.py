"""Generated tests take the same examples everywhere; `HYPOTHESIS_PROFILE=explore` takes other and many more."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example]
settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=150, suppress_health_check=SLOW)
settings.register_profile("explore", deadline=None, max_examples=5000, suppress_health_check=SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
