"""Marts -> people: the report page, the exposures of dashboards, and what Looker Studio connects to."""
