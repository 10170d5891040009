"""The moderator who works from the mailbox: a letter with what waits, a page a comment, one press."""
