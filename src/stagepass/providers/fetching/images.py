from stagepass.files.images import *  # noqa
from stagepass.files.images import MAX_BYTES, check_image  # noqa
