"""Open discussion under a problem: confirmed by e-mail, moderated before anybody reads it, the agency's own marked."""
