"""The private page of one report: what happened, what the author can do about it, two steps before what is final."""
