"""Agents: models that read macro data and say, with a confidence, what they expect of an asset.

Belongs here: the models and how their inputs are assembled point in time. Does not belong here: positions, sizes or
stops (strategies/, portfolio/), and the statistics that are shared with strategies (features/).
"""
