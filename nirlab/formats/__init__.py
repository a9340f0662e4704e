"""One module for each container: `opened(path)` yields a Stack, `write(source, target, ...)` makes one like it."""
