"""nircore in napari: a widget that denoises the selected layer, a reader of camera files, and frames to try it on.

`napari.yaml` says which is which; `pip install 'nircore[napari]'` brings what they need. Only `widget` needs napari
to be imported: what is computed is in `frames`, which knows layers as the tuples (data, attributes, kind) that napari
hands out and takes.
"""
