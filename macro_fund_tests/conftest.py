"""What every test runs under: no property is judged by how long a busy machine took for it."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("macro_fund", deadline=None)
settings.load_profile("macro_fund")
