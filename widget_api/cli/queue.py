"""Commands `deliveries …`: list, show, retry and drop deliveries."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from widget_api import clock
from widget_api.cli.running import Failure, Json, format_times, print_result, print_table, run_command
from widget_api.database import Database
from widget_api.deliveries import admin, queries
from widget_api.deliveries.queries import STATES, DeliveryFilter
from widget_api.deliveries.sinks import KINDS
from widget_api.settings import Settings

WAITING_STATES = ("pending", "leased", "dead")
MAX_REASON_LENGTH = 500

group = typer.Typer(help="What waits to be delivered.", no_args_is_help=True)
Sink = Annotated[list[str] | None, typer.Option(help=f"{', '.join(KINDS)}, or a sink by its whole name.")]
Platform = Annotated[str | None, typer.Option(help="Id or name: deliveries to it.")]
Problem = Annotated[str | None, typer.Option(help="Number or id: deliveries of it.")]
Ids = Annotated[list[str] | None, typer.Argument(help="Ids.")]
Dead = Annotated[bool, typer.Option("--dead", help="All dead ones, or those of the other options.")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="deliveries")


@group.command("list")
def list_deliveries(
    state: Annotated[list[str] | None, typer.Option(help="Default: all but delivered and dropped.")] = None,
    sink: Sink = None,
    platform: Platform = None,
    problem: Problem = None,
    limit: Annotated[int, typer.Option(min=1)] = 200,
    as_json: Json = False,
) -> None:
    """Deliveries, newest first, with their last error."""
    if not set(state or ()) <= set(STATES):
        raise Failure(f"--state: must be one of {', '.join(STATES)}")
    chosen = DeliveryFilter(states=state or WAITING_STATES, sinks=sink or (), platform=platform, problem=problem)

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        return [format_times(row) for row in await queries.list_deliveries(database, chosen, limit)]

    rows = run_command(command)
    columns = ("id", "number", "sink", "kind", "status", "state", "attempts", "next_at", "last_error")
    print_result(rows, print_table(rows, columns), as_json)


@group.command("show")
def show_delivery(delivery: Annotated[str, typer.Argument(help="Its id.")], as_json: Json = False) -> None:
    """One delivery with every attempt: when, how it ended, what was said."""

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        row = await queries.find(database, delivery)
        if row is None:
            raise Failure(f"delivery {delivery} is not there")
        tried = (await queries.list_attempts(database, [delivery]))[delivery]
        return format_times(row) | {"tries": [{**one, "at": clock.rfc3339(one["at"])} for one in tried]}

    found = run_command(command)
    lines = [f"{name}: {value}" for name, value in found.items() if value is not None and name != "tries"]
    print_result(found, [*lines, "", *print_table(found["tries"], ("at", "outcome", "error"))], as_json)


@group.command("retry")
def retry_deliveries(
    delivery: Ids = None,
    dead: Dead = False,
    sink: Sink = None,
    platform: Platform = None,
    problem: Problem = None,
    as_json: Json = False,
) -> None:
    """Give deliveries all their tries again, now."""
    chosen = _select_deliveries(delivery, dead, sink, platform, problem)

    async def command(database: Database, settings: Settings) -> list[str]:
        if chosen is not None:
            return await admin.replay_dead(database, chosen, clock.now())
        return await _each_delivery(delivery, lambda one: admin.replay(database, one, clock.now()))

    done = run_command(command)
    print_result({"retried": done}, [f"retried {len(done)}"], as_json)


@group.command("drop")
def drop_deliveries(
    reason: Annotated[str, typer.Option(help="Why; kept with the delivery.")],
    delivery: Ids = None,
    dead: Dead = False,
    sink: Sink = None,
    platform: Platform = None,
    problem: Problem = None,
    as_json: Json = False,
) -> None:
    """Owe deliveries no longer."""
    chosen = _select_deliveries(delivery, dead, sink, platform, problem)
    why = " ".join(reason.split())
    if not 0 < len(why) <= MAX_REASON_LENGTH:
        raise Failure(f"--reason: say why, in {MAX_REASON_LENGTH} characters at most")

    async def command(database: Database, settings: Settings) -> list[str]:
        if chosen is not None:
            return await admin.drop_dead(database, chosen, why, clock.now())
        return await _each_delivery(delivery, lambda one: admin.drop(database, one, why, clock.now()))

    done = run_command(command)
    print_result({"dropped": done}, [f"dropped {len(done)}"], as_json)


def _select_deliveries(
    named: list[str] | None, dead: bool, sink: list[str] | None, platform: str | None, problem: str | None
) -> DeliveryFilter | None:
    """The filter of dead deliveries; None where deliveries are named. Raises Failure for both, which is ambiguous."""
    narrowed = bool(sink or platform or problem)
    if bool(named) == dead or (narrowed and not dead):
        raise Failure("name deliveries, or give --dead, which --sink, --platform and --problem narrow")
    return DeliveryFilter(sinks=sink or (), platform=platform, problem=problem) if dead else None


async def _each_delivery(named: list[str] | None, act: Any) -> list[str]:
    """Act on each named delivery. Raises Failure where one is missing or in another state."""
    for one in named or ():
        if not await act(one):
            raise Failure(f"delivery {one} is not there, or not in a state for this")
    return list(named or ())
