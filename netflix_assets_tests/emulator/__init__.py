"""A test-only emulator of Snowflake: see README.md for what it is and what it does not prove."""
