"""Photos: decoded in a confined child process, stored in three sizes, served by links. Independent of reports."""
