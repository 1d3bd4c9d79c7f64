"""Statistics of series that agents and strategies share; each value rests on the past only."""
