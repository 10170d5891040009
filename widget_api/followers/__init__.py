"""Following a problem by e-mail: asked for, confirmed, told of every public step, ended by one press."""
