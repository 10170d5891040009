"""Visits: an agency invites inspectors of a collection to one, by letters that show it no address."""
