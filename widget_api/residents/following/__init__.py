"""Following a problem, seen from the follower: the form without scripts, the mailed pages, the letters."""
