"""One link to all reports of an address: asked for by e-mail, delivered like every letter, good for a day."""
