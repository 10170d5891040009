"""Define the tables of agencies, their sites, and the settings of each site."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, UniqueConstraint, text

from widget_api.database.schema.columns import count, flag, identifier, metadata, reference, time

agencies = Table(
    "agencies",
    metadata,
    identifier(),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    reference("parent_id", "agencies.id", nullable=True),
    Column("mode", Text, nullable=False),  # cabinet | email
    Column("inn", Text),  # named in the consent document (152-FZ, article 9, part 4)
    Column("registry_number", Text),  # in Roskomnadzor's register of operators (152-FZ, article 22)
    Column("postal_address", Text),
    Column("factor_roles", Text, nullable=False, server_default="[]"),  # JSON: who must have a second factor
    Column("senders", Text, nullable=False, server_default="[]"),  # JSON: who may answer by mail beside `email`
    Column("noticed_on", Text),  # the day whose morning its people's digests were enqueued
    Column("digested_on", Text, nullable=False, server_default=""),  # the days of its last digests, with spaces
    flag("digest"),  # send a letter about due problems each working morning
    Column("digest_hour", Integer),  # local, of that letter and its people's digests; null = 8 and 9
    flag("approval"),  # answers of agents are approved by a head
    flag("delegated"),  # a subordinate service that answers residents by itself
    time("email_failed_at", nullable=True),  # letters to its mailbox bounced
    Column("email_failure", Text),
    time("created_at"),
    time("disabled_at", nullable=True),
)

sites = Table(
    "sites",
    metadata,
    identifier(),
    reference("agency_id", "agencies.id"),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),  # basic | extended
    Column("moderation", Text, nullable=False),  # before | after
    Column("moderator", Text, nullable=False, server_default="agent"),  # agent | operator
    Column("jurisdiction", Text, nullable=False, unique=True),
    Column("time_zone", Text, nullable=False, server_default="Europe/Moscow"),
    Column("calendar", Text, nullable=False, server_default="{}"),  # own days: {"2026-03-25": false}, true = worked
    Column("language", Text, nullable=False, server_default="ru"),
    Column("contact", Text, nullable=False, server_default="optional"),  # optional | required
    Column("consent", Text, nullable=False, server_default="always"),  # always | contacts: reports that need it
    Column("appeals", Text, nullable=False, server_default="off"),  # off | handoff
    Column("appeals_url", Text),
    Column("bbox", Text),  # west,south,east,north
    Column("area", Text),  # GeoJSON geometry of the territory: Polygon or MultiPolygon; null = the bbox
    Column("accent", Text),  # #rrggbb: the colour of the site's buttons
    Column("photos", Integer, nullable=False, server_default=text("3")),  # most photos of a report
    Column("discussion", Text, nullable=False, server_default="off"),  # off | moderated: comments under problems
    Column("mail_answers", Text, nullable=False, server_default="publish"),  # publish | hold: answers by mail
    Column("license", Text, nullable=False, server_default="CC-BY-4.0"),  # of the open data: an SPDX name or an address
    Column("ordinal", Integer),  # part of the row ids of the full-text index
    Column("retention_days", Integer, nullable=False, server_default=text("1095")),
    Column("parent_id", Text),  # the site whose test mode or collection this is; null = a site
    Column("slug", Text),  # of a collection; empty = the test mode
    Column("preset", Text),  # of a collection (sites/presets/); its title is the name
    Column("summary", Text),  # what a collection is for
    Column("principles", Text),  # the rules of a collection, as its page states them
    Column("action", Text),  # of a visitor with an entry: none | support | vote | join | contact
    time("opens_at", nullable=True),  # when a collection begins and ends to take entries; null = no limit
    time("closes_at", nullable=True),
    time("votes_open_at", nullable=True),  # when voices are counted; null = no limit
    time("votes_close_at", nullable=True),
    count("votes_per_person", 3),  # in the collection
    count("votes_needed", 0),  # for an entry to be considered; 0 = no threshold
    count("min_age", 16),  # of who votes; 0 = any
    Column("who", Text),  # may add an entry: residents | invited | agency
    Column("outside", Text, nullable=False, server_default="refuse"),  # refuse | forward: places out of the territory
    Column("consent_text", Text),  # what the agency adds to the consent document
    Column("districts_from", Integer),  # reports from this number on wait for their district; null = none
    # Since before when reports waited for a decision of which the operators were told (people/undecided.py).
    Column("undecided_told", BigInteger, nullable=False, server_default=text("0")),
    time("created_at"),
    time("disabled_at", nullable=True),
    Index(None, "ordinal", unique=True),
    Index(None, "parent_id", "slug", unique=True),
)

# Parts of a site's territory, by which reports are filtered and counted.
districts = Table(
    "districts",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    Column("name", Text, nullable=False),
    Column("area", Text, nullable=False),  # GeoJSON geometry: Polygon or MultiPolygon
    time("created_at"),
    UniqueConstraint("site_id", "name"),
)

site_keys = Table(
    "site_keys",
    metadata,
    Column("key", Text, primary_key=True),
    reference("site_id", "sites.id"),
    time("created_at"),
    time("expires_at", nullable=True),  # set by a rotation; null = valid
    Index(None, "site_id"),
)

site_origins = Table(
    "site_origins",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("origin", Text, primary_key=True),
    time("claimed_at", nullable=True),  # of those that its agency added in the cabinet, without a proof
)

# Daily counts of the pages, versions and failures of the widget, without data about visitors.
site_sightings = Table(
    "site_sightings",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("day", Text, primary_key=True),  # in the site's time zone
    Column("origin", Text, primary_key=True),
    Column("version", Text, primary_key=True),  # of the widget; empty = it did not say
    Column("kind", Text, primary_key=True),  # seen | origin_refused | key_expired | failed.<reason>
    count("count"),
    time("last_at"),
)

# One row a site, updated in every transaction that changes it: its lock makes events commit in the order of positions.
site_counters = Table(
    "site_counters",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    count("number"),  # of the newest problem
    count("position"),  # of the newest event
    count("version"),  # of all public data: settings, problems
    count("settings"),  # version of the site, its keys, origins, categories, which processes cache
    count("authors"),  # addresses that were confirmed, each once; erasing a person leaves it
)

site_categories = Table(
    "site_categories",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("code", Text, primary_key=True),
    Column("name", Text),  # null = the dictionaries' name of a default category
    Column("enabled", Boolean, nullable=False, server_default=text("TRUE")),
    count("place"),
    Column("deadline_days", Integer),
    Column("responsible", Text),
    Column("notice", Text),
    flag("photo_required"),
    flag("photo_after"),  # `resolved` needs a photo
    Column("questions", Text, nullable=False, server_default="[]"),  # JSON: GeoReport definition attributes
)

# To which service a report goes when it is accepted. Of several that match, the most specific applies.
routing_rules = Table(
    "routing_rules",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    Column("category", Text),  # null = all
    Column("district_id", Text),  # districts.id; where the district was deleted the rule applies to nothing
    Column("area", Text),  # GeoJSON geometry; with neither = everywhere
    Column("area_name", Text),
    reference("agency_id", "agencies.id"),  # the service
    Column("days", Integer),  # working days the service has; null = until the answer is due
    reference("user_id", "users.id", nullable=True),  # who looks after it in the agency
    time("created_at"),
    Index(None, "site_id"),
)

consent_documents = Table(
    "consent_documents",
    metadata,
    reference("site_id", "sites.id", primary_key=True),
    Column("version", Text, primary_key=True),
    Column("purpose", Text, nullable=False, server_default="processing"),  # processing | publish_name
    Column("hash", Text, nullable=False),  # SHA-256 of the body
    Column("language", Text, nullable=False),
    Column("body", Text, nullable=False),
    time("created_at"),  # when it became current, the last time
    Column("user_id", Text),  # who changed it; null = a change elsewhere, or the first
)

# Reports of a period that an agency published on a site's page: numbers as they were on that day.
published_reports = Table(
    "published_reports",
    metadata,
    identifier(),
    reference("site_id", "sites.id"),
    Column("first_day", Text, nullable=False),
    Column("last_day", Text, nullable=False),
    Column("content", Text, nullable=False),  # JSON, see browse/regional_report.py
    reference("user_id", "users.id", nullable=True),
    time("created_at"),
    UniqueConstraint("site_id", "first_day", "last_day"),
)
