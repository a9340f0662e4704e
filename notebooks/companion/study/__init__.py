"""How everything is judged: benchmark and fidelity, explanation and trust, claims; numbers out, no pictures."""
