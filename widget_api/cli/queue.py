"""`deliveries …`: what waits to leave the house, what was given up, and what to do about it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from widget_api import clock
from widget_api.cli.running import Failure, Json, run, show, table, times
from widget_api.database import Database
from widget_api.deliveries import operating
from widget_api.settings import Settings

STATES = ("pending", "leased", "delivered", "dead", "dropped")
WAITING = ("pending", "leased", "dead")

group = typer.Typer(help="What waits to be delivered.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="deliveries")


@group.command("list")
def list_deliveries(
    state: Annotated[list[str] | None, typer.Option(help="Default: all but delivered and dropped.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 200,
    as_json: Json = False,
) -> None:
    """Deliveries, newest first, with their last error."""
    if not set(state or ()) <= set(STATES):
        raise Failure(f"--state: must be one of {', '.join(STATES)}")

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        return [times(row) for row in await operating.listed(database, state or WAITING, limit)]

    rows = run(command)
    columns = ("id", "number", "sink", "kind", "status", "state", "attempts", "next_at", "last_error")
    show(rows, table(rows, columns), as_json)


@group.command("retry")
def retry(
    delivery: Annotated[list[str] | None, typer.Argument(help="Ids.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All dead ones.")] = False,
    as_json: Json = False,
) -> None:
    """Give deliveries all their tries again, now."""

    async def command(database: Database, settings: Settings) -> list[str]:
        wanted = list(delivery or [])
        if dead:
            wanted += [str(row["id"]) for row in await operating.listed(database, ["dead"], 1_000_000)]
        if not wanted and not dead:
            raise Failure("name deliveries, or give --dead")
        return [one for one in wanted if await _done(operating.replay(database, one, clock.now()), one, delivery)]

    done = run(command)
    show({"retried": done}, [f"retried {len(done)}"], as_json)


@group.command("drop")
def drop(
    delivery: Annotated[list[str], typer.Argument(help="Ids.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the delivery.")],
    as_json: Json = False,
) -> None:
    """Owe deliveries no longer."""

    async def command(database: Database, settings: Settings) -> list[str]:
        return [one for one in delivery if await _done(operating.drop(database, one, reason), one, delivery)]

    done = run(command)
    show({"dropped": done}, [f"dropped {len(done)}"], as_json)


async def _done(attempt: Any, delivery_id: str, named: list[str] | None) -> bool:
    """Somebody who named a delivery wants to hear that nothing can be done about it."""
    done = bool(await attempt)
    if not done and named and delivery_id in named:
        raise Failure(f"delivery {delivery_id} is not there, or not in a state for this")
    return done
