"""The cabinet for agencies and operators: the inbox of reports, decisions, moderation, deliveries, settings."""
