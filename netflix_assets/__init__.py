"""Movie ratings from CSVs in Amazon S3 to dashboards, as one Dagster asset graph."""
