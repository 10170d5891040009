"""«Still up to date?»: a yearly letter to the author of an entry; without an answer the entry is hidden."""
