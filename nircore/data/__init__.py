"""Frames in, frames out: phantom, camera, files, splits and the unpaired loader."""
