"""What a visitor can do with an entry of a collection, by confirmed e-mail: vote, join, write to its author."""
