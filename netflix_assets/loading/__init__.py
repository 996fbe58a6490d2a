"""S3 -> raw tables: the load contract, its warehouses, and the assets that load."""
