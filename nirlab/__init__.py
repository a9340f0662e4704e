"""What a lab runs on its own frames: file formats, enhance, stream, train, export, and the command `nircore`."""
