"""The working-day calendar belongs to the site; here it keeps the name that the rest of this feature uses."""

from widget_api.sites.deadlines import after_working_days, answer_due, local_date

__all__ = ["after_working_days", "answer_due", "local_date"]
