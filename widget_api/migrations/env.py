"""Alembic's entry: migrations run over the same drivers as the service."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from widget_api.database.schema import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
