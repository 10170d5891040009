"""All SQL that writes and reads problems one at a time, a module a subject; lists are in listing/."""
