"""Any application inside `wsgiref.validate`: VALIDATED_TARGET names it, written as for `millau serve`."""

import os
import sys
from pathlib import Path
from wsgiref.validate import validator

sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))

from reference import load

application = validator(load(os.environ["VALIDATED_TARGET"]))
