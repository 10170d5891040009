"""Comments in the cabinet: what waits for a moderator, what was decided, the agency's own word."""
