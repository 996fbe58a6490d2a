"""Who owns the assets that we make."""

OWNERS = ["team:data"]
