"""The tests of the project."""

import gc

# Most of what importing makes stays: looking for garbage among it takes a seventh of the time.
gc.set_threshold(100_000, 20, 50)
