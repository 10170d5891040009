"""Speaking under a problem, seen from the commenter: the form without scripts, the mailed pages, the letters."""
