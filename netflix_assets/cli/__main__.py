"""`python -m netflix_assets.cli`."""

from netflix_assets.cli import main

main()
