"""Dagster resources: each one opens a plain domain object. No asset logic here."""

from pathlib import Path

import dagster as dg

from macro_fund.home import Home, home_path


class FundResource(dg.ConfigurableResource["FundResource"]):
    """The fund's home. `path` empty: MACRO_FUND_HOME, or .macro_fund in the working directory."""

    path: str = ""

    def open(self) -> Home:
        """The opened home; raises SettingsError with the remedy when there is none."""
        return Home.open(Path(self.path) if self.path else home_path())
