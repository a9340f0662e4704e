"""How networks learn: the loop, the steps of the three kinds of system, and the crops they are shown."""
