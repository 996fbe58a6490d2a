"""Around the pipeline on Snowflake: the account it runs in, clones for pull requests, and what it costs."""
