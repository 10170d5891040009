"""Commands `site …`: add, change, list and disable sites."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from widget_api import i18n
from widget_api.cli.running import (
    Failure,
    Json,
    format_times,
    load_settings,
    print_result,
    print_table,
    run_command,
)
from widget_api.database import Database, Transaction
from widget_api.geo.geojson import MAX_SIZE
from widget_api.settings import Settings
from widget_api.sites import changes, service, testing, view
from widget_api.sites.model import Site
from widget_api.sites.settings import SETTINGS, Moderation, SiteSettings

SiteArgument = Annotated[str, typer.Argument(help="The site's id, key or jurisdiction.")]

_OPTIONS = {"retention_days": "retention"}

site = typer.Typer(help="Sites: where reports come from.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(site, name="site")


def _with_settings(*, defaults: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each setting of a site that it does not name itself, and their values as `given`.

    Without `defaults`, `given` has only those that were given.
    """
    hints = get_type_hints(SiteSettings)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [one for one in inspect.signature(command, eval_str=True).parameters.values() if one.name != "given"]
        added = [one for name, one in SETTINGS.items() if all(name != parameter.name for parameter in own)]

        @functools.wraps(command)
        def run(**arguments: Any) -> None:
            values = {one.name: arguments.pop(one.name) for one in added}
            command(**arguments, given={name: value for name, value in values.items() if defaults or value is not None})

        *parameters, as_json = (one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own)
        for one in added:
            option = typer.Option(f"--{_OPTIONS.get(one.name, one.name.replace('_', '-'))}", help=one.help)
            hint, default = (hints[one.name], one.default) if defaults else (hints[one.name] | None, None)
            parameters.append(
                inspect.Parameter(
                    one.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[hint, option]
                )
            )
        vars(run)["__signature__"] = inspect.Signature([*parameters, as_json])
        return run

    return decorate


@site.command("add")
@_with_settings(defaults=True)
def add_site(
    name: Annotated[str, typer.Option(help="The site's name, as residents read it.")],
    agency: Annotated[str, typer.Option(help="Id or name of the agency that answers.")],
    origin: Annotated[list[str], typer.Option(help="https://example.ru; may be given several times.")],
    given: dict[str, Any],
    moderation: Annotated[Moderation | None, typer.Option(help="Default: after in e-mail mode, else before.")] = None,
    jurisdiction: Annotated[str | None, typer.Option(help="Default: the first origin's host without www.")] = None,
    bbox: Annotated[str | None, typer.Option(help="Where its map begins: west,south,east,north.")] = None,
    area: Annotated[Path | None, typer.Option(help="Its territory: a file with a GeoJSON polygon.")] = None,
    as_json: Json = False,
) -> None:
    """Register a site and print its key and snippet."""

    async def command(database: Database, settings: Settings) -> dict[str, str]:
        site = await service.add_site(
            database,
            name=name,
            agency_id=await changes.find_agency_id(database, agency),
            allowed_origins=origin,
            moderation=moderation,
            jurisdiction=jurisdiction,
            bbox=service.parse_box(bbox),
            area=_area(area),
            **given,
        )
        return {
            "site": site.id,
            "key": site.key,
            "test_key": (await testing.add_test_site(database, site)).key,
            "snippet": _snippet(site.key, site.type, site.language, settings),
            "jurisdiction": site.jurisdiction,
        }

    created = run_command(command)
    lines = [
        f"site {created['site']}",
        f"key {created['key']}",
        f"test key {created['test_key']}",
        "",
        created["snippet"],
    ]
    print_result(created, [*lines, "", f"code in every form: {_generator(created['key'], load_settings())}"], as_json)


@site.command("set")
@_with_settings(defaults=False)
def set_site(
    site: SiteArgument,
    given: dict[str, Any],
    add_origin: Annotated[list[str] | None, typer.Option(help="May be given several times.")] = None,
    remove_origin: Annotated[list[str] | None, typer.Option(help="May be given several times.")] = None,
    bbox: Annotated[str | None, typer.Option(help="Where its map begins: west,south,east,north.")] = None,
    area: Annotated[str | None, typer.Option(help="A file with a GeoJSON polygon; empty: none.")] = None,
    as_json: Json = False,
) -> None:
    """Change settings and origins of a site; what is not given stays as it is, and an empty text is none."""

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        site_id, columns = await changes.find_site_id(database, site), dict(given)
        if bbox is not None:
            columns["bbox"] = service.parse_box(bbox)
        if area is not None:
            columns["area"] = _area(Path(area)) if area else None
        named = service.normalise_origins(remove_origin) if remove_origin else []
        removed = (await service.by_id(database, site_id)).origins & set(named)

        async def along(tx: Transaction) -> None:
            from widget_api.problems.projections import figures
            from widget_api.registration.service import tell_removed

            if "time_zone" in columns:  # the days of all reports change
                await figures.recount_with_children(tx, site_id)
            await tell_removed(tx, site_id, removed)

        await changes.update_site(
            database,
            site_id,
            columns,
            add_origins=add_origin or (),
            remove_origins=named,
            along=along,
        )
        return await _described(database, settings, site_id)

    _show_site(run_command(command), as_json)


