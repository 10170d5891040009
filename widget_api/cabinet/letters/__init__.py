"""/cabinet/mail: answers that came by mail and wait for a look."""
