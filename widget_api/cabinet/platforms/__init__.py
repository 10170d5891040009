"""The central platforms of a site in the cabinet: what goes where, and what has no counterpart."""