@site.command("list")
def list_sites(as_json: Json = False) -> None:
    """Sites with their keys and origins, oldest first."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        everyone = await service.list_sites(database, disabled=True)
        return [await _described(database, settings, one.id) for one in everyone]

    rows = run_command(command)
    print_result(
        rows, print_table(rows, ("site", "key", "name", "type", "origins", "jurisdiction", "disabled_at")), as_json
    )


@site.command("show")
def show_site(site: SiteArgument, as_json: Json = False) -> None:
    """One site with all its settings."""

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        return await _described(database, settings, await changes.find_site_id(database, site))

    _show_site(run_command(command), as_json)


@site.command("disable")
def disable_site(site: SiteArgument, as_json: Json = False) -> None:
    """Stop taking reports and showing any; what came in stays workable in the cabinet."""
    _switch(site, as_json, disabled=True)


@site.command("enable")
def enable_site(site: SiteArgument, as_json: Json = False) -> None:
    """Undo disable."""
    _switch(site, as_json, disabled=False)


@site.command("rotate-key")
def rotate_key(
    site: SiteArgument,
    overlap: Annotated[int, typer.Option(min=0, help="Days the keys before stay good.")] = 0,
    as_json: Json = False,
) -> None:
    """Give the site a new key and print its snippet."""

    async def command(database: Database, settings: Settings) -> dict[str, str]:
        site_id = await changes.find_site_id(database, site)
        key = await changes.rotate_key(database, site_id, overlap)
        found = await service.by_id(database, site_id)
        return {"site": site_id, "key": key, "snippet": _snippet(key, found.type, found.language, settings)}

    replaced = run_command(command)
    print_result(replaced, [f"key {replaced['key']}", "", replaced["snippet"]], as_json)


@site.command("districts")
def change_districts(
    site: SiteArgument,
    load: Annotated[Path | None, typer.Option(help="A GeoJSON FeatureCollection; names in `name`.")] = None,
    list: Annotated[bool, typer.Option("--list", help="List the districts.")] = False,  # noqa: A002
    delete: Annotated[str | None, typer.Option(help="The name of a district.")] = None,
    as_json: Json = False,
) -> None:
    """Load or delete districts of a site, or list them. Reports get theirs in the background."""
    if sum((load is not None, list, delete is not None)) > 1:
        raise Failure("give one of --load, --list and --delete; none lists them")

    from widget_api.sites import districts

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        site_id = await changes.find_site_id(database, site)
        found = await service.by_id(database, site_id)
        done: dict[str, Any] = {}
        if load is not None:
            added, changed = await districts.load_districts(database, found, _read_file("load", load))
            done = {"added": added, "changed": changed}
        if delete is not None:
            one = next((one for one in found.districts if one.name == delete), None)
            if one is None:
                raise Failure(f"--delete: there is no district “{delete}”; --list names them")
            await districts.delete_district(database, site_id, one.id)
            done = {"deleted": 1}
        found, counts = await service.by_id(database, site_id), await districts.count_reports(database, site_id)
        rows = [{"id": one.id, "name": one.name, "reports": counts.get(one.id, 0)} for one in found.districts]
        return {"site": site_id, **done, "pending": await districts.is_pending(database, site_id), "districts": rows}

    result = run_command(command)
    lines = [f"{name}: {result[name]}" for name in ("added", "changed", "deleted") if name in result]
    lines += print_table(result["districts"], ("id", "name", "reports"))
    print_result(result, [*lines, *(["reports wait for their district"] if result["pending"] else [])], as_json)


def _switch(site: str, as_json: bool, *, disabled: bool) -> None:
    async def command(database: Database, settings: Settings) -> str:
        site_id = await changes.find_site_id(database, site)
        await changes.disable_site(database, site_id, disabled=disabled)
        return site_id

    site_id = run_command(command)
    print_result(
        {"site": site_id, "disabled": disabled}, [f"site {site_id} {'disabled' if disabled else 'enabled'}"], as_json
    )


async def _described(database: Database, settings: Settings, site_id: str) -> dict[str, Any]:
    from widget_api.sites.install import service as install

    found, test = await service.by_id(database, site_id), await testing.find_test_site(database, site_id)
    return {
        "site": found.id,
        "key": found.key,
        "test_key": test and test.key,
        "keys": [format_times(row) for row in await changes.list_keys(database, site_id)],
        "agency": found.agency.id,
        "agency_name": found.agency.name,
        "jurisdiction": found.jurisdiction,
        "origins": sorted(found.origins),
        **{name: getattr(found, name) for name in SETTINGS},
        "bbox": found.bbox,
        "area": _extent(found),
        "categories": [one["code"] for one in await changes.list_categories(database, site_id) if one["enabled"]],
        "disabled_at": (await changes.find_disabled_at(database, site_id)),
        "install": _generator(found.key, settings),
        "install_check": install.make_check_url(settings, found),
        "snippet": _snippet(found.key, found.type, found.language, settings),
    }


def _generator(key: str, settings: Settings) -> str:
    """The address of the page that generates the code to embed."""
    return f"{settings.public_url}/s/{key}/install"


def _show_site(found: dict[str, Any], as_json: bool) -> None:
    plain = {**found, "keys": [one["key"] for one in found["keys"]]}
    lines = [f"{name}: {value}" for name, value in plain.items() if name != "snippet"]
    print_result(found, [*lines, "", found["snippet"]], as_json)


def _snippet(key: str, site_type: str, language: str, settings: Settings) -> str:
    return view.make_snippet(key, site_type, i18n.text(language, "sites.snippet_link"), settings.public_url)


def _area(path: Path | None) -> bytes | None:
    return None if path is None else _read_file("area", path)


def _read_file(option: str, path: Path) -> bytes:
    """The contents of a file, cut above the limit, which parsing then rejects."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_SIZE + 1) or b" "
    except OSError as error:
        raise Failure(f"--{option}: {path}: {error.strerror}") from None


def _extent(found: Site) -> dict[str, float] | None:
    """A summary of an area: its extent and number of points."""
    if found.area is None:
        return None
    square_kilometres = round(found.area.size / 1_000_000, 2)
    return {"polygons": len(found.area.polygons), "points": found.area.points, "square_kilometres": square_kilometres}
