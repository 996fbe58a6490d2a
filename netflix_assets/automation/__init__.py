"""When things run: what is out of date, running it, and what came of it."""
