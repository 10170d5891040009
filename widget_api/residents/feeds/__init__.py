"""A site's published problems for programs that read pages' feeds: Atom, sitemaps, robots.txt."""
