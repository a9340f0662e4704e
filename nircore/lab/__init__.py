"""A lab's own frames: files in, the same files enhanced out; and training on them."""
