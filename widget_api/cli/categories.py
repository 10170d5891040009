"""Commands `category …`: change and list the categories of a site."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from widget_api.cli.running import Json, print_result, print_table, run_command
from widget_api.database import Database
from widget_api.settings import Settings
from widget_api.sites import changes, routing_rules
from widget_api.sites import questions as category_questions

SiteOption = Annotated[str, typer.Option("--site", help="The site's id, key or jurisdiction.")]

category = typer.Typer(help="Categories of a site.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(category, name="category")


@category.command("set")
def set_category(
    code: Annotated[str, typer.Argument(help="roads, yards, … or a code of the site's own.")],
    site: SiteOption,
    name: Annotated[str | None, typer.Option(help="An empty name brings the default one back.")] = None,
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Offer it, or do not.")] = None,
    deadline: Annotated[int | None, typer.Option(help="Working days until an answer is due; 0: the default.")] = None,
    responsible: Annotated[str | None, typer.Option(help="The service it is usually forwarded to.")] = None,
    notice: Annotated[str | None, typer.Option(help="Shown before sending, e.g. an emergency number.")] = None,
    photo_required: Annotated[bool | None, typer.Option("--photo-required/--photo-optional")] = None,
    photo_after: Annotated[Literal["yes", "no"] | None, typer.Option(help="«Решено» needs a photo.")] = None,
    service: Annotated[
        str | None, typer.Option(help="Id or name of the agency below that gets accepted reports.")
    ] = None,
    questions: Annotated[str | None, typer.Option(help="GeoReport attributes as a JSON list.")] = None,
    place: Annotated[int | None, typer.Option(help="Its place in the list.")] = None,
    as_json: Json = False,
) -> None:
    """Switch a category on or off, rename it, give it a deadline, a notice, questions; or add one."""
    columns: dict[str, Any] = {"enabled": enabled, "photo_required": photo_required, "place": place}
    columns["photo_after"] = None if photo_after is None else photo_after == "yes"
    columns = {column: value for column, value in columns.items() if value is not None}
    columns |= {
        column: text.strip() or None
        for column, text in (("name", name), ("responsible", responsible), ("notice", notice))
        if text is not None
    }
    if deadline is not None:
        columns["deadline_days"] = deadline or None
    if questions is not None:
        columns["questions"] = category_questions.parse_questions(questions)

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        site_id = await changes.find_site_id(database, site)
        await changes.set_category(database, site_id, code, columns)
        if service is not None:
            rule = {"category": code, "service": await changes.find_agency_id(database, service)}
            await routing_rules.add_rule(database, site_id, rule)
        return next(one for one in await changes.list_categories(database, site_id) if one["code"] == code)

    found = run_command(command)
    print_result(found, [f"{name}: {value}" for name, value in found.items()], as_json)


@category.command("list")
def list_categories(site: SiteOption, as_json: Json = False) -> None:
    """All categories of a site, those switched off too."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        return await changes.list_categories(database, await changes.find_site_id(database, site))

    rows = run_command(command)
    print_result(
        rows, print_table(rows, ("code", "name", "enabled", "deadline_days", "responsible", "photo_required")), as_json
    )
