"""Comments under a problem: confirmed by e-mail and moderated before publication, those of the agency marked."""
