"""Compares the service with an older one: the same requests, letters and commands to both, and all that they cause.

    python -m scripts.oracle build COMMIT      # the older one, as a wheel in an environment of its own
    python -m scripts.oracle compare           # [--database sqlite|postgresql] [--seed N] [--only PART,PART]

`compare` ends with 1 if there is a difference, and prints each kind of difference once with the entries that have it.
What each side did is in build/oracle/old and build/oracle/new, one file for each part; `missed` and `refused` there
list the routes that nobody met, or that refused everybody.

Parts: `building` (a town with agencies, reports, collections, mail and platforms: tests/api/test_recorded.py), then on
copies of it `day` (the rest of that test), `commands` (all that the help names), `outside` (JSON of widgets, letters,
updates of platforms), and for each person what it reads and what it sends. Routes need no list: everybody follows the
links, tries what others have read, and sends the forms that there are: valid, repeated, each field bad, with the token
of another session, after the end of the session. Clock and secret are fixed, random identifiers are numbered, bad
values come from the printed seed. At the end of a part letters, requests to platforms, metrics and all rows are kept.

Each side is started by its own tests/support/patched_service.py with its own list of patched constants. Do not edit
scripts/ or widget_api/ while it runs. It is no part of `make test`.
"""
