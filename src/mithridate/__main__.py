"""`python -m mithridate`, the same as `mithridate`."""

from .cli import main

main()
