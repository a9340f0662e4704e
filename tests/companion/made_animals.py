"""Animals of which everything is known."""

from companion.study.fidelity.animals import Animal


class Quiet(Animal):
    """An animal without noise: what a method does is then known exactly."""

    def noisy(self, draw=0, lesion=1.0, probe=1.0):
        return self.clean("low_light", lesion, probe)
