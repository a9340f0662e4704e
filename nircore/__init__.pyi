from .config import Config as Config
from .data.frames import read_frame as read_frame
from .data.frames import write_frame as write_frame
from .errors import NircoreError as NircoreError
from .inference.arrays import enhance as enhance
from .metrics.no_reference import measure as measure
from .metrics.with_truth import score as score
from .models import build_discriminator as build_discriminator
from .models import build_generator as build_generator
from .models.checkpoint import load_generator as load_generator
from .recipe import resolve as resolve

__version__: str
