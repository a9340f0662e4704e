"""The drawing room: pure functions from tables, arrays and modules to figures; nothing here reads a file."""
