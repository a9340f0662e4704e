"""nircore: the reproducible companion to unpaired NIR-II low-light enhancement (Hemadri et al., IJMTST 2026)."""

__version__ = "0.1.0"
