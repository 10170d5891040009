"""Start the command line `widget-api`, also as `python -m widget_api`."""

from __future__ import annotations

import gc


def main() -> None:
    gc.disable()  # importing leaves no garbage, and searching for some takes a fifth of the time
    from widget_api import cli

    gc.enable()
    cli.main()


if __name__ == "__main__":
    main()
