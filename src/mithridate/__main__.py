"""`python -m mithridate`, the same as `mithridate`."""

from .cli import main

if __name__ == "__main__":
    main()
